// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package job

import (
	"encoding/json"
	"strings"

	"github.com/zclconf/go-cty/cty"
	corev1 "k8s.io/api/core/v1"
	strict "sigs.k8s.io/json"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/diag"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/jobschema"
)

// kubernetes checks a value of any type against the Kubernetes type that its
// format names.
func (d *decoder) kubernetes(a jobschema.Attribute, v cty.Value, path cty.Path) {
	if !v.IsWhollyKnown() {
		return
	}
	if ty := v.Type(); !ty.IsObjectType() && !ty.IsMapType() {
		d.report(diag.CodeWrongType, path, "%q must be an object with the fields of the type %s, not a %s.", a.Name,
			a.Format, ty.FriendlyName())
		return
	}
	ofArgo := a.Format == jobschema.ArgoWorkflowSpec || a.Format == jobschema.ArgoTemplate
	data, err := plainJSON(v)
	switch {
	case err != nil && ofArgo:
		d.report(diag.CodeArgoOverride, path, "%q cannot be passed on: %s.", a.Name, err)
		return
	case err != nil:
		d.report(diag.CodeKubernetes, path, "%q cannot be passed on: %s.", a.Name, err)
		return
	case ofArgo:
		d.override(a, v, path)
		return
	}
	if strings.Contains(string(data), "{{") {
		d.plainText(a, string(data), path)
		return
	}
	var into any = new(corev1.PodSpec)
	if a.Format == jobschema.KubernetesAffinity {
		into = new(corev1.Affinity)
	}
	unknown, err := strict.UnmarshalStrict(data, into)
	if err != nil {
		unknown = append(unknown, err)
	}
	var problems []string
	for _, p := range unknown {
		problems = append(problems, p.Error())
	}
	if len(problems) > 0 {
		d.report(diag.CodeKubernetes, path, "%q is not a valid Kubernetes %s: %s. Use the field names of the Kubernetes "+
			"API, such as nodeSelectorTerms.", a.Name, a.Format, strings.Join(problems, "; "))
	}
}

// plainJSON is JSON with sorted keys and without nulls.
func plainJSON(v cty.Value) ([]byte, error) {
	plain, err := toPlain(v)
	if err != nil {
		return nil, err
	}
	return json.Marshal(plain)
}

// object reads a valid Dynamic; nil if it is not set.
func (a at) object() map[string]any {
	if !a.set() {
		return nil
	}
	plain, err := toPlain(a.value)
	if err != nil {
		panic("job: an object without a JSON form passed validation: " + err.Error())
	}
	out, _ := plain.(map[string]any)
	return out
}
