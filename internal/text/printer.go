// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package text

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"iter"
	"strings"
	"text/tabwriter"
)

// Printer writes plain text for people, and is the only way to write it: whatever it
// is given, it escapes. It has no method that takes bytes, so a view cannot forget
// that, and a line break of others cannot begin a line that looks like ours.
// See internal/decisions/0042-escaped-by-the-writer.md.
type Printer struct {
	w     io.Writer
	color bool
	err   error
}

// NewPrinter returns a printer; with color it shows styles.
func NewPrinter(w io.Writer, color bool) *Printer { return &Printer{w: w, color: color} }

// Err is the first error of the writer, after which nothing is written.
func (p *Printer) Err() error { return p.err }

// Style is how a part of a line is shown, as the parameters of a terminal's escape
// sequence.
type Style string

// The styles.
const (
	Unstyled   Style = ""
	Bold       Style = "1"
	BoldRed    Style = "1;31"
	BoldYellow Style = "1;33"
)

// Span is a part of a line.
type Span struct {
	Text  string
	Style Style
}

// Linef prints one line. Line breaks in it are escaped.
func (p *Printer) Linef(format string, args ...any) { p.Line(Span{Text: fmt.Sprintf(format, args...)}) }

// Line prints one line of several parts, each escaped by itself. Tabs stay.
func (p *Printer) Line(spans ...Span) {
	var b strings.Builder
	for _, s := range spans {
		shown := escape(s.Text, "\t")
		if p.color && s.Style != Unstyled {
			shown = "\x1b[" + string(s.Style) + "m" + shown + "\x1b[0m"
		}
		b.WriteString(shown)
	}
	p.write(b.String() + "\n")
}

// Block prints a text line by line.
func (p *Printer) Block(s string) {
	for line := range strings.Lines(s) {
		p.Linef("%s", strings.TrimSuffix(line, "\n"))
	}
}

// Table prints rows in columns.
func (p *Printer) Table(rows iter.Seq[[]string]) {
	if p.err != nil {
		return
	}
	buffered := bufio.NewWriter(p.w)
	out := tabwriter.NewWriter(buffered, 0, 0, 2, ' ', 0)
	for row := range rows {
		var b strings.Builder
		for i, cell := range row {
			if i > 0 {
				b.WriteByte('\t')
			}
			b.WriteString(Escape(cell))
		}
		b.WriteByte('\n')
		if _, p.err = io.WriteString(out, b.String()); p.err != nil {
			return
		}
	}
	p.err = errors.Join(out.Flush(), buffered.Flush())
}

func (p *Printer) write(s string) {
	if p.err == nil {
		_, p.err = io.WriteString(p.w, s)
	}
}
