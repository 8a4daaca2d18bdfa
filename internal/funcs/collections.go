// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package funcs

import (
	"errors"
	"maps"
	"slices"

	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"
	"github.com/zclconf/go-cty/cty/function"
)

// coalesce skips empty texts as well as nulls, as Terraform's does.
var coalesce = function.New(&function.Spec{
	VarParam: &function.Parameter{
		Name:             "values",
		Type:             cty.DynamicPseudoType,
		AllowNull:        true,
		AllowUnknown:     true,
		AllowDynamicType: true,
	},
	Type: func(args []cty.Value) (cty.Type, error) {
		types := make([]cty.Type, len(args))
		for i, a := range args {
			types[i] = a.Type()
		}
		common, _ := convert.UnifyUnsafe(types)
		if common == cty.NilType {
			return cty.NilType, errors.New("all arguments must have the same type")
		}
		return common, nil
	},
	Impl: func(args []cty.Value, common cty.Type) (cty.Value, error) {
		for _, a := range args {
			v, err := convert.Convert(a, common)
			switch {
			case err != nil:
				return cty.NilVal, err
			case !v.IsKnown():
				return cty.UnknownVal(common), nil // it may be the first, or not
			case !v.IsNull() && !(v.Type() == cty.String && v.AsString() == ""):
				return v, nil
			}
		}
		return cty.NilVal, errors.New("every argument is null or an empty text")
	},
})

// matchKeys selects elements by keys at the same position.
var matchKeys = function.New(&function.Spec{
	Params: []function.Parameter{
		{Name: "values", Type: cty.List(cty.DynamicPseudoType)}, {Name: "keys", Type: cty.List(cty.DynamicPseudoType)},
		{Name: "wanted", Type: cty.List(cty.DynamicPseudoType)},
	},
	Type: func(args []cty.Value) (cty.Type, error) {
		if common, _ := convert.UnifyUnsafe([]cty.Type{args[1].Type(), args[2].Type()}); common == cty.NilType {
			return cty.NilType, function.NewArgErrorf(2, "must have the same type as the keys")
		}
		return args[0].Type(), nil
	},
	Impl: func(args []cty.Value, result cty.Type) (cty.Value, error) {
		if !args[0].IsWhollyKnown() || !args[1].IsWhollyKnown() || !args[2].IsWhollyKnown() {
			return cty.UnknownVal(result), nil
		}
		values, keys := args[0].AsValueSlice(), args[1].AsValueSlice()
		if len(values) != len(keys) {
			return cty.NilVal, function.NewArgErrorf(1, "must have as many elements as the values: %d, not %d", len(values),
				len(keys))
		}
		var picked []cty.Value
		for i, key := range keys {
			if slices.ContainsFunc(args[2].AsValueSlice(), func(wanted cty.Value) bool { return same(key, wanted) }) {
				picked = append(picked, values[i])
			}
		}
		if len(picked) == 0 {
			return cty.ListValEmpty(result.ElementType()), nil
		}
		return cty.ListVal(picked), nil
	},
})

// same compares two values in their common type.
func same(a, b cty.Value) bool {
	common, _ := convert.UnifyUnsafe([]cty.Type{a.Type(), b.Type()})
	if common == cty.NilType {
		return false
	}
	a, errA := convert.Convert(a, common)
	b, errB := convert.Convert(b, common)
	return errA == nil && errB == nil && a.RawEquals(b)
}

// transpose maps each element to the keys of the lists that have it, sorted.
var transpose = function.New(&function.Spec{
	Params: []function.Parameter{{Name: "map", Type: cty.Map(cty.List(cty.String))}},
	Type:   function.StaticReturnType(cty.Map(cty.List(cty.String))),
	Impl: func(args []cty.Value, result cty.Type) (cty.Value, error) {
		if !args[0].IsWhollyKnown() {
			return cty.UnknownVal(result), nil
		}
		keys := map[string][]cty.Value{}
		lists := args[0].AsValueMap()
		for _, key := range slices.Sorted(maps.Keys(lists)) {
			if lists[key].IsNull() {
				return cty.NilVal, function.NewArgErrorf(0, "must not contain a null list")
			}
			for _, element := range lists[key].AsValueSlice() {
				if element.IsNull() {
					return cty.NilVal, function.NewArgErrorf(0, "must not contain a list with a null element")
				}
				keys[element.AsString()] = append(keys[element.AsString()], cty.StringVal(key))
			}
		}
		if len(keys) == 0 {
			return cty.MapValEmpty(cty.List(cty.String)), nil
		}
		out := make(map[string]cty.Value, len(keys))
		for element, of := range keys {
			out[element] = cty.ListVal(of)
		}
		return cty.MapVal(out), nil
	},
})

// distinct finds equal elements by their hashes. Comparing each with all others
// would take minutes for long lists.
var distinct = function.New(&function.Spec{
	Params: []function.Parameter{{Name: "list", Type: cty.List(cty.DynamicPseudoType)}},
	Type:   func(args []cty.Value) (cty.Type, error) { return args[0].Type(), nil },
	Impl: func(args []cty.Value, result cty.Type) (cty.Value, error) {
		if !args[0].IsWhollyKnown() {
			return cty.UnknownVal(result), nil
		}
		seen := map[int][]cty.Value{}
		var out []cty.Value
		for _, e := range args[0].AsValueSlice() {
			hash := e.Hash()
			if slices.ContainsFunc(seen[hash], e.RawEquals) {
				continue
			}
			seen[hash] = append(seen[hash], e)
			out = append(out, e)
		}
		if len(out) == 0 {
			return cty.ListValEmpty(result.ElementType()), nil
		}
		return cty.ListVal(out), nil
	},
})
