// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package lang

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/diag"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/funcs"
)

// What one Load may do. See internal/decisions/0041-evaluation-has-a-budget.md. A step is about half a microsecond: an
// operator, a call, an element that is looked at, or 64 bytes of text.
const (
	maxSteps     = 2_000_000
	bytesPerStep = 64
	// maxText and maxElements limit a single value, maxDepth the lists within lists
	// in it. Values share their parts, so few bytes can hold a great many elements.
	maxText     = 4 << 20
	maxElements = 400_000
	maxDepth    = 256
	// maxDigits limits text that becomes a number.
	maxDigits = 1000
	// maxMatching limits the time that regular expressions take together: how far
	// each looks ahead cannot be known before it runs.
	maxMatching = time.Second
)

// budget limits the work of one Load. All expressions and functions of the module
// draw on it.
type budget struct {
	ctx   context.Context
	steps int64 // left
	// matching is the time left for regular expressions.
	matching time.Duration
	// failed is why everything ends, once it is set.
	failed *hcl.Diagnostic
	// where is the expression that is being evaluated; a watchdog reads it.
	where   atomic.Pointer[hcl.Range]
	metered map[hcl.Expression]*meteredExpr
	// functions are those that expressions may call.
	functions map[string]function.Function
	// secrets is true if a variable is sensitive.
	secrets bool
}

func newBudget(ctx context.Context) *budget {
	return &budget{ctx: ctx, steps: maxSteps, matching: maxMatching, metered: map[hcl.Expression]*meteredExpr{}}
}

// exceeded unwinds from HCL's evaluator, which cannot be stopped from outside.
type exceeded struct{ problem *hcl.Diagnostic }

func (b *budget) fail(problem *hcl.Diagnostic) {
	b.failed = problem
	panic(exceeded{problem})
}

// within runs something that draws on the budget, at a place, and returns why it
// ended too soon.
func (b *budget) within(rng hcl.Range, run func()) (problem *hcl.Diagnostic) {
	outer := b.where.Swap(&rng)
	defer func() {
		b.where.Store(outer)
		switch r := recover().(type) {
		case nil:
		case exceeded:
			problem = r.problem
		default:
			panic(r)
		}
	}()
	run()
	return b.failed // a function may have caught the panic
}

// spend takes steps, and ends the evaluation if none are left or nobody waits for
// it any more.
func (b *budget) spend(n int64, rng hcl.Range) {
	if b.failed != nil {
		panic(exceeded{b.failed})
	}
	if b.steps -= n; b.steps < 0 || n < 0 {
		b.fail(diag.InSource(diag.CodeSteps, b.outermost(rng), fmt.Sprintf(
			"Evaluating the files up to this expression takes more than %d steps. Loop over fewer elements, or compute the "+
				"value outside and pass it in a variable.", maxSteps)))
	}
	select {
	case <-b.ctx.Done():
		b.fail(b.timeout(rng))
	default:
	}
}

func (b *budget) timeout(rng hcl.Range) *hcl.Diagnostic {
	return diag.InSource(diag.CodeTimeout, b.outermost(rng), "Evaluating this expression takes too long, or was "+
		"interrupted. Simplify it, or compute the value outside and pass it in a variable.")
}

// outermost is the whole expression of the local value or attribute that is being
// evaluated: the place where one runs out of steps is only a part of it.
func (b *budget) outermost(rng hcl.Range) hcl.Range {
	if at := b.where.Load(); at != nil {
		return *at
	}
	return rng
}

// value checks a value that was made, and takes steps for its size. Values that are
// too large end the evaluation, because what happens to them next would look at all
// of their elements.
func (b *budget) value(v cty.Value, rng hcl.Range) {
	s := b.look(v, rng)
	if what := tooLarge(s); what != "" {
		b.fail(diag.InSource(diag.CodeHugeValue, rng, fmt.Sprintf("The value of this expression has more than %s. "+
			"Make it smaller, or pass the data to the runner in another way.", what)))
	}
	if s.Exponent > bitsPerDigit*maxExponent {
		b.fail(hugeNumber(rng))
	}
}

// look takes steps for looking at all of a value.
func (b *budget) look(v cty.Value, rng hcl.Range) funcs.Size {
	s := funcs.Measure(v, funcs.Size{Elements: maxElements, Text: maxText, Depth: maxDepth})
	b.spend(s.Elements+s.Text/bytesPerStep, rng)
	return s
}

func tooLarge(s funcs.Size) string {
	switch {
	case s.Elements > maxElements:
		return fmt.Sprintf("%d elements", maxElements)
	case s.Text > maxText:
		return fmt.Sprintf("%d bytes of text", maxText)
	case s.Depth > maxDepth:
		return fmt.Sprintf("%d levels of lists or objects within each other", maxDepth)
	}
	return ""
}

// digits refuses long text where a number is needed: reading it takes time that
// grows with the square of its length.
func (b *budget) digits(v cty.Value, rng hcl.Range) {
	v, _ = v.Unmark()
	if v.Type() == cty.String && v.IsKnown() && !v.IsNull() && len(v.AsString()) > maxDigits &&
		looksLikeNumber([]byte(v.AsString())) {
		b.fail(diag.InSource(diag.CodeHugeNumber, rng, fmt.Sprintf(
			"A text of more than %d bytes is not a number. Whole numbers in a job have at most 64 bits.", maxDigits)))
	}
}
