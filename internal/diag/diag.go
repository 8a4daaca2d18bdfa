// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

// Package diag holds what hcl.Diagnostics lacks: problems addressed by a
// cty.Path that an edge later resolves to a source range or a Terraform
// attribute, stable codes, a stable order, and text and JSON writers.
//
// It decides no rule about jobs and prints nothing by itself.
package diag

import (
	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"
)

// Extra is what this program attaches to hcl.Diagnostic.Extra.
type Extra struct {
	// Code is stable and listed in the troubleshooting page, e.g. "BF1203".
	Code string
	// Path is where in the job's value the problem lies; nil when the
	// diagnostic has a source range or concerns no attribute.
	Path cty.Path
	// Key tells that the key of the map's element at Path is at fault, not its
	// value.
	Key bool
	// Cause is the error that the diagnostic words, for the program itself;
	// nil when there is none.
	Cause error
}

// Error makes an error at a path of the job's value. The summary is a title
// without values; the detail says what, why and the next step.
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

// At is Error with the summary that the registry keeps for the code. It
// panics for a code that is not registered.
func At(code string, path cty.Path, detail string) *hcl.Diagnostic {
	return Error(code, path, mustLookup(code).Summary, detail)
}

// SummaryOf is the summary that the registry keeps for the code. It panics for
// a code that is not registered.
func SummaryOf(code string) string { return mustLookup(code).Summary }

// AtKey is At for the key of the map's element at a path.
func AtKey(code string, path cty.Path, detail string) *hcl.Diagnostic {
	d := At(code, path, detail)
	d.Extra = Extra{Code: code, Path: path, Key: true}
	return d
}

// InSource is At for a problem whose place in a file is known.
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

// CauseOf returns the error that a diagnostic words, or nil.
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
