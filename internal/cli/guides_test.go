// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package cli

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// docsDir holds the pages that users read.
const docsDir = "../../docs"

var (
	hclBlock    = regexp.MustCompile("(?ms)^```hcl\n(.*?)^```$")
	subcategory = regexp.MustCompile(`(?m)^subcategory: "(.+)"$`)
	mapEntry    = regexp.MustCompile(`(?m)^  - \[[^\]]+\]\((?:docs/)?guides/([\w-]+)\.md\): `)
)

// pages are the README and every page of the documentation, by path.
func pages(t *testing.T) map[string]string {
	t.Helper()
	paths := []string{"../../README.md", docsDir + "/index.md"}
	guides, err := filepath.Glob(docsDir + "/guides/*.md")
	if err != nil || len(guides) == 0 {
		t.Fatalf("no guides: %v", err)
	}
	resources, err := filepath.Glob(docsDir + "/resources/*.md")
	if err != nil {
		t.Fatal(err)
	}
	texts := map[string]string{}
	for _, path := range append(append(paths, guides...), resources...) {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		texts[path] = string(text)
	}
	return texts
}

// TestJobFilesInDocsCompile compiles every job file that the documentation
// shows. A block that declares no job is completed to one.
func TestJobFilesInDocsCompile(t *testing.T) {
	compiled := 0
	for path, text := range pages(t) {
		for i, match := range hclBlock.FindAllStringSubmatch(text, -1) {
			// What convert leaves to a person is shown as it leaves it.
			if strings.Contains(match[1], "TODO") {
				continue
			}
			compiled++
			t.Run(fmt.Sprintf("%s/%d", filepath.Base(path), i+1), func(t *testing.T) {
				file := completed(match[1])
				var stderr bytes.Buffer
				code := Run(context.Background(), Env{
					Name: "backfill", Args: []string{"compile", "-"},
					Stdin: strings.NewReader(file), Stdout: &bytes.Buffer{}, Stderr: &stderr,
					Getenv:  func(string) string { return "" },
					Environ: func() []string { return []string{envPrefix + "last_id=300001"} },
				})
				if code != 0 {
					t.Errorf("exit code %d: %s\n%s", code, stderr.String(), file)
				}
			})
		}
	}
	if compiled < 15 {
		t.Errorf("only %d job files found", compiled)
	}
}

// completed puts a fragment of a job, or a whole partition, in a job.
func completed(text string) string {
	if strings.Contains(text, "job \"") {
		return text
	}
	partition := "partition {\n  range = { start = 1, end = 100001, size = 10 }\n}\n"
	if strings.Contains(text, "partition {") {
		partition = ""
	}
	return "job \"example\" {\n" + partition + "runner {\n  image = \"busybox\"\n  command = " +
		"[\"true\"]\n}\n" + text + "}\n"
}

// TestGuideMap holds that the maps in the README and in the index list every
// guide once, below the group that the guide names.
func TestGuideMap(t *testing.T) {
	texts := pages(t)
	groups := map[string]string{}
	for path, text := range texts {
		if filepath.Base(filepath.Dir(path)) != "guides" {
			continue
		}
		name := strings.TrimSuffix(filepath.Base(path), ".md")
		match := subcategory.FindStringSubmatch(text)
		if match == nil {
			t.Errorf("%s has no subcategory", path)
			continue
		}
		groups[name] = match[1]
	}
	for _, path := range []string{"../../README.md", docsDir + "/index.md"} {
		listed := map[string]bool{}
		for part := range strings.SplitSeq(texts[path], "\n- **") {
			group, entries, _ := strings.Cut(part, "**\n")
			for _, match := range mapEntry.FindAllStringSubmatch(entries, -1) {
				if listed[match[1]] {
					t.Errorf("%s lists %s twice", path, match[1])
				}
				listed[match[1]] = true
				if groups[match[1]] != group {
					t.Errorf("%s lists %s below %q; the guide's group is %q", path, match[1], group, groups[match[1]])
				}
			}
		}
		for name := range groups {
			if !listed[name] {
				t.Errorf("%s does not list the guide %s", path, name)
			}
		}
	}
}

// TestLinksInDocs holds that every link to another page, and to a heading of
// one, leads somewhere.
func TestLinksInDocs(t *testing.T) {
	link := regexp.MustCompile(`\]\(([\w./-]*\.md)?(#[\w-]+)?\)`)
	texts := pages(t)
	for path, text := range texts {
		for _, match := range link.FindAllStringSubmatch(text, -1) {
			target := path
			if match[1] != "" {
				target = filepath.Join(filepath.Dir(path), match[1])
			}
			page, err := os.ReadFile(target)
			if err != nil {
				t.Errorf("%s links to %s: %v", path, match[1], err)
				continue
			}
			if match[2] != "" && !hasAnchor(string(page), match[2][1:]) {
				t.Errorf("%s links to %s%s, and there is no such heading", path, match[1], match[2])
			}
		}
	}
}

// hasAnchor reports whether a page has a heading with this anchor, as GitHub
// and the registry make them.
func hasAnchor(page, anchor string) bool {
	if strings.Contains(page, `id="`+anchor+`"`) {
		return true
	}
	punctuation := regexp.MustCompile(`[^\w\- ]`)
	for line := range strings.Lines(page) {
		title := strings.TrimLeft(line, "#")
		if title == line {
			continue
		}
		slug := punctuation.ReplaceAllString(strings.ToLower(strings.TrimSpace(title)), "")
		if strings.ReplaceAll(slug, " ", "-") == anchor {
			return true
		}
	}
	return false
}
