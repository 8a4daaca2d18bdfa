// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package convert

import (
	"bytes"
	"fmt"
	"regexp"
	"strings"
	"unicode"

	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/hashicorp/hcl/v2/hclwrite"
	"golang.org/x/text/unicode/norm"

	written "github.com/terraform-backfill/terraform-provider-backfill/internal/text"
)

// expr is an expression of HCL, not formatted yet.
type expr string

// entry is an attribute or a block of a body, with the comments above it.
type entry struct {
	name     string
	value    expr
	comments []string
	// body makes the entry a block, with the labels.
	body   []entry
	labels []string
	block  bool
}

func attribute(name string, v expr, comments ...string) entry {
	return entry{name: name, value: v, comments: comments}
}

func block(name string, labels []string, body []entry, comments ...string) entry {
	return entry{name: name, labels: labels, body: body, block: true, comments: comments}
}

// format writes entries as a file in the canonical style.
func format(entries []entry) []byte {
	var b bytes.Buffer
	write(&b, entries, true)
	return hclwrite.Format(b.Bytes())
}

func write(b *bytes.Buffer, entries []entry, top bool) {
	for i, e := range entries {
		if i > 0 && (e.block || entries[i-1].block) || top && i > 0 {
			b.WriteString("\n")
		}
		for _, c := range e.comments {
			comment(b, c)
		}
		switch {
		case e.name == "":
		case e.block:
			b.WriteString(e.name)
			for _, label := range e.labels {
				b.WriteString(" " + string(literal(label)))
			}
			b.WriteString(" {\n")
			write(b, e.body, false)
			b.WriteString("}\n")
		default:
			fmt.Fprintf(b, "%s = %s\n", e.name, strings.TrimSuffix(string(e.value), "\n"))
		}
	}
}

// comment writes text as comments of readable width. Lines that start with a blank
// stay unchanged.
func comment(b *bytes.Buffer, s string) {
	const width = 110
	for line := range strings.Lines(s + "\n") {
		line = printable(strings.TrimRight(line, "\n"))
		if strings.HasPrefix(line, " ") || len(line) <= width {
			b.WriteString(strings.TrimRight("# "+line, " ") + "\n")
			continue
		}
		hang := ""
		if strings.HasPrefix(line, "- ") {
			hang = "  "
		}
		words := strings.Fields(line)
		rest := words[0]
		for _, word := range words[1:] {
			if len(rest)+len(word) >= width {
				b.WriteString("# " + rest + "\n")
				rest = hang + word
				continue
			}
			rest += " " + word
		}
		b.WriteString("# " + rest + "\n")
	}
}

// printable is a line without characters that would end a comment or be invisible in
// it.
func printable(s string) string {
	return written.Escape(strings.ReplaceAll(s, "\t", " "))
}

// literal is a string without references.
func literal(s string) expr { return quoted(text{{literal: s}}) }

// quoted is a text as a quoted template.
func quoted(t text) expr {
	if len(t) == 1 && t[0].ref != "" {
		return expr(t[0].ref)
	}
	var b strings.Builder
	b.WriteString(`"`)
	for i, p := range t {
		switch {
		case p.ref != "":
			b.WriteString("${" + p.ref + "}")
		case p.tag != "":
			b.WriteString("${" + placeholder(p.tag) + "}")
		default:
			b.WriteString(escape(p.literal, i+1 < len(t), quotedRune))
		}
	}
	b.WriteString(`"`)
	return expr(written.EscapeQuoted([]byte(b.String())))
}

// sigils are characters that may start a reference, or the escape of one.
var sigils = regexp.MustCompile(`[$%]+`)

// escape writes literal text inside a template. A sigil before a brace is doubled.
// HCL reads a run of sigils pairwise, so all except the last become an expression
// of their own, and so does a run before a reference.
func escape(s string, before bool, char func(rune) string) string {
	var b strings.Builder
	plain := func(s string) {
		for _, r := range s {
			b.WriteString(char(r))
		}
	}
	for s != "" {
		at := sigils.FindStringIndex(s)
		if at == nil {
			break
		}
		plain(s[:at[0]])
		run := s[at[0]:at[1]]
		s = s[at[1]:]
		switch {
		case s == "" && before:
			fmt.Fprintf(&b, `${"%s"}`, run)
		case strings.HasPrefix(s, "{"):
			last := run[len(run)-1:]
			if len(run) > 1 {
				fmt.Fprintf(&b, `${"%s"}`, run[:len(run)-1])
			}
			b.WriteString(last + last)
		default:
			b.WriteString(run)
		}
	}
	plain(s)
	return b.String()
}

func quotedRune(r rune) string {
	switch {
	case r == '\n':
		return `\n`
	case r == '\r':
		return `\r`
	case r == '\t':
		return `\t`
	case r == '"' || r == '\\':
		return `\` + string(r)
	case unicode.IsPrint(r) && !written.Hidden(r) && !unicode.IsMark(r): // a mark would belong to the escape before it
		return string(r)
	case r > 0xFFFF:
		return fmt.Sprintf(`\U%08x`, r)
	}
	return fmt.Sprintf(`\u%04x`, r)
}

// layout is the layout of a text with several lines. depth is the column of its
// attribute. loose adds a newline to the last line if it has none.
type layout struct {
	depth int
	loose bool
}

// lines writes a text with several lines as a heredoc if that preserves every byte,
// otherwise as a quoted text.
func lines(t text, l layout) expr {
	var b strings.Builder
	for i, p := range t {
		switch {
		case p.ref != "":
			b.WriteString("${" + p.ref + "}")
		case p.tag != "":
			b.WriteString("${" + placeholder(p.tag) + "}")
		default:
			b.WriteString(escape(p.literal, i+1 < len(t), func(r rune) string { return string(r) }))
		}
	}
	content := b.String()
	if !strings.HasSuffix(content, "\n") && l.loose {
		content += "\n"
	}
	if strings.Count(content, "\n") < 2 || !strings.HasSuffix(content, "\n") || !plainLines(content) {
		return quoted(t)
	}
	marker := "EOT"
	for n := 2; strings.Contains(content, marker); n++ {
		marker = fmt.Sprintf("EOT%d", n)
	}
	margin := strings.Repeat(" ", l.depth)
	if indented, ok := indent(content, margin+"  "); ok {
		return expr("<<-" + marker + "\n" + indented + margin + marker + "\n")
	}
	return expr("<<" + marker + "\n" + content + marker + "\n")
}

// plainLines is true if a heredoc preserves the text.
func plainLines(s string) bool {
	for _, r := range s {
		if r != '\n' && r != '\t' && (!unicode.IsPrint(r) || unicode.IsMark(r)) { // a mark may belong to a margin
			return false
		}
	}
	return norm.NFC.IsNormalString(s) && written.Plain(s)
}

// indent indents lines. HCL removes the indentation of the leftmost line, so this
// works only if one of the lines is not indented.
func indent(content, by string) (string, bool) {
	var b strings.Builder
	margin := false
	for line := range strings.Lines(content) {
		if strings.TrimSpace(line) == "" {
			b.WriteString(line)
			continue
		}
		margin = margin || !unicode.IsSpace(rune(line[0]))
		b.WriteString(by + line)
	}
	return b.String(), margin
}

// longList is the length above which lists and objects are split into lines.
const longList = 90

// list is a list of expressions.
func list(elements []expr) expr {
	size, several := 0, false
	for _, e := range elements {
		size += len(e) + 2
		several = several || strings.Contains(string(e), "\n")
	}
	if !several && size <= longList {
		return expr("[" + join(elements, ", ") + "]")
	}
	var b strings.Builder
	b.WriteString("[\n")
	for i, e := range elements {
		b.WriteString(string(e))
		if i+1 < len(elements) || !strings.HasSuffix(string(e), "\n") {
			b.WriteString(",\n")
		}
	}
	b.WriteString("]")
	return expr(b.String())
}

func join(elements []expr, separator string) string {
	parts := make([]string, len(elements))
	for i, e := range elements {
		parts[i] = string(e)
	}
	return strings.Join(parts, separator)
}

// object is an object with these attributes.
func object(entries []entry) expr {
	size, several := 0, false
	for _, e := range entries {
		size += len(e.name) + len(e.value) + 5
		several = several || strings.Contains(string(e.value), "\n") || len(e.comments) > 0
	}
	if len(entries) == 0 {
		return "{}"
	}
	if !several && size <= longList {
		var parts []string
		for _, e := range entries {
			parts = append(parts, string(key(e.name))+" = "+string(e.value))
		}
		return expr("{ " + strings.Join(parts, ", ") + " }")
	}
	var b bytes.Buffer
	b.WriteString("{\n")
	for _, e := range entries {
		for _, c := range e.comments {
			comment(&b, c)
		}
		fmt.Fprintf(&b, "%s = %s\n", key(e.name), strings.TrimSuffix(string(e.value), "\n"))
	}
	b.WriteString("}")
	return expr(b.String())
}

// key is a name before the equals sign of an object.
func key(name string) expr {
	if hclsyntax.ValidIdentifier(name) && name != "for" && name != "null" && name != "true" && name != "false" {
		return expr(name)
	}
	return literal(name)
}
