// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	tfdiag "github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/argo"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/diag"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/manifest"
)

// movable are the resources that can hold the Workflow of a run: how the
// manifest is found in their state, by provider without its registry.
var movable = map[string]func(state []byte) (manifest.Object, error){
	"hashicorp/kubernetes kubernetes_manifest": manifestOfKubernetes,
	"gavinbunney/kubectl kubectl_manifest":     manifestOfKubectl,
	"alekc/kubectl kubectl_manifest":           manifestOfKubectl,
}

// moving is a move of another provider's resource to a job.
type moving struct {
	provider, resource string
	state              []byte // JSON

	namespace, name string // of the job
	private         privateValues
	diags           tfdiag.Diagnostics
}

// moveJob finds the job by the run that a manifest resource has applied; the read that
// follows takes the rest from the cluster, as after an import.
func moveJob(m *moving) {
	defer guard(&m.diags, "moving the state of", "job")
	_, source, _ := strings.Cut(m.provider, "/") // without the registry's host
	find := movable[source+" "+m.resource]
	if find == nil {
		m.diags.Append(unmovable("it is a %s of the provider %s", m.resource, source))
		return
	}
	o, err := find(m.state)
	if err != nil {
		m.diags.Append(unmovable("the manifest in its state cannot be read: %v", err))
		return
	}
	what := o.GetKind() + " " + o.GetName()
	switch run, ours := argo.RunOf(o); {
	case !ours:
		m.diags.Append(unmovable("%s was not compiled from a job", what))
	case !run.Whole:
		m.diags.Append(fault(diag.CodeMovePart, path.Empty(), "%s belongs to the job %q and has no resource of its own. "+
			"Move the Workflow of the run, such as %s-r1, to the job, and let this leave the old state with a removed "+
			"block:\n\n  removed {\n    from = <the old address>\n    lifecycle {\n      destroy = false\n    }\n  }",
			what, run.Job, run.Job))
	default:
		m.name, m.namespace = run.Job, namespaceOf(o.GetNamespace())
		m.private.note(privateMoved, "run", o.GetName())
	}
}

func unmovable(why string, args ...any) tfdiag.Diagnostic {
	return fault(diag.CodeMoveSource, path.Empty(), "Only the Workflow of a run that was compiled from a job becomes a "+
		"backfill_job, from kubernetes_manifest (hashicorp/kubernetes) or kubectl_manifest (gavinbunney/kubectl, "+
		"alekc/kubectl), and of the resource that the moved block names this is not true: %s. To make a job of another "+
		"manifest, write it to a file and run\n\n  terraform-provider-backfill convert FILE\n\n"+
		"Then declare that job, and remove the moved block.", fmt.Sprintf(why, args...))
}

// manifestOfKubernetes reads the state of a kubernetes_manifest, which keeps
// each manifest beside its type.
func manifestOfKubernetes(state []byte) (manifest.Object, error) {
	var kept struct {
		Manifest, Object struct {
			Value map[string]any `json:"value"`
		}
	}
	if err := json.Unmarshal(state, &kept); err != nil {
		return nil, err
	}
	// What the API server returned is there after the first apply.
	for _, value := range []map[string]any{kept.Object.Value, kept.Manifest.Value} {
		if len(value) > 0 {
			return &unstructured.Unstructured{Object: value}, nil
		}
	}
	return nil, errors.New("it holds no manifest")
}

// manifestOfKubectl reads the state of a kubectl_manifest.
func manifestOfKubectl(state []byte) (manifest.Object, error) {
	var kept struct {
		Body      string `json:"yaml_body"`
		Override  string `json:"override_namespace"`
		Namespace string `json:"namespace"`
	}
	if err := json.Unmarshal(state, &kept); err != nil {
		return nil, err
	}
	objects, err := manifest.Decode([]byte(kept.Body))
	if err != nil {
		return nil, err
	}
	if len(objects) != 1 {
		return nil, fmt.Errorf("yaml_body holds %d objects", len(objects))
	}
	if namespace := cmp.Or(kept.Override, kept.Namespace); namespace != "" {
		objects[0].SetNamespace(namespace)
	}
	return objects[0], nil
}

// warnOfMove warns of a job that was moved here and of which nothing is left:
// the plan that follows proposes to run all of it.
func warnOfMove(private privateValues, namespace, name string, diags *tfdiag.Diagnostics) {
	run := private.noted(privateMoved, "run", diags)
	if run == "" {
		return
	}
	diags.Append(warning(diag.CodeMovedGone, path.Empty(), "Workflow \"%s/%s\", whose state was moved here, does not "+
		"exist any more, and there is no record of job %q: what it has done cannot be told. The plan treats the job as a "+
		"new one. Before you apply it, see whether its partitions were processed already.", namespace, run, name))
}
