// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package read

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/argo/argotest"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/domain"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/manifest"
)

// FuzzRead gives the reader Workflows that nobody should have made: it may
// refuse them, and must not panic, hang, or call a partition done twice over.
func FuzzRead(f *testing.F) {
	recorded, err := filepath.Glob("../testdata/observed/*.json")
	if err != nil || len(recorded) == 0 {
		f.Fatal("no recorded Workflows", err)
	}
	for _, file := range recorded {
		text, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		var workflows []json.RawMessage
		if err := json.Unmarshal(text, &workflows); err != nil {
			f.Fatal(err)
		}
		f.Add([]byte(workflows[0]), []byte(workflows[len(workflows)-1]))
	}
	for _, s := range argotest.Scenarios(f) {
		j, p := s.Plan()
		objects := compile(f, j, p)
		run, err := objects[len(objects)-1].MarshalJSON()
		if err != nil {
			f.Fatal(err)
		}
		data, err := objects[1].MarshalJSON()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(run, data)
	}
	d := argotest.Axis(f, domain.Range{Start: 1, End: 115, Size: 10})
	f.Fuzz(func(t *testing.T, run, other []byte) {
		var a, b unstructured.Unstructured
		if json.Unmarshal(run, &a.Object) != nil || json.Unmarshal(other, &b.Object) != nil || a.Object == nil ||
			b.Object == nil {
			return
		}
		_, _ = wantedOf(&a)
		_ = needsData(&a)
		o := argotest.Observed{Run: &a, Children: []manifest.Object{&b}, Data: []manifest.Object{&b}}
		out, err := outcomeOf(d, o)
		if err != nil {
			return
		}
		if len(out.Failures) > 0 && out.Failed.Empty() {
			t.Errorf("%d failures, but nothing failed", len(out.Failures))
		}
	})
}
