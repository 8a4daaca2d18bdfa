// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package lower

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/argo"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/argo/argotest"
)

// TestRescaleEqualsLowering demands that a run whose scale is patched has the
// scale of a run that was lowered with it.
func TestRescaleEqualsLowering(t *testing.T) {
	for _, s := range argotest.Scenarios(t) {
		j, p := s.Plan()
		for _, parallel := range []int{1, 3, 10, 400} {
			t.Run(fmt.Sprintf("%s/%d", s.Name, parallel), func(t *testing.T) {
				objects := compile(t, j, p)
				run := objects[len(objects)-1]
				scaled := *j
				scaled.MaxParallel = parallel
				objects = compile(t, &scaled, p)
				want := argo.ScaleOf(objects[len(objects)-1])
				got, err := argo.ScaleFor(run, parallel)
				if err != nil {
					t.Fatal(err)
				}
				if got != want {
					t.Errorf("got %+v, want %+v", got, want)
				}
				patch := got.RunPatch(run)
				var fields map[string]any
				if err := json.Unmarshal(patch, &fields); err != nil {
					t.Fatal(err)
				}
				patched := run.DeepCopy()
				spec := patched.Object["spec"].(map[string]any)
				for name, v := range fields["spec"].(map[string]any) {
					spec[name] = v
				}
				spec["parallelism"] = got.Run // as the API server reads it back
				if now := argo.ScaleOf(patched); now != want {
					t.Errorf("after the patch %+v, want %+v", now, want)
				}
			})
		}
	}
}
