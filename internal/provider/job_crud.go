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
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/diag"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/engine"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/job"
)

// Create implements resource.Resource. It submits and returns. Once the record
// exists nothing is an error any more, see asWarnings.
func (r *jobResource) Create(ctx context.Context, req resource.CreateRequest, resp *resource.CreateResponse) {
	defer guard(&resp.Diagnostics, "creating", "job", req.Plan.Raw, req.Config.Raw)
	ctx, cancel := bounded(ctx, req.Plan.Raw, "create")
	defer cancel()
	d, s, diags := r.submission(req.Config.Raw, req.Plan.Raw)
	resp.Diagnostics.Append(diags...)
	e, diags := r.connection.use()
	resp.Diagnostics.Append(diags...)
	if resp.Diagnostics.HasError() {
		return
	}
	namespace, name := d.identity()
	resp.Diagnostics.Append(identify(ctx, resp.Identity, namespace, name)...)
	seen, problems := e.Create(ctx, s)
	if seen == nil {
		resp.Diagnostics.Append(d.tell(problems)...)
		return
	}
	state, diags := d.applied(req.Plan.Raw, seen, nil)
	resp.State.Raw = state
	diags.Append(remember(ctx, resp.Private, seen)...)
	diags.Append(rememberOwner(ctx, resp.Private, seen.Owner)...)
	diags.Append(d.tell(problems)...)
	resp.Diagnostics.Append(asWarnings(diags)...)
}

// Read implements resource.Resource.
func (r *jobResource) Read(ctx context.Context, req resource.ReadRequest, resp *resource.ReadResponse) {
	defer guard(&resp.Diagnostics, "reading", "job", req.State.Raw)
	_, namespace, name, ok := jobOf(req.State.Raw, &resp.Diagnostics)
	if !ok {
		return
	}
	resp.Diagnostics.Append(identify(ctx, resp.Identity, namespace, name)...)
	resp.State.Raw = r.refresh(ctx, req.State.Raw, resp.Private, &resp.Diagnostics)
}

// refresh brings a state up to date; it is null when there is no such job any
// more, and as it was when there are errors.
func (r *jobResource) refresh(ctx context.Context, state tftypes.Value, private privateStore, diagnostics *tfdiag.Diagnostics) tftypes.Value {
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
	next, err := read.merge(state)
	if err != nil {
		internalError(diagnostics, "writing the state", err)
		return state
	}
	diagnostics.Append(remember(ctx, private, seen)...)
	return next
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

// Update implements resource.Resource. When it fails Terraform keeps the state
// as it was, or what has been achieved.
func (r *jobResource) Update(ctx context.Context, req resource.UpdateRequest, resp *resource.UpdateResponse) {
	defer guard(&resp.Diagnostics, "updating", "job", req.State.Raw)
	ctx, cancel := bounded(ctx, req.Plan.Raw, "update")
	defer cancel()
	d, s, diags := r.submission(req.Config.Raw, req.Plan.Raw)
	resp.Diagnostics.Append(diags...)
	if d != nil {
		namespace, name := d.identity()
		resp.Diagnostics.Append(identify(ctx, resp.Identity, namespace, name)...)
		resp.Diagnostics.Append(sameJob(req.State.Raw, namespace+"/"+name)...)
	}
	known, diags := recall(ctx, req.State.Raw, req.Private)
	resp.Diagnostics.Append(diags...)
	s.Known = known
	s.Owner, diags = ownerToken(ctx, req.Private)
	resp.Diagnostics.Append(diags...)
	e, diags := r.connection.use()
	resp.Diagnostics.Append(diags...)
	if resp.Diagnostics.HasError() {
		return
	}
	seen, problems := e.Update(ctx, s)
	resp.Diagnostics.Append(d.tell(problems)...)
	if seen == nil {
		return
	}
	state, diags := d.applied(req.Plan.Raw, seen, known)
	resp.State.Raw = state
	resp.Diagnostics.Append(diags...)
	resp.Diagnostics.Append(remember(ctx, resp.Private, seen)...)
	resp.Diagnostics.Append(rememberOwner(ctx, resp.Private, seen.Owner)...)
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

// Delete implements resource.Resource.
func (r *jobResource) Delete(ctx context.Context, req resource.DeleteRequest, resp *resource.DeleteResponse) {
	defer guard(&resp.Diagnostics, "deleting", "job", req.State.Raw)
	ctx, cancel := bounded(ctx, req.State.Raw, "delete")
	defer cancel()
	attributes, namespace, name, ok := jobOf(req.State.Raw, &resp.Diagnostics)
	if !ok {
		return
	}
	owner, diags := ownerToken(ctx, req.Private)
	resp.Diagnostics.Append(diags...)
	e, diags := r.connection.use()
	resp.Diagnostics.Append(diags...)
	if resp.Diagnostics.HasError() {
		return
	}
	end := e.Delete
	if stringOf(attributes["on_destroy"]) == destroyKeep {
		end = e.Release
	}
	resp.Diagnostics.Append(atAttributes(end(ctx, namespace, name, owner))...)
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
