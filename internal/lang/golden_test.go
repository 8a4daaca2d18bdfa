// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package lang_test

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/hcl/v2"
	"golang.org/x/tools/txtar"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/diag"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/job"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/lang"
)

var update = flag.Bool("update", false, "rewrite the golden parts of testdata")

// A case is a txtar archive: job files (*.hcl, *.json), optionally `vars` with
// lines name=value, and the golden part, which -update rewrites.
type archive struct {
	path    string
	txtar   *txtar.Archive
	sources []lang.Source
	inputs  lang.Inputs
}

func archives(t *testing.T, pattern string) []archive {
	t.Helper()
	paths, err := filepath.Glob(pattern)
	if err != nil || len(paths) == 0 {
		t.Fatalf("no cases at %s: %v", pattern, err)
	}
	var out []archive
	for _, p := range paths {
		data, err := os.ReadFile(p)
		if err != nil {
			t.Fatal(err)
		}
		a := archive{path: p, txtar: txtar.Parse(data), inputs: lang.Inputs{Texts: map[string]string{}}}
		for _, f := range a.txtar.Files {
			switch {
			case strings.HasSuffix(f.Name, ".backfillvars.hcl"):
				a.inputs.VarFiles = append(a.inputs.VarFiles, lang.Source{Name: f.Name, Bytes: f.Data})
			case strings.HasSuffix(f.Name, ".hcl"), strings.HasSuffix(f.Name, ".json") && f.Name != golden(p):
				a.sources = append(a.sources, lang.Source{Name: f.Name, Bytes: f.Data})
			case f.Name == "vars":
				for line := range strings.Lines(string(f.Data)) {
					name, value, _ := strings.Cut(strings.TrimSpace(line), "=")
					a.inputs.Texts[name] = value
				}
			}
		}
		out = append(out, a)
	}
	return out
}

func golden(path string) string {
	if strings.Contains(path, "values") {
		return "canonical.json"
	}
	return "diagnostics"
}

func (a archive) compare(t *testing.T, got string) {
	t.Helper()
	name := golden(a.path)
	for i, f := range a.txtar.Files {
		if f.Name != name {
			continue
		}
		if *update {
			a.txtar.Files[i].Data = []byte(got)
			break
		}
		if d := cmp.Diff(string(f.Data), got); d != "" {
			t.Errorf("%s differs (run with -update to accept):\n%s", name, d)
		}
		return
	}
	if !*update {
		t.Fatalf("the case has no part %s (run with -update)", name)
	}
	if !bytes.Contains(txtar.Format(a.txtar), []byte("-- "+name+" --")) {
		a.txtar.Files = append(a.txtar.Files, txtar.File{Name: name, Data: []byte(got)})
	}
	if err := os.WriteFile(a.path, txtar.Format(a.txtar), 0o600); err != nil {
		t.Fatal(err)
	}
}

// check loads and decodes as the engine does.
func check(sources []lang.Source, in lang.Inputs) (*lang.Module, []*job.Job, hcl.Diagnostics) {
	m, diags := lang.Load(context.Background(), sources, in)
	var jobs []*job.Job
	for _, b := range m.Bodies {
		j, more := job.Decode(b.Value)
		jobs = append(jobs, j)
		diags = append(diags, diag.Resolve(more, b.Origin)...)
	}
	return m, jobs, diag.Sort(diags)
}

func TestErrors(t *testing.T) {
	for _, a := range archives(t, "testdata/errors/*.txtar") {
		t.Run(filepath.Base(a.path), func(t *testing.T) {
			m, _, diags := check(a.sources, a.inputs)
			checkMarkers(t, slices.Concat(a.sources, a.inputs.VarFiles), diags)
			var b bytes.Buffer
			if err := diag.WriteText(&b, diags, m.Files, diag.TextOptions{}); err != nil {
				t.Fatal(err)
			}
			a.compare(t, b.String())
			for _, d := range diags {
				if diag.CodeOf(d) == "" {
					t.Errorf("a diagnostic has no code: %s; %s", d.Summary, d.Detail)
				}
			}
		})
	}
}

var (
	marker  = regexp.MustCompile(`# error: (".*")$`)
	pattern = regexp.MustCompile(`"(?:\\.|[^"\\])*"`)
)

// checkMarkers compares the lines of the diagnostics with the markers in the
// input (`# error: "regexp" "another"`), one to one.
func checkMarkers(t *testing.T, sources []lang.Source, diags hcl.Diagnostics) {
	t.Helper()
	type place struct {
		file string
		line int
	}
	want := map[place][]string{}
	for _, s := range sources {
		n := 0
		for line := range strings.Lines(string(s.Bytes)) {
			n++
			if m := marker.FindStringSubmatch(strings.TrimRight(line, "\n")); m != nil {
				for _, quoted := range pattern.FindAllString(m[1], -1) {
					p, err := strconv.Unquote(quoted)
					if err != nil {
						t.Fatalf("%s:%d: %v", s.Name, n, err)
					}
					want[place{s.Name, n}] = append(want[place{s.Name, n}], p)
				}
			}
		}
	}
	for _, d := range diags {
		if d.Subject == nil || strings.HasSuffix(d.Subject.Filename, ".json") || strings.HasPrefix(d.Subject.Filename, "<") {
			continue
		}
		at := place{d.Subject.Filename, d.Subject.Start.Line}
		text := d.Summary + ": " + d.Detail
		matched := false
		for i, p := range want[at] {
			if regexp.MustCompile(p).MatchString(text) {
				want[at] = append(want[at][:i:i], want[at][i+1:]...)
				matched = true
				break
			}
		}
		if !matched {
			t.Errorf("%s:%d: no marker for: %s", at.file, at.line, text)
		}
	}
	for at, patterns := range want {
		for _, p := range patterns {
			t.Errorf("%s:%d: no diagnostic matches %q", at.file, at.line, p)
		}
	}
}

func TestValues(t *testing.T) {
	for _, a := range archives(t, "testdata/values/*.txtar") {
		t.Run(filepath.Base(a.path), func(t *testing.T) {
			m, jobs, diags := check(a.sources, a.inputs)
			if diags.HasErrors() {
				var b bytes.Buffer
				_ = diag.WriteText(&b, diags, m.Files, diag.TextOptions{})
				t.Fatal(b.String())
			}
			var got bytes.Buffer
			for i, b := range m.Bodies {
				if jobs[i] == nil {
					t.Errorf("job %s was not decoded", b.Name)
				}
				c, err := job.Canonical(b.Value)
				if err != nil {
					t.Fatal(err)
				}
				again, err := job.ParseCanonical(c)
				if err != nil || !again.RawEquals(b.Value) {
					t.Errorf("ParseCanonical(%s) = %#v, %v; want %#v", c, again, err, b.Value)
				}
				_ = json.Indent(&got, c, "", "  ")
				got.WriteString("\n")
			}
			a.compare(t, got.String())
		})
	}
}
