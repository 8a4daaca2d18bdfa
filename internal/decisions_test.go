// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package internal_test

import (
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const decisionsIndex = "internal/decisions/README.md"

var (
	// recordPath is a record as comments name it, also one that does not exist.
	recordPath = regexp.MustCompile(`internal/decisions/[A-Za-z0-9._-]*[A-Za-z0-9]`)
	recordName = regexp.MustCompile(`^internal/decisions/(\d{4})-[a-z0-9-]+\.md$`)
	recordHead = regexp.MustCompile(`^# (\d+)\. \S`)
	// recordLink is a Markdown link to a record, relative to the folder.
	recordLink = regexp.MustCompile(`\]\((\d{4}-[^)#]*)\)`)
)

// recordHeadings are the headings of a record, and all of them.
var recordHeadings = []string{"Context", "Decision", "Consequence"}

// repository maps paths from the root to texts: Go files, ARCHITECTURE.md and
// the decision records.
type repository map[string]string

func (r repository) records() []string {
	return slices.DeleteFunc(slices.Sorted(maps.Keys(r)), func(name string) bool {
		return path.Dir(name) != path.Dir(decisionsIndex) || name == decisionsIndex
	})
}

// decisionProblems lists what is wrong with the records and with the links to
// them.
func decisionProblems(r repository) []string {
	var found []string
	report := func(format string, args ...any) { found = append(found, fmt.Sprintf(format, args...)) }
	linked := map[string]bool{}
	for _, name := range slices.Sorted(maps.Keys(r)) {
		text := r[name]
		if path.Dir(name) == path.Dir(decisionsIndex) {
			for _, link := range recordLink.FindAllStringSubmatch(text, -1) {
				if _, exists := r[path.Join(path.Dir(name), link[1])]; !exists {
					report("%s links to %s, which does not exist", name, link[1])
				}
			}
			continue
		}
		for _, link := range recordPath.FindAllString(text, -1) {
			if _, exists := r[link]; !exists {
				report("%s names %s, which does not exist", name, link)
			}
			linked[link] = true
		}
	}
	// Numbers may be missing: a record that is being written has one already.
	numbers := map[string]string{}
	for _, name := range r.records() {
		number := recordName.FindStringSubmatch(name)
		if number == nil || numbers[number[1]] != "" {
			report("%s has no number of its own, as in 0001-title.md", name)
			continue
		}
		numbers[number[1]] = name
		if head := recordHead.FindStringSubmatch(r[name]); head == nil || head[1] != strings.TrimLeft(number[1], "0") {
			report("%s does not begin with its number and a title", name)
		}
		if got := headings(r[name]); !slices.Equal(got, recordHeadings) {
			report("%s has the headings %q instead of %q", name, got, recordHeadings)
		}
		if !linked[name] {
			report("no Go file and not ARCHITECTURE.md names %s", name)
		}
		if !strings.Contains(r[decisionsIndex], "]("+path.Base(name)+")") {
			report("%s does not list %s", decisionsIndex, name)
		}
	}
	return found
}

// headings are the second-level headings of a Markdown text that have a text.
func headings(markdown string) []string {
	var out []string
	for i, section := range strings.Split("\n"+markdown, "\n## ") {
		if title, body, _ := strings.Cut(section, "\n"); i > 0 && strings.TrimSpace(body) != "" {
			out = append(out, title)
		}
	}
	return out
}

func readRepository(t *testing.T) repository {
	t.Helper()
	const root = ".."
	r := repository{}
	err := filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		slashed := filepath.ToSlash(strings.TrimPrefix(name, root+string(filepath.Separator)))
		if d.IsDir() {
			if name != root && strings.HasPrefix(d.Name(), ".") {
				return fs.SkipDir
			}
			return nil
		}
		ours := path.Dir(slashed) == path.Dir(decisionsIndex) || slashed == "ARCHITECTURE.md" ||
			path.Ext(slashed) == ".go" && !strings.HasSuffix(slashed, "_test.go")
		if !ours {
			return nil
		}
		text, err := os.ReadFile(name)
		r[slashed] = string(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestDecisionsAreLinked(t *testing.T) {
	r := readRepository(t)
	if len(r.records()) == 0 {
		t.Fatal("there are no decision records")
	}
	for _, problem := range decisionProblems(r) {
		t.Error(problem)
	}
}

func TestDecisionProblemsAreFound(t *testing.T) {
	const (
		one  = "internal/decisions/0001-one.md"
		text = "# 1. One\n\n## Context\n\na\n\n## Decision\n\nb\n\n## Consequence\n\nc\n"
	)
	tests := map[string]struct {
		change func(repository)
		want   string
	}{
		"none":       {func(repository) {}, ""},
		"not linked": {func(r repository) { r["a.go"] = "" }, "no Go file and not ARCHITECTURE.md names " + one},
		"no such record": {
			func(r repository) { r["b.go"] = "// See internal/decisions/0002-two.md." },
			"b.go names internal/decisions/0002-two.md, which does not exist",
		},
		"not listed": {func(r repository) { r[decisionsIndex] = "" }, decisionsIndex + " does not list " + one},
		"a dead link": {
			func(r repository) { r[one] = text + "[2](0002-two.md)\n" },
			one + " links to 0002-two.md, which does not exist",
		},
		"no number": {
			func(r repository) { r[one] = strings.TrimPrefix(text, "# 1. ") },
			one + " does not begin with its number and a title",
		},
		"an empty part": {
			func(r repository) { r[one] = strings.Replace(text, "b\n", "", 1) },
			one + ` has the headings ["Context" "Consequence"] instead of ["Context" "Decision" "Consequence"]`,
		},
		"a number of another": {
			func(r repository) { r["internal/decisions/0001-two.md"] = text },
			"internal/decisions/0001-two.md has no number of its own, as in 0001-title.md",
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			r := repository{one: text, decisionsIndex: "[1](0001-one.md)", "a.go": "// See " + one + "."}
			test.change(r)
			if got := strings.Join(decisionProblems(r), "\n"); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

// stop is a row of the tables of functions in ARCHITECTURE.md.
var stop = regexp.MustCompile("(?m)^\\| `([A-Za-z.]+)` \\| `([^`]+\\.go)` \\|")

// TestStopsExist checks that the functions along the way of one partition are
// where ARCHITECTURE.md says.
func TestStopsExist(t *testing.T) {
	r := readRepository(t)
	stops := stop.FindAllStringSubmatch(r["ARCHITECTURE.md"], -1)
	if len(stops) == 0 {
		t.Fatal("ARCHITECTURE.md has no tables of functions")
	}
	for _, s := range stops {
		names := strings.Split(s[1], ".")
		pkg, function := names[0], names[len(names)-1]
		receiver := ""
		if len(names) == 3 {
			receiver = `\(\w+ \*?` + names[1] + `\) `
		}
		declared := regexp.MustCompile(`(?m)^func ` + receiver + function + `\(`)
		if text := r[s[2]]; path.Base(path.Dir(s[2])) != pkg || !declared.MatchString(text) {
			t.Errorf("%s does not declare %s", s[2], s[1])
		}
	}
}
