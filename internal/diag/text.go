// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package diag

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/hashicorp/hcl/v2"
	"github.com/mitchellh/go-wordwrap"
	"golang.org/x/text/width"
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
	shown, omitted := Capped(diags)
	out := bufio.NewWriter(w)
	for i, d := range shown {
		if i > 0 {
			out.WriteString("\n")
		}
		writeOne(out, d, files, o)
	}
	if omitted > 0 {
		fmt.Fprintf(out, "\n%s\n", Omitted(omitted))
	}
	return out.Flush()
}

func writeOne(out *bufio.Writer, d *hcl.Diagnostic, files map[string]*hcl.File, o TextOptions) {
	label, color := "Error", "\x1b[1;31m"
	if d.Severity == hcl.DiagWarning {
		label, color = "Warning", "\x1b[1;33m"
	}
	bold, reset := "\x1b[1m", "\x1b[0m"
	if !o.Color {
		color, bold, reset = "", "", ""
	}
	fmt.Fprintf(out, "%s%s:%s %s%s%s", color, label, reset, bold, d.Summary, reset)
	if code := CodeOf(d); code != "" {
		fmt.Fprintf(out, " [%s]", code)
	}
	out.WriteString("\n\n")

	if d.Subject != nil {
		writeSnippet(out, d.Subject, files[d.Subject.Filename], color, reset)
	} else if p := PathOf(d); p != nil {
		fmt.Fprintf(out, "  at %s\n\n", FormatPath(p))
	}
	detail := d.Detail
	if o.Width > 2 {
		detail = wordwrap.WrapString(detail, o.Width-2)
	}
	for line := range strings.Lines(detail) {
		if strings.TrimSpace(line) != "" {
			out.WriteString("  ")
		}
		out.WriteString(line)
	}
	out.WriteString("\n")
}

func writeSnippet(out *bufio.Writer, rng *hcl.Range, file *hcl.File, color, reset string) {
	fmt.Fprintf(out, "  %s:%d:%d", rng.Filename, rng.Start.Line, rng.Start.Column)
	if file == nil {
		out.WriteString("\n\n")
		return
	}
	if nav, ok := file.Nav.(interface{ ContextString(int) string }); ok {
		if ctx := nav.ContextString(rng.Start.Byte); ctx != "" {
			fmt.Fprintf(out, ", in %s", ctx)
		}
	}
	out.WriteString("\n")
	if line, start, ok := sourceLine(file.Bytes, rng.Start.Byte); ok {
		end := min(max(rng.End.Byte, rng.Start.Byte+1), start+len(line))
		before, marked := line[:rng.Start.Byte-start],
			line[min(rng.Start.Byte-start, len(line)):max(end-start, rng.Start.Byte-start)]
		number := fmt.Sprintf("%4d", rng.Start.Line)
		fmt.Fprintf(out, "  %s | %s\n", number, line)
		fmt.Fprintf(out, "  %s | %s%s%s%s\n", strings.Repeat(" ", len(number)),
			blank(before), color, strings.Repeat("^", max(1, columns(marked))), reset)
	}
	out.WriteString("\n")
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
	text := strings.TrimSuffix(string(src[start:end]), "\r")
	if len(text) > longest || at-start > len(text) || !utf8.ValidString(text) {
		return "", 0, false
	}
	return text, start, true
}

// blank is white space as wide as the text, to place a mark under the right
// column. Tabs stay tabs.
func blank(s string) string {
	var b strings.Builder
	for _, r := range s {
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
