// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"context"
	"fmt"
	"strings"
	"sync"

	"github.com/hashicorp/hcl/v2"
	tfdiag "github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
	"github.com/zclconf/go-cty/cty"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/decide"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/diag"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/job"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/jobschema"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/lang"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/state"
)

// declaration is a job as a configuration or a plan declares it, in either form.
type declaration struct {
	// value is of the table's type and may hold unknowns.
	value  cty.Value
	job    *decide.Declared // the value, read
	policy state.Policy
	// policyKnown is false while a part of the policy is unknown.
	policyKnown bool
	// empty warns of objects that arrive empty.
	empty hcl.Diagnostics
	// tell addresses problems of the value to the user's text.
	tell func(hcl.Diagnostics) tfdiag.Diagnostics
}

// declare reads a configuration, or what was planned of it. It returns nil when
// there is no declaration to check: because of the errors returned, or because it is
// not known yet.
func declare(ctx context.Context, object tftypes.Value) (*declaration, tfdiag.Diagnostics) {
	attributes := attributesOf(object)
	diags := checkForms(attributes)
	if diags.HasError() {
		return nil, diags
	}
	policy, policyKnown, more := policyOf(attributes)
	diags.Append(more...)
	d, more := declareJob(ctx, attributes)
	diags.Append(more...)
	if d == nil || diags.HasError() {
		return nil, diags
	}
	d.job, d.policy, d.policyKnown = decide.Declare(d.value), policy, policyKnown
	return d, diags
}

// under completes the declaration with what the provider says for all of its jobs.
func (d *declaration) under(c *connection) {
	d.policy.Limits = c.limits()
	id := c.instanceID()
	if id.IsNull() || !d.value.GetAttr(instanceID).IsNull() {
		return
	}
	attributes := d.value.AsValueMap()
	attributes[instanceID] = id
	d.value = cty.ObjectVal(attributes)
	d.job = decide.Declare(d.value)
}

func declareJob(ctx context.Context, attributes values) (*declaration, tfdiag.Diagnostics) {
	if !attributes["source"].IsNull() {
		return declareSource(ctx, attributes)
	}
	var diags tfdiag.Diagnostics
	value, err := tableValue(attributes)
	if err != nil {
		internalError(&diags, "reading the configuration", err)
		return nil, diags
	}
	return &declaration{value: value, tell: atAttributes, empty: emptyObjects(value)}, diags
}

// checkForms demands exactly one of the two forms. The name is of both: with source
// it is what a plan has read from there, and what ignore_changes then keeps.
func checkForms(attributes values) (diags tfdiag.Diagnostics) {
	written := ""
	for _, row := range jobschema.Job() {
		if attributes[row.Name].IsNull() || row.Name == "name" && !attributes["source"].IsNull() {
			continue
		}
		written = row.Name
		if !attributes["source"].IsNull() {
			diags.Append(fault(diag.CodeTwoDeclarations, path.Root(row.Name),
				"The job is declared by source, so %s has to be set there. Remove %s here, or remove source.", row.Name, row.Name))
		}
	}
	if !attributes["source"].IsNull() {
		return diags
	}
	for _, name := range []string{"job", "variables"} {
		if !attributes[name].IsNull() {
			diags.Append(fault(diag.CodeWithoutSource, path.Root(name),
				"%s belongs to source, which is not set. Remove it, or set source to the text of a job file.", name))
		}
	}
	if written == "" {
		diags.Append(fault(diag.CodeNoDeclaration, path.Empty(),
			"The resource declares no job. Set name, partition and runner, or set source to the text of a job file."))
	}
	return diags
}

// tableValue is the part of the resource that the table describes.
func tableValue(attributes values) (cty.Value, error) {
	part := values{}
	for _, row := range jobschema.Job() {
		part[row.Name] = attributes[row.Name]
	}
	object := objectOf(part)
	return toCty(object, object.Type(), jobschema.Type(jobschema.Job()))
}

// tableAttributeValues is the way back: the table's attributes of a resource
// whose type is given.
func tableAttributeValues(value cty.Value, resourceType tftypes.Object) (values, error) {
	types := map[string]tftypes.Type{}
	for _, row := range jobschema.Job() {
		types[row.Name] = resourceType.AttributeTypes[row.Name]
	}
	object, err := fromCty(value, jobschema.Type(jobschema.Job()), tftypes.Object{AttributeTypes: types})
	return attributesOf(object), err
}

func declareSource(ctx context.Context, attributes values) (*declaration, tfdiag.Diagnostics) {
	var diags tfdiag.Diagnostics
	source, wanted, variables := attributes["source"], attributes["job"], attributes["variables"]
	if !source.IsKnown() || !wanted.IsKnown() || !variables.IsKnown() {
		return nil, diags
	}
	in, err := variableValues(variables)
	if err != nil {
		diags.Append(fault(diag.CodeVariablesType, path.Root("variables"), "%v.", err))
		return nil, diags
	}
	file := lang.Source{Name: "source", Bytes: []byte(stringOf(source))}
	module, problems := lang.Load(ctx, []lang.Source{file}, lang.Inputs{Values: in})
	diags.Append(atSource(problems, module, nil)...)
	if diags.HasError() {
		return nil, diags
	}
	body := pick(module.Bodies, stringOf(wanted), &diags)
	if body == nil {
		return nil, diags
	}
	d := &declaration{
		value: body.Value,
		tell: func(problems hcl.Diagnostics) tfdiag.Diagnostics {
			return atSource(problems, module, body.Origin)
		},
	}
	if written := stringOf(attributes["name"]); written != "" && written != body.Name {
		diags.Append(fault(diag.CodeTwoDeclarations, path.Root("name"),
			"The job is declared by source, and its name there is %q, not %q. Remove name here, also from ignore_changes, "+
				"or correct one of the two.", body.Name, written))
		return nil, diags
	}
	return d, diags
}

func variableValues(v tftypes.Value) (map[string]cty.Value, error) {
	if v.IsNull() {
		return nil, nil
	}
	value, err := toCty(v, tftypes.DynamicPseudoType, cty.DynamicPseudoType)
	if err != nil {
		return nil, err
	}
	if ty := value.Type(); !ty.IsObjectType() && !ty.IsMapType() {
		return nil, fmt.Errorf("variables takes an object such as { last_id = 100 }, not %s", ty.FriendlyName())
	}
	return value.AsValueMap(), nil
}

// pick finds the job that is meant.
func pick(bodies []lang.Body, name string, diags *tfdiag.Diagnostics) *lang.Body {
	names := []string{}
	for i := range bodies {
		if bodies[i].Name == name || name == "" && len(bodies) == 1 {
			return &bodies[i]
		}
		names = append(names, bodies[i].Name)
	}
	if name == "" {
		diags.Append(fault(diag.CodeManyJobs, path.Root("source"),
			"The source declares the jobs %s, and one resource is one job. Set job to one of these names.",
			strings.Join(names, ", ")))
		return nil
	}
	diags.Append(fault(diag.CodeUnknownJob, path.Root("job"),
		"The source declares no job %q, but %s. Correct the name.", name, strings.Join(names, ", ")))
	return nil
}

// plan asks the engine what applying the declaration would do. The preview is
// nil when there are errors or something is not known yet.
func (d *declaration) plan(known *state.Observation) (*decide.Preview, tfdiag.Diagnostics) {
	if !d.policyKnown {
		_, problems := d.job.Plan(known)
		return nil, d.tell(problems)
	}
	preview, problems := d.job.PlanWith(d.policy, known)
	return preview, d.tell(problems)
}

// partitions are the results that follow from the partition block alone: they
// can be planned while, say, the image is unknown.
func (d *declaration) partitions() values {
	dom, _, ok := job.Domain(d.value)
	if !ok {
		return nil
	}
	out := values{"partition_count": noNumber(), "first_partition": orNull(""), "last_partition": orNull("")}
	if dom.Bounded() {
		count := dom.Count()
		out["partition_count"] = number(count)
		out["first_partition"], out["last_partition"] = text(dom.Key(dom.At(0))), text(dom.Key(dom.At(count-1)))
	}
	return out
}

// identity is the namespace and name of the job; "" where not known yet.
func (d *declaration) identity() (namespace, name string) {
	of := func(attribute string) string {
		v := d.value.GetAttr(attribute)
		switch {
		case !v.IsKnown():
			return ""
		case v.IsNull():
			return defaultOf(attribute)
		}
		return v.AsString()
	}
	return of("namespace"), of("name")
}

// identified are the attributes that name the job.
func (d *declaration) identified() values {
	namespace, name := d.identity()
	out := values{"id": unknownOf(tftypes.String), "name": unknownOf(tftypes.String)}
	if name != "" {
		out["name"] = text(name)
	}
	if name != "" && namespace != "" {
		out["id"] = text(namespace + "/" + name)
	}
	return out
}

// mostChecked bounds the declarations that are kept. Terraform has checked ten
// that it has not planned yet, unless it was told to do more at a time, and
// forgotten ones are read again.
const mostChecked = 64

// declarations hands what was checked to the plan, which Terraform asks for next
// with the same bytes, so that a job is compiled once for both.
type declarations struct {
	mu   sync.Mutex
	kept map[string]*declaration // by configuration as sent
}

func (c *declarations) keep(wire *tfprotov6.DynamicValue, d *declaration) {
	if len(wire.MsgPack) == 0 {
		return // sent as JSON, by which it is not kept
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.kept == nil || len(c.kept) >= mostChecked {
		c.kept = map[string]*declaration{}
	}
	c.kept[string(wire.MsgPack)] = d
}

// take is nil for what was not kept. A declaration is taken once, because a plan
// completes it.
func (c *declarations) take(wire *tfprotov6.DynamicValue) *declaration {
	c.mu.Lock()
	defer c.mu.Unlock()
	d := c.kept[string(wire.MsgPack)]
	delete(c.kept, string(wire.MsgPack))
	return d
}
