// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package convert_test

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclwrite"
	"golang.org/x/tools/txtar"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/compile"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/convert"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/diag"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/jobschema"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/lang"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/ledger"
)

var update = flag.Bool("update", false, "rewrite the golden parts of testdata")

// The golden parts: the job file, what is told on the way, and what compiling
// the job file says (nothing, where it is complete).
const (
	goldenFile     = "job.backfill.hcl"
	goldenMessages = "messages"
	goldenOpen     = "compile"
)

func TestGolden(t *testing.T) {
	paths, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no cases: %v", err)
	}
	for _, path := range paths {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".txtar"), func(t *testing.T) {
			archive, err := txtar.ParseFile(path)
			if err != nil {
				t.Fatal(err)
			}
			var inputs []convert.Input
			want := map[string]string{}
			kept := archive.Files[:0:0]
			for _, f := range archive.Files {
				switch f.Name {
				case goldenFile, goldenMessages, goldenOpen:
					want[f.Name] = string(f.Data)
				default:
					inputs = append(inputs, convert.Input{Name: f.Name, Bytes: f.Data})
					kept = append(kept, f)
				}
			}
			got := outcome(t, inputs)
			if *update {
				archive.Files = kept
				for _, name := range []string{goldenFile, goldenMessages, goldenOpen} {
					if got[name] != "" {
						archive.Files = append(archive.Files, txtar.File{Name: name, Data: []byte(got[name])})
					}
				}
				if err := os.WriteFile(path, txtar.Format(archive), 0o600); err != nil {
					t.Fatal(err)
				}
				return
			}
			if d := cmp.Diff(want, got); d != "" {
				t.Errorf("run with -update to accept:\n%s", d)
			}
		})
	}
}

func outcome(t *testing.T, inputs []convert.Input) map[string]string {
	t.Helper()
	out := map[string]string{}
	result, diags := convert.Convert(inputs)
	for _, d := range diags {
		if diag.CodeOf(d) == "" || d.Subject == nil {
			t.Errorf("a diagnostic has no code or place: %s; %s", d.Summary, d.Detail)
		}
	}
	var messages bytes.Buffer
	if err := diag.WriteText(&messages, diags, result.Sources, diag.TextOptions{}); err != nil {
		t.Fatal(err)
	}
	if messages.Len() > 0 {
		out[goldenMessages] = messages.String()
	}
	if diags.HasErrors() {
		return out
	}
	if formatted := hclwrite.Format(result.File); !bytes.Equal(formatted, result.File) {
		t.Errorf("the file is not formatted:\n%s", cmp.Diff(string(result.File), string(formatted)))
	}
	out[goldenFile] = string(result.File)
	if open := compiledFrom(result.File); len(open) > 0 {
		for _, d := range open {
			// A complete file is valid; one that is not says what is open.
			if d.Severity == hcl.DiagError && !strings.Contains(string(result.File), "TODO") &&
				diag.CodeOf(d) != diag.CodeNoValue {
				t.Errorf("the file has no TODO and is not valid: %s; %s", d.Summary, d.Detail)
			}
		}
		out[goldenOpen] = short(open)
	}
	if strings.Contains(string(result.File), "query {") {
		delete(out, goldenOpen)
		checkQuery(t, compiledFrom(result.File))
	}
	return out
}

// checkQuery demands of a file with a query that nothing but decisions is open,
// as far as the language knows queries.
func checkQuery(t *testing.T, open hcl.Diagnostics) {
	t.Helper()
	partition, _ := jobschema.Find(jobschema.Job(), "partition")
	if _, known := jobschema.Find(partition.Attributes, "query"); !known {
		return
	}
	for _, d := range open {
		if code := diag.CodeOf(d); d.Severity == hcl.DiagError && code != diag.CodeNoValue && code != diag.CodeUnknownRef {
			t.Errorf("more than a decision is open: %s; %s", d.Summary, d.Detail)
		}
	}
}

// compile compiles every job of a file.
func compiledFrom(file []byte) hcl.Diagnostics {
	m, diags := lang.Load(context.Background(), []lang.Source{{Name: "job.backfill.hcl", Bytes: file}}, lang.Inputs{})
	for _, body := range m.Bodies {
		_, more := compile.Value(body.Value, ledger.Set{}, 1)
		diags = append(diags, diag.Resolve(more, body.Origin)...)
	}
	return diag.Sort(diags)
}

func short(diags hcl.Diagnostics) string {
	var b strings.Builder
	for _, d := range diags {
		b.WriteString(d.Error() + "\n")
	}
	return b.String()
}

// Templates that call each other, and manifests with very much to say about them,
// would take hours.
func TestManifestsThatAreTooMuchAreRefused(t *testing.T) {
	const head = "apiVersion: argoproj.io/v1alpha1\nkind: Workflow\nmetadata: {name: a}\n" +
		"spec:\n  entrypoint: t0\n  templates:\n"
	const run = "  - name: run\n    container: {image: a, command: [a]}\n"
	tree := head
	for i := range 40 {
		tree += fmt.Sprintf("  - name: t%d\n    steps:\n    - - {name: a, template: t%d}\n", i, i+1) +
			fmt.Sprintf("      - {name: b, template: t%d}\n", i+1)
	}
	tree += "  - name: t40\n    steps:\n    - - {name: a, template: run, withItems: [1, 2]}\n" + run
	fans := head + "  - name: t0\n    steps:\n"
	for i := range 9000 {
		fans += fmt.Sprintf("    - - {name: a%d, template: run, withItems: [1, 2]}\n", i)
	}
	for name, text := range map[string]string{
		"doubling templates": tree,
		"many fan-outs":      fans + run,
		"many tags": head + "  - name: t0\n    steps:\n    - - {name: a, template: run, withItems: [1, 2]}\n" +
			"  - name: run\n    container: {image: a, command: [a], args: [\"" + strings.Repeat("{{a}}", 100_000) + "\"]}\n",
		"large file": strings.Repeat("# comment\n", 1<<18),
	} {
		result, diags := convert.Convert([]convert.Input{{Name: "a.yaml", Bytes: []byte(text)}})
		if result.File != nil || len(diags) != 1 || diag.CodeOf(diags[0]) != diag.CodeManifestLarge {
			t.Errorf("%s: got %.300v", name, diags)
		}
	}
	for _, unit := range []string{"[", "{a: ", "? ", "- ", "---\n", "- &a a\n", "1,", "\"", "!<", "<<: *a\n", "%",
		"\t", "a:\n "} {
		_, diags := convert.Convert([]convert.Input{{Name: "a.yaml", Bytes: []byte(strings.Repeat(unit, 1<<20/len(unit)))}})
		if !diags.HasErrors() {
			t.Errorf("a megabyte of %q is converted", unit)
		}
	}
}
