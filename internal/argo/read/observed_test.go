// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package read

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/argo/argotest"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/domain"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/manifest"
)

// TestReadObserved reads Workflows as Argo 3.7.18 left them on a local cluster:
//
//   - one: 12 partitions in one shard; number 3 exits with 3 every time (limit
//     2), number 5 fails once.
//   - three: the same in three shards.
//   - stopped: four shards of six, stopped while two were running; number 1 had
//     failed for good by then, all others slept.
func TestReadObserved(t *testing.T) {
	dozen := argotest.Axis(t, domain.Range{Start: 1, End: 115, Size: 10})
	for _, test := range []struct {
		name         string
		domain       domain.Domain
		wanted       []string
		done, failed string
		failures     []string
	}{
		{
			"one", dozen, nil, "[1,31) [41,115)", "[31,41)",
			[]string{"31--41 3 main: Error (exit code 3)"},
		},
		{
			"three", dozen, []string{"fleet-r1-s0"}, "[1,31) [41,115)", "[31,41)",
			[]string{"31--41 3 main: Error (exit code 3)"},
		},
		{
			"stopped", argotest.Axis(t, domain.Range{Start: 0, End: 24, Size: 1}),
			[]string{"halt-r1-s0", "halt-r1-s1", "halt-r1-s2", "halt-r1-s3"}, "[0,1)", "[1,2)",
			[]string{"1--2 2 main: Error (exit code 3)"},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			text, err := os.ReadFile(filepath.Join("..", "testdata", "observed", test.name+".json"))
			if err != nil {
				t.Fatal(err)
			}
			objects, err := manifest.Decode([]byte(`{"apiVersion":"v1","kind":"List","items":` + string(text) + `}`))
			if err != nil {
				t.Fatal(err)
			}
			o := argotest.Observed{Run: objects[0]}
			wanted, err := wantedOf(o.Run)
			if err != nil || !slices.Equal(wanted, test.wanted) {
				t.Errorf("wanted %q (%v), want %q", wanted, err, test.wanted)
			}
			for _, child := range objects[1:] {
				if slices.Contains(wanted, child.GetName()) {
					o.Children = append(o.Children, child)
				}
			}
			out, err := outcomeOf(test.domain, o)
			if err != nil {
				t.Fatal(err)
			}
			if !out.Ended || out.Started.IsZero() || out.Finished.Before(out.Started) {
				t.Errorf("ended %t, %s to %s", out.Ended, out.Started, out.Finished)
			}
			if got := out.Done.Text(test.domain); got != test.done {
				t.Errorf("done %s, want %s", got, test.done)
			}
			if got := out.Failed.Text(test.domain); got != test.failed {
				t.Errorf("failed %s, want %s", got, test.failed)
			}
			var failures []string
			for _, f := range out.Failures {
				failures = append(failures, fmt.Sprintf("%s %d %s", test.domain.Key(f.Partition), f.Attempts, f.Message))
				for i, a := range f.Details {
					if a.Number != i || a.Cause != CauseApplication || a.ExitCode != 3 || a.Started.IsZero() ||
						a.Finished.Before(a.Started) ||
						len(f.Details) != f.Attempts {
						t.Errorf("attempt %+v of %d", a, len(f.Details))
					}
				}
			}
			if !slices.Equal(failures, test.failures) {
				t.Errorf("failures %q, want %q", failures, test.failures)
			}
		})
	}
}
