// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package lang

import (
	"bytes"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/hashicorp/hcl/v2/hclwrite"
	"github.com/hashicorp/hcl/v2/json"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/diag"
)

// MaxFileSize is the maximum size of one job file, in bytes.
const MaxFileSize = 1 << 20

var topLevel = &hcl.BodySchema{Blocks: []hcl.BlockHeaderSchema{
	{Type: "variable", LabelNames: []string{"name"}},
	{Type: "locals"},
	{Type: "defaults"},
	{Type: "job", LabelNames: []string{"name"}},
}}

// read parses one file and collects its blocks.
func (l *loader) read(s Source) {
	file, diags := parse(s)
	l.diags = append(l.diags, diags...)
	if file == nil {
		return
	}
	l.module.Files[s.Name] = file
	if diags.HasErrors() {
		// The parser may have recovered only half of the file; further problems
		// would be misleading.
		return
	}
	l.collect(file)
}

func parse(s Source) (*hcl.File, hcl.Diagnostics) {
	start := hcl.Range{Filename: s.Name, Start: hcl.InitialPos, End: hcl.InitialPos}
	if len(s.Bytes) > MaxFileSize {
		return nil, hcl.Diagnostics{diag.InSource(diag.CodeTooLarge, start, fmt.Sprintf(
			"The file has %d bytes; the maximum is %d. Describe the keys with a range, or pass the data to the runner in "+
				"another way.", len(s.Bytes), MaxFileSize))}
	}
	if at := invalidUTF8(s.Bytes); at >= 0 {
		where := positionOf(s.Name, s.Bytes, at)
		return nil, hcl.Diagnostics{diag.InSource(diag.CodeEncoding, where, fmt.Sprintf(
			"The byte 0x%02X is not valid UTF-8. Save the file as UTF-8.", s.Bytes[at]))}
	}
	if isJSON(s.Name) {
		if d := guardJSON(s); d != nil {
			return nil, hcl.Diagnostics{d}
		}
		file, diags := json.Parse(s.Bytes, s.Name)
		return file, restate(diags, diag.CodeSyntax)
	}
	if d := guardNative(s); d != nil {
		return nil, hcl.Diagnostics{d}
	}
	file, diags := hclsyntax.ParseConfig(s.Bytes, s.Name, hcl.InitialPos)
	return file, restate(diags, diag.CodeSyntax)
}

// Format returns an HCL file in the canonical style; nil with problems. HCL's JSON
// form has no canonical style.
func Format(s Source) ([]byte, *hcl.File, hcl.Diagnostics) {
	file, diags := parse(s)
	if diags.HasErrors() {
		return nil, file, diags
	}
	return hclwrite.Format(s.Bytes), file, nil
}

func isJSON(name string) bool { return strings.HasSuffix(name, ".json") }

// invalidUTF8 returns the offset of the first byte that is not UTF-8, or -1.
func invalidUTF8(b []byte) int {
	if utf8.Valid(b) {
		return -1
	}
	for i := 0; i < len(b); {
		r, n := utf8.DecodeRune(b[i:])
		if r == utf8.RuneError && n == 1 {
			return i
		}
		i += n
	}
	return -1
}

func positionOf(name string, b []byte, at int) hcl.Range {
	line := 1 + bytes.Count(b[:at], []byte("\n"))
	column := 1 + utf8.RuneCount(b[bytes.LastIndexByte(b[:at], '\n')+1:at])
	p := hcl.Pos{Line: line, Column: column, Byte: at}
	end := hcl.Pos{Line: line, Column: column + 1, Byte: at + 1}
	return hcl.Range{Filename: name, Start: p, End: end}
}

// restate sets our code and title on HCL's own diagnostics. HCL's title becomes the
// beginning of the detail.
func restate(diags hcl.Diagnostics, code string) hcl.Diagnostics {
	for _, d := range diags {
		if diag.CodeOf(d) != "" {
			continue
		}
		title := strings.TrimSuffix(d.Summary, ".")
		*d = hcl.Diagnostic{
			Severity: d.Severity, Subject: d.Subject, Context: d.Context,
			Summary: diag.At(code, nil, "").Summary,
			Detail:  strings.TrimSpace(title + ". " + d.Detail),
			Extra:   diag.Extra{Code: code},
		}
	}
	return diags
}

// collect sorts the top-level blocks of a file into the loader.
func (l *loader) collect(file *hcl.File) {
	if native, ok := file.Body.(*hclsyntax.Body); ok {
		l.reportUnknown(native)
	}
	content, _, diags := file.Body.PartialContent(topLevel)
	if _, native := file.Body.(*hclsyntax.Body); !native {
		content, diags = file.Body.Content(topLevel)
	}
	for _, d := range diags {
		// In a known block, only the labels can be wrong here.
		if strings.HasPrefix(d.Summary, "Extraneous JSON") {
			l.diags = append(l.diags, restate(hcl.Diagnostics{d}, diag.CodeUnknownBlock)...)
			continue
		}
		l.report(diag.CodeLabels, *d.Subject, "A job or variable has exactly one label, its name, as in job \"orders\" { "+
			"… }. locals and defaults have none.")
	}
	for _, b := range content.Blocks {
		switch b.Type {
		case "variable":
			l.declare(b)
		case "locals":
			l.declareLocals(b)
		case "defaults":
			if l.defaults != nil {
				l.report(diag.CodeRepeatedBlock, b.DefRange, "A module can have only one defaults block; the first is at %s:%d. "+
					"Merge the two.", l.defaults.DefRange.Filename, l.defaults.DefRange.Start.Line)
				continue
			}
			l.defaults = b
		case "job":
			l.jobs = append(l.jobs, b)
		}
	}
}

func (l *loader) reportUnknown(body *hclsyntax.Body) {
	var known []string
	for _, b := range topLevel.Blocks {
		known = append(known, b.Type)
	}
	for _, b := range body.Blocks {
		if !contains(known, b.Type) {
			l.report(diag.CodeUnknownBlock, b.TypeRange, "There is no block %q at the top level.%s", b.Type,
				orKnown(b.Type, known))
		}
	}
	for _, a := range body.Attributes {
		l.report(diag.CodeUnknownAttr, a.NameRange, "There is no attribute %q at the top level. Attributes belong inside "+
			"a block such as job \"orders\" { … }.", a.Name)
	}
}

func orKnown(name string, known []string) string {
	if s := diag.DidYouMean(name, known); s != "" {
		return s
	}
	return " Valid names are " + diag.List(known, true) + "."
}

func contains(list []string, s string) bool {
	for _, x := range list {
		if x == s {
			return true
		}
	}
	return false
}
