// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package funcs

import (
	"errors"
	"maps"
	"slices"

	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"
)

// comparisonsPerStep is how many pairs of types cty compares in the time of a step.
const comparisonsPerStep = 125

// maxForMessage limits the steps that a better message may take.
const maxForMessage = 1000

// StepsOfNumber is how many steps it takes to write a number as text.
const StepsOfNumber = 12

// Convert is cty's conversion for values with many elements. To find the type that
// all elements of a tuple have in common, cty compares each with all others, also
// where the type is given, and so a hundred thousand numbers take a minute. This
// asks cty about one element of each type, and spends steps for it.
func Convert(v cty.Value, want cty.Type, spend func(steps int64)) (cty.Value, error) {
	out, err := conversion{spend}.value(v, want)
	if err != nil && !errors.Is(err, errDigits) && unifying(v.Type()) < maxForMessage {
		return convert.Convert(v, want) // its message says where the mistake is
	}
	return out, err
}

// Unify brings two values to the type that they have in common, if that takes much
// less than cty would take. It spends what remains to be done for cty.
func Unify(a, b cty.Value, spend func(steps int64)) (cty.Value, cty.Value) {
	if a.Type().Equals(b.Type()) {
		spend(sizeOfType(a.Type())) // cty looks at each part alone
		return a, b
	}
	c := conversion{spend}
	if lists := a.Type().IsTupleType() && b.Type().IsTupleType(); lists && long(a, b) {
		elements := append(tupleElements(a), tupleElements(b)...)
		all, err := c.elementType(elements, anyList, func(sample []cty.Value) cty.Value { return cty.TupleVal(sample) })
		if err == nil {
			convertedA, errA := c.value(a, cty.List(all))
			convertedB, errB := c.value(b, cty.List(all))
			if errA == nil && errB == nil {
				return convertedA, convertedB
			}
		}
	}
	spend(unifying(a.Type(), b.Type()))
	return a, b
}

// long is true for two tuples that cty makes a list of, because their lengths differ,
// if that takes long.
func long(a, b cty.Value) bool {
	const few = 100
	lengthA, lengthB := a.Type().Length(), b.Type().Length()
	return lengthA != lengthB && lengthA+lengthB > few && a.IsKnown() && b.IsKnown() && !a.IsNull() && !b.IsNull()
}

func tupleElements(v cty.Value) []cty.Value {
	v, _ = v.Unmark()
	return v.AsValueSlice()
}

var anyList = cty.List(cty.DynamicPseudoType)

type conversion struct{ spend func(steps int64) }

func (c conversion) value(v cty.Value, want cty.Type) (cty.Value, error) {
	if want == cty.DynamicPseudoType || v.Type().Equals(want) {
		return v, nil
	}
	v, marks := v.Unmark()
	out, err := c.plain(v, want)
	if err != nil {
		return cty.DynamicVal, err
	}
	return out.WithMarks(marks), nil
}

func (c conversion) plain(v cty.Value, want cty.Type) (cty.Value, error) {
	ty := v.Type()
	switch {
	case !v.IsKnown() || v.IsNull():
		if !want.IsPrimitiveType() {
			c.spend(unifying(ty))
		}
	case ty == cty.String && want == cty.Number && len(v.AsString()) > maxDigits:
		return cty.NilVal, errDigits
	case ty == cty.Number && want == cty.String:
		c.spend(StepsOfNumber)
	case !v.CanIterateElements() || v.LengthInt() == 0 || v.Type().IsSetType() && !v.IsWhollyKnown():
	case isList(ty) && (want.IsListType() || want.IsSetType()):
		return c.list(v.AsValueSlice(), want)
	case (ty.IsObjectType() || ty.IsMapType()) && want.IsMapType():
		return c.mapping(v.AsValueMap(), want)
	case ty.IsObjectType() && want.IsObjectType():
		return c.object(v.AsValueMap(), want)
	case ty.IsTupleType() && want.IsTupleType():
		return c.tuple(v.AsValueSlice(), want)
	case !want.IsPrimitiveType():
		c.spend(unifying(ty))
	}
	return convert.Convert(v, want)
}

func isList(ty cty.Type) bool { return ty.IsTupleType() || ty.IsListType() || ty.IsSetType() }

func (c conversion) list(elements []cty.Value, want cty.Type) (cty.Value, error) {
	element, err := c.elementType(elements, want, func(sample []cty.Value) cty.Value { return cty.TupleVal(sample) })
	if err != nil {
		return cty.NilVal, err
	}
	for i := range elements {
		if elements[i], err = c.value(elements[i], element); err != nil {
			return cty.NilVal, err
		}
	}
	if want.IsListType() {
		if !cty.CanListVal(elements) {
			return cty.NilVal, errElements
		}
		return cty.ListVal(elements), nil
	}
	if !cty.CanSetVal(elements) {
		return cty.NilVal, errElements
	}
	c.spend(collisions(elements))
	return cty.SetVal(elements), nil
}

func (c conversion) mapping(members map[string]cty.Value, want cty.Type) (cty.Value, error) {
	names := slices.Sorted(maps.Keys(members))
	elements := make([]cty.Value, len(names))
	for i, name := range names {
		elements[i] = members[name]
	}
	element, err := c.elementType(elements, want, func(sample []cty.Value) cty.Value {
		object := map[string]cty.Value{}
		for i, v := range sample {
			object[names[i]] = v
		}
		return cty.ObjectVal(object)
	})
	if err != nil {
		return cty.NilVal, err
	}
	for _, name := range names {
		if members[name], err = c.value(members[name], element); err != nil {
			return cty.NilVal, err
		}
	}
	if !cty.CanMapVal(members) {
		return cty.NilVal, errElements
	}
	return cty.MapVal(members), nil
}

// object converts the members, and leaves to cty what is missing or superfluous.
func (c conversion) object(members map[string]cty.Value, want cty.Type) (cty.Value, error) {
	for _, name := range slices.Sorted(maps.Keys(members)) {
		if !want.HasAttribute(name) {
			continue
		}
		v, err := c.value(members[name], want.AttributeType(name))
		if err != nil {
			return cty.NilVal, err
		}
		members[name] = v
	}
	return convert.Convert(cty.ObjectVal(members), want)
}

func (c conversion) tuple(elements []cty.Value, want cty.Type) (cty.Value, error) {
	types := want.TupleElementTypes()
	for i := range elements[:min(len(elements), len(types))] {
		v, err := c.value(elements[i], types[i])
		if err != nil {
			return cty.NilVal, err
		}
		elements[i] = v
	}
	return convert.Convert(cty.TupleVal(elements), want)
}

// elementType is the type that all elements of the wanted collection get.
func (c conversion) elementType(elements []cty.Value, want cty.Type, collection func([]cty.Value) cty.Value) (cty.Type,
	error,
) {
	if !want.ElementType().HasDynamicTypes() {
		return want.ElementType(), nil
	}
	out, err := convert.Convert(collection(c.ofEachType(elements)), want)
	if err != nil {
		return cty.NilType, err
	}
	if out.Type() == cty.DynamicPseudoType {
		return cty.DynamicPseudoType, nil
	}
	return out.Type().ElementType(), nil
}

// ofEachType returns the first element of each type, and pays for what cty does with
// these.
func (c conversion) ofEachType(elements []cty.Value) []cty.Value {
	var sample []cty.Value
	compared, total := int64(0), int64(0)
	for _, e := range elements {
		size := sizeOfType(e.Type())
		if !slices.ContainsFunc(sample, func(s cty.Value) bool {
			compared += size
			return s.Type().Equals(e.Type())
		}) {
			sample = append(sample, e)
			c.spend(stepsToUnify(total+size) - stepsToUnify(total))
			total += size
		}
		c.spend(compared / comparisonsPerStep)
		compared %= comparisonsPerStep
	}
	return sample
}

func typesOf(values []cty.Value) []cty.Type {
	types := make([]cty.Type, len(values))
	for i, v := range values {
		types[i] = v.Type()
	}
	return types
}

// sizeOfType is how long it takes to compare a type with another one, where it is 1
// for those that have no parts.
func sizeOfType(ty cty.Type) int64 {
	const structure = 10 // maps are compared, or functions called
	if ty.IsPrimitiveType() {
		return 1
	}
	return structure + Measure(cty.UnknownVal(ty), unlimited).Elements
}

// unifying is how many steps it takes cty at most to find the type that some types
// have in common: it compares each part with all others.
func unifying(types ...cty.Type) int64 {
	size := int64(0)
	for _, ty := range types {
		size += sizeOfType(ty)
	}
	return stepsToUnify(size)
}

func stepsToUnify(size int64) int64 { return saturated(size, size) / (2 * comparisonsPerStep) }

var errElements = errors.New("all elements must have the same type")
