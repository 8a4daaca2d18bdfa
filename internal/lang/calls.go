// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package lang

import (
	"errors"
	"fmt"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/ext/customdecode"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/funcs"
)

// meteredFunction draws on the budget before and after a call. Its result has no
// type of its own, so that the function determines it once.
func (b *budget) meteredFunction(f funcs.Function) function.Function {
	inner := f.Impl
	spec := &function.Spec{
		Type: function.StaticReturnType(cty.DynamicPseudoType),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
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
func anyValue(p function.Parameter) function.Parameter {
	p.AllowNull, p.AllowUnknown, p.AllowDynamicType, p.AllowMarked = true, true, true, true
	return p
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
	begin, matches := processorTime(), 0
	cost, finished := funcs.CostOfMatches(name, args, func() bool {
		const asked = 256 // asking takes longer than a short match
		matches++
		return matches%asked != 0 || b.ctx.Err() == nil && processorTime()-begin < b.matching
	})
	b.matching -= processorTime() - begin
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
