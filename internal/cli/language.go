// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package cli

import (
	"github.com/terraform-backfill/terraform-provider-backfill/internal/diag"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/jobschema"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/lang"
)

type schemaCmd struct{}

// Run prints the JSON Schema.
func (schemaCmd) Run(a *app) error {
	data, err := jobschema.JSONSchema()
	if err != nil {
		return err
	}
	return a.document(data)
}

type docsCmd struct {
	Page string `arg:"" optional:"" enum:"language,errors" default:"language" help:"language: reference of the job language. errors: explanation of all error codes."`
}

// Run prints a page.
func (c docsCmd) Run(a *app) error {
	text := lang.Reference()
	if c.Page == "errors" {
		text = diag.Troubleshooting()
	}
	return a.document([]byte(text))
}
