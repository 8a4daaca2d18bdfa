// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package acceptance

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/argo/lower"
	backend "github.com/terraform-backfill/terraform-provider-backfill/internal/cluster"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/compile"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/job"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/ledger"
)

// TestProjectionHoldsForRealRuns compares the sizes that are projected offline
// with Workflows that Argo's controller wrote, in which every partition failed
// with all of its attempts. A message is projected with 256 bytes and has some
// 30 here, so the statuses may be smaller by a factor, and never larger.
func TestProjectionHoldsForRealRuns(t *testing.T) {
	const shards, shardSize, attempts = 3, 60, 3
	compile := func(partitions int) *compile.Compiled {
		text := fmt.Sprintf(`{"name": "projected", "namespace": "default", "shard_size": %d, "max_parallel": 90,
			"partition": {"range": {"start": 0, "end": %d, "size": 1}}, "retry": {"limit": %d, "backoff": "1s"}, "interruptions": {"limit": 0},
			"runner": {"image": "busybox", "command": ["true"], "service_account": "backfill-runner", "resources": {"cpu": "10m"}},
			"orchestrator": {"service_account": "backfill-orchestrator"}}`, shardSize, partitions, attempts-1)
		value, err := job.ParseCanonical([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		compiled, diags := compile.Value(value, ledger.Set{}, 1)
		if diags.HasErrors() {
			t.Fatal(diags)
		}
		return compiled
	}
	c := simulatedCluster(t, "seed=5,median=1s,always-exit=1", "--tuned")
	compiled := compile(shards * shardSize)
	c.submit(t, compiled)
	c.ended(t, "projected-r1", 10*time.Minute)

	single := func(partitions int) int {
		return lower.Project(compile(partitions).Job, compile(partitions).Plan, 1)[0].Bytes
	}
	eachProjected := single(2) - single(1) // of one partition
	for _, projected := range lower.Project(compiled.Job, compiled.Plan, 1) {
		wf, err := c.dynamic.Resource(workflows).
			Namespace(namespace).
			Get(t.Context(), projected.Workflow, metav1.GetOptions{})
		if err != nil {
			t.Fatal(err)
		}
		rest, nodes := sizes(t, wf)
		t.Logf(
			"%s: projected %d bytes; really %d, and %d of packed node statuses",
			projected.Workflow,
			projected.Bytes,
			rest,
			nodes,
		)
		if rest+nodes > projected.Bytes {
			t.Errorf("%s has grown to %d bytes, projected were %d", projected.Workflow, rest+nodes, projected.Bytes)
		}
		if most := shardSize * eachProjected; projected.Workflow != "projected-r1" && nodes*3 < most {
			t.Errorf(
				"%s: the node statuses take %d bytes and %d were projected: too careful to be of use",
				projected.Workflow,
				nodes,
				most,
			)
		}
	}
	children, err := c.dynamic.Resource(workflows).
		Namespace(namespace).
		List(t.Context(), metav1.ListOptions{LabelSelector: "backfill.dev/shard"})
	if err != nil || len(children.Items) != shards {
		t.Fatalf("%d children, want %d: %v", len(children.Items), shards, err)
	}
	for i := range children.Items {
		pods := 0
		statuses, _, _ := unstructured.NestedMap(children.Items[i].Object, "status", "nodes")
		for _, node := range statuses {
			if kind, _, _ := unstructured.NestedString(node.(map[string]any), "type"); kind == "Pod" {
				pods++
			}
		}
		if pods != shardSize*attempts {
			t.Errorf(
				"%s had %d attempts: the case that the projection is about is %d",
				children.Items[i].GetName(),
				pods,
				shardSize*attempts,
			)
		}
	}
}

// submit creates what was compiled.
func (c *localCluster) submit(t *testing.T, compiled *compile.Compiled) {
	t.Helper()
	client, err := backend.Connect(backend.Config{ConfigPath: c.kubeconfig}, "test", backend.DefaultRetry())
	if err != nil {
		t.Fatal(err)
	}
	for _, object := range compiled.Objects() {
		if _, err := client.Create(t.Context(), object); err != nil {
			t.Fatal(err)
		}
	}
}

// sizes are those of a Workflow as JSON: without its node statuses, and these as
// Argo packs them when they get large.
func sizes(t *testing.T, wf *unstructured.Unstructured) (rest, nodes int) {
	t.Helper()
	text := func(v any) []byte {
		b, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	statuses, _, _ := unstructured.NestedMap(wf.Object, "status", "nodes")
	var packed bytes.Buffer
	w := gzip.NewWriter(&packed)
	_, _ = w.Write(text(statuses))
	_ = w.Close()
	without := wf.DeepCopy()
	unstructured.RemoveNestedField(without.Object, "status", "nodes")
	return len(text(without.Object)), base64.StdEncoding.EncodedLen(packed.Len())
}
