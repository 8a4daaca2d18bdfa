// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

// Package check checks offline that generated objects are valid and small enough:
// strict decoding into Argo's types, names, labels, sizes.
//
// It does not change objects and does not know the job language. It is not a general
// validator for manifests: it checks only what package argo can generate.
package check

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	wfv1 "github.com/argoproj/argo-workflows/v3/pkg/apis/workflow/v1alpha1"
	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/validation"
	kjson "sigs.k8s.io/json"
	"sigs.k8s.io/yaml"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/argo"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/argo/lower"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/diag"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/job"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/manifest"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/plan"
)

// Limits in bytes.
const (
	// maxSpec limits the spec of a Workflow or template. Argo never compresses a
	// spec, copies templates to the status, and passes the template to every pod
	// in a variable of at most 128 KiB.
	maxSpec = 100_000
	// maxData is the limit that the API server sets for a ConfigMap.
	maxData = 1 << 20
	// maxAnnotations is the limit that the API server sets for all
	// annotations of an object together.
	maxAnnotations = 256 << 10
)

// maxName is the maximum length of a label value: Argo uses the name of a Workflow
// as one.
const maxName = 63

// Objects checks a compilation as a whole.
func Objects(objects []manifest.Object) hcl.Diagnostics {
	var diags hcl.Diagnostics
	seen := map[string]bool{}
	for _, o := range objects {
		id := o.GetKind() + " " + o.GetNamespace() + "/" + o.GetName()
		if seen[id] {
			diags = append(diags, invalid(o, errors.New("it is generated twice")))
		}
		seen[id] = true
		diags = append(diags, object(o)...)
	}
	return diags
}

func object(o manifest.Object) hcl.Diagnostics {
	var diags hcl.Diagnostics
	for _, err := range append(metadata(o), typed(o)...) {
		diags = append(diags, invalid(o, err))
	}
	return append(diags, sizes(o)...)
}

func invalid(o manifest.Object, err error) *hcl.Diagnostic {
	return diag.At(diag.CodeInvalidManifest, nil, fmt.Sprintf(
		"The generated %s %s is not valid: %s. This is a bug. Report it with the job file.", o.GetKind(), o.GetName(), err))
}

func metadata(o manifest.Object) []error {
	var errs []error
	longest := validation.DNS1123SubdomainMaxLength
	if o.GetKind() != "ConfigMap" {
		longest = maxName
	}
	if n := len(o.GetName()); n > longest {
		errs = append(errs, fmt.Errorf("its name has %d characters; the maximum is %d", n, longest))
	}
	for _, problem := range validation.IsDNS1123Subdomain(o.GetName()) {
		errs = append(errs, fmt.Errorf("its name: %s", problem))
	}
	labels := o.GetLabels()
	for _, key := range slices.Sorted(maps.Keys(labels)) {
		value := labels[key]
		for _, problem := range append(validation.IsQualifiedName(key), validation.IsValidLabelValue(value)...) {
			errs = append(errs, fmt.Errorf("its label %s=%s: %s", key, value, problem))
		}
	}
	for _, key := range slices.Sorted(maps.Keys(o.GetAnnotations())) {
		for _, problem := range validation.IsQualifiedName(key) {
			errs = append(errs, fmt.Errorf("its annotation %s: %s", key, problem))
		}
	}
	return errs
}

// typed decodes the object into its type. Unknown fields are errors.
func typed(o manifest.Object) []error {
	switch o.GetKind() {
	case "Workflow":
		var w wfv1.Workflow
		errs := strict(o.Object, &w)
		return append(errs, manifests(w.Spec.Templates)...)
	case "WorkflowTemplate":
		var t wfv1.WorkflowTemplate
		errs := strict(o.Object, &t)
		return append(errs, manifests(t.Spec.Templates)...)
	case "ConfigMap":
		var m corev1.ConfigMap
		errs := strict(o.Object, &m)
		for _, key := range slices.Sorted(maps.Keys(m.Data)) {
			for _, problem := range validation.IsConfigMapKey(key) {
				errs = append(errs, fmt.Errorf("its key %q: %s", key, problem))
			}
		}
		return errs
	}
	return []error{fmt.Errorf("the kind %s is unknown", o.GetKind())}
}

func strict(v, into any) []error {
	text, err := json.Marshal(v)
	if err != nil {
		return []error{err}
	}
	problems, err := kjson.UnmarshalStrict(text, into)
	if err != nil {
		return []error{err}
	}
	return problems
}

var tag = regexp.MustCompile(`\{\{[^}]*\}\}`)

// manifests checks the Workflows inside resource templates. It replaces tags with a
// number, which is valid for number and text fields.
func manifests(templates []wfv1.Template) []error {
	var errs []error
	for _, t := range templates {
		if t.Resource == nil {
			continue
		}
		text, err := yaml.YAMLToJSONStrict([]byte(tag.ReplaceAllString(t.Resource.Manifest, "1")))
		if err != nil {
			errs = append(errs, fmt.Errorf("the manifest of its template %s: %w", t.Name, err))
			continue
		}
		var w wfv1.Workflow
		problems, err := kjson.UnmarshalStrict(text, &w)
		if err != nil {
			problems = []error{err}
		}
		for _, p := range problems {
			errs = append(errs, fmt.Errorf("the manifest of its template %s: %w", t.Name, p))
		}
	}
	return errs
}

func sizes(o manifest.Object) hcl.Diagnostics {
	var diags hcl.Diagnostics
	report := func(what string, size, limit int, at cty.Path, advice string) {
		if size <= limit {
			return
		}
		diags = append(diags, diag.At(diag.CodeObjectTooLarge, at, fmt.Sprintf(
			"The size of the %s of the generated %s %s is %d bytes; the maximum is %d. %s",
			what, o.GetKind(), o.GetName(), size, limit, advice)))
	}
	annotations := 0
	for key, value := range o.GetAnnotations() {
		annotations += len(key) + len(value)
	}
	report("annotations", annotations, maxAnnotations, cty.GetAttrPath("reason"), "Shorten the job's reason.")
	if spec, ok := o.Object["spec"]; ok {
		text, err := json.Marshal(spec)
		if err != nil {
			return append(diags, invalid(o, err))
		}
		at, advice := specAdvice(o)
		report("spec", len(text), maxSpec, at, advice)
	}
	if data, ok := o.Object["data"].(map[string]any); ok {
		size := 0
		for key, value := range data {
			text, _ := value.(string)
			size += len(key) + len(text)
		}
		report("data", size, maxData, cty.GetAttrPath("partition"), "Lower shard_size, or use shorter values.")
	}
	return diags
}

// specAdvice says how to make a spec smaller.
func specAdvice(o manifest.Object) (cty.Path, string) {
	if o.GetKind() == "WorkflowTemplate" {
		return cty.GetAttrPath("runner"), "Move text from the runner's command, args and env into the image or a mounted " +
			"ConfigMap."
	}
	return cty.GetAttrPath("partition"), "It lists all shards, because the remaining keys are scattered. Raise " +
		"shard_size or the size of the partitions."
}

// Plan checks that no Workflow of run number n can exceed the size that Argo stores,
// even if every partition uses all its attempts.
func Plan(j *job.Job, p plan.Plan, n int) hcl.Diagnostics {
	var diags hcl.Diagnostics
	for _, projected := range lower.Project(j, p, n) {
		if projected.Bytes <= projected.Most {
			continue
		}
		var advice strings.Builder
		at := cty.GetAttrPath("shard_size")
		if projected.Workflow == argo.RunName(j.Name, n) && p.ShardCount() > 1 {
			at = cty.GetAttrPath("partition")
			fmt.Fprintf(&advice, "It starts %d shards. Raise shard_size (now %d) or the size of the partitions.",
				p.ShardCount(), p.ShardSize)
		} else {
			fmt.Fprintf(&advice, "Lower shard_size to %d or less, or lower retry.limit (now %d).", lower.ShardSize(j),
				j.Retry.Limit)
		}
		diags = append(diags, diag.At(diag.CodeStatusTooLarge, at, fmt.Sprintf(
			"The status of Workflow %s could grow to %d bytes if every partition uses all its attempts, but Argo stores at "+
				"most %d. %s",
			projected.Workflow, projected.Bytes, projected.Most, advice.String())))
	}
	return diags
}
