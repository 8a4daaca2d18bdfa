// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package funcs_test

import (
	"testing"

	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"
	"pgregory.net/rapid"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/funcs"
)

// Convert is cty's conversion, only faster.
func TestConvertIsTheConversionOfCty(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v, want := someValue(t, 3), someType(t, 3)
		expected, problem := convert.Convert(v, want)
		got, err := funcs.Convert(v, want, func(int64) {})
		switch {
		case (problem == nil) != (err == nil):
			t.Fatalf("%#v to %#v: got %v, want %v", v, want, err, problem)
		case err == nil && !got.RawEquals(expected):
			t.Fatalf("%#v to %#v: got %#v, want %#v", v, want, got, expected)
		}
	})
}

// A hundred thousand elements would take minutes.
func TestLongListsAreConvertedInLinearTime(t *testing.T) {
	const length = 100_000
	numbers := make([]cty.Value, length)
	for i := range numbers {
		numbers[i] = cty.NumberIntVal(int64(i))
	}
	v := cty.TupleVal(numbers)
	for _, want := range []cty.Type{
		cty.List(cty.DynamicPseudoType), cty.Set(cty.DynamicPseudoType), cty.List(cty.String), cty.Set(cty.Number),
	} {
		steps := int64(0)
		got, err := funcs.Convert(v, want, func(n int64) { steps += n })
		if err != nil || got.LengthInt() != length || steps > 20*length {
			t.Errorf("%#v: %v, %d steps", want, err, steps)
		}
	}
	steps := int64(0)
	a, b := funcs.Unify(v, cty.TupleVal([]cty.Value{cty.StringVal("x")}), func(n int64) { steps += n })
	if !a.Type().Equals(cty.List(cty.String)) || !b.Type().Equals(cty.List(cty.String)) || steps > 20*length {
		t.Errorf("got %s and %s after %d steps", a.Type().FriendlyName(), b.Type().FriendlyName(), steps)
	}
}

// Where cty compares all types with each other, that is paid for.
func TestTypesThatDifferCostTheSquareOfTheirNumber(t *testing.T) {
	const length = 10_000
	elements := make([]cty.Value, length)
	for i := range elements {
		elements[i] = cty.NumberIntVal(1)
	}
	type stop struct{}
	defer func() {
		if r := recover(); r != (stop{}) {
			t.Errorf("got %v", r)
		}
	}()
	steps := int64(0)
	_, err := funcs.Convert(cty.TupleVal([]cty.Value{cty.TupleVal(elements), cty.TupleVal(elements[1:])}),
		cty.List(cty.DynamicPseudoType), func(n int64) {
			if steps += n; steps > 1_000_000 {
				panic(stop{})
			}
		})
	t.Errorf("it takes %d steps, %v", steps, err)
}

func someType(t *rapid.T, depth int) cty.Type {
	kind := rapid.IntRange(0, 9).Draw(t, "type")
	if depth == 0 {
		kind %= 4
	}
	switch kind {
	case 0:
		return cty.String
	case 1:
		return cty.Number
	case 2:
		return cty.Bool
	case 3:
		return cty.DynamicPseudoType
	case 4, 5:
		return cty.List(someType(t, depth-1))
	case 6:
		return cty.Set(someType(t, depth-1))
	case 7:
		return cty.Map(someType(t, depth-1))
	case 8:
		return cty.Tuple([]cty.Type{someType(t, depth-1), someType(t, depth-1)})
	}
	return cty.ObjectWithOptionalAttrs(map[string]cty.Type{"a": someType(t, depth-1), "b": someType(t, depth-1)},
		[]string{"b"})
}

func someValue(t *rapid.T, depth int) cty.Value {
	kind := rapid.IntRange(0, 13).Draw(t, "value")
	if depth == 0 {
		kind %= 8
	}
	if kind < 8 {
		return []cty.Value{
			cty.StringVal("x"), cty.StringVal("1"), cty.NumberIntVal(2), cty.True, cty.NullVal(cty.String),
			cty.UnknownVal(cty.Number), cty.NullVal(cty.DynamicPseudoType), cty.StringVal("m").Mark("secret"),
		}[kind]
	}
	elements := []cty.Value{}
	for range rapid.IntRange(0, 3).Draw(t, "length") {
		elements = append(elements, someValue(t, depth-1))
	}
	members := map[string]cty.Value{}
	for i, e := range elements {
		members[string(rune('a'+i))] = e
	}
	switch {
	case kind == 8 && len(elements) > 0 && cty.CanListVal(elements):
		return cty.ListVal(elements)
	case kind == 9 && len(elements) > 0 && cty.CanSetVal(elements):
		return cty.SetVal(elements)
	case kind == 10 && len(elements) > 0 && cty.CanMapVal(members):
		return cty.MapVal(members)
	case kind == 11:
		return cty.ObjectVal(members)
	}
	return cty.TupleVal(elements)
}
