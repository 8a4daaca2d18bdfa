// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package argo

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"
	"sigs.k8s.io/yaml"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/job"
)

// combination is one cell of what spot and anchor can say together.
type combination struct {
	provider, mode, anchor string
	fallback               bool
}

func matrix() []combination {
	var out []combination
	for _, provider := range append(append([]string{}, job.Clouds...), "custom") {
		for _, mode := range []string{"require", "prefer", "off"} {
			for _, fallback := range []bool{true, false} {
				for _, anchor := range []string{"protect", "all", "release", "off"} {
					out = append(out, combination{provider, mode, anchor, fallback})
				}
			}
		}
	}
	return out
}

func (c combination) name() string {
	fallback := "no-fallback"
	if c.fallback {
		fallback = "fallback"
	}
	return strings.Join([]string{c.provider, c.mode, fallback, c.anchor}, "_")
}

func (c combination) text() string {
	more := ""
	if c.provider == "custom" {
		more = `, labels = { pool = "spot" }, taints = [{ key = "pool", value = "spot", effect = "NoSchedule" }]`
	}
	if c.fallback {
		more += `, fallback = "on_demand"`
	}
	return fmt.Sprintf("spot = { provider = %q, mode = %q%s }\n  anchor = { mode = %q }", c.provider, c.mode, more, c.anchor)
}

// placed are the fields of a partition's template that place its pods.
func placed(t *testing.T, j *job.Job) node {
	t.Helper()
	l, err := leaf(j, newScope(j.Domain), tmplPartition, nil)
	if err != nil {
		t.Fatal(err)
	}
	out := node{"annotations": l["metadata"].(node)["annotations"]}
	for _, field := range []string{"nodeSelector", "affinity", "tolerations", "podSpecPatch"} {
		if v, ok := l[field]; ok {
			out[field] = v
		}
	}
	if out["annotations"] == nil {
		delete(out, "annotations")
	}
	return out
}

// TestGoldenMatrix shows what is emitted for every combination. Argo's own
// validator reads the same file in the module of the local cluster.
func TestGoldenMatrix(t *testing.T) {
	a := &txtar.Archive{Comment: []byte("What places the pods of partitions, for each provider, mode, fallback and anchor.\n")}
	for _, c := range matrix() {
		text, err := yaml.Marshal(placed(t, decoded(t, "", c.text())))
		if err != nil {
			t.Fatal(err)
		}
		a.Files = append(a.Files, txtar.File{Name: c.name() + ".yaml", Data: text})
	}
	same(t, filepath.Join("testdata", "placement.txtar"), txtar.Format(a))
}

// same compares with a file, or writes it.
func same(t *testing.T, file string, got []byte) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s differs; after reading the difference, run the test with -update. Got:\n%s", file, got)
	}
}
