// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

// Package text makes texts that others wrote fit to be shown and kept: messages
// of pods, answers of queries, values of people. All of them come out as valid
// UTF-8, because neither the API server nor Terraform takes anything else.
//
// It also has the writers of all output: a Printer for people, WriteJSON for programs.
// They escape what could take hold of a terminal or of a build server.
package text

import (
	"strings"
	"unicode/utf8"
)

// Ellipsis stands for what was left out.
const Ellipsis = "…"

// Shorten is a text of at most so many bytes. One that is longer is cut between
// two characters and ends in an ellipsis, which is among these bytes; where not
// even that has room, nothing is left.
func Shorten(s string, most int) string {
	s = strings.ToValidUTF8(s, "?")
	switch {
	case len(s) <= most:
		return s
	case most < len(Ellipsis):
		return ""
	}
	return Cut(s, most-len(Ellipsis)) + Ellipsis
}

// Cut is the beginning of a text, at most so many bytes of whole characters, and
// without a sign that more had followed.
func Cut(s string, most int) string {
	s = strings.ToValidUTF8(s, "?")
	if len(s) <= most {
		return s
	}
	end := max(0, most)
	for end > 0 && !utf8.RuneStart(s[end]) {
		end--
	}
	return s[:end]
}

// From is the end of a text that begins at a byte, behind an ellipsis where that
// leaves anything out. A character that the byte is in the midst of is left out.
func From(s string, at int) string {
	if at <= 0 {
		return s
	}
	for at < len(s) && !utf8.RuneStart(s[at]) {
		at++
	}
	return Ellipsis + s[min(at, len(s)):]
}

// OneLine is a text with each stretch of blanks and line breaks as one blank, and
// none around it.
func OneLine(s string) string { return strings.Join(strings.Fields(s), " ") }
