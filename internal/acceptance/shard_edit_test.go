// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package acceptance

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	backend "github.com/terraform-backfill/terraform-provider-backfill/internal/cluster"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/engine"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/job"
)

// TestShardsEditedByHand has kubectl give a shard that real launchers have made
// another number of pods, and suspend another one. Both are a line of drift that
// tells who did it, and the next apply undoes them. What a live edit does to
// shards, and what Argo does, is none.
func TestShardsEditedByHand(t *testing.T) {
	c := cluster(t)
	w := &watched{T: t, c: c, name: fmt.Sprintf("sharded-%d", os.Getpid())}
	text := `{"name": %q, "namespace": "default", "partition": {"range": {"start": 0, "end": 40, "size": 10}}, "shard_size": 2, "max_parallel": %d,
		"runner": {"image": "busybox", "command": ["sleep", "900"], "service_account": "backfill-runner"}, "orchestrator": {"service_account": "backfill-orchestrator"}}`
	declare := func(parallel int) {
		var err error
		if w.value, err = job.ParseCanonical(fmt.Appendf(nil, text, w.name, parallel)); err != nil {
			t.Fatal(err)
		}
	}
	client, err := backend.Connect(backend.Config{ConfigPath: c.limited}, "test", backend.DefaultRetry())
	if err != nil {
		t.Fatal(err)
	}
	w.engine = engine.New(client, engine.Options{Now: time.Now})
	t.Cleanup(func() { w.engine.Delete(context.Background(), namespace, w.name, "") })
	declare(8)
	o, diags := w.engine.Create(t.Context(), engine.Submission{Value: w.value})
	w.must(diags)
	w.owner = o.Owner
	shards := []string{w.name + "-r1-s0", w.name + "-r1-s1"}
	for _, name := range shards {
		c.appears(t, name)
		c.working(t, name)
	}
	w.clean("without an edit")
	for shard, edit := range map[string][2]string{
		shards[0]: {`{"spec":{"parallelism":1}}`, "Workflow " + shards[0] + ": spec.parallelism is 1 and was written as 4"},
		shards[1]: {`{"spec":{"suspend":true}}`, "Workflow " + shards[1] + ": spec.suspend is true and was written as false"},
	} {
		patch := exec.Command(c.binary, "--state", c.state, "kubectl", "patch",
			"-n", namespace, "workflow", shard, "--type=merge", "-p", edit[0])
		if out, err := patch.CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		found, _ := w.drift()
		if len(found) != 1 || !strings.Contains(found[0], edit[1]) ||
			!strings.Contains(found[0], "last written by kubectl-patch at 20") {
			t.Errorf("drift %q, want %q", found, edit[1])
		}
		w.live()
		w.clean("after an apply")
	}
	for parallel, want := range map[int]int64{2: 1, 24: 12} {
		declare(parallel)
		w.live()
		w.clean(fmt.Sprintf("with max_parallel %d", parallel))
		for _, name := range shards {
			wf, err := c.dynamic.Resource(workflows).Namespace(namespace).Get(t.Context(), name, metav1.GetOptions{})
			if err != nil {
				t.Fatal(err)
			}
			if got, _, _ := unstructured.NestedInt64(wf.Object, "spec", "parallelism"); got != want {
				t.Errorf("max_parallel %d: %d pods in %s, want %d", parallel, got, name, want)
			}
		}
	}
}

// live applies the declaration to the run under way.
func (w *watched) live() {
	w.Helper()
	o, diags := w.engine.Update(w.Context(), engine.Submission{Value: w.value, Owner: w.owner, Pinned: true})
	w.must(diags)
	if o.LatestRun() != w.name+"-r1" {
		w.Fatalf("another run: %s", o.LatestRun())
	}
}

// appears waits until a Workflow is there.
func (c *localCluster) appears(t *testing.T, name string) {
	t.Helper()
	for end := time.Now().Add(3 * time.Minute); ; time.Sleep(200 * time.Millisecond) {
		if _, err := c.dynamic.Resource(workflows).
			Namespace(namespace).
			Get(t.Context(), name, metav1.GetOptions{}); err == nil {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("%s does not appear", name)
		}
	}
}
