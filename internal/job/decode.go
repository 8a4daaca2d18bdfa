// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package job

import (
	"fmt"
	"strings"
	"time"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/diag"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/domain"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/jobschema"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/plan"
)

// Decode checks a value of the table's type, skipping unknown parts, and returns
// the typed job. Problems carry their cty.Path (see package diag). The job is nil
// if there are errors, or if a part that it needs is unknown.
func Decode(v cty.Value) (*Job, hcl.Diagnostics) {
	d := &decoder{}
	if !v.IsKnown() || v.IsNull() {
		return nil, nil
	}
	d.object(jobschema.Job(), v, nil)
	root := at{value: v}
	dom, domainOK := d.domain(root.attr("partition"))
	d.runnerRules(root)
	for _, name := range []string{"setup", "teardown"} {
		d.containerRules(root, name, referencesOfAll)
	}
	d.orchestratorRules(root)
	d.windowsRules(root)
	d.retryRules(root.attr("retry"))
	d.versionRules(root)
	d.canaryRules(root.attr("canary"))
	d.budgetRules(root.attr("failure_budget"))
	d.exitCodeRules(root.attr("retry"))
	d.oomRules(root)
	d.spotRules(root)
	d.anchorRules(root)
	d.limitRules(root.attr("limits"))
	if d.diags.HasErrors() || !v.IsWhollyKnown() || !domainOK {
		return nil, d.diags
	}
	return build(root, dom), d.diags
}

// Outline is the job of a value that Decode has checked without errors, with its
// unknown parts left out. It is nil when one of them decides what runs.
func Outline(v cty.Value) *Job {
	known, ok := jobschema.Outline(v)
	if !ok {
		return nil
	}
	d, root := &decoder{}, at{value: known}
	dom, ok := d.domain(root.attr("partition"))
	if !ok || d.diags.HasErrors() {
		return nil
	}
	return build(root, dom)
}

// Domain checks only the partition block of a job's value and returns the
// domain and the order, for faces that know the partitions but not yet, say,
// the image. It is false when there are errors or unknown parts.
func Domain(v cty.Value) (domain.Domain, plan.Order, bool) {
	if !v.IsKnown() || v.IsNull() {
		return domain.Domain{}, "", false
	}
	d := &decoder{}
	p := at{value: v}.attr("partition")
	row, _ := jobschema.Find(jobschema.Job(), "partition")
	d.attribute(row, p.value, p.path)
	dom, ok := d.domain(p)
	if !ok || d.diags.HasErrors() || !p.value.IsWhollyKnown() {
		return domain.Domain{}, "", false
	}
	return dom, plan.Order(p.attr("order").textOr("oldest_first")), true
}

type decoder struct {
	diags hcl.Diagnostics
	// bad contains the paths that already have an error, so that no second rule
	// complains about the same value.
	bad map[string]bool
}

func (d *decoder) report(code string, path cty.Path, format string, args ...any) {
	path = append(cty.Path{}, path...)
	d.add(path, diag.At(code, path, fmt.Sprintf(format, args...)))
}

func (d *decoder) warn(code string, path cty.Path, format string, args ...any) {
	problem := diag.At(code, append(cty.Path{}, path...), fmt.Sprintf(format, args...))
	problem.Severity = hcl.DiagWarning
	d.diags = append(d.diags, problem)
}

// reportKey reports the key of the map's element at a path. On a path that
// does not lead to an element it is report.
func (d *decoder) reportKey(code string, path cty.Path, format string, args ...any) {
	if _, element := path[len(path)-1].(cty.IndexStep); !element {
		d.report(code, path, format, args...)
		return
	}
	path = append(cty.Path{}, path...)
	d.add(path, diag.AtKey(code, path, fmt.Sprintf(format, args...)))
}

func (d *decoder) add(path cty.Path, problem *hcl.Diagnostic) {
	d.diags = append(d.diags, problem)
	if d.bad == nil {
		d.bad = map[string]bool{}
	}
	d.bad[diag.FormatPath(path)] = true
}

// usable is true for a value that is set, known and without an error so far.
func (d *decoder) usable(a at) bool {
	return a.set() && !d.bad[diag.FormatPath(a.path)]
}

// refusedBelow is true if a value at or below the path has an error.
func (d *decoder) refusedBelow(path cty.Path) bool {
	prefix := diag.FormatPath(path)
	for bad := range d.bad {
		if strings.HasPrefix(bad, prefix) {
			return true
		}
	}
	return false
}

// at is a value with the path that leads to it.
type at struct {
	value cty.Value
	path  cty.Path
}

// attr steps into an attribute. Attributes of a null or unknown object are null
// or unknown.
func (a at) attr(name string) at {
	path := append(append(cty.Path{}, a.path...), cty.GetAttrStep{Name: name})
	ty := a.value.Type().AttributeType(name)
	switch {
	case !a.value.IsKnown():
		return at{cty.UnknownVal(ty), path}
	case a.value.IsNull():
		return at{cty.NullVal(ty), path}
	}
	return at{a.value.GetAttr(name), path}
}

// elements lists the members of a list or map in order (maps by key).
func (a at) elements() []at {
	if !a.set() {
		return nil
	}
	var out []at
	for it := a.value.ElementIterator(); it.Next(); {
		k, v := it.Element()
		out = append(out, at{v, append(append(cty.Path{}, a.path...), cty.IndexStep{Key: k})})
	}
	return out
}

// key is the last step of the path of a map's element.
func (a at) key() string {
	return a.path[len(a.path)-1].(cty.IndexStep).Key.AsString() //nolint:forcetypeassert // elements ends paths so
}

func (a at) set() bool { return a.value.IsKnown() && !a.value.IsNull() }

func (a at) text() string { return a.textOr("") }

func (a at) textOr(fallback string) string {
	if !a.set() {
		return fallback
	}
	return a.value.AsString()
}

// integer reads a valid Int.
func (a at) integer(fallback int64) int64 {
	if !a.set() {
		return fallback
	}
	i, _ := a.value.AsBigFloat().Int64()
	return i
}

func (a at) boolean() bool { return a.set() && a.value.True() }

func (a at) duration(fallback time.Duration) time.Duration {
	if !a.set() {
		return fallback
	}
	d, err := parseDuration(a.value.AsString())
	if err != nil {
		return fallback
	}
	return d
}
