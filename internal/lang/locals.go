// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package lang

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/diag"
)

// maxLocalDepth limits the length of a chain of local values.
const maxLocalDepth = 1000

// local is one named expression.
type local struct {
	name      string
	nameRange hcl.Range
	expr      hcl.Expression
	state     localState
	value     cty.Value
}

type localState int

const (
	waiting localState = iota
	evaluating
	done
)

// localRoot evaluates local values on first use.
type localRoot struct {
	l     *loader
	stack []*local
}

func (r *localRoot) names() []string { return slices.Sorted(maps.Keys(r.l.locals)) }

func (r *localRoot) missing(name string) (code, detail string) {
	return diag.CodeUnknownRef, fmt.Sprintf("There is no local value %q.%s Correct the name, or define it in a locals "+
		"block.", name, diag.DidYouMean(name, r.names()))
}

func (r *localRoot) get(name string) (cty.Value, bool) {
	x, ok := r.l.locals[name]
	if !ok {
		return cty.DynamicVal, false
	}
	switch x.state {
	case done:
		return x.value, true
	case evaluating:
		r.reportCycle(x)
		return cty.DynamicVal, true
	}
	if len(r.stack) >= maxLocalDepth {
		r.l.report(diag.CodeNesting, x.nameRange, "More than %d local values depend on each other in a chain here. Use "+
			"fewer steps.", maxLocalDepth)
		return cty.DynamicVal, true
	}
	x.state = evaluating
	r.stack = append(r.stack, x)
	value, diags := r.l.scope.evaluate(x.expr, false)
	r.stack = r.stack[:len(r.stack)-1]
	x.state = done
	r.l.diags = append(r.l.diags, diags...)
	x.value = value
	if diags.HasErrors() {
		x.value = cty.DynamicVal
	}
	return x.value, true
}

func (r *localRoot) reportCycle(x *local) {
	trail := r.stack[slices.Index(r.stack, x):]
	var steps []string
	for _, step := range append(slices.Clone(trail), x) {
		steps = append(steps, fmt.Sprintf("local.%s (%s:%d)", step.name, step.nameRange.Filename, step.nameRange.Start.Line))
	}
	r.l.report(diag.CodeCycle, x.nameRange, "The value of local.%s depends on itself: %s. Define one of them without "+
		"the others.", x.name, strings.Join(steps, " → "))
}

// declareLocals adds a locals block.
func (l *loader) declareLocals(b *hcl.Block) {
	for _, a := range l.onlyAttributes(b.Body, "A locals block") {
		if first, twice := l.locals[a.Name]; twice {
			l.report(diag.CodeDuplicateLocal, a.NameRange, "The local value %q is already defined at %s:%d. Remove one of "+
				"the two.", a.Name, first.nameRange.Filename, first.nameRange.Start.Line)
			continue
		}
		x := &local{name: a.Name, nameRange: a.NameRange, expr: a.Expr}
		l.locals[a.Name] = x
		l.localOrder = append(l.localOrder, x)
	}
}

// evaluateLocals also evaluates unused local values, to report their mistakes.
func (l *loader) evaluateLocals() {
	for _, x := range l.localOrder {
		l.scope.roots["local"].get(x.name)
	}
}
