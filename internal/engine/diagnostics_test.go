// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package engine_test

import (
	"bytes"
	"context"
	"flag"
	"math/rand"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/hcl/v2"
	"golang.org/x/tools/txtar"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/cluster"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/decide"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/diag"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/engine"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/job"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/observe"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/state"
)

var update = flag.Bool("update", false, "rewrite the golden files of testdata")

const diagnosticsFile = "testdata/diagnostics.txtar"

// hash is the part of a template's name that changes with what is emitted.
var hash = regexp.MustCompile(`orders-[a-z0-9]{10}\b`)

// cases lead to what can go wrong with a cluster, by a title that begins with
// the code of the diagnostic that is expected.
var diagnosticCases = []struct {
	title string
	lead  func(*world) hcl.Diagnostics
}{
	{"BF2242 a forbidden time", func(w *world) hcl.Diagnostics {
		always := job.Limits{Forbidden: []job.Window{{From: 0, To: 24 * 60, Zone: time.UTC}}}
		return w.creates(engine.Submission{Value: orders().value(w), Policy: state.Policy{Limits: always}})
	}},
	{"BF4001 a call that is refused", func(w *world) hcl.Diagnostics {
		w.cluster.Before = func(c cluster.Call) error {
			return cluster.NewError(cluster.Forbidden, c, "https://cluster", nil)
		}
		return w.creates(engine.Submission{Value: orders().value(w)})
	}},
	{"BF4002 an update without a record", func(w *world) hcl.Diagnostics { return w.updates(orders()) }},
	{"BF4003 a job that exists", func(w *world) hcl.Diagnostics {
		w.must(w.apply(orders()))
		w.engine = w.process()
		return w.creates(engine.Submission{Value: orders().between(0, 90, 5).value(w)})
	}},
	{"BF4003 a job that exists and has run", func(w *world) hcl.Diagnostics {
		w.failOnce(orders())
		w.must(w.apply(orders()))
		w.engine = w.process()
		return w.creates(engine.Submission{Value: orders().value(w)})
	}},
	{"BF4003 a job that nobody owns", func(w *world) hcl.Diagnostics {
		w.must(w.apply(orders()))
		w.must(errorOf(w.engine.Release(w.Context(), "data", "orders", w.kept.owner)))
		return w.creates(engine.Submission{Value: orders().value(w)})
	}},
	{"BF4003 two resources of one name", func(w *world) hcl.Diagnostics {
		w.must(w.apply(orders()))
		return w.creates(engine.Submission{Value: orders().value(w)})
	}},
	{"BF4003 two creations at once", func(w *world) hcl.Diagnostics {
		w.meanwhile("create", cluster.Workflow, "orders-r1", func() {
			_, diags := w.process().Create(w.Context(), engine.Submission{Value: orders().value(w)})
			w.must(errorOf(diags))
		})
		return w.creates(engine.Submission{Value: orders().value(w)})
	}},
	{"BF4004 another ConfigMap", func(w *world) hcl.Diagnostics {
		w.must(w.apply(orders()))
		w.patch(cluster.ConfigMap, "orders-backfill", `{"metadata":{"labels":null}}`)
		return w.updates(orders())
	}},
	{"BF4004 a run of an earlier job of the name", func(w *world) hcl.Diagnostics {
		w.must(w.apply(orders()))
		w.must(w.cluster.Delete(w.Context(), cluster.ConfigMap, "data", "orders-backfill", ""))
		return w.creates(engine.Submission{Value: orders().between(0, 90, 5).value(w)})
	}},
	{"BF4005 another owner", func(w *world) hcl.Diagnostics {
		w.must(w.apply(orders()))
		return w.updates(orders(), func(s *engine.Submission) { s.Owner = "somebody else" })
	}},
	{"BF4040 the job of another owner is destroyed", func(w *world) hcl.Diagnostics {
		w.must(w.apply(orders()))
		return w.engine.Delete(w.Context(), "data", "orders", "somebody else")
	}},
	{"BF4006 another template than was planned", func(w *world) hcl.Diagnostics {
		w.must(w.apply(orders()))
		return w.updates(orders().image("example.com/orders:2"), func(s *engine.Submission) { s.Template = "orders-planned" })
	}},
	{"BF4006 a plan that is out of date", func(w *world) hcl.Diagnostics {
		w.failOnce(orders())
		return w.updates(orders(), func(s *engine.Submission) {
			s.Planned, s.Pinned = &decide.NextRun{Partitions: 2, Intervals: "[10,20)"}, true
		})
	}},
	{"BF4006 a run that somebody else has started", func(w *world) hcl.Diagnostics {
		w.failOnce(orders())
		p, _ := w.preview(orders())
		p.Next.Number = 2
		w.must(w.apply(orders()))
		w.argo.fails = func(lo, _ int64) bool { return lo == 10 }
		w.argo.finish()
		return w.updates(orders(), func(s *engine.Submission) { s.Planned, s.Pinned = p.Next, true })
	}},
	{"BF4007 a run that does not end in time", func(w *world) hcl.Diagnostics {
		w.must(w.apply(orders()))
		w.argo.tick(1)
		w.still()
		return w.updates(
			orders().image("example.com/orders:2"),
			func(s *engine.Submission) { s.Policy.StopTimeout = time.Minute },
		)
	}},
	{"BF4007 a run that the record does not know", func(w *world) hcl.Diagnostics {
		w.failOnce(orders())
		w.copyRun("orders-r1", "orders-r9")
		return w.updates(orders())
	}},
	{"BF4008 a record that cannot be read", func(w *world) hcl.Diagnostics {
		w.must(w.apply(orders()))
		w.patch(cluster.ConfigMap, "orders-backfill", `{"data":{"progress.json":"{"}}`)
		return w.observes()
	}},
	{"BF4008 a record of a later version", func(w *world) hcl.Diagnostics {
		w.must(w.apply(orders()))
		w.patch(cluster.ConfigMap, "orders-backfill", `{"data":{"format":"3"}}`)
		return w.observes()
	}},
	{"BF4008 a state that cannot be read", func(w *world) hcl.Diagnostics {
		_, err := state.DecodePrivate("data", "orders", []byte(`{"format":"2","declaration.json":"{"}`))
		return hcl.Diagnostics{observe.DamagedState(err)}
	}},
	{"BF4008 another job of the target, which cannot be read", func(w *world) hcl.Diagnostics {
		w.must(w.apply(orders().with("target", "index/orders").with("name", "other")))
		w.patch(cluster.ConfigMap, "other-backfill", `{"data":{"progress.json":"{"}}`)
		return w.creates(engine.Submission{Value: orders().with("target", "index/orders").value(w)})
	}},
	{"BF4009 objects that stay", func(w *world) hcl.Diagnostics {
		w.must(w.apply(orders()))
		w.argo.finish()
		w.patch(cluster.Workflow, "orders-r1", `{"metadata":{"finalizers":["workflows.argoproj.io/artifact-gc"]}}`)
		return w.engine.Delete(w.Context(), "data", "orders", "")
	}},
	{"BF4009 a template that is still being deleted", func(w *world) hcl.Diagnostics {
		w.must(w.apply(orders()))
		template := w.template()
		w.patch(cluster.WorkflowTemplate, template, `{"metadata":{"finalizers":["example.com/backup"]}}`)
		w.must(w.cluster.Delete(w.Context(), cluster.WorkflowTemplate, "data", template, ""))
		for _, name := range []string{"orders-r1", "orders-backfill"} {
			w.must(
				w.cluster.Delete(
					w.Context(),
					map[bool]cluster.Kind{true: cluster.Workflow, false: cluster.ConfigMap}[name == "orders-r1"],
					"data",
					name,
					"",
				),
			)
		}
		return w.creates(engine.Submission{Value: orders().value(w)})
	}},
	{"BF4010 a run that is gone", func(w *world) hcl.Diagnostics {
		w.must(w.apply(orders()))
		w.must(w.cluster.Delete(w.Context(), cluster.Workflow, "data", "orders-r1", ""))
		return w.observes()
	}},
	{"BF4011 credentials that may only read", func(w *world) hcl.Diagnostics {
		w.must(w.apply(orders()))
		w.argo.finish()
		w.cluster.Before = func(c cluster.Call) error {
			if c.Verb == "get" || c.Verb == "list" {
				return nil
			}
			return cluster.NewError(cluster.Forbidden, c, "", nil)
		}
		return w.observes()
	}},
	{"BF4012 a creation that was cut off", func(w *world) hcl.Diagnostics {
		w.cutOff(orders())
		w.engine = w.process()
		return w.creates(engine.Submission{Value: orders().value(w)})
	}},
	{"BF4013 keys that another job holds", func(w *world) hcl.Diagnostics {
		w.must(w.apply(orders().named("other")))
		return w.creates(engine.Submission{Value: orders().named("orders").between(50, 90, 5).value(w)})
	}},
	{"BF4013 keys that nobody knows yet", func(w *world) hcl.Diagnostics {
		w.must(w.apply(queried().named("other")))
		return w.creates(engine.Submission{Value: orders().named("orders").value(w)})
	}},
	{"BF4014 a run whose nodes cannot be read", func(w *world) hcl.Diagnostics {
		w.must(w.apply(orders()))
		w.argo.tick(1)
		w.patch(cluster.Workflow, "orders-r1", `{"status":{"nodes":null,"compressedNodes":"no gzip"}}`)
		return w.observes()
	}},
	{"BF4014 a run whose nodes are in a database", func(w *world) hcl.Diagnostics {
		w.must(w.apply(orders()))
		w.argo.tick(1)
		w.patch(cluster.Workflow, "orders-r1", `{"status":{"nodes":null,"offloadNodeStatusVersion":"fnv:1"}}`)
		return w.observes()
	}},
	{"BF4015 a template that was edited by hand", func(w *world) hcl.Diagnostics {
		w.failOnce(orders())
		w.patch(cluster.WorkflowTemplate, w.template(), `{"spec":{"templates":[]}}`)
		return w.updates(orders())
	}},
	{"BF4016 finished keys that would run again", func(w *world) hcl.Diagnostics {
		w.must(w.apply(orders()))
		w.argo.finish()
		return w.updates(
			orders(),
			func(s *engine.Submission) { s.Policy = state.Policy{Revision: "b", PreventReprocess: true} },
		)
	}},
	{"BF4017 a teardown that failed", func(w *world) hcl.Diagnostics {
		w.argo.broken = map[string]string{"teardown": "main: Error (exit code 4)"}
		return observe.Troubles(w.runs(bracketed()))
	}},
	{"BF4018 defaults that cannot be kept out", func(w *world) hcl.Diagnostics {
		w.must(w.apply(orders()))
		w.argo.tick(1)
		w.patch(cluster.Workflow, "orders-r1", `{"spec":{"synchronization":{"mutex":{"name":"all"}}}}`)
		return w.observes()
	}},
	{"BF4020 nothing to approve", func(w *world) hcl.Diagnostics {
		w.must(w.apply(orders()))
		_, diags := w.engine.Approve(w.Context(), "data", "orders")
		return diags
	}},
	{"BF4021 pods without a node", func(w *world) hcl.Diagnostics {
		w.must(w.apply(orders()))
		w.status(map[string]any{"0": pod(0, "Pending", "Unschedulable: 0/3 nodes are available", start)})
		w.at(time.Hour)
		return observe.Stuck(w.observe("orders"))
	}},
	{"BF4050 a run that ended before it was stopped", func(w *world) hcl.Diagnostics {
		w.must(w.apply(orders()))
		w.argo.tick(1)
		_, err := w.refresh("orders")
		w.must(err)
		changed := orders().image("example.com/orders:2")
		p, _ := w.preview(changed)
		p.Next.Number = 2
		w.argo.finish()
		return w.updates(changed, func(s *engine.Submission) { s.Planned, s.Pinned = p.Next, true })
	}},
	{"BF5050 pods that the API server refused", func(w *world) hcl.Diagnostics {
		w.argo.refuses = `pods "orders-r1-partition-1" is forbidden: error looking up service account data/runner: ` +
			`serviceaccount "runner" not found`
		w.must(w.apply(orders()))
		w.argo.finish()
		return observe.Troubles(w.observe("orders"))
	}},
	{"BF5051 no place beside another run", func(w *world) hcl.Diagnostics {
		w.must(errorOf(w.creation(sharded("first", 2))))
		return w.creation(sharded("orders", 2))
	}},
	{"BF5051 a single place for a run with shards", func(w *world) hcl.Diagnostics {
		return w.creation(sharded("orders", 1))
	}},
	{"BF4030 a run without a declaration", func(w *world) hcl.Diagnostics {
		w.must(w.apply(orders()))
		w.must(w.cluster.Delete(w.Context(), cluster.ConfigMap, "data", "orders-backfill", ""))
		w.patch(cluster.Workflow, "orders-r1", `{"metadata":{"annotations":{"backfill.dev/declaration":null}}}`)
		_, diags := w.engine.ObserveKnown(w.Context(), "data", "orders", &state.Observation{})
		return diags
	}},
	{"BF4031 a pool that is not there", func(w *world) hcl.Diagnostics {
		return w.creates(engine.Submission{Value: orders().with("pool", "shared").value(w)})
	}},
	{"BF4031 a pool without a size", func(w *world) hcl.Diagnostics {
		w.pooled()
		w.patch(cluster.ConfigMap, "backfill-pool-shared", `{"data":{"shards":"none"}}`)
		return w.creates(engine.Submission{Value: orders().with("pool", "shared").value(w)})
	}},
	{"BF4032 a pool that exists", func(w *world) hcl.Diagnostics {
		w.pooled()
		return hcl.Diagnostics{w.engine.CreatePool(w.Context(), sharedPool)}
	}},
	{"BF4033 a pool that is needed", func(w *world) hcl.Diagnostics {
		w.pooled()
		w.must(w.apply(orders().with("pool", "shared")))
		return hcl.Diagnostics{w.engine.DeletePool(w.Context(), "data", "shared")}
	}},
	{"BF5070 pods that do not end in time", func(w *world) hcl.Diagnostics {
		w.argo.outlive = func(*livingPod) string { return goesOn }
		w.must(w.apply(orders()))
		w.argo.tick(1)
		w.patch(cluster.Workflow, "orders-r1", `{"spec":{"shutdown":"Stop"}}`)
		w.argo.tick(1)
		return w.updates(orders(), func(s *engine.Submission) { s.Policy.StopTimeout = time.Minute })
	}},
	{"BF5071 pods that cannot be listed", func(w *world) hcl.Diagnostics {
		w.must(w.apply(orders()))
		w.argo.tick(1)
		w.unlisted()
		return w.updates(orders().image("example.com/orders:2"))
	}},
}

func (w *world) creates(s engine.Submission) hcl.Diagnostics {
	_, diags := w.engine.Create(w.Context(), s)
	return diags
}

func (w *world) updates(d declared, changes ...func(*engine.Submission)) hcl.Diagnostics {
	s := engine.Submission{Value: d.value(w)}
	if w.kept != nil {
		s.Owner, s.Known = w.kept.owner, w.kept.known
	}
	for _, change := range changes {
		change(&s)
	}
	_, diags := w.engine.Update(w.Context(), s)
	return diags
}

func (w *world) observes() hcl.Diagnostics {
	_, diags := w.engine.Observe(w.Context(), "data", "orders")
	return diags
}

// failOnce has one partition of the first run fail.
func (w *world) failOnce(d declared) {
	w.Helper()
	w.argo.fails = func(lo, _ int64) bool { return lo == 10 }
	w.must(w.apply(d))
	w.argo.finish()
	_, err := w.refresh("orders")
	w.must(err)
}

// still has nothing happen in the cluster while somebody waits.
func (w *world) still() {
	o := w.options()
	o.Pause = func(ctx context.Context, _ time.Duration) error { return ctx.Err() }
	o.Random = rand.New(rand.NewSource(2))
	w.engine = engine.New(w.cluster, o)
}

// copyRun makes a Workflow of the job that is active and that nobody claims.
func (w *world) copyRun(from, to string) {
	w.Helper()
	o, err := w.cluster.Get(w.Context(), cluster.Workflow, "data", from)
	w.must(err)
	o.SetName(to)
	o.SetResourceVersion("")
	delete(o.Object, "status")
	_, err = w.cluster.Create(w.Context(), o)
	w.must(err)
}

// template is the name of the only template.
func (w *world) template() string {
	w.Helper()
	for _, name := range w.names() {
		if name, ok := strings.CutPrefix(name, "WorkflowTemplate/"); ok {
			return name
		}
	}
	w.Fatal("there is no template")
	return ""
}

func (w *world) pooled() {
	w.Helper()
	if problem := w.engine.CreatePool(w.Context(), sharedPool); problem != nil {
		w.Fatal(problem)
	}
}

// TestDiagnosticsOfTheCluster has every diagnostic of the cluster kind told,
// word by word.
func TestDiagnosticsOfTheCluster(t *testing.T) {
	golden, err := txtar.ParseFile(diagnosticsFile)
	if err != nil && !*update {
		t.Fatal(err)
	}
	want := map[string]string{}
	if err == nil {
		for _, f := range golden.Files {
			want[f.Name] = string(f.Data)
		}
	}
	told := map[string]bool{}
	var all txtar.Archive
	for _, c := range diagnosticCases {
		t.Run(c.title, func(t *testing.T) {
			code, _, _ := strings.Cut(c.title, " ")
			diags := c.lead(newWorld(t))
			if len(diags) != 1 || diag.CodeOf(diags[0]) != code {
				t.Fatalf("got %v", diags)
			}
			told[code] = true
			var b bytes.Buffer
			if err := diag.WriteText(&b, diags, nil, diag.TextOptions{}); err != nil {
				t.Fatal(err)
			}
			got := hash.ReplaceAllString(b.String(), "orders-<hash>")
			all.Files = append(all.Files, txtar.File{Name: c.title, Data: []byte(got)})
			if d := cmp.Diff(want[c.title], got); d != "" && !*update {
				t.Errorf("the message differs (run with -update to accept):\n%s", d)
			}
		})
	}
	for _, i := range diag.Codes() {
		ours := strings.HasPrefix(i.Code, "BF4") || strings.HasPrefix(i.Code, "BF5") && i.Code >= "BF5040"
		if ours && !told[i.Code] {
			t.Errorf("no case leads to %s %q", i.Code, i.Summary)
		}
	}
	if *update && !t.Failed() {
		if err := os.WriteFile(diagnosticsFile, txtar.Format(&all), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}
