// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"context"
	"fmt"
	"maps"

	"github.com/hashicorp/hcl/v2"
	tfdiag "github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/diag"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/engine"
)

// modify plans a change. It is a function of configuration, state and private
// state alone, because Terraform plans again inside the apply and compares.
func (r *jobResource) modify(ctx context.Context, c *change) (diags tfdiag.Diagnostics) {
	defer guard(&diags, "planning", "job", c.config, c.state)
	if c.declared == nil {
		c.declared, diags = declare(c.config)
	}
	if c.declared != nil {
		diags.Append(r.plan(ctx, c)...)
	}
	return diags
}

// change is what the plan of a job is made from.
type change struct {
	config   tftypes.Value
	declared *declaration  // nil where it has to be read from the configuration
	state    tftypes.Value // null for a new job
	// plan is what Terraform proposes, with everything computed unknown if and
	// only if the configuration differs from the state. It becomes what is planned.
	plan    tftypes.Value
	private privateReader
	// replaces tells that another job takes the place of this one.
	replaces bool
}

func (r *jobResource) plan(ctx context.Context, c *change) tfdiag.Diagnostics {
	var diagnostics tfdiag.Diagnostics
	d := c.declared
	d.policy.Limits = r.connection.limits()
	var known *engine.Known
	if !c.state.IsNull() {
		var diags tfdiag.Diagnostics
		known, diags = recall(ctx, c.state, c.private)
		diagnostics.Append(diags...)
	}
	preview, diags := d.plan(known)
	diagnostics.Append(diags...)
	if diagnostics.HasError() {
		return diagnostics
	}

	planned := d.identified()
	if c.replaces = replaced(c.state, planned); c.replaces {
		diagnostics.Append(warnOfReplacement(c.state, planned))
	}
	if known != nil && c.plan.Equal(c.state) && !calls(preview) {
		return diagnostics
	}
	planned["drift"] = driftOf(nil)
	for name, value := range observedNames() {
		planned[name] = tftypes.NewValue(value.Type(), tftypes.UnknownValue)
	}
	if preview != nil {
		maps.Copy(planned, previewed(preview))
	} else {
		maps.Copy(planned, d.partitions())
	}
	merged, err := planned.merge(c.plan)
	if err != nil {
		internalError(&diagnostics, "writing the plan", err)
		return diagnostics
	}
	c.plan = merged
	return diagnostics
}

// calls tells whether there is something to do although the configuration is
// the same.
func calls(p *engine.Preview) bool {
	return p != nil && (p.Next != nil || len(p.Heals) > 0)
}

// replaced tells whether the declaration names another job than the state.
func replaced(state tftypes.Value, planned values) bool {
	if state.IsNull() {
		return false
	}
	prior, err := attributesOf(state)
	return err == nil && planned["id"].IsKnown() && !prior["id"].Equal(planned["id"])
}

func warnOfReplacement(state tftypes.Value, planned values) tfdiag.Diagnostic {
	prior, _ := attributesOf(state) // replaced has read it
	d := diag.At(diag.CodeReplacement, nil, fmt.Sprintf(
		"The job %s becomes %s, which is another job with a record of its own: nothing of it is done yet, and the %s partitions of the old one that are done "+
			"would run again. To keep what is done, leave name and namespace as they are.",
		stringOf(prior["id"]), stringOf(planned["id"]), stringOf(prior["progress"])))
	d.Severity = hcl.DiagWarning
	return convert(d, path.Root("name"), d.Detail)
}

// plannedNext is what the plan showed to be submitted, nil for nothing; shown
// is false when it was not known while planning.
func plannedNext(plan tftypes.Value) (next *engine.NextRun, shown bool, err error) {
	attributes, err := attributesOf(plan)
	if err != nil {
		return nil, false, err
	}
	planned := attributes["next_run"]
	if planned.IsNull() || !planned.IsKnown() {
		return nil, planned.IsKnown(), nil
	}
	parts, err := attributesOf(planned)
	if err != nil {
		return nil, false, err
	}
	return &engine.NextRun{
		Because:    stringOf(parts["because"]),
		Intervals:  stringOf(parts["intervals"]),
		Template:   stringOf(parts["template"]),
		Partitions: intOf(parts["partitions"]),
		Asks:       parts["partitions"].IsNull(),
	}, true, nil
}
