// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package engine_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/compile"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/diag"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/lang"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/ledger"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/manifest"
)

// Whatever a job file says, compiling it ends, blames the file and never this
// program, and the objects are written and read back.
func FuzzCompile(f *testing.F) {
	paths, err := filepath.Glob("../lang/testdata/*/*.txtar")
	if err != nil || len(paths) == 0 {
		f.Fatal("no job files", err)
	}
	for _, path := range paths {
		data, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		for _, file := range txtar.Parse(data).Files {
			if strings.HasSuffix(file.Name, ".hcl") {
				f.Add(string(file.Data))
			}
		}
	}
	f.Fuzz(func(t *testing.T, src string) {
		m, diags := lang.Load(context.Background(), []lang.Source{{Name: "a.hcl", Bytes: []byte(src)}}, lang.Inputs{})
		if diags.HasErrors() {
			return
		}
		for _, body := range m.Bodies {
			compiled, diags := compile.Value(body.Value, ledger.Set{}, 1)
			for _, d := range diags {
				if code := diag.CodeOf(d); code == diag.CodeInvalidManifest || code == diag.CodeInternal {
					t.Fatalf("%s: %s", d.Summary, d.Detail)
				}
			}
			if compiled == nil || diags.HasErrors() {
				continue
			}
			text, err := manifest.Encode(compiled.Objects(), "yaml")
			if err != nil {
				t.Fatal(err)
			}
			if back, err := manifest.Decode(text); err != nil || len(back) != len(compiled.Objects()) {
				t.Fatalf("%d objects were read back as %d, %v", len(compiled.Objects()), len(back), err)
			}
		}
	})
}
