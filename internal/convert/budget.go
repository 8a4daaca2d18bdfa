// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package convert

import (
	"fmt"

	"github.com/hashicorp/hcl/v2"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/diag"
)

// Limits of one conversion. See
// internal/decisions/0041-evaluation-has-a-budget.md. Manifests of people stay far below them.
const (
	// maxBytes limits a file. The cluster takes no object of more than 1.5 MB.
	maxBytes = 2 << 20
	// maxWork limits how often values of manifests are looked at. Templates that call
	// each other twice double it at every level.
	maxWork = 5_000_000
	// bytesPerLook is how many bytes are searched in the time of one look.
	bytesPerLook = 256
)

// budget limits the work of one conversion.
type budget struct{ left int }

// exhausted unwinds from the conversion.
type exhausted struct{ at hcl.Range }

// spend takes looks at a value.
func (v value) spend(n int) {
	if v.in.budget.left -= n; v.in.budget.left < 0 {
		v.in.budget.left = maxWork // for the position
		panic(exhausted{v.rng()})
	}
}

// within reports a conversion that has taken too much.
func within(convert func() (Result, hcl.Diagnostics)) (r Result, diags hcl.Diagnostics) {
	defer func() {
		switch e := recover().(type) {
		case nil:
		case exhausted:
			r.File, diags = nil, hcl.Diagnostics{diag.InSource(diag.CodeManifestLarge, e.at,
				"Converting the files up to this value takes too long. Pass fewer or smaller manifests, or only the templates "+
					"that the fan-out uses.")}
		default:
			panic(e)
		}
	}()
	return convert()
}

// tooLarge reports a file that is not read.
func tooLarge(in Input) *hcl.Diagnostic {
	src := &source{name: in.Name, bytes: in.Bytes, budget: &budget{left: maxWork}}
	return diag.InSource(diag.CodeManifestLarge, src.position(1, 1, 0), fmt.Sprintf(
		"The file has %d bytes; the maximum is %d. Pass only the manifests of the workflow.", len(in.Bytes), maxBytes))
}
