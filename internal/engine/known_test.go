// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package engine_test

import (
	"slices"
	"testing"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/compile"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/decide"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/diag"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/ledger"
)

func codes(diags hcl.Diagnostics) []string {
	var out []string
	for _, d := range diags {
		out = append(out, diag.CodeOf(d))
	}
	return out
}

// What is said in Argo's own terms is checked while other parts of the job are
// not known yet, or wrong.
func TestOverridesAreCheckedBesideWhatIsUnknownOrWrong(t *testing.T) {
	wrong := orders().with("argo", map[string]any{"workflow": map[string]any{"priority": "high"}})
	image := func(image cty.Value) cty.Value {
		m := wrong.value(t).AsValueMap()
		runner := m["runner"].AsValueMap()
		runner["image"] = image
		m["runner"] = cty.ObjectVal(runner)
		return cty.ObjectVal(m)
	}
	for name, c := range map[string]struct {
		value cty.Value
		want  []string
	}{
		"alone":   {wrong.value(t), []string{diag.CodeArgoOverride}},
		"unknown": {image(cty.UnknownVal(cty.String)), []string{diag.CodeArgoOverride}},
		"wrong":   {image(cty.StringVal(" ")), []string{diag.CodeImage, diag.CodeArgoOverride}},
		"fields":  {orders().with("argo", map[string]any{"workflow": map[string]any{"priorty": 1}}).value(t), []string{diag.CodeArgoOverride}},
	} {
		_, planned := decide.Declare(c.value).Plan(nil)
		compiled, problems := compile.Value(c.value, ledger.Set{}, 1)
		if compiled != nil {
			t.Errorf("%s: it was compiled", name)
		}
		for _, diags := range [][]string{codes(planned), codes(problems)} {
			if !slices.Equal(diags, c.want) {
				t.Errorf("%s: got %q, want %q: %v", name, diags, c.want, planned)
			}
		}
	}
}
