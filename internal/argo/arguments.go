// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package argo

import (
	"fmt"
	"maps"
	"strconv"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/manifest"
)

// Arg is an argument of a Workflow to be written.
type Arg struct{ Name, Value string }

// Decimal writes a number as arguments have it.
func Decimal(n int64) string { return strconv.FormatInt(n, 10) }

// Arguments are those that a Workflow was started with.
type Arguments struct {
	Workflow string // its name
	values   map[string]string
}

// ArgumentsOf reads the arguments of a Workflow.
func ArgumentsOf(o manifest.Object) Arguments {
	a := Arguments{Workflow: o.GetName(), values: map[string]string{}}
	for _, p := range field[list](o, "spec", "arguments", "parameters") {
		m, _ := p.(map[string]any)
		name, _ := m["name"].(string)
		a.values[name], _ = m["value"].(string)
	}
	return a
}

// Text is the value of an argument; "" when there is none.
func (a Arguments) Text(name string) string { return a.values[name] }

// Has tells whether there is an argument of the name.
func (a Arguments) Has(name string) bool {
	_, found := a.values[name]
	return found
}

// Only has no other arguments than these.
func (a Arguments) Only(values map[string]string) Arguments { return Arguments{a.Workflow, values} }

// Integers reads arguments that are decimal integers.
func (a Arguments) Integers(names ...string) ([]int64, error) {
	out := make([]int64, len(names))
	for i, name := range names {
		n, err := strconv.ParseInt(a.values[name], 10, 64)
		if err != nil {
			return nil, a.Foreign(name)
		}
		out[i] = n
	}
	return out, nil
}

// Foreign is the error for an argument that this program did not write.
func (a Arguments) Foreign(name string) error { return Foreign(a.Workflow, name, a.values[name]) }

// Foreign is the error for a value in a Workflow that this program did not write.
func Foreign(workflow, argument, value string) error {
	return fmt.Errorf("Workflow %s was not made by this program, or was changed by hand: "+
		"its argument %q has the value %q. "+
		"What it did cannot be told from its status; delete it and plan again", workflow, argument, value)
}

// WithArguments is a run with the arguments of another one.
func WithArguments(run, other manifest.Object) manifest.Object {
	changed := maps.Clone(field[node](run, "spec"))
	changed["arguments"] = field[node](other, "spec")["arguments"]
	out := &unstructured.Unstructured{Object: maps.Clone(run.Object)}
	out.Object["spec"] = changed
	return out
}
