// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"fmt"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/diag"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/jobschema"
)

// emptyObjects warns of objects that arrive without any attribute, in Terraform's
// attributes: what was in them may have been misspelt, and Terraform has dropped it.
// See internal/decisions/0043-names-are-checked-in-the-text.md.
func emptyObjects(value cty.Value) hcl.Diagnostics {
	var diags hcl.Diagnostics
	emptyMembers(jobschema.Job(), value, nil, &diags)
	return diags
}

func emptyMembers(rows []jobschema.Attribute, of cty.Value, at cty.Path, diags *hcl.Diagnostics) {
	for _, row := range rows {
		v, at := of.GetAttr(row.Name), at.GetAttr(row.Name)
		switch {
		case v.IsNull() || !v.IsKnown():
		case row.Kind == jobschema.Object:
			emptyObject(row, v, at, diags)
		case row.Kind == jobschema.ObjectList || row.Kind == jobschema.ObjectMap:
			for it := v.ElementIterator(); it.Next(); {
				key, element := it.Element()
				emptyObject(row, element, at.Index(key), diags)
			}
		}
	}
}

func emptyObject(row jobschema.Attribute, v cty.Value, at cty.Path, diags *hcl.Diagnostics) {
	if v.IsNull() || !v.IsKnown() {
		return
	}
	if !row.Bare && isEmpty(v) {
		*diags = append(*diags, diag.Warning(diag.CodeEmptyObject, at, diag.SummaryOf(diag.CodeEmptyObject), fmt.Sprintf(
			"%[1]q arrives as an object without attributes. Terraform drops names that the provider does not have inside of an "+
				"attribute, without a message, so a misspelt name may have been lost. Check the file with "+
				"\"terraform-provider-backfill validate\", and set an attribute of %[1]q or remove it.", diag.FormatPath(at))))
		return
	}
	emptyMembers(row.Attributes, v, at, diags)
}

func isEmpty(v cty.Value) bool {
	for _, member := range v.AsValueMap() {
		if !member.IsNull() {
			return false
		}
	}
	return true
}
