// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package provider

import (
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
func (r *jobResource) modify(c *change) (diags tfdiag.Diagnostics) {
	defer guard(&diags, "planning", "job", c.config, c.state)
	d := c.declared
	if d == nil {
		d, diags = declare(c.config)
	}
	if d == nil {
		return diags
	}
	d.policy.Limits = r.connection.limits()
	var known *state.Observation
	if !c.state.IsNull() {
		known = recall(c.state, c.private, &diags)
	}
	preview, problems := d.plan(known)
	diags.Append(problems...)
	diags.Append(d.tell(d.empty)...)
	if diags.HasError() {
		return diags
	}

	planned := d.identified()
	if prior := attributesOf(c.state); !c.state.IsNull() && planned["id"].IsKnown() && !prior["id"].Equal(planned["id"]) {
		c.replaces = true
		diags.Append(warnOfReplacement(prior, planned))
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

func warnOfReplacement(prior, planned values) tfdiag.Diagnostic {
	return warning(diag.CodeReplacement, path.Root("name"),
		"The job %s becomes %s, which is another job with a record of its own: nothing of it is done yet, and the %s "+
			"partitions of the old one that are done would run again. To keep what is done, leave name and namespace as "+
			"they are.",
		stringOf(prior["id"]), stringOf(planned["id"]), stringOf(prior["progress"]))
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
