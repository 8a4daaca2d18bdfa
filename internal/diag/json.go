// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package diag

import (
	"io"

	"github.com/hashicorp/hcl/v2"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/text"
)

// Report is the JSON form of diagnostics.
type Report struct {
	FormatVersion string   `json:"format_version"`
	Valid         bool     `json:"valid"`
	ErrorCount    int      `json:"error_count"`
	WarningCount  int      `json:"warning_count"`
	Diagnostics   []Record `json:"diagnostics"`
	// Omitted counts the diagnostics beyond the first MaxShown.
	Omitted int `json:"omitted,omitempty"`
}

// Record is one diagnostic of a Report.
type Record struct {
	Severity string   `json:"severity"` // error or warning
	Code     string   `json:"code,omitempty"`
	Summary  string   `json:"summary"`
	Detail   string   `json:"detail"`
	Path     string   `json:"path,omitempty"`
	Range    *Span    `json:"range,omitempty"`
	Snippet  *Snippet `json:"snippet,omitempty"`
}

// Span is a half-open range of a file; lines and columns count from 1, bytes
// from 0, columns in grapheme clusters.
type Span struct {
	Filename string   `json:"filename"`
	Start    Position `json:"start"`
	End      Position `json:"end"`
}

// Position is one place in a file.
type Position struct {
	Line   int `json:"line"`
	Column int `json:"column"`
	Byte   int `json:"byte"`
}

// Snippet is the source line where a range starts.
type Snippet struct {
	Context   string `json:"context,omitempty"`
	Code      string `json:"code"`
	StartLine int    `json:"start_line"`
	// HighlightStart and HighlightEnd are byte offsets in Code.
	HighlightStart int `json:"highlight_start_offset"`
	HighlightEnd   int `json:"highlight_end_offset"`
}

// NewReport converts diagnostics.
func NewReport(diags hcl.Diagnostics, files map[string]*hcl.File) Report {
	r := Report{FormatVersion: "1.0", Valid: !diags.HasErrors(), Diagnostics: []Record{}}
	for _, d := range diags {
		if d.Severity == hcl.DiagError {
			r.ErrorCount++
		} else {
			r.WarningCount++
		}
	}
	shown, omitted := Capped(diags)
	r.Omitted = omitted
	for _, d := range shown {
		r.Diagnostics = append(r.Diagnostics, record(d, files))
	}
	return r
}

// WriteJSON writes diagnostics as one indented Report.
func WriteJSON(w io.Writer, diags hcl.Diagnostics, files map[string]*hcl.File) error {
	return text.WriteJSON(w, NewReport(diags, files), "  ")
}

func record(d *hcl.Diagnostic, files map[string]*hcl.File) Record {
	r := Record{Severity: "error", Code: CodeOf(d), Summary: d.Summary, Detail: d.Detail, Path: FormatPath(PathOf(d))}
	if d.Severity == hcl.DiagWarning {
		r.Severity = "warning"
	}
	if d.Subject == nil {
		return r
	}
	r.Range = &Span{Filename: d.Subject.Filename, Start: position(d.Subject.Start), End: position(d.Subject.End)}
	file := files[d.Subject.Filename]
	if file == nil {
		return r
	}
	line, start, ok := sourceLine(file.Bytes, d.Subject.Start.Byte)
	if !ok {
		return r
	}
	r.Snippet = &Snippet{
		Code: line, StartLine: d.Subject.Start.Line,
		HighlightStart: d.Subject.Start.Byte - start,
		HighlightEnd:   min(d.Subject.End.Byte-start, len(line)),
	}
	if nav, ok := file.Nav.(interface{ ContextString(int) string }); ok {
		r.Snippet.Context = nav.ContextString(d.Subject.Start.Byte)
	}
	return r
}

func position(p hcl.Pos) Position { return Position{Line: p.Line, Column: p.Column, Byte: p.Byte} }
