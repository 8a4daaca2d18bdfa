// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package diag

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/hashicorp/hcl/v2"
	"github.com/mitchellh/go-wordwrap"
	"golang.org/x/text/width"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/text"
)

// TextOptions are the options of WriteText.
type TextOptions struct {
	// Width is the number of columns at which details are wrapped; 0: no wrapping.
	Width uint
	// Color adds ANSI colors.
	Color bool
}

// WriteText writes diagnostics for people: severity, title and code, the location
// with the source line, and the explanation.
func WriteText(w io.Writer, diags hcl.Diagnostics, files map[string]*hcl.File, o TextOptions) error {
	p := text.NewPrinter(w, o.Color)
	shown, omitted := Capped(diags)
	for i, d := range shown {
		if i > 0 {
			p.Linef("")
		}
		writeOne(p, d, files, o.Width)
	}
	if omitted > 0 {
		p.Linef("")
		p.Linef("%s", Omitted(omitted))
	}
	return p.Err()
}

func writeOne(p *text.Printer, d *hcl.Diagnostic, files map[string]*hcl.File, width uint) {
	label := text.Span{Text: "Error:", Style: text.BoldRed}
	if d.Severity == hcl.DiagWarning {
		label = text.Span{Text: "Warning:", Style: text.BoldYellow}
	}
	title := []text.Span{label, {Text: " "}, {Text: d.Summary, Style: text.Bold}}
	if code := CodeOf(d); code != "" {
		title = append(title, text.Span{Text: " [" + code + "]"})
	}
	p.Line(title...)
	p.Linef("")

	if d.Subject != nil {
		writeSnippet(p, d.Subject, files[d.Subject.Filename], label.Style)
	} else if at := PathOf(d); at != nil {
		p.Linef("  at %s", FormatPath(at))
		p.Linef("")
	}
	detail := d.Detail
	if width > 2 {
		detail = wordwrap.WrapString(detail, width-2)
	}
	for line := range strings.SplitSeq(detail, "\n") {
		if strings.TrimSpace(line) != "" {
			line = "  " + line
		}
		p.Linef("%s", line)
	}
}

func writeSnippet(p *text.Printer, rng *hcl.Range, file *hcl.File, mark text.Style) {
	place := fmt.Sprintf("  %s:%d:%d", rng.Filename, rng.Start.Line, rng.Start.Column)
	if file == nil {
		p.Linef("%s", place)
		p.Linef("")
		return
	}
	if nav, ok := file.Nav.(interface{ ContextString(int) string }); ok {
		if ctx := nav.ContextString(rng.Start.Byte); ctx != "" {
			place += ", in " + ctx
		}
	}
	p.Linef("%s", place)
	if line, start, ok := sourceLine(file.Bytes, rng.Start.Byte); ok {
		from := min(rng.Start.Byte-start, len(line))
		to := max(min(rng.End.Byte-start, len(line)), from)
		number := fmt.Sprintf("%4d", rng.Start.Line)
		p.Linef("  %s | %s", number, line)
		p.Line(text.Span{Text: fmt.Sprintf("  %s | %s", strings.Repeat(" ", len(number)), blank(line[:from]))},
			text.Span{Text: strings.Repeat("^", max(1, columns(text.Escape(line[from:to])))), Style: mark})
	}
	p.Linef("")
}

// sourceLine returns the line that contains the byte at, and the byte where the
// line starts. It returns no line that is too long for a terminal.
func sourceLine(src []byte, at int) (line string, start int, ok bool) {
	const longest = 300
	if at < 0 || at > len(src) {
		return "", 0, false
	}
	start = bytes.LastIndexByte(src[:at], '\n') + 1
	end := len(src)
	if i := bytes.IndexByte(src[at:], '\n'); i >= 0 {
		end = at + i
	}
	line = strings.TrimSuffix(string(src[start:end]), "\r")
	if len(line) > longest || at-start > len(line) || !utf8.ValidString(line) {
		return "", 0, false
	}
	return line, start, true
}

// blank is white space as wide as the text, to place a mark under the right
// column. Tabs stay tabs.
func blank(s string) string {
	var b strings.Builder
	for _, r := range text.EscapeBlock(s) {
		if r == '\t' {
			b.WriteByte('\t')
			continue
		}
		b.WriteString(strings.Repeat(" ", columns(string(r))))
	}
	return b.String()
}

// columns is the number of terminal columns of a text.
func columns(s string) int {
	n := 0
	for _, r := range s {
		switch width.LookupRune(r).Kind() {
		case width.EastAsianWide, width.EastAsianFullwidth:
			n += 2
		default:
			n++
		}
	}
	return n
}
