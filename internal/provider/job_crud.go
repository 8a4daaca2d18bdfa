// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"strings"

	tfdiag "github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/diag"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/engine"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/job"
)

// applying is one apply of a job: what Terraform hands over, and what becomes of it.
type applying struct {
	config, plan    tftypes.Value
	state           tftypes.Value // as it was before, and then as it is
	private         privateStore
	namespace, name string // of the job, once they are known
	diags           tfdiag.Diagnostics
}

// create submits and returns. Once the record exists nothing is an error any
// more, see asWarnings.
func (r *jobResource) create(ctx context.Context, a *applying) {
	defer guard(&a.diags, "creating", "job", a.plan, a.config)
	ctx, cancel := bounded(ctx, a.plan, "create")
	defer cancel()
	d, s, diags := r.submission(a.config, a.plan)
	a.diags.Append(diags...)
	e, diags := r.connection.use()
	a.diags.Append(diags...)
	if a.diags.HasError() {
		return
	}
	a.namespace, a.name = d.identity()
	seen, problems := e.Create(ctx, s)
	if seen == nil {
		a.diags.Append(d.tell(problems)...)
		return
	}
	state, diags := d.applied(a.plan, seen, nil)
	a.state = state
	diags.Append(remember(ctx, a.private, seen)...)
	diags.Append(rememberOwner(ctx, a.private, seen.Owner)...)
	diags.Append(d.tell(problems)...)
	a.diags.Append(asWarnings(diags)...)
}

// refresh brings a state up to date; it is null when there is no such job any
// more, and as it was when there are errors.
func (r *jobResource) refresh(
	ctx context.Context, state tftypes.Value, private privateStore, diagnostics *tfdiag.Diagnostics,
) (next tftypes.Value) {
	next = state // where it panics
	defer guard(diagnostics, "reading", "job", state)
	ctx, cancel := bounded(ctx, state, "read")
	defer cancel()
	attributes, namespace, name, ok := jobOf(state, diagnostics)
	if !ok {
		return state
	}
	known, diags := recall(ctx, state, private)
	diagnostics.Append(diags...)
	e, diags := r.connection.use()
	diagnostics.Append(diags...)
	if diagnostics.HasError() {
		return state
	}
	seen, problems := e.ObserveKnown(ctx, namespace, name, known)
	diagnostics.Append(atAttributes(problems)...)
	if diagnostics.HasError() {
		return state
	}
	if seen == nil {
		diagnostics.Append(warnOfMove(ctx, private, namespace, name)...)
		return tftypes.NewValue(state.Type(), nil)
	}
	diagnostics.Append(atAttributes(seen.Troubles())...)
	read, err := refreshed(attributes, state.Type(), seen, known)
	if err != nil {
		internalError(diagnostics, fmt.Sprintf("reading the record of job %s/%s", namespace, name), err)
		return state
	}
	merged, err := read.merge(state)
	if err != nil {
		internalError(diagnostics, "writing the state", err)
		return state
	}
	diagnostics.Append(remember(ctx, private, seen)...)
	return merged
}

// refreshed are the attributes that a read sets. Declaration and policy are
// taken from the record when they are not those that were last seen: after an
// import, when somebody else changed them, or once the bounds of a query are found.
func refreshed(prior map[string]tftypes.Value, resourceType tftypes.Type, seen *engine.Observation, last *engine.Known) (values, error) {
	out := values{}
	if !bytes.Equal(last.Job, seen.Job) || !reflect.DeepEqual(last.Bounds, seen.Bounds) {
		var err error
		if out, err = redeclared(prior, resourceType, seen); err != nil {
			return nil, err
		}
	}
	if !reflect.DeepEqual(last.Policy, seen.Policy) {
		maps.Copy(out, policyValues(seen.Policy))
	}
	maps.Copy(out, observed(seen))
	out["id"], out["name"] = text(seen.Namespace+"/"+seen.Name), text(seen.Name)
	out["next_run"], out["drift"] = nextRun(nil), driftOf(seen.Drift)
	return out, nil
}

// redeclared are the attributes that follow from another declaration. Without
// a prior state they are the results alone.
func redeclared(prior map[string]tftypes.Value, resourceType tftypes.Type, seen *engine.Observation) (values, error) {
	declared, err := job.ParseCanonical(seen.Job)
	if err != nil {
		return nil, err
	}
	out := values{}
	if object, ok := resourceType.(tftypes.Object); ok && prior["source"].IsNull() {
		if out, err = tableAttributeValues(declared, object); err != nil {
			return nil, err
		}
	}
	preview, problems := engine.Declare(declared).Plan(&engine.Known{Bounds: seen.Bounds})
	switch {
	case problems.HasErrors():
		return nil, problems
	case preview == nil:
		return nil, errors.New("the recorded declaration is not complete")
	}
	maps.Copy(out, previewed(preview))
	return out, nil
}

// update changes a job. When it fails Terraform keeps the state as it was, or what
// has been achieved.
func (r *jobResource) update(ctx context.Context, a *applying) {
	defer guard(&a.diags, "updating", "job", a.state)
	ctx, cancel := bounded(ctx, a.plan, "update")
	defer cancel()
	d, s, diags := r.submission(a.config, a.plan)
	a.diags.Append(diags...)
	if d != nil {
		a.namespace, a.name = d.identity()
		a.diags.Append(sameJob(a.state, a.namespace+"/"+a.name)...)
	}
	known, diags := recall(ctx, a.state, a.private)
	a.diags.Append(diags...)
	s.Known = known
	s.Owner, diags = ownerToken(ctx, a.private)
	a.diags.Append(diags...)
	e, diags := r.connection.use()
	a.diags.Append(diags...)
	if a.diags.HasError() {
		return
	}
	seen, problems := e.Update(ctx, s)
	a.diags.Append(d.tell(problems)...)
	if seen == nil {
		return
	}
	state, diags := d.applied(a.plan, seen, known)
	a.state = state
	a.diags.Append(diags...)
	a.diags.Append(remember(ctx, a.private, seen)...)
	a.diags.Append(rememberOwner(ctx, a.private, seen.Owner)...)
}

// sameJob refuses an update that turns out to be about another job, because
// the name was not known while planning.
func sameJob(state tftypes.Value, id string) tfdiag.Diagnostics {
	prior, err := attributesOf(state)
	if err != nil || stringOf(prior["id"]) == id {
		return nil
	}
	return tfdiag.Diagnostics{fault(diag.CodeStalePlan, path.Root("name"),
		"The name of the job was not known while planning, and now it is %s instead of %s, which is another job. Nothing was changed. "+
			"Plan again: the new plan shows the replacement.", id, stringOf(prior["id"]))}
}

// delete ends a job. There is no state any more unless it fails.
func (r *jobResource) delete(ctx context.Context, a *applying) {
	defer guard(&a.diags, "deleting", "job", a.state)
	ctx, cancel := bounded(ctx, a.state, "delete")
	defer cancel()
	attributes, namespace, name, ok := jobOf(a.state, &a.diags)
	if !ok {
		return
	}
	owner, diags := ownerToken(ctx, a.private)
	a.diags.Append(diags...)
	e, diags := r.connection.use()
	a.diags.Append(diags...)
	if a.diags.HasError() {
		return
	}
	end := e.Delete
	if stringOf(attributes["on_destroy"]) == destroyKeep {
		end = e.Release
	}
	a.diags.Append(atAttributes(end(ctx, namespace, name, owner))...)
	if !a.diags.HasError() {
		a.state = tftypes.NewValue(a.state.Type(), nil)
	}
}

// jobOf reads the attributes of a state, and which job it is about.
func jobOf(state tftypes.Value, diags *tfdiag.Diagnostics) (attributes map[string]tftypes.Value, namespace, name string, ok bool) {
	attributes, err := attributesOf(state)
	if err != nil {
		internalError(diags, "reading the state", err)
		return nil, "", "", false
	}
	namespace, name, _ = strings.Cut(stringOf(attributes["id"]), "/")
	return attributes, namespace, name, true
}

// submission is what create and update hand to the engine.
func (r *jobResource) submission(config, plan tftypes.Value) (*declaration, engine.Submission, tfdiag.Diagnostics) {
	d, diags := declare(config)
	if d == nil {
		if !diags.HasError() {
			internalError(&diags, "applying a job", fmt.Errorf("its declaration is not known"))
		}
		return nil, engine.Submission{}, diags
	}
	d.policy.Limits = r.connection.limits()
	next, shown, err := plannedNext(plan)
	if err != nil {
		internalError(&diags, "reading the plan", err)
	}
	return d, engine.Submission{Value: d.value, Policy: d.policy, Planned: next, Pinned: shown}, diags
}

// applied is the state after an apply: the plan, with what it left unknown
// filled in. Known parts of a plan are promises that Terraform checks.
func (d *declaration) applied(plan tftypes.Value, seen *engine.Observation, known *engine.Known) (tftypes.Value, tfdiag.Diagnostics) {
	var diags tfdiag.Diagnostics
	attributes, err := attributesOf(plan)
	if err != nil {
		internalError(&diags, "reading the plan", err)
		return plan, diags
	}
	found := d.identified()
	found["drift"] = driftOf(nil)
	maps.Copy(found, observed(seen))
	preview, more := d.plan(known)
	diags.Append(more.Errors()...)
	if preview == nil {
		preview = &engine.Preview{Template: seen.Template}
	}
	maps.Copy(found, previewed(preview))
	for name, value := range found {
		if !attributes[name].IsKnown() {
			attributes[name] = value
		}
	}
	return tftypes.NewValue(plan.Type(), attributes), diags
}
