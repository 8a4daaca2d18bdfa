// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package engine

import (
	"fmt"

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
	Job      *job.Job
	Plan     plan.Plan
	Template string            // name of the template
	Asks     bool              // the run finds the bounds of the job's query
	Canary   string            // what the canary tries, see canaryOf; "" when there is none
	Objects  []manifest.Object // template, data, run; none when nothing is left
}

// Compile checks a value of the table's type and lowers one run over what is
// not done. It needs no cluster. The result is nil when there are errors, or
// when something that it needs is unknown.
func Compile(v cty.Value, done ledger.Set, run int) (*Compiled, hcl.Diagnostics) {
	return compileValue(v, done, run, stand{})
}

// decode is job.Decode with those rules about a declaration that need Argo's
// types.
func decode(v cty.Value) (*job.Job, hcl.Diagnostics) {
	j, diags := job.Decode(v)
	for _, d := range diags {
		if diag.CodeOf(d) == diag.CodeArgoOverride {
			return j, diags
		}
	}
	return j, append(diags, check.Overrides(job.RawArgo(v))...)
}

func compileValue(v cty.Value, done ledger.Set, run int, from stand) (*Compiled, hcl.Diagnostics) {
	j, diags := decode(v)
	if j == nil || diags.HasErrors() {
		return nil, diags
	}
	c, more := compile(j, ledger.Full(j.Domain).Minus(done), run, from)
	if canonical, err := job.Canonical(v); c != nil && err == nil {
		c.inscribe(canonical)
	}
	return c, append(diags, more...)
}

// compile lowers one run over what remains.
//
// The run ends at the first gate that is closed; it may have nothing to do.
func compile(j *job.Job, remaining ledger.Set, run int, from stand) (*Compiled, hcl.Diagnostics) {
	if !j.Domain.Bounded() {
		return compileAsk(j, lower.OnlyFindsBounds(j), run)
	}
	template, err := lower.Template(j)
	if err != nil {
		return nil, hcl.Diagnostics{internal("lowering the template", err)}
	}
	c := &Compiled{Job: j, Template: template.GetName()}
	c.Plan = from.plan(j, c.Template, remaining)
	if len(c.Plan.Canary) > 0 {
		c.Canary = canaryOf(j, c.Template)
	}
	if c.Plan.Covers.Empty() {
		return c, nil
	}
	// What would outgrow Argo is told first: so many nodes have no names that
	// keep them apart.
	diags := check.Plan(j, c.Plan, run)
	if diags.HasErrors() {
		return nil, diags
	}
	objects, err := lower.Run(j, from.spec(j, c.Template, c.Plan, run))
	if err != nil {
		return nil, hcl.Diagnostics{internal("lowering the run", err)}
	}
	c.Objects = append([]manifest.Object{template}, objects...)
	diags = append(check.Objects(c.Objects), diags...)
	diags = append(append(diags, absent(c.Plan)...), check.Creation(j, c.Plan)...)
	if diags.HasErrors() {
		return nil, diags
	}
	return c, diags
}

// canaryOf stands for what a canary of the job would try: the template, and how
// the canary is chosen. It is "" for a job without one.
func canaryOf(j *job.Job, template string) string {
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
		left = "No other key is left, so that this run has no canary."
	}
	return hcl.Diagnostics{warningAt(diag.CodeCanaryKeys, cty.GetAttrPath("canary").GetAttr("keys"), "The canary names keys that this run does not cover, because they are done already or no partitions of the domain: %s. %s", keys, left)}
}

// maxDeclaration bounds the annotation with the declaration, in bytes: kubectl
// keeps a second copy of what it applies, and all annotations of an object
// together may have 256 KiB.
const maxDeclaration = 32 << 10

// inscribe notes the declaration on the run, for those who find it without a
// record.
func (c *Compiled) inscribe(canonical []byte) {
	if len(c.Objects) == 0 || len(canonical) > maxDeclaration {
		return
	}
	annotations := c.run().GetAnnotations()
	annotations[argo.AnnotationDeclaration] = string(canonical)
	c.run().SetAnnotations(annotations)
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

// specHash is that of the run; "" when there is nothing to run.
func (c *Compiled) specHash() string {
	if len(c.Objects) == 0 {
		return ""
	}
	return c.run().GetAnnotations()[argo.AnnotationSpecHash]
}

func (c *Compiled) run() manifest.Object { return c.Objects[len(c.Objects)-1] }
