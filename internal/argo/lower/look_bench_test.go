// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package lower

import (
	"testing"

	wfv1 "github.com/argoproj/argo-workflows/v3/pkg/apis/workflow/v1alpha1"
	"github.com/argoproj/argo-workflows/v3/workflow/common"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/argo"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/argo/argotest"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/domain"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/ledger"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/manifest"
)

// BenchmarkLook is what Argo's controller pays for one partition of a group under
// way whenever it looks at its Workflow: with Argo's own code it fills in the leaf's
// template, also for partitions that have ended or have not begun.
func BenchmarkLook(b *testing.B) {
	d := argotest.Axis(b, domain.Range{Start: 0, End: 100_000, Size: 1})
	j := argotest.Sample(d)
	template, err := Template(j)
	if err != nil {
		b.Fatal(err)
	}
	objects, err := Run(j, argotest.SpecOf(j, argotest.PlanOf(j, ledger.Span(0, 100)), template.GetName()))
	if err != nil {
		b.Fatal(err)
	}
	var (
		w  wfv1.Workflow
		of wfv1.WorkflowTemplate
	)
	for o, into := range map[manifest.Object]any{objects[len(objects)-1]: &w, template: &of} {
		if err := runtime.DefaultUnstructuredConverter.FromUnstructured(o.Object, into); err != nil {
			b.Fatal(err)
		}
	}
	globals := common.Parameters{"workflow.name": w.Name, "workflow.namespace": w.Namespace}
	for _, p := range w.Spec.Arguments.Parameters {
		globals["workflow.parameters."+p.Name] = p.Value.String()
	}
	leaf := of.GetTemplateByName(argo.TemplatePartition)
	args := wfv1.Arguments{Parameters: []wfv1.Parameter{{Name: argo.InI, Value: wfv1.AnyStringPtr("17")}}}
	for b.Loop() {
		if _, err := common.ProcessArgs(
			leaf,
			&args,
			globals,
			common.Parameters{"node.name": "x"},
			false,
			w.Namespace,
			nil,
		); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkPodEvent is what the controller pays for an event of a pod in a shard
// of 500 partitions that have ended: it decodes the whole Workflow.
func BenchmarkPodEvent(b *testing.B) {
	w := wfv1.Workflow{Status: wfv1.WorkflowStatus{Nodes: argotest.Worst(500, 1)}}
	for id, node := range w.Status.Nodes {
		node.Message = "" // they have succeeded
		w.Status.Nodes[id] = node
	}
	object, err := runtime.DefaultUnstructuredConverter.ToUnstructured(&w)
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if err := runtime.DefaultUnstructuredConverter.FromUnstructured(object, &wfv1.Workflow{}); err != nil {
			b.Fatal(err)
		}
	}
}
