// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package lower

import (
	"bytes"
	"flag"
	"path/filepath"
	"testing"

	"golang.org/x/tools/txtar"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/argo/argotest"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/job"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/manifest"
)

var update = flag.Bool("update", false, "write the golden files")

// archive writes objects as a txtar archive, one file for each.
func archive(t testing.TB, comment string, objects []manifest.Object) []byte {
	t.Helper()
	a := &txtar.Archive{Comment: []byte(comment + "\n")}
	for _, o := range objects {
		text, err := manifest.Encode([]manifest.Object{o}, "yaml")
		if err != nil {
			t.Fatal(err)
		}
		a.Files = append(a.Files, txtar.File{Name: o.GetKind() + "/" + o.GetName() + ".yaml", Data: text})
	}
	return txtar.Format(a)
}

// TestGolden shows what is emitted. Argo's own validator reads the same files
// in the module of the local cluster, which has it as a dependency anyway.
func TestGolden(t *testing.T) {
	for _, s := range argotest.Scenarios(t) {
		t.Run(s.Name, func(t *testing.T) {
			j, p := s.Plan()
			j.Runner.Args = []job.Text{
				{{Literal: "--from="}, {Ref: "partition.key"}},
				{{Literal: `{{workflow.name}} $(HOME) $$ costs 5$`}, {Ref: "attempt"}},
			}
			j.Runner.Env = []job.EnvVar{{Name: "RUN", Text: argotest.Ref("run.name")}}
			got := archive(t, "Scenario "+s.Name, compile(t, j, p))
			same(t, filepath.Join("..", "testdata", "golden", s.Name+".txtar"), got)
		})
	}
}

func TestDeterministic(t *testing.T) {
	for _, s := range argotest.Scenarios(t) {
		var first []byte
		for range 50 {
			j, p := s.Plan()
			got := archive(t, "", compile(t, j, p))
			if first == nil {
				first = got
			}
			if !bytes.Equal(first, got) {
				t.Fatalf("%s: two compilations differ", s.Name)
			}
		}
	}
}
