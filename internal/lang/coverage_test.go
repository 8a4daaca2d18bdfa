// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package lang_test

import (
	"context"
	"strings"
	"testing"

	"github.com/zclconf/go-cty/cty"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/jobschema"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/lang"
)

// Every attribute of the table, at any depth, is set in some case whose value is
// compared.
func TestEveryAttributeHasACase(t *testing.T) {
	set := map[string]bool{}
	// What runs once for a run has the attributes of a runner.
	runner := strings.NewReplacer("setup.", "runner.", "teardown.", "runner.")
	var visit func(prefix string, attrs []jobschema.Attribute, v cty.Value)
	visit = func(prefix string, attrs []jobschema.Attribute, v cty.Value) {
		if !v.IsKnown() || v.IsNull() {
			return
		}
		for _, a := range attrs {
			of := v.GetAttr(a.Name)
			if of.IsKnown() && of.IsNull() {
				continue
			}
			set[runner.Replace(prefix+a.Name)] = true
			switch a.Kind {
			case jobschema.Object:
				visit(prefix+a.Name+".", a.Attributes, of)
			case jobschema.ObjectList, jobschema.ObjectMap:
				for it := of.ElementIterator(); it.Next(); {
					_, e := it.Element()
					visit(prefix+a.Name+".", a.Attributes, e)
				}
			}
		}
	}
	for _, a := range archives(t, "testdata/values/*.txtar") {
		m, _ := lang.Load(context.Background(), a.sources, a.inputs)
		for _, b := range m.Bodies {
			visit("", jobschema.Job(), b.Value)
		}
	}
	var walk func(prefix string, attrs []jobschema.Attribute)
	walk = func(prefix string, attrs []jobschema.Attribute) {
		for _, a := range attrs {
			if a.Moved == "" && !set[runner.Replace(prefix+a.Name)] {
				t.Errorf("%s%s is in no case below testdata/values", prefix, a.Name)
				continue
			}
			walk(prefix+a.Name+".", a.Attributes)
		}
	}
	walk("", jobschema.Job())
}
