// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package acceptance

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// besideSize is the number of partitions that each form runs, and besideParallel
// how many of them at once, where the form can limit that.
const (
	besideSize     = 2000
	besideParallel = 200
)

// TestSideBySide runs the same partitions on one cluster in three forms: as this
// provider does, as one Workflow that fans out over a list, and as one Workflow
// for each partition.
func TestSideBySide(t *testing.T) {
	long(t)
	job := scaleConfig{name: "beside", partitions: besideSize, shardSize: 500, maxParallel: besideParallel}
	b := newBench(t, job, "seed=3,median=5s,spread=1.5,quiet=true", "--tuned")
	apply(t, b.c,
		resource.TestStep{Config: job.String()},
		resource.TestStep{
			PreConfig: func() {
				b.ended("beside-r1", time.Hour)
				b.compare("shards (this provider)")
			},
			RefreshState: true,
			Check:        resource.TestCheckResourceAttr("backfill_job.beside", "phase", "Complete"),
		},
	) // and destroys it
	b.rest()
	items := make([]string, besideSize)
	for i := range items {
		items[i] = fmt.Sprint(i)
	}
	list, _ := json.Marshal(items)
	b.create(flat("flat", string(list)))
	b.ended("flat", time.Hour)
	b.compare("one Workflow, withParam")
	b.rest()
	for i := range besideSize {
		b.create(flat(fmt.Sprintf("each-%d", i), fmt.Sprintf(`["%d"]`, i)))
	}
	b.allEnded(besideSize, time.Hour)
	b.compare("one Workflow per partition")
}

// flat is a Workflow as one writes it by hand.
func flat(name, items string) map[string]any {
	parameter := map[string]any{"name": "item"}
	return map[string]any{
		"apiVersion": "argoproj.io/v1alpha1", "kind": "Workflow",
		"metadata": map[string]any{"name": name, "namespace": namespace, "labels": map[string]any{"beside": "true"}},
		"spec": map[string]any{
			"entrypoint": "all", "serviceAccountName": "backfill-runner", "parallelism": int64(besideParallel),
			"podGC":     map[string]any{"strategy": "OnPodSuccess"},
			"arguments": map[string]any{"parameters": []any{map[string]any{"name": "items", "value": items}}},
			"templates": []any{
				map[string]any{"name": "all", "steps": []any{[]any{map[string]any{
					"name": "p", "template": "one", "withParam": "{{workflow.parameters.items}}",
					"arguments": map[string]any{"parameters": []any{map[string]any{"name": "item", "value": "{{item}}"}}},
				}}}},
				map[string]any{
					"name": "one", "inputs": map[string]any{"parameters": []any{parameter}},
					"retryStrategy": map[string]any{"limit": int64(2)},
					"container": map[string]any{
						"image": "busybox", "command": []any{"true"}, "args": []any{"{{inputs.parameters.item}}"},
						"resources": map[string]any{"requests": map[string]any{"cpu": "10m"}},
					},
				},
			},
		},
	}
}

func (b *bench) create(object map[string]any) {
	b.Helper()
	_, err := b.c.dynamic.Resource(workflows).
		Namespace(namespace).
		Create(b.Context(), &unstructured.Unstructured{Object: object}, metav1.CreateOptions{})
	if err != nil {
		b.Fatal(err)
	}
}

// allEnded waits until so many Workflows of the comparison have ended.
func (b *bench) allEnded(n int, limit time.Duration) {
	b.Helper()
	metadata := workflows
	for end := time.Now().Add(limit); time.Now().Before(end); time.Sleep(3 * time.Second) {
		list, err := b.c.dynamic.Resource(metadata).Namespace(namespace).List(b.Context(), metav1.ListOptions{
			LabelSelector: "beside=true,workflows.argoproj.io/phase=Succeeded",
		})
		if err == nil && len(list.Items) == n {
			return
		}
	}
	b.Fatalf("not all %d Workflows have succeeded after %s", n, limit)
}

// compare writes down what a form has cost since start.
func (b *bench) compare(form string) {
	b.Helper()
	wall, end := time.Since(b.began), b.now()
	measured(
		b.T,
		"beside",
		fig(
			"form",
			"%s",
			form,
		),
		fig("wall time", "%.0f s", wall.Seconds()),
		fig("API requests", "%d", end.requests-b.before.requests),
		fig("largest Workflow in etcd", "%d bytes", end.held.largest["Workflow"]),
		fig("etcd at the end", "%d bytes", end.held.all-b.before.held.all),
		fig("Argo controller, processor time", "%.0f s", end.seconds-b.before.seconds),
		fig(
			"partitions",
			"%d",
			besideSize,
		),
		fig("pods", "`%s`", b.behaviour),
		fig("cluster", "`--tuned`, `max_parallel` and `parallelism` %d", besideParallel),
		fig("command", "`tools/measure.sh '^TestSideBySide$'`"),
	)
}

// rest removes what a form has left and begins anew.
func (b *bench) rest() {
	b.Helper()
	background := metav1.DeletePropagationBackground
	err := b.c.dynamic.Resource(workflows).
		Namespace(namespace).
		DeleteCollection(b.Context(), metav1.DeleteOptions{PropagationPolicy: &background}, metav1.ListOptions{})
	if err != nil {
		b.Fatal(err)
	}
	for range 60 {
		time.Sleep(2 * time.Second)
		if b.meter.holds().largest["Workflow"] == 0 {
			break
		}
	}
	b.start()
}
