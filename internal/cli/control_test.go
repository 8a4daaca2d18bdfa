// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/cluster"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/cluster/fake"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/engine"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/lang"
)

// terminal is the command line on a fake cluster with the job "orders" of four
// partitions.
type terminal struct {
	t       *testing.T
	cluster *fake.Cluster
	// waits happens whenever a command waits.
	waits func()
}

func newTerminal(t *testing.T) *terminal {
	t.Helper()
	c := fake.New(time.Now()) // the command line has a real clock
	const source = `job "orders" {
  partition {
    range = { start = 0, end = 40, size = 10 }
  }
  runner {
    image   = "example.com/orders:1"
    command = ["bin/run"]
  }
}
`
	module, diags := lang.Load(context.Background(), []lang.Source{{Name: "orders", Bytes: []byte(source)}}, lang.Inputs{})
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	_, diags = engine.New(c, engine.Options{}).Create(t.Context(), engine.Submission{Value: module.Bodies[0].Value})
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	return &terminal{t: t, cluster: c}
}

// run runs a command and demands its exit code.
func (o *terminal) run(code int, args ...string) (stdout, stderr string) {
	o.t.Helper()
	var out, err bytes.Buffer
	got := Run(o.t.Context(), Env{
		Name: "backfill", Args: args, Version: "test",
		Stdin: strings.NewReader(""), Stdout: &out, Stderr: &err,
		Getenv: func(name string) string {
			return map[string]string{"KUBE_HOST": "https://a.example"}[name]
		},
		Environ: func() []string { return nil },
		Connect: func(cluster.Config) (cluster.Backend, error) { return o.cluster, nil },
		Sleep: func(ctx context.Context, _ time.Duration) error {
			if o.waits != nil {
				o.waits()
			}
			return ctx.Err()
		},
	})
	if got != code {
		o.t.Fatalf("%v ended with %d, want %d\n%s%s", args, got, code, out.String(), err.String())
	}
	return out.String(), err.String()
}

// patch changes the run as Argo would.
func (o *terminal) patch(change map[string]any) {
	data, err := json.Marshal(change)
	if err != nil {
		o.t.Error(err)
	}
	if _, err := o.cluster.Patch(context.Background(), cluster.Workflow, "default", "orders-r1", data); err != nil {
		o.t.Error(err)
	}
}

// play gives the run the status of a run whose first partitions succeeded and
// whose last one failed.
func (o *terminal) play(phase string, succeeded int) {
	nodes := map[string]any{}
	for i := range 4 {
		node := map[string]any{
			"id": string(
				rune('a' + i),
			),
			"type":        "Pod",
			"phase":       "Running",
			"templateRef": map[string]any{"template": "partition"},
			"inputs":      map[string]any{"parameters": []any{map[string]any{"name": "i", "value": string(rune('0' + i))}}},
		}
		switch {
		case i < succeeded:
			node["phase"] = "Succeeded"
		case phase == "Failed":
			node["phase"], node["message"] = "Failed", "exit code 1"
		}
		nodes[string(rune('a'+i))] = node
	}
	o.patch(map[string]any{"status": map[string]any{"phase": phase, "nodes": nodes}})
}

func (o *terminal) spec(field string) any {
	o.t.Helper()
	run, err := o.cluster.Get(o.t.Context(), cluster.Workflow, "default", "orders-r1")
	if err != nil {
		o.t.Fatal(err)
	}
	value, _, _ := unstructured.NestedFieldNoCopy(run.Object, "spec", field)
	return value
}

func TestStatus(t *testing.T) {
	o := newTerminal(t)
	o.play("Failed", 3)
	got, _ := o.run(exitGood, "status", "orders")
	for _, line := range []string{
		"job        default/orders", "phase      Failed", "progress   3/4", "run        orders-r1",
		"done       [0,30)", "failed     [30,40)", "remaining  [30,40)", "failed 30--40 after 1 attempt: exit code 1",
	} {
		if !strings.Contains(got, line+"\n") {
			t.Errorf("%q is not in\n%s", line, got)
		}
	}
}

func TestStatusOfAJobThatIsNotThere(t *testing.T) {
	o := newTerminal(t)
	_, got := o.run(exitFailure, "status", "none", "-n", "data")
	if !strings.Contains(got, "there is no job none in namespace data") {
		t.Errorf("got %q", got)
	}
}

func TestStatusWatchesUntilTheEnd(t *testing.T) {
	o := newTerminal(t)
	states := []func(){
		func() { o.play("Running", 1) },
		func() {},
		func() { o.play("Running", 3) },
		func() { o.play("Failed", 3) },
	}
	o.waits = func() {
		states[0]()
		states = states[1:]
	}
	got, _ := o.run(exitFailure, "status", "orders", "-watch")
	const want = `Pending 0/4 done (run orders-r1)
Running 1/4 done (run orders-r1)
Running 3/4 done (run orders-r1)
failed 30--40 after 1 attempt: exit code 1
Failed 3/4 done, 1 failed (run orders-r1)
`
	if got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}

	o = newTerminal(t)
	o.waits = func() { o.play("Succeeded", 4) }
	if got, _ := o.run(
		exitGood,
		"status",
		"orders",
		"--watch",
	); !strings.HasSuffix(
		got,
		"Complete 4/4 done (run orders-r1)\n",
	) {
		t.Errorf("got %q", got)
	}
}

func TestPauseResumeStop(t *testing.T) {
	o := newTerminal(t)
	o.play("Running", 1)
	if got, _ := o.run(
		exitGood,
		"pause",
		"orders",
	); got != "Paused 1/4 done (run orders-r1)\n" ||
		o.spec("suspend") != true {
		t.Errorf("pause: %q, suspend is %v", got, o.spec("suspend"))
	}
	if got, _ := o.run(
		exitGood,
		"resume",
		"orders",
	); got != "Running 1/4 done (run orders-r1)\n" ||
		o.spec("suspend") != false {
		t.Errorf("resume: %q, suspend is %v", got, o.spec("suspend"))
	}
	if got, _ := o.run(
		exitGood,
		"stop",
		"orders",
	); got != "Stopping 1/4 done (run orders-r1)\n" ||
		o.spec("shutdown") != "Stop" {
		t.Errorf("stop: %q, shutdown is %v", got, o.spec("shutdown"))
	}
	if _, got := o.run(exitFailure, "stop", "none"); !strings.Contains(got, "none") {
		t.Errorf("got %q", got)
	}
}

// Without anything that names a cluster, none is guessed.
func TestNoClusterIsGuessed(t *testing.T) {
	var out, err bytes.Buffer
	code := Run(t.Context(), Env{
		Name: "backfill", Args: []string{"status", "orders"}, Stdout: &out, Stderr: &err,
		Getenv: func(string) string { return "" },
		Connect: func(cluster.Config) (cluster.Backend, error) {
			t.Error("a cluster was connected to")
			return nil, nil
		},
	})
	if code != exitFailure || !strings.Contains(err.String(), "--kubeconfig") ||
		!strings.Contains(err.String(), "KUBECONFIG") {
		t.Errorf("exit code %d\n%s", code, err.String())
	}
}
