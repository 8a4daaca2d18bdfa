// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"reflect"

	tfdiag "github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/decide"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/engine"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/observe"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/state"
)

// applying is one apply of a job: what Terraform hands over, and what becomes of it.
// The configuration is not part of it: what is to be done is what was planned, and
// with ignore_changes the two differ.
// See internal/decisions/0036-an-apply-does-what-the-plan-showed.md.
type applying struct {
	plan            tftypes.Value
	state           tftypes.Value // as it was before, and then as it is
	private         privateValues
	namespace, name string // of the job, once they are known
	diags           tfdiag.Diagnostics
}

// create submits and returns. Once the record exists nothing is an error any
// more, see asWarnings.
func (r *jobResource) create(ctx context.Context, a *applying) {
	defer guard(&a.diags, "creating", "job", a.plan)
	ctx, ended := bounded(ctx, a.plan, "create", &a.diags)
	defer ended()
	d, s := r.submission(ctx, a)
	e := r.connection.use(&a.diags)
	if a.diags.HasError() {
		return
	}
	seen, problems := e.Create(ctx, s)
	if seen == nil {
		a.diags.Append(d.tell(problems)...)
		return
	}
	diags := a.applied(d, seen, nil)
	diags.Append(d.tell(problems)...)
	a.diags.Append(asWarnings(diags)...)
}

// refresh brings a state up to date; it is null when there is no such job any
// more, and as it was when there are errors.
func (r *jobResource) refresh(
	ctx context.Context, prior tftypes.Value, private privateValues, diagnostics *tfdiag.Diagnostics,
) (next tftypes.Value) {
	next = prior // where it panics
	defer guard(diagnostics, "reading", "job", prior)
	ctx, ended := bounded(ctx, prior, "read", diagnostics)
	defer ended()
	attributes, namespace, name := jobOf(prior)
	known := recall(prior, private, diagnostics)
	e := r.connection.use(diagnostics)
	r.connection.noteRead(namespace, name)
	if diagnostics.HasError() {
		return prior
	}
	seen, problems := e.ObserveKnown(ctx, namespace, name, known)
	diagnostics.Append(atAttributes(problems)...)
	if diagnostics.HasError() {
		return prior
	}
	if seen == nil {
		warnOfMove(private, namespace, name, diagnostics)
		return tftypes.NewValue(prior.Type(), nil)
	}
	diagnostics.Append(atAttributes(observe.Troubles(seen))...)
	found, err := refreshed(attributes, prior.Type(), seen, known)
	if err != nil {
		internalError(diagnostics, fmt.Sprintf("reading the record of job %s/%s", namespace, name), err)
		return prior
	}
	remember(private, seen, diagnostics)
	return with(prior, found)
}

// refreshed are the attributes that a read sets. Declaration and policy are
// taken from the record when they are not those that were last seen: after an
// import, when somebody else changed them, or once the bounds of a query are found.
func refreshed(prior values, resourceType tftypes.Type, seen, last *state.Observation) (values, error) {
	out := values{}
	if last.Declaration.Text() != seen.Declaration.Text() || !reflect.DeepEqual(last.Bounds, seen.Bounds) {
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
	out["next_run"], out["drift"] = nextRun(nil), listOf(seen.Drift, told)
	return out, nil
}

// redeclared are the attributes that follow from another declaration. Without
// a prior state they are the results alone.
func redeclared(prior values, resourceType tftypes.Type, seen *state.Observation) (values, error) {
	declared, err := seen.Declaration.Value()
	if err != nil {
		return nil, err
	}
	out := values{}
	if object, ok := resourceType.(tftypes.Object); ok && prior["source"].IsNull() {
		if out, err = tableAttributeValues(declared, object); err != nil {
			return nil, err
		}
	}
	preview, problems := decide.Declare(declared).Cut(seen.Bounds)
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
	ctx, ended := bounded(ctx, a.plan, "update", &a.diags)
	defer ended()
	d, s := r.submission(ctx, a)
	if d != nil && d.anotherThan(a.state) {
		a.diags.Append(unseenReplacement(a.state, d))
	}
	s.Known = recall(a.state, a.private, &a.diags)
	s.Owner = a.private.noted(privateOwner, "token", &a.diags)
	e := r.connection.use(&a.diags)
	if a.diags.HasError() {
		return
	}
	seen, problems := e.Update(ctx, s)
	a.diags.Append(d.tell(problems)...)
	if seen == nil {
		return
	}
	a.diags.Append(a.applied(d, seen, s.Known)...)
}

// delete ends a job. There is no state any more unless it fails.
func (r *jobResource) delete(ctx context.Context, a *applying) {
	defer guard(&a.diags, "deleting", "job", a.state)
	ctx, ended := bounded(ctx, a.state, "delete", &a.diags)
	defer ended()
	attributes, namespace, name := jobOf(a.state)
	owner := a.private.noted(privateOwner, "token", &a.diags)
	e := r.connection.use(&a.diags)
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

// submission is what create and update hand to the engine, of the planned job.
func (r *jobResource) submission(ctx context.Context, a *applying) (*declaration, engine.Submission) {
	d, diags := declare(ctx, a.plan)
	if d == nil && !diags.HasError() {
		internalError(&diags, "applying a job", fmt.Errorf("its declaration is not known"))
	}
	a.diags.Append(diags...)
	if d == nil {
		return nil, engine.Submission{}
	}
	a.namespace, a.name = d.identity()
	d.under(r.connection)
	next, shown := plannedNext(a.plan)
	return d, engine.Submission{
		Value:    d.value,
		Policy:   d.policy,
		Planned:  next,
		Pinned:   shown,
		Template: stringOf(attributesOf(a.plan)["template"]),
	}
}

// applied keeps what an apply has done. The state is the plan, with what it left
// unknown filled in: known parts of a plan are promises that Terraform checks.
// See internal/decisions/0038-results-are-planned.md.
func (a *applying) applied(d *declaration, seen, known *state.Observation) tfdiag.Diagnostics {
	found := d.identified()
	found["drift"] = listOf(nil, text)
	maps.Copy(found, observed(seen))
	preview, diags := d.plan(known)
	diags = diags.Errors()
	if preview == nil {
		preview = &decide.Preview{Template: seen.Template()}
	}
	maps.Copy(found, previewed(preview))
	a.state = filled(a.plan, with(a.plan, found))
	a.private.note(privateOwner, "token", seen.Owner)
	remember(a.private, seen, &diags)
	return diags
}
