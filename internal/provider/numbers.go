// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"context"
	"math/big"

	tfdiag "github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
	"github.com/zclconf/go-cty/cty"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/diag"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/job"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/jobschema"
)

// What users write as a number has Terraform's type of any number, also where only
// whole ones make sense. The framework's own types for these refuse others before
// anybody is asked, and call that a fault of the provider.

// wholeNumber checks a number by a row, as numbers of the job language are checked.
type wholeNumber jobschema.Attribute

// whole is the check of a number between two bounds, both inclusive.
func whole(name string, least, most int64) wholeNumber {
	return wholeNumber{Name: name, Kind: jobschema.Int, Bounds: &jobschema.Bounds{Min: least, Max: most}}
}

// Description implements validator.Number.
func (wholeNumber) Description(context.Context) string { return "a whole number within bounds" }

// MarkdownDescription implements validator.Number.
func (n wholeNumber) MarkdownDescription(ctx context.Context) string { return n.Description(ctx) }

// ValidateNumber implements validator.Number.
func (n wholeNumber) ValidateNumber(_ context.Context, req validator.NumberRequest, resp *validator.NumberResponse) {
	if !req.ConfigValue.IsNull() && !req.ConfigValue.IsUnknown() {
		resp.Diagnostics.Append(n.check(req.ConfigValue.ValueBigFloat())...)
	}
}

func (n wholeNumber) check(f *big.Float) tfdiag.Diagnostics {
	return atAttributes(job.Check(jobschema.Attribute(n), cty.NumberVal(f)))
}

// checkValue is check for a value, which may be null or unknown.
func (n wholeNumber) checkValue(v tftypes.Value) tfdiag.Diagnostics {
	if v.IsNull() || !v.IsKnown() {
		return nil
	}
	f := held[big.Float](v)
	return n.check(&f)
}

// share checks a number from 0 to 1.
type share struct{}

// Description implements validator.Number.
func (share) Description(context.Context) string { return "a number from 0 to 1" }

// MarkdownDescription implements validator.Number.
func (s share) MarkdownDescription(ctx context.Context) string { return s.Description(ctx) }

// ValidateNumber implements validator.Number.
func (share) ValidateNumber(_ context.Context, req validator.NumberRequest, resp *validator.NumberResponse) {
	if req.ConfigValue.IsNull() || req.ConfigValue.IsUnknown() {
		return
	}
	f := req.ConfigValue.ValueBigFloat()
	if f.Sign() < 0 || f.Cmp(big.NewFloat(1)) > 0 {
		resp.Diagnostics.Append(fault(diag.CodeOutOfRange, path.Root("progress"),
			"\"progress\" is %s; it must be from 0 to 1.", f.Text('g', 20)))
	}
}
