// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package engine

import (
	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/argo"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/check"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/job"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/ledger"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/manifest"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/plan"
)

// Compiled is a job with one run, ready to be printed or submitted.
type Compiled struct {
	Job      *job.Job
	Plan     plan.Plan
	Template string            // name of the template
	Objects  []manifest.Object // template, data, run; none when nothing is left
}

// Compile checks a value of the table's type and lowers one run over what is
// not done. It needs no cluster. The result is nil when there are errors, or
// when something that it needs is unknown.
func Compile(v cty.Value, done ledger.Set, run int) (*Compiled, hcl.Diagnostics) {
	j, diags := job.Decode(v)
	if j == nil || diags.HasErrors() {
		return nil, diags
	}
	c, more := compile(j, ledger.Full(j.Domain).Minus(done), run)
	return c, append(diags, more...)
}

// compile lowers one run over what remains.
func compile(j *job.Job, remaining ledger.Set, run int) (*Compiled, hcl.Diagnostics) {
	template, err := argo.Template(j)
	if err != nil {
		return nil, hcl.Diagnostics{internal("lowering the template", err)}
	}
	c := &Compiled{Job: j, Plan: planned(j, remaining), Template: template.GetName()}
	if remaining.Empty() {
		return c, nil
	}
	objects, err := argo.Run(j, c.Plan, run)
	if err != nil {
		return nil, hcl.Diagnostics{internal("lowering the run", err)}
	}
	c.Objects = append([]manifest.Object{template}, objects...)
	diags := append(check.Objects(c.Objects), check.Plan(j, c.Plan, run)...)
	if diags.HasErrors() {
		return nil, diags
	}
	return c, diags
}

func planned(j *job.Job, remaining ledger.Set) plan.Plan {
	return plan.Make(plan.Input{Domain: j.Domain, Remaining: remaining, Order: j.Order, ShardSize: argo.ShardSize(j)})
}

// suspend has the run wait from its start when the job is paused.
func (c *Compiled) suspend(p Policy) {
	if p.Paused != nil && *p.Paused && len(c.Objects) > 0 {
		if spec, ok := c.run().Object["spec"].(map[string]any); ok {
			spec["suspend"] = true
		}
	}
}

// parts of a compilation, in the order in which they are created.
func (c *Compiled) template() manifest.Object { return c.Objects[0] }

func (c *Compiled) data() []manifest.Object { return c.Objects[1 : len(c.Objects)-1] }

func (c *Compiled) run() manifest.Object { return c.Objects[len(c.Objects)-1] }
