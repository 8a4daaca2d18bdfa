// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

// Package late is the text form of strings with references that only the pod can
// resolve: to the partition, the run and the attempt.
//
// Job files and Terraform both pass such strings on as plain cty strings, which this
// package encodes and decodes. It does not know which references a job has; package
// job checks that.
package late

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/text"
)

// Text is a string with references that only the pod can resolve: its parts in
// order, each either literal or a reference. There are no adjacent or empty
// literals: equal texts have equal parts.
// See internal/decisions/0035-two-faces-one-value.md.
type Text []Part

// Part is literal text or, if Ref is not empty, a reference such as
// "partition.start", "partition.country.key", "job.name", "run.name" or "attempt".
type Part struct {
	Literal string
	Ref     string
}

// Roots are the names that start a reference.
var Roots = []string{"partition", "job", "run", "attempt"}

// IsRoot is true if references can start with the name.
func IsRoot(name string) bool {
	for _, r := range Roots {
		if r == name {
			return true
		}
	}
	return false
}

// opening finds the start of a reference or of an escaped one: any number of dollar
// signs and `{` with a root that has properties, or `{attempt}`.
var opening = regexp.MustCompile(`\$+\{(?:(?:partition|job|run)\.|attempt\})`)

// reference matches a well-formed reference after its dollar signs.
var reference = regexp.MustCompile(`^\{((?:partition|job|run)(?:\.[A-Za-z_][A-Za-z0-9_-]*)+|attempt)\}`)

// MalformedError reports an incomplete reference in a text.
type MalformedError struct {
	// Offset is the byte of the dollar sign in the text.
	Offset int
	// Excerpt is the text there, up to the closing brace or 40 bytes.
	Excerpt string
}

func (e *MalformedError) Error() string {
	return fmt.Sprintf("%q at byte %d is not a reference", e.Excerpt, e.Offset)
}

// Parse decodes a text. A dollar sign before `{partition.`, `{job.`, `{run.` or
// `{attempt}` makes a reference, as in `${partition.start}`. Each pair of dollar
// signs there is one literal dollar sign: `$${partition.start}` is the literal text
// `${partition.start}`, and `$$${partition.start}` a literal dollar sign and a
// reference. Everything else is literal, including other `${` and `$$`. The error
// is a *MalformedError.
func Parse(s string) (Text, error) {
	var out Text
	for whole := s; ; {
		at := opening.FindStringIndex(s)
		if at == nil {
			return out.literal(s), nil
		}
		out = out.literal(s[:at[0]])
		brace := at[0] + strings.IndexByte(s[at[0]:], '{')
		dollars := brace - at[0]
		out = out.literal(strings.Repeat("$", dollars/2))
		if dollars%2 == 0 {
			out = out.literal("{")
			s = s[brace+1:]
			continue
		}
		m := reference.FindStringSubmatch(s[brace:])
		if m == nil {
			return nil, &MalformedError{Offset: len(whole) - len(s) + brace - 1, Excerpt: excerpt(s[brace-1:])}
		}
		out = append(out, Part{Ref: m[1]})
		s = s[brace+len(m[0]):]
	}
}

// Encode is the inverse of Parse.
func (t Text) Encode() string {
	var b strings.Builder
	for i, p := range t {
		if p.Ref != "" {
			b.WriteString("${" + p.Ref + "}")
			continue
		}
		text := opening.ReplaceAllStringFunc(p.Literal, func(m string) string {
			n := strings.IndexByte(m, '{')
			return m[:n] + m
		})
		if i+1 < len(t) && t[i+1].Ref != "" {
			bare := strings.TrimRight(text, "$")
			text += text[len(bare):]
		}
		b.WriteString(text)
	}
	return b.String()
}

// Escape encodes literal text. Parse returns it as one literal part (or as no part,
// if it is empty).
func Escape(literal string) string {
	return Text(nil).literal(literal).Encode()
}

// Join returns the text with more parts at its end, merging adjacent literals.
func (t Text) Join(more ...Part) Text {
	t = slices.Clone(t)
	for _, p := range more {
		if p.Ref != "" {
			t = append(t, p)
			continue
		}
		t = t.literal(p.Literal)
	}
	return t
}

// Refs lists the references in order of their first use.
func (t Text) Refs() []string {
	var out []string
	seen := map[string]bool{}
	for _, p := range t {
		if p.Ref != "" && !seen[p.Ref] {
			seen[p.Ref] = true
			out = append(out, p.Ref)
		}
	}
	return out
}

func (t Text) literal(s string) Text {
	if s == "" {
		return t
	}
	if n := len(t); n > 0 && t[n-1].Ref == "" {
		t[n-1].Literal += s
		return t
	}
	return append(t, Part{Literal: s})
}

func excerpt(s string) string {
	const longest = 40
	if i := strings.IndexByte(s, '}'); i >= 0 && i < longest {
		return s[:i+1]
	}
	return text.Shorten(s, longest)
}
