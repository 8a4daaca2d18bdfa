// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

// Package diag extends hcl.Diagnostics with stable codes, paths, a stable order,
// and text and JSON writers.
//
// A diagnostic has a code, a summary and a detail. The code (Code constants) is
// stable and has an Info, which explains its cause and fix on the troubleshooting
// page. The summary is the title of the code, without values. The detail says
// what happened, to which object, why, and what to do next.
//
// Rules report problems of a job at a cty.Path (Error, At). The caller maps the
// path to a source range (Resolve) or to a Terraform attribute. Problems of files
// have a source range from the beginning (InSource). Extra carries the code, the
// path and the underlying error.
//
// The package contains no rules about jobs, and writes only to writers that it is
// given.
package diag

import (
	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"
)

// Extra is the content of hcl.Diagnostic.Extra.
type Extra struct {
	// Code is stable and listed in the troubleshooting page, e.g. "BF1203".
	Code string
	// Path is the place of the problem in the job's value; nil if the
	// diagnostic has a source range, or is not about an attribute.
	Path cty.Path
	// Key is true if the key of the map element at Path is wrong, not its value.
	Key bool
	// Cause is the underlying error; nil if there is none.
	Cause error
}

// Error makes an error at a path of the job's value. The summary is a title
// without values. The detail says what happened, why, and the next step.
func Error(code string, path cty.Path, summary, detail string) *hcl.Diagnostic {
	return &hcl.Diagnostic{
		Severity: hcl.DiagError, Summary: summary, Detail: detail,
		Extra: Extra{Code: code, Path: path},
	}
}

// Warning is Error with the severity of a warning.
func Warning(code string, path cty.Path, summary, detail string) *hcl.Diagnostic {
	d := Error(code, path, summary, detail)
	d.Severity = hcl.DiagWarning
	return d
}

// At is Error with the summary of the code. It panics for an unknown code.
func At(code string, path cty.Path, detail string) *hcl.Diagnostic {
	return Error(code, path, mustLookup(code).Summary, detail)
}

// SummaryOf is the summary of the code. It panics for an unknown code.
func SummaryOf(code string) string { return mustLookup(code).Summary }

// AtKey is At for the key of the map element at a path.
func AtKey(code string, path cty.Path, detail string) *hcl.Diagnostic {
	d := At(code, path, detail)
	d.Extra = Extra{Code: code, Path: path, Key: true}
	return d
}

// InSource is At for a problem with a source range.
func InSource(code string, subject hcl.Range, detail string) *hcl.Diagnostic {
	d := At(code, nil, detail)
	d.Subject = subject.Ptr()
	return d
}

// PathOf returns the path of a diagnostic, or nil.
func PathOf(d *hcl.Diagnostic) cty.Path {
	if e, ok := d.Extra.(Extra); ok {
		return e.Path
	}
	return nil
}

// CauseOf returns the underlying error of a diagnostic, or nil.
func CauseOf(d *hcl.Diagnostic) error {
	if e, ok := d.Extra.(Extra); ok {
		return e.Cause
	}
	return nil
}

// CodeOf returns the code of a diagnostic, or "".
func CodeOf(d *hcl.Diagnostic) string {
	if e, ok := d.Extra.(Extra); ok {
		return e.Code
	}
	return ""
}
