// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"cmp"
	"context"
	"maps"

	tfdiag "github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/argo"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/decide"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/diag"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/state"
)

// change is what the plan of a job is made from.
type change struct {
	config   tftypes.Value
	declared *declaration  // nil where it has to be read from the configuration
	state    tftypes.Value // null for a new job
	// plan is what Terraform proposes, with everything computed unknown if and
	// only if the configuration differs from the state. It becomes what is planned.
	plan    tftypes.Value
	private privateValues
	// replaces tells that another job takes the place of this one.
	replaces bool
}

// modify plans a change. It is a function of configuration, state and private
// state alone, because Terraform plans again inside the apply and compares.
// See internal/decisions/0027-planning-never-asks-the-cluster.md.
func (r *jobResource) modify(ctx context.Context, c *change) (diags tfdiag.Diagnostics) {
	defer guard(&diags, "planning", "job", c.config, c.state)
	d := c.declared
	if d == nil {
		d, diags = declare(ctx, c.config)
	}
	if d == nil {
		return diags
	}
	d.under(r.connection)
	var known *state.Observation
	if !c.state.IsNull() {
		known = recall(c.state, c.private, &diags)
	}
	preview, problems := d.plan(known)
	diags.Append(problems...)
	diags.Append(d.tell(d.empty)...)
	diags.Append(d.replacesItself(c)...)
	if diags.HasError() {
		return diags
	}

	planned := d.identified()
	if !c.state.IsNull() && d.anotherThan(c.state) {
		if _, namespace, name := jobOf(c.state); !r.connection.hasRead(namespace, name) {
			diags.Append(unseenReplacement(c.state, d))
			return diags
		}
		c.replaces = true
		diags.Append(warnOfReplacement(c.state, d))
	}
	// There may be something to do although the configuration is the same.
	idle := preview == nil || preview.Next == nil && len(preview.Repairs) == 0
	if known != nil && c.plan.Equal(c.state) && idle {
		return diags
	}
	maps.Copy(planned, foreseen(preview))
	if preview == nil {
		maps.Copy(planned, d.partitions())
	}
	c.plan = with(c.plan, planned)
	return diags
}

// foreseen are the results as the apply will leave them. What the apply returns is
// what is planned here, and the next refresh tells what has happened since.
// See internal/decisions/0038-results-are-planned.md.
func foreseen(preview *decide.Preview) values {
	planned := values{"drift": listOf(nil, text)} // the apply repairs it
	if preview != nil {
		maps.Copy(planned, previewed(preview))
		if preview.After != nil {
			maps.Copy(planned, observed(preview.After))
			return planned
		}
	}
	for name, value := range observed(&state.Observation{}) {
		planned[name] = unknownOf(value.Type())
	}
	return planned
}

// anotherThan tells whether the declaration is certainly of another job than a state:
// one of the two parts of its name may still be unknown.
func (d *declaration) anotherThan(state tftypes.Value) bool {
	namespace, name := d.identity()
	_, priorNamespace, priorName := jobOf(state)
	return name != "" && name != priorName || namespace != "" && namespace != priorNamespace
}

// unseenReplacement refuses a replacement that nobody has seen.
//
// An apply plans again, with what was not known before, and must not plan anything
// else than what was approved: Terraform would call that a bug of the provider. Such
// a plan is known by the job not having been read first, which only -refresh=false
// leaves out of a plan too.
// See internal/decisions/0036-an-apply-does-what-the-plan-showed.md.
func unseenReplacement(state tftypes.Value, d *declaration) tfdiag.Diagnostic {
	return fault(diag.CodeStalePlan, path.Root("name"),
		"The job %s would become %s, which is another job. The plan could not show this: either its name or namespace "+
			"was not known while planning, or the plan was made with -refresh=false. Nothing of the job was changed. "+
			"Plan again, without -refresh=false: the new plan shows the replacement, and what of the job is done.",
		stringOf(attributesOf(state)["id"]), describeName(d.identity()))
}

func warnOfReplacement(state tftypes.Value, d *declaration) tfdiag.Diagnostic {
	prior := attributesOf(state)
	return warning(diag.CodeReplacement, path.Root("name"),
		"The job %s becomes %s, which is another job with a record of its own: nothing of it is done yet, and the %s "+
			"partitions of the old one that are done would run again. To keep what is done, leave name and namespace as "+
			"they are.",
		stringOf(prior["id"]), describeName(d.identity()), stringOf(prior["progress"]))
}

// replacesItself warns of a job that takes its own place: by -replace, or by
// replace_triggered_by. Terraform plans it as a new one, and hands over what it has
// noted of the old one, by which it is known.
func (d *declaration) replacesItself(c *change) (diags tfdiag.Diagnostics) {
	namespace, name := d.identity()
	if !c.state.IsNull() || c.private[privateState] == nil || name == "" {
		return nil
	}
	old, err := state.DecodePrivate(namespace, name, c.private[privateState])
	if err != nil || old.Job() == nil || old.Job().Namespace != namespace || old.Job().Name != name {
		return nil // of a job that another name takes the place of
	}
	done := old.Done.Count(old.Domain())
	if done > 0 && d.policyKnown && d.policy.PreventReprocess {
		return append(diags, fault(diag.CodeReprocess, path.Empty(),
			"The plan replaces the job %s/%s by itself, by which its record is removed, and %s that are done would run again. "+
				"That is refused, because prevent_reprocess is true. Leave out the replacement (-replace, "+
				"replace_triggered_by). Terraform plans so before it destroys too: to destroy the job, run terraform destroy "+
				"with -refresh=false.",
			namespace, name, decide.Partitions(done, "")))
	}
	return append(diags, warning(diag.CodeReplacement, path.Empty(),
		"The plan replaces the job %s/%s by itself, as -replace or replace_triggered_by tell it to: its record is removed, "+
			"and all partitions run, also the %d that are done. With create_before_destroy the apply is refused. To keep "+
			"what is done, leave out the replacement.", namespace, name, done))
}

// describeName names a job of which a part of the name may be unknown.
func describeName(namespace, name string) string {
	const unknown = "(known after apply)"
	return cmp.Or(namespace, unknown) + "/" + cmp.Or(name, unknown)
}

// plannedNext is what the plan showed to be submitted, nil for nothing; shown
// is false when it was not known while planning.
func plannedNext(plan tftypes.Value) (next *decide.NextRun, shown bool) {
	planned := attributesOf(plan)["next_run"]
	if planned.IsNull() || !planned.IsKnown() {
		return nil, planned.IsKnown()
	}
	parts, run := attributesOf(planned), attributesOf(plan)
	return &decide.NextRun{
		Number:      argo.RunNumber(stringOf(run["name"]), stringOf(run["run"])),
		Because:     stringOf(parts["because"]),
		Intervals:   stringOf(parts["intervals"]),
		Template:    stringOf(parts["template"]),
		Partitions:  intOf(parts["partitions"]),
		FindsBounds: parts["partitions"].IsNull(),
	}, true
}
