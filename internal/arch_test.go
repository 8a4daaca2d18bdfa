// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

// Package internal_test holds the test of the arrows between our packages.
package internal_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const (
	module   = "github.com/terraform-backfill/terraform-provider-backfill"
	document = "../ARCHITECTURE.md"
)

// arrows maps a package of the table to the packages it may import. Both are
// named as the table does, without "internal/".
type arrows map[string][]string

var (
	codeSpan = regexp.MustCompile("`([^`]+)`")
	tableRow = regexp.MustCompile("(?m)^\\| *`([^`]+)` *\\|")
)

// parseTable reads the rows "| package | its one job | may import |" of a
// Markdown text. It fails when there is no such table, when a row repeats a
// package or when a row allows a package that has no row.
func parseTable(text string) (arrows, error) {
	table := arrows{}
	inside := false
	for line := range strings.Lines(text) {
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), "|")
		if len(cells) != 3 {
			inside = false
			continue
		}
		if strings.TrimSpace(cells[0]) == "package" && strings.TrimSpace(cells[2]) == "may import" {
			inside = true
			continue
		}
		name := codeSpan.FindStringSubmatch(cells[0])
		if !inside || name == nil {
			continue
		}
		pkg := strings.TrimPrefix(name[1], "internal/")
		if _, twice := table[pkg]; twice {
			return nil, fmt.Errorf("package %s has two rows", pkg)
		}
		allowed := []string{}
		for _, span := range codeSpan.FindAllStringSubmatch(cells[2], -1) {
			allowed = append(allowed, strings.TrimPrefix(span[1], "internal/"))
		}
		table[pkg] = allowed
	}
	if len(table) == 0 {
		return nil, errors.New(`no table with the columns "package" and "may import"`)
	}
	for pkg, allowed := range table {
		for _, other := range allowed {
			if _, known := table[other]; !known {
				return nil, fmt.Errorf("the row of %s allows %s, which has no row", pkg, other)
			}
		}
	}
	return table, nil
}

// cycle returns a path of allowed arrows that comes back to its start, or nil.
func (a arrows) cycle() []string {
	done := map[string]bool{}
	var walk func(trail []string) []string
	walk = func(trail []string) []string {
		last := trail[len(trail)-1]
		if i := slices.Index(trail[:len(trail)-1], last); i >= 0 {
			return trail[i:]
		}
		if done[last] {
			return nil
		}
		for _, next := range a[last] {
			if found := walk(append(slices.Clone(trail), next)); found != nil {
				return found
			}
		}
		done[last] = true
		return nil
	}
	for pkg := range a {
		if found := walk([]string{pkg}); found != nil {
			return found
		}
	}
	return nil
}

// upwards lists the arrows that lead to a row above their own.
func (a arrows) upwards(text string) []string {
	place := map[string]int{}
	for i, span := range tableRow.FindAllStringSubmatch(text, -1) {
		place[strings.TrimPrefix(span[1], "internal/")] = i
	}
	var found []string
	for from, allowed := range a {
		for _, to := range allowed {
			if place[to] < place[from] {
				found = append(found, fmt.Sprintf("the row of %s is above that of %s, which may import it", to, from))
			}
		}
	}
	slices.Sort(found)
	return found
}

// goPackage is what `go list -json` says of a package, as far as we need it.
type goPackage struct {
	ImportPath string
	GoFiles    []string
	Imports    []string
}

// row names the row of the table that an import path of our module belongs to:
// sub-packages without a row of their own belong to the package they are in.
func (a arrows) row(importPath string) (name string, ours bool) {
	if importPath == module {
		return "main.go", true
	}
	name, ours = strings.CutPrefix(importPath, module+"/internal/")
	if !ours {
		return "", false
	}
	for {
		parent := strings.LastIndexByte(name, '/')
		if _, known := a[name]; known || parent < 0 {
			return name, true
		}
		name = name[:parent]
	}
}

// violations lists, in the order of packages, every import that the table
// does not allow and every package that is not in it. Imports of tests are
// free.
func violations(table arrows, packages []goPackage) []string {
	var found []string
	for _, p := range packages {
		from, ours := table.row(p.ImportPath)
		if !ours || len(p.GoFiles) == 0 {
			continue
		}
		allowed, known := table[from]
		if !known {
			found = append(found, fmt.Sprintf("%s has no row", from))
			continue
		}
		for _, imported := range p.Imports {
			to, ours := table.row(imported)
			if ours && to != from && !slices.Contains(allowed, to) {
				found = append(found, fmt.Sprintf("%s imports %s", from, to))
			}
		}
	}
	return found
}

// unused lists the arrows that the table allows and no import needs.
func unused(table arrows, packages []goPackage) []string {
	needed := map[string]bool{}
	for _, p := range packages {
		from, _ := table.row(p.ImportPath)
		for _, imported := range p.Imports {
			if to, ours := table.row(imported); ours {
				needed[from+" "+to] = true
			}
		}
	}
	var found []string
	for from, allowed := range table {
		for _, to := range allowed {
			if !needed[from+" "+to] {
				found = append(found, fmt.Sprintf("%s need not import %s", from, to))
			}
		}
	}
	slices.Sort(found)
	return found
}

func listPackages(t *testing.T) []goPackage {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", "list", "-json=ImportPath,GoFiles,Imports", "./...")
	cmd.Dir = ".."
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v\n%s", err, stderr.String())
	}
	var packages []goPackage
	for decoder := json.NewDecoder(bytes.NewReader(out)); ; {
		var p goPackage
		err := decoder.Decode(&p)
		if errors.Is(err, io.EOF) {
			return packages
		}
		if err != nil {
			t.Fatalf("go list printed JSON that does not decode: %v", err)
		}
		packages = append(packages, p)
	}
}

func TestImportsFollowTheTable(t *testing.T) {
	text, err := os.ReadFile(document)
	if err != nil {
		t.Fatal(err)
	}
	table, err := parseTable(string(text))
	if err != nil {
		t.Fatalf("ARCHITECTURE.md: %v", err)
	}
	if found := table.cycle(); found != nil {
		t.Errorf("ARCHITECTURE.md allows a circle: %s", strings.Join(found, " → "))
	}
	for _, arrow := range table.upwards(string(text)) {
		t.Errorf("ARCHITECTURE.md: %s", arrow)
	}
	packages := listPackages(t)
	if len(packages) == 0 {
		t.Fatal("go list found no package")
	}
	for _, violation := range append(violations(table, packages), unused(table, packages)...) {
		t.Errorf("ARCHITECTURE.md: %s", violation)
	}
}

func TestUnusedArrowsAreFound(t *testing.T) {
	table := arrows{"top": {"low", "low/part"}, "low": {}, "low/part": {"low"}}
	packages := []goPackage{
		{ImportPath: module + "/internal/top", Imports: []string{"fmt", module + "/internal/low/part/deep"}},
		{ImportPath: module + "/internal/low/part", Imports: []string{module + "/internal/low"}},
	}
	want := []string{"top need not import low"}
	if got := unused(table, packages); !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestViolationsAreFound(t *testing.T) {
	const head = "| package | its one job | may import |\n|---|---|---|\n"
	table, err := parseTable(head + "| `internal/top` | x | `low` |\n| `internal/low` | y | |\n")
	if err != nil {
		t.Fatal(err)
	}
	imports := func(pkg string, of ...string) goPackage {
		p := goPackage{ImportPath: module + "/internal/" + pkg, GoFiles: []string{"a.go"}, Imports: []string{"fmt"}}
		for _, o := range of {
			p.Imports = append(p.Imports, module+"/internal/"+o)
		}
		return p
	}
	tests := map[string]struct {
		in   goPackage
		want []string
	}{
		"downwards":              {imports("top", "low"), nil},
		"upwards":                {imports("low", "top"), []string{"low imports top"}},
		"upwards from inside":    {imports("low/part", "top"), []string{"low imports top"}},
		"within one package":     {imports("low", "low/part"), nil},
		"a package without row":  {imports("new"), []string{"new has no row"}},
		"a folder of tests only": {goPackage{ImportPath: module + "/internal"}, nil},
		"main without a row": {
			goPackage{ImportPath: module, GoFiles: []string{"main.go"}},
			[]string{"main.go has no row"},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if got := violations(table, []goPackage{test.in}); !slices.Equal(got, test.want) {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

func TestParseTableRefuses(t *testing.T) {
	const head = "| package | its one job | may import |\n|---|---|---|\n"
	tests := map[string]struct{ in, want string }{
		"no table":     {"# Architecture\n", `no table with the columns "package" and "may import"`},
		"a row twice":  {head + "| `a` | x | |\n| `a` | y | |\n", "package a has two rows"},
		"unknown name": {head + "| `a` | x | `b` |\n", "the row of a allows b, which has no row"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if _, err := parseTable(test.in); err == nil || err.Error() != test.want {
				t.Errorf("got %v, want %s", err, test.want)
			}
		})
	}
}

func TestCircleIsFound(t *testing.T) {
	if got := (arrows{"a": {"b"}, "b": {"c"}, "c": nil}).cycle(); got != nil {
		t.Errorf("found the circle %q where there is none", got)
	}
	if got := (arrows{"a": {"b"}, "b": {"a"}}).cycle(); len(got) != 3 {
		t.Errorf("got %q, want a circle of a and b", got)
	}
}

func TestUpwardsArrowsAreFound(t *testing.T) {
	const head = "| package | its one job | may import |\n|---|---|---|\n"
	text := head + "| **A layer** | | |\n| `internal/low` | x | |\n| `internal/top` | y | `low` |\n"
	table, err := parseTable(text)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"the row of low is above that of top, which may import it"}
	if got := table.upwards(text); !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	table["low"], table["top"] = []string{"top"}, nil
	if got := table.upwards(text); got != nil {
		t.Errorf("got %q where all arrows point down", got)
	}
}
