// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package jobschema

import (
	"fmt"
	"strings"
)

// effects says what changing an attribute of each class does.
var effects = map[EditClass]string{
	Live:      "reaches the active run; nothing runs again",
	Next:      "makes a new template for what is not done yet",
	Grid:      "runs new keys only, and cuts anew what remains",
	Reprocess: "runs everything again",
	Note:      "changes the record only",
	Replace:   "makes another job, of which nothing is done",
}

// Reference is the table as Markdown: one section for the job's body and one
// for every nested object.
func Reference() string {
	var b strings.Builder
	b.WriteString("## Attributes of a job\n\n" +
		"Nested objects are written as blocks (`runner { … }`) or as attributes (`runner = { … }`); lists and maps are attributes only.\n")
	section(&b, "job", Job())
	return b.String()
}

func section(b *strings.Builder, title string, attrs []Attribute) {
	fmt.Fprintf(b, "\n### `%s`\n\n| attribute | type | default | changing it |\n|---|---|---|---|\n", title)
	for _, a := range attrs {
		if a.Label {
			continue
		}
		fmt.Fprintf(b, "| `%s` | %s | %s | %s |\n", a.Name, describe(a), a.defaultText(), effects[a.Class])
	}
	b.WriteString("\n")
	for _, a := range attrs {
		if a.Label {
			continue
		}
		fmt.Fprintf(b, "- `%s`: %s", a.Name, a.Doc)
		if len(a.Enum) > 0 {
			fmt.Fprintf(b, " One of `%s`.", strings.Join(a.Enum, "`, `"))
		}
		if a.Bounds != nil && a.Bounds.Max < 1<<62 {
			fmt.Fprintf(b, " From %d to %d.", a.Bounds.Min, a.Bounds.Max)
		}
		if a.Late && a.Once {
			b.WriteString(" May refer to `job.name`, `run.name` and `attempt`.")
		} else if a.Late {
			b.WriteString(" May refer to the partition.")
		}
		b.WriteString("\n")
	}
	for _, a := range attrs {
		if len(a.Attributes) > 0 {
			section(b, nestedTitle(title, a), a.Attributes)
		}
	}
}

func (a Attribute) defaultText() string {
	switch {
	case a.Required:
		return "required"
	case a.Default != "":
		return "`" + a.Default + "`"
	}
	return ""
}

func nestedTitle(parent string, a Attribute) string {
	title := a.Name
	if parent != "job" {
		title = parent + "." + a.Name
	}
	switch a.Kind {
	case ObjectList:
		return title + "[…]"
	case ObjectMap:
		return title + "[name]"
	}
	return title
}
