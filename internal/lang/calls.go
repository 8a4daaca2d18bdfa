// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package lang

import (
	"errors"
	"fmt"
	"slices"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/ext/customdecode"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/funcs"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/watch"
)

// meteredFunction draws on the budget before and after a call. Its result has no
// type of its own, so that the function determines it once.
func (b *budget) meteredFunction(f funcs.Function) function.Function {
	inner := f.Impl
	spec := &function.Spec{
		Type: function.StaticReturnType(cty.DynamicPseudoType),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			args, err := b.converted(f, args)
			if err != nil {
				return cty.NilVal, err
			}
			if err := b.call(f.Name, args); err != nil {
				return cty.NilVal, err
			}
			return inner.Call(args)
		},
	}
	for _, p := range inner.Params() {
		spec.Params = append(spec.Params, anyValue(p))
	}
	if p := inner.VarParam(); p != nil {
		v := anyValue(*p)
		spec.VarParam = &v
	}
	return function.New(spec)
}

// anyValue lets all values of a parameter's type pass: the function decides.
// Collections are converted by us: see converted.
func anyValue(p function.Parameter) function.Parameter {
	p.AllowNull, p.AllowUnknown, p.AllowDynamicType, p.AllowMarked = true, true, true, true
	if p.Type.IsCollectionType() {
		p.Type = cty.DynamicPseudoType
	}
	return p
}

// converted returns the arguments with the types of the parameters. HCL would do so
// in time that grows with the square of their length.
func (b *budget) converted(f funcs.Function, args []cty.Value) ([]cty.Value, error) {
	out := slices.Clone(args)
	for i, a := range args {
		want, converts := wanted(f, i)
		if !want.IsCollectionType() {
			continue
		}
		v, err := b.convert(a, want)
		switch {
		case err == nil:
			out[i] = v
		case converts:
			return nil, function.NewArgErrorf(i, "cannot convert %s to %s", a.Type().FriendlyName(),
				want.FriendlyNameForConstraint())
		default:
			return nil, function.NewArgError(i, err)
		}
	}
	return out, nil
}

// wanted is the type of an argument. Functions that only convert have it not in
// their parameter.
func wanted(f funcs.Function, i int) (ty cty.Type, converts bool) {
	if ty, ok := funcs.Converts(f.Name); ok {
		return ty, true
	}
	params := f.Impl.Params()
	switch p := f.Impl.VarParam(); {
	case i < len(params):
		return params[i].Type, false
	case p != nil:
		return p.Type, false
	}
	return cty.DynamicPseudoType, false
}

// convert is a conversion within the budget.
func (b *budget) convert(v cty.Value, want cty.Type) (cty.Value, error) {
	return funcs.Convert(v, want, func(steps int64) { b.spend(steps, hcl.Range{}) })
}

var (
	errMatching = errors.New("finding all matches of the regular expression takes too long")
	errText     = fmt.Errorf("the result could have more than %d bytes", maxText)
)

// call checks and charges a call before it is made. The arguments themselves have
// been charged as expressions.
func (b *budget) call(name string, args []cty.Value) error {
	for _, a := range args {
		if a.Type().IsCapsuleType() && a.Type().Equals(customdecode.ExpressionClosureType) {
			return nil // can and try: their expressions are metered
		}
	}
	cost, err := funcs.CostOf(name, args)
	if err != nil {
		return err
	}
	if err := b.charge(cost); err != nil {
		return err
	}
	begin, matches := watch.ProcessorTime(), 0
	cost, finished := funcs.CostOfMatches(name, args, func() bool {
		const asked = 256 // asking takes longer than a short match
		matches++
		return matches%asked != 0 || b.ctx.Err() == nil && watch.ProcessorTime()-begin < b.matching
	})
	b.matching -= watch.ProcessorTime() - begin
	if !finished {
		return errMatching
	}
	return b.charge(cost)
}

func (b *budget) charge(c funcs.Cost) error {
	if c.Text > maxText {
		return errText
	}
	b.spend(c.Steps+c.Text/bytesPerStep, hcl.Range{})
	return nil
}
