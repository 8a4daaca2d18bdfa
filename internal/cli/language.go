// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package cli

import (
	"io"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/jobschema"
)

type schemaCmd struct{}

// Run prints the JSON Schema.
func (schemaCmd) Run(a *app) error {
	data, err := jobschema.JSONSchema()
	if err != nil {
		return err
	}
	_, err = a.Stdout.Write(data)
	return err
}

type docsCmd struct{}

// Run prints the reference.
func (docsCmd) Run(a *app) error {
	_, err := io.WriteString(a.Stdout, jobschema.Reference())
	return err
}
