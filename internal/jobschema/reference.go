// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package jobschema

import (
	"fmt"
	"strings"
)

// effects explains the edit classes, in the order of the reference.
var effects = []struct {
	class  EditClass
	effect string
}{
	{Live, "The active run picks up the change. Nothing runs again."},
	{Next, "Partitions that are not done yet run with the new settings. Finished partitions do not run again."},
	{Grid, "New keys run, and the remaining keys are split again. Finished keys do not run again."},
	{Reprocess, "Every partition runs again."},
	{Note, "Only the record of the job changes. The next run, if there is one, uses the new value."},
	{Replace, "Terraform replaces the job. The new job has its own record, with nothing done."},
}

// Reference is the table as Markdown: the edit classes, one section for the
// job's body and one for every nested object.
func Reference() string {
	var b strings.Builder
	b.WriteString("## Attributes of a job\n\n" +
		"Write nested objects as blocks (`runner { … }`) or as attributes (`runner = { … }`). " +
		"Lists and maps are attributes only.\n\n" +
		"The column *change* says what happens when you change the attribute of a job that has been applied:\n\n" +
		"| change | effect |\n|---|---|\n")
	for _, e := range effects {
		fmt.Fprintf(&b, "| `%s` | %s |\n", e.class, e.effect)
	}
	section(&b, "job", Job())
	return b.String()
}

func section(b *strings.Builder, title string, attrs []Attribute) {
	fmt.Fprintf(b, "\n### `%s`\n\n| attribute | type | default | change |\n|---|---|---|---|\n", title)
	for _, a := range attrs {
		if a.Label || a.Moved != "" {
			continue
		}
		fmt.Fprintf(b, "| `%s` | %s | %s | `%s` |\n", a.Name, describe(a), a.defaultText(), a.Class)
	}
	b.WriteString("\n")
	for _, a := range attrs {
		if a.Label || a.Moved != "" {
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
