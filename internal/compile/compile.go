// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

// Package compile makes the objects of one run from a checked job, and proves
// offline that Argo and the API server will take them.
//
// It is pure. What a run is to do stands in a plan.RunSpec: NextSpec makes one
// from what remains and from where the job is between its runs, and Run lowers
// it. The same RunSpec and the same declaration give the same bytes at any later
// time, which is how drift of a run under way is found.
package compile

import (
	"fmt"
	"math"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/argo"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/argo/lower"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/check"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/diag"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/job"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/ledger"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/manifest"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/plan"
)

// Compiled is a job with one run, ready to be printed or submitted.
type Compiled struct {
	Job  *job.Job
	Spec plan.RunSpec
	Plan plan.Plan // of Spec
	// Tries identifies what the run's canary tries; "" when there is none.
	Tries string
	// Template, Data and Run are the objects in the order in which they are
	// created; nil when nothing is left to run.
	Template, Run manifest.Object
	Data          []manifest.Object
}

// Objects are the objects in the order in which they are created.
func (c *Compiled) Objects() []manifest.Object {
	if c.Run == nil {
		return nil
	}
	return append(append([]manifest.Object{c.Template}, c.Data...), c.Run)
}

// Position is where a job is between its runs.
type Position struct {
	// Tried identifies the canary that succeeded last; it does not run again.
	Tried string
	// First is the number of the first wave; 0 for 1.
	First int
	// Approved is the number of the last wave that may start.
	Approved int
}

// Ungated is the position of a job that has no run and waits for nobody.
var Ungated = Position{Approved: math.MaxInt32}

// Decode is job.Decode with those rules about a declaration that need Argo's
// types.
func Decode(v cty.Value) (*job.Job, hcl.Diagnostics) {
	j, diags := job.Decode(v)
	for _, d := range diags {
		if diag.CodeOf(d) == diag.CodeArgoOverride {
			return j, diags
		}
	}
	return j, append(diags, check.Overrides(job.RawArgo(v))...)
}

// Value checks a value of the table's type and compiles one run over what is not
// done. The result is nil when there are errors, or when something that it needs
// is unknown.
func Value(v cty.Value, done ledger.Set, run int) (*Compiled, hcl.Diagnostics) {
	j, diags := Decode(v)
	if j == nil || diags.HasErrors() {
		return nil, diags
	}
	template, err := lower.Template(j)
	if err != nil {
		return nil, append(diags, internal("lowering the template", err))
	}
	spec := NextSpec(j, template.GetName(), ledger.Full(j.Domain).Minus(done), Position{})
	spec.Number = run
	c, more := build(j, spec, template)
	if canonical, err := job.Canonical(v); c != nil && c.Run != nil && err == nil {
		argo.Declare(c.Run, canonical)
	}
	return c, append(diags, more...)
}

// Whole compiles a job whatever of it is done and whatever waits for approval: it
// shows now what a later apply would stumble over.
func Whole(j *job.Job) (*Compiled, hcl.Diagnostics) {
	template, err := lower.Template(j)
	if err != nil {
		return nil, hcl.Diagnostics{internal("lowering the template", err)}
	}
	spec := NextSpec(j, template.GetName(), ledger.Full(j.Domain), Ungated)
	spec.Number = 1
	return build(j, spec, template)
}

// NextSpec is the next run of a job over what remains. It ends at the first gate
// that is closed, so that it may have nothing to do. Its number is left to whoever
// claims the run.
func NextSpec(j *job.Job, template string, remaining ledger.Set, from Position) plan.RunSpec {
	if !j.Domain.Bounded() {
		return QuerySpec(j, template, lower.OnlyFindsBounds(j))
	}
	in := plan.Input{
		Domain:    j.Domain,
		Remaining: remaining,
		Order:     j.Order,
		ShardSize: lower.ShardSize(j),
		Canary:    j.Canary,
		Waves:     j.Waves,
		Budget:    j.Budget,
		Gates:     j.Gates,
		First:     from.First,
		Approved:  from.Approved,
	}
	if tries := Tries(j, template); tries != "" && tries == from.Tried {
		in.Canary = plan.Canary{}
	}
	spec := in.Spec()
	if spec.Until == 1 && spec.Covers.Empty() && len(in.Canary.Keys) > 0 {
		// None of the canary's keys is left: there is nothing to approve.
		in.Approved = 1
		spec = in.Spec()
	}
	spec.Template, spec.MaxParallel = template, j.MaxParallel
	return spec
}

// QuerySpec is a run that finds the bounds of the job's query, and unless it only
// does that, processes everything between them.
func QuerySpec(j *job.Job, template string, only bool) plan.RunSpec {
	return plan.RunSpec{
		Template:    template,
		Domain:      j.Domain,
		Order:       j.Order,
		ShardSize:   lower.ShardSize(j),
		Waves:       j.Waves,
		Budget:      j.Budget,
		First:       1,
		MaxParallel: j.MaxParallel,
		Query:       &plan.QuerySpec{Only: only, MaxPartitions: lower.MostPartitions(j)},
	}
}

// Run compiles one run.
func Run(j *job.Job, spec plan.RunSpec) (*Compiled, hcl.Diagnostics) {
	template, err := lower.Template(j)
	if err != nil {
		return nil, hcl.Diagnostics{internal("lowering the template", err)}
	}
	return build(j, spec, template)
}

// build compiles a run that calls a template.
func build(j *job.Job, spec plan.RunSpec, template manifest.Object) (*Compiled, hcl.Diagnostics) {
	c := &Compiled{Job: j, Spec: spec, Plan: spec.Plan()}
	if spec.Query == nil && spec.Covers.Empty() {
		return c, nil
	}
	diags := check.Places(j, c.Plan, spec)
	if diags.HasErrors() {
		return nil, diags
	}
	if spec.Query == nil {
		if len(c.Plan.Canary) > 0 {
			c.Tries = Tries(j, spec.Template)
		}
		// What would outgrow Argo is told first: so many nodes have no names that
		// keep them apart.
		if diags = check.Plan(j, c.Plan, spec.Number); diags.HasErrors() {
			return nil, diags
		}
	}
	c.Template = template
	var err error
	if c.Data, c.Run, err = Lower(j, spec); err != nil {
		return nil, hcl.Diagnostics{internal("lowering the run", err)}
	}
	diags = append(check.Objects(c.Objects()), diags...)
	if spec.Query == nil {
		diags = append(append(diags, absent(c.Plan)...), check.Creation(j, c.Plan)...)
	}
	if diags.HasErrors() {
		return nil, diags
	}
	return c, diags
}

// Lower makes the objects of a run that was checked before.
func Lower(j *job.Job, spec plan.RunSpec) (data []manifest.Object, run manifest.Object, err error) {
	objects, err := lower.Run(j, spec)
	if err != nil {
		return nil, nil, err
	}
	last := len(objects) - 1
	return objects[:last], objects[last], nil
}

// Tries identifies what a canary of the job tries: the template, and how the
// canary is chosen. It is "" for a job without one.
func Tries(j *job.Job, template string) string {
	if j.Canary.Partitions == 0 && len(j.Canary.Keys) == 0 {
		return ""
	}
	hash, err := manifest.Digest(j.Canary)
	if err != nil {
		return ""
	}
	return template + " " + hash
}

// absent warns of keys of the canary that the run does not cover.
func absent(p plan.Plan) hcl.Diagnostics {
	if len(p.Absent) == 0 {
		return nil
	}
	const most = 10
	keys := diag.List(p.Absent[:min(most, len(p.Absent))], true)
	if more := len(p.Absent) - most; more > 0 {
		keys += fmt.Sprintf(" (and %d more)", more)
	}
	left := "The canary runs without them."
	if len(p.Canary) == 0 {
		left = "No other key is left, so this run has no canary."
	}
	return hcl.Diagnostics{diag.Warning(diag.CodeCanaryKeys, cty.GetAttrPath("canary").GetAttr("keys"),
		diag.SummaryOf(diag.CodeCanaryKeys),
		fmt.Sprintf("The canary names keys that this run does not cover. They are already done, or are not partitions "+
			"of the domain: %s. %s", keys, left))}
}

func internal(doing string, err error) *hcl.Diagnostic {
	return diag.At(diag.CodeInternal, nil, fmt.Sprintf("Failure while %s: %v.", doing, err))
}

// SpecHash is the digest of the run's spec; "" when there is nothing to run.
func (c *Compiled) SpecHash() string {
	if c.Run == nil {
		return ""
	}
	return argo.SpecHash(c.Run)
}
