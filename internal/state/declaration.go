// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package state

import (
	"errors"
	"fmt"

	"github.com/zclconf/go-cty/cty"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/job"
)

// Declaration is a job as somebody declared it: the canonical text, and what it
// says. The zero value declares nothing.
type Declaration struct {
	text string
	job  *job.Job
}

// NewDeclaration is the declaration of a value from which j was decoded. It
// fails when part of the value is unknown.
func NewDeclaration(v cty.Value, j *job.Job) (Declaration, error) {
	text, err := job.Canonical(v)
	return Declaration{string(text), j}, err
}

// Outlined is the declaration of a job of which parts are not known yet. It has no
// text.
func Outlined(j *job.Job) Declaration { return Declaration{job: j} }

// ParseDeclaration reads a canonical text.
func ParseDeclaration(text string) (Declaration, error) {
	v, err := job.ParseCanonical([]byte(text))
	if err != nil {
		return Declaration{}, err
	}
	j, diags := job.Decode(v)
	if diags.HasErrors() {
		return Declaration{}, fmt.Errorf("the recorded declaration is not valid: %w", diags)
	}
	if j == nil {
		return Declaration{}, errors.New("the recorded declaration is not complete")
	}
	return Declaration{text, j}, nil
}

// Exists tells whether anything is declared.
func (d Declaration) Exists() bool { return d.job != nil }

// Text is the canonical text, byte for byte the same for the same declaration.
func (d Declaration) Text() string { return d.text }

// Job is the declared job. Its domain is open while a query has found no bounds,
// see State.Job.
func (d Declaration) Job() *job.Job { return d.job }

// Value is the declaration as a value of the table's type.
func (d Declaration) Value() (cty.Value, error) { return job.ParseCanonical([]byte(d.text)) }
