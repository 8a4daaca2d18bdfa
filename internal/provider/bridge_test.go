// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"testing"

	"github.com/hashicorp/terraform-plugin-go/tftypes"
	"github.com/zclconf/go-cty/cty"
	"pgregory.net/rapid"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/jobschema"
)

// Whatever the table can hold arrives unchanged on the other side, with nulls
// and unknowns, and comes back.
func TestValuesCrossTheBridge(t *testing.T) {
	whole, ok := jobSchema(t).Schema.Type().TerraformType(t.Context()).(tftypes.Object)
	if !ok {
		t.Fatal("the resource's type is no object")
	}
	types := map[string]tftypes.Type{}
	for _, row := range jobschema.Job() {
		types[row.Name] = whole.AttributeTypes[row.Name]
	}
	as := tftypes.Object{AttributeTypes: types}
	table := jobschema.Type(jobschema.Job())
	rapid.Check(t, func(t *rapid.T) {
		want := drawObject(t, jobschema.Job())
		there, err := fromCty(want, table, as)
		if err != nil {
			t.Fatal(err)
		}
		back, err := toCty(there, as, table)
		if err != nil {
			t.Fatal(err)
		}
		if !back.RawEquals(want) {
			t.Fatalf("got %#v, want %#v", back, want)
		}
	})
}

func drawObject(t *rapid.T, rows []jobschema.Attribute) cty.Value {
	fields := map[string]cty.Value{}
	for _, row := range rows {
		switch rapid.IntRange(0, 5).Draw(t, row.Name) {
		case 0:
			fields[row.Name] = cty.NullVal(row.Type())
		case 1:
			fields[row.Name] = cty.UnknownVal(row.Type())
		default:
			fields[row.Name] = drawValue(t, row)
		}
	}
	return cty.ObjectVal(fields)
}

func drawValue(t *rapid.T, row jobschema.Attribute) cty.Value {
	text := rapid.Map(rapid.String(), cty.StringVal)
	number := rapid.Map(rapid.Int64(), cty.NumberIntVal)
	nested := rapid.Custom(func(t *rapid.T) cty.Value { return drawObject(t, row.Attributes) })
	list := func(elements *rapid.Generator[cty.Value], ty cty.Type) cty.Value {
		drawn := rapid.SliceOfN(elements, 0, 3).Draw(t, row.Name)
		if len(drawn) == 0 {
			return cty.ListValEmpty(ty)
		}
		return cty.ListVal(drawn)
	}
	mapping := func(elements *rapid.Generator[cty.Value], ty cty.Type) cty.Value {
		drawn := rapid.MapOfN(rapid.StringN(1, 8, -1), elements, 0, 3).Draw(t, row.Name)
		if len(drawn) == 0 {
			return cty.MapValEmpty(ty)
		}
		return cty.MapVal(drawn)
	}
	switch row.Kind {
	case jobschema.Int:
		return number.Draw(t, row.Name)
	case jobschema.Bool:
		return cty.BoolVal(rapid.Bool().Draw(t, row.Name))
	case jobschema.StringList:
		return list(text, cty.String)
	case jobschema.IntList:
		return list(number, cty.Number)
	case jobschema.StringMap:
		return mapping(text, cty.String)
	case jobschema.Object:
		return nested.Draw(t, row.Name)
	case jobschema.ObjectList:
		return list(nested, jobschema.Type(row.Attributes))
	case jobschema.ObjectMap:
		return mapping(nested, jobschema.Type(row.Attributes))
	case jobschema.Dynamic:
		return cty.ObjectVal(map[string]cty.Value{"a": text.Draw(t, row.Name), "b": number.Draw(t, row.Name)})
	}
	return text.Draw(t, row.Name)
}
