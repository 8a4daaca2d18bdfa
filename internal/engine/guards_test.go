// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package engine_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/hcl/v2"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/cluster"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/diag"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/engine"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/manifest"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/state"
)

const recordName = "orders-backfill"

// meanwhile has something happen once, right before the first request of this kind
// is carried out.
func (w *world) meanwhile(verb string, kind cluster.Kind, name string, do func()) {
	w.Helper()
	happened := false
	w.cluster.Before = func(c cluster.Call) error {
		if c.Verb != verb || c.Kind != kind || c.Name != name {
			return nil
		}
		w.cluster.Before = nil
		happened = true
		do()
		return nil
	}
	w.Cleanup(func() {
		if !happened && !w.Failed() {
			w.Errorf("there was no %s of %s %s", verb, kind, name)
		}
	})
}

// object reads an object, without what the server counts.
func (w *world) object(kind cluster.Kind, name string) manifest.Object {
	w.Helper()
	o, err := w.cluster.Get(w.Context(), kind, "data", name)
	w.must(err)
	return o
}

func (w *world) entry(key string) string {
	w.Helper()
	text, _, _ := unstructured.NestedString(w.object(cluster.ConfigMap, recordName).Object, "data", key)
	return text
}

// takenOver is what somebody else does who imports the job into another state.
func (w *world) takenOver() {
	w.patch(cluster.ConfigMap, recordName, `{"data":{"owner":"somebody else"}}`)
}

// finished is a world whose job has ended, with some partitions failed, and was read.
func finished(t *testing.T, d declared, failed ...int64) *world {
	t.Helper()
	w := newWorld(t)
	w.argo.fails = func(lo, _ int64) bool { return slices.Contains(failed, lo) }
	w.must(w.apply(d))
	w.argo.finish()
	w.argo.fails = func(int64, int64) bool { return false }
	_, err := w.refresh("orders")
	w.must(err)
	return w
}

func (w *world) submission(d declared) engine.Submission {
	return engine.Submission{Value: d.value(w), Owner: w.kept.owner, Known: w.kept.known, Policy: w.policy}
}

// A job that another state takes over, after this one has looked and before it
// writes, is not taken back.
func TestTakeOverBeforeAWriteIsHeeded(t *testing.T) {
	targeted := orders().with("target", "index/orders")
	update := func(d declared) func(w *world) hcl.Diagnostics {
		return func(w *world) hcl.Diagnostics {
			_, diags := w.process().Update(w.Context(), w.submission(d))
			return diags
		}
	}
	for name, test := range map[string]struct {
		job declared
		do  func(w *world) hcl.Diagnostics
	}{
		"a run is started":           {orders(), update(orders().between(0, 75, 5))},
		"a declaration is noted":     {orders(), update(orders().with("reason", "another"))},
		"keys of a target are added": {targeted, update(targeted.between(0, 75, 5))},
		"the job is released": {orders(), func(w *world) hcl.Diagnostics {
			return w.process().Release(w.Context(), "data", "orders", w.kept.owner)
		}},
	} {
		t.Run(name, func(t *testing.T) {
			w := finished(t, test.job)
			before := w.names()
			declaration := w.entry("declaration.json")
			w.meanwhile("update", cluster.ConfigMap, recordName, w.takenOver)
			if diags := test.do(w); codeOf(diags) != diag.CodeHeldElsewhere {
				t.Errorf("got %v", diags)
			}
			if w.entry("owner") != "somebody else" || w.entry("declaration.json") != declaration ||
				w.entry("reserved.json") != "" {
				t.Errorf("the record was written: %v", w.object(cluster.ConfigMap, recordName).Object["data"])
			}
			if now := w.names(); !slices.Equal(now, before) {
				t.Errorf("there were %v, and there are %v", before, now)
			}
		})
	}
}

// A creation that was cut off is continued, but not when somebody else has gone
// on with the job before it is written.
func TestContinuationDoesNotUndoAnUpdate(t *testing.T) {
	w := newWorld(t)
	w.cutOff(orders())
	s := w.submission(orders().between(0, 75, 5))
	w.meanwhile("update", cluster.ConfigMap, recordName, func() {
		_, diags := w.process().Update(t.Context(), s)
		w.must(errorOf(diags))
	})
	o, diags := w.process().Create(t.Context(), engine.Submission{Value: orders().value(t)})
	if o != nil || codeOf(diags) != diag.CodeJobExists {
		t.Errorf("got %v", diags)
	}
	if w.entry("owner") != s.Owner {
		t.Error("the owner was changed")
	}
}

// A record that was deleted and made anew between read and write is another job's:
// what was true of the first is not written into it.
func TestRecordMadeAnewIsNotWritten(t *testing.T) {
	for name, d := range map[string]declared{
		"a run is started": orders().between(0, 75, 5), "a declaration is noted": orders().with("reason", "another"),
	} {
		t.Run(name, func(t *testing.T) {
			w := finished(t, orders())
			var anew manifest.Object
			w.meanwhile("update", cluster.ConfigMap, recordName, func() {
				o := w.object(cluster.ConfigMap, recordName)
				w.must(w.cluster.Delete(t.Context(), cluster.ConfigMap, "data", recordName, ""))
				o.SetResourceVersion("")
				var err error
				anew, err = w.cluster.Create(t.Context(), o)
				w.must(err)
			})
			_, diags := w.process().Update(t.Context(), w.submission(d))
			if codeOf(diags) != diag.CodeJobNotFound {
				t.Errorf("got %v", diags)
			}
			if now := w.object(cluster.ConfigMap, recordName); now.GetResourceVersion() != anew.GetResourceVersion() {
				t.Error("the new record was written")
			}
			if slices.Contains(w.names(), "Workflow/orders-r2") {
				t.Error("a run was submitted")
			}
		})
	}
}

// Two processes of one state that start the same run: the second finds that it was
// started, and does not start it once more.
func TestRunStartedMeanwhileIsNotStartedAgain(t *testing.T) {
	for _, ends := range []bool{false, true} {
		t.Run(fmt.Sprintf("it has ended %t", ends), func(t *testing.T) {
			w := finished(t, orders(), 10, 45)
			s := w.submission(orders())
			w.meanwhile("update", cluster.ConfigMap, recordName, func() {
				_, diags := w.process().Update(t.Context(), s)
				w.must(errorOf(diags))
				if ends {
					w.argo.finish()
					w.observe("orders")
				}
			})
			o, diags := w.process().Update(t.Context(), s)
			if o != nil || codeOf(diags) != diag.CodeStalePlan {
				t.Errorf("got %v", diags)
			}
			w.argo.finish()
			if slices.Contains(w.names(), "Workflow/orders-r3") {
				t.Error("another run was submitted")
			}
			w.exactly(0, 60, 1)
		})
	}
}

// A process so slow that others have given its run up before it submits it takes
// the Workflow back: two runs of a job never overlap.
func TestRunGivenUpIsTakenBack(t *testing.T) {
	w := finished(t, orders(), 10, 45)
	s := w.submission(orders())
	other := w.submission(orders().between(0, 75, 5))
	w.meanwhile("create", cluster.Workflow, "orders-r2", func() {
		o, diags := w.process().Update(t.Context(), other)
		w.must(errorOf(diags))
		if o.LatestRun() != "orders-r3" {
			t.Fatalf("the other process submitted %s", o.LatestRun())
		}
	})
	o, diags := w.process().Update(t.Context(), s)
	if o != nil || codeOf(diags) != diag.CodeStalePlan {
		t.Errorf("got %v", diags)
	}
	if slices.Contains(w.names(), "Workflow/orders-r2") {
		t.Error("the run is still there")
	}
	w.argo.finish()
	w.exactly(0, 75, 1)
}

// A creation so slow that another process of the same state has given its run up
// removes its Workflow, and nothing of what the other run needs.
func TestAFailedCreationLeavesTheRunOfAnother(t *testing.T) {
	w := newWorld(t)
	w.meanwhile("create", cluster.Workflow, "orders-r1", func() {
		s := engine.Submission{Value: orders().between(0, 75, 5).value(t), Owner: "ours"}
		o, diags := w.process().Update(t.Context(), s)
		w.must(errorOf(diags))
		if o.LatestRun() != "orders-r2" {
			t.Fatalf("the other process submitted %s", o.LatestRun())
		}
	})
	o, diags := w.process().Create(t.Context(), engine.Submission{Value: orders().value(t), Owner: "ours"})
	if o != nil || codeOf(diags) != diag.CodeStalePlan {
		t.Errorf("got %v", diags)
	}
	if left := w.names(); len(left) != 3 || slices.Contains(left, "Workflow/orders-r1") {
		t.Errorf("left are %v, want the record, a template and the second run", left)
	}
	w.argo.finish()
	w.exactly(0, 75, 1)
}

// The same where the record was deleted meanwhile, or made anew.
func TestRunWithoutItsRecordIsTakenBack(t *testing.T) {
	for _, anew := range []bool{false, true} {
		t.Run(fmt.Sprintf("made anew %t", anew), func(t *testing.T) {
			w := finished(t, orders(), 10, 45)
			w.meanwhile("create", cluster.Workflow, "orders-r2", func() {
				o := w.object(cluster.ConfigMap, recordName)
				w.must(w.cluster.Delete(t.Context(), cluster.ConfigMap, "data", recordName, ""))
				if o.SetResourceVersion(""); anew {
					_, err := w.cluster.Create(t.Context(), o)
					w.must(err)
				}
			})
			o, diags := w.process().Update(t.Context(), w.submission(orders()))
			if o != nil || codeOf(diags) != diag.CodeStalePlan || slices.Contains(w.names(), "Workflow/orders-r2") {
				t.Errorf("got %v, and %v", diags, w.names())
			}
		})
	}
}

// A creation that fails takes back what it made only when no run was submitted for
// certain, or can still be: the Workflow would run without a record.
func TestFailedCreationIsTakenBackOnlyWhenCertain(t *testing.T) {
	refuse := func(reason cluster.Reason) func(cluster.Call) error {
		return func(c cluster.Call) error {
			if c.Verb == "create" && c.Kind == cluster.Workflow {
				return cluster.NewError(reason, c, "", errors.New("injected"))
			}
			return nil
		}
	}
	unseen := func(c cluster.Call) error {
		if c.Verb == "get" && c.Kind == cluster.Workflow {
			return cluster.NewError(cluster.Forbidden, c, "", errors.New("injected"))
		}
		return refuse(cluster.Forbidden)(c)
	}
	for name, test := range map[string]struct {
		before, after func(cluster.Call) error
		left          bool
	}{
		"refused":                       {refuse(cluster.Forbidden), nil, false},
		"refused as invalid":            {refuse(cluster.Refused), nil, false},
		"may still arrive":              {refuse(cluster.Unavailable), nil, true},
		"cut off, may still arrive":     {refuse(cluster.Unreachable), nil, true},
		"interrupted":                   {refuse(cluster.Canceled), nil, true},
		"arrived, and the answer lost":  {nil, refuse(cluster.Unavailable), true},
		"refused, and there all same":   {nil, refuse(cluster.Forbidden), true},
		"refused, and cannot be looked": {unseen, nil, true},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.cluster.Before, w.cluster.After = test.before, test.after
			if err := w.apply(orders()); err == nil {
				t.Fatal("the creation did not fail")
			}
			w.cluster.Before, w.cluster.After = nil, nil
			if got := slices.Contains(w.names(), "ConfigMap/"+recordName); got != test.left {
				t.Errorf("left is %v", w.names())
			}
			if !test.left && len(w.names()) > 0 {
				t.Errorf("left is %v", w.names())
			}
			w.must(w.apply(orders()))
			w.complete("orders-r1")
			w.exactly(0, 60, 1)
		})
	}
}

// Two that see a run end at the same moment merge it once: what came after the first
// merge is not undone by the second.
func TestRunIsMergedOnce(t *testing.T) {
	t.Run("nothing counts as done after another revision", func(t *testing.T) {
		w := newWorld(t)
		w.must(w.apply(orders()))
		w.argo.finish()
		w.meanwhile("update", cluster.ConfigMap, recordName, func() {
			slow := w.engine
			w.policy.Revision = "2"
			w.must(w.apply(orders()))
			w.engine = slow
		})
		w.observe("orders")
		if o := w.observe("orders"); o.LatestRun() != "orders-r2" || o.DoneCount() != 0 {
			t.Errorf("%d partitions of %s are done, without having been run", o.DoneCount(), o.LatestRun())
		}
		w.complete("orders-r2")
		w.exactly(0, 60, 2)
	})
	t.Run("a gate that was passed stays passed", func(t *testing.T) {
		w := newWorld(t)
		w.must(w.apply(cautious()))
		w.argo.finish()
		w.meanwhile("update", cluster.ConfigMap, recordName, func() {
			slow := w.engine
			w.engine = w.process()
			_, diags := w.engine.Approve(t.Context(), "data", "orders")
			w.must(errorOf(diags))
			w.argo.finish()
			w.shows(w.observe("orders"), state.PhaseAwaitingApproval, "orders-r2", "[0,15)")
			w.engine = slow
		})
		w.observe("orders")
		w.shows(w.observe("orders"), state.PhaseAwaitingApproval, "orders-r2", "[0,15)")
	})
	t.Run("the history says what the first saw", func(t *testing.T) {
		w := newWorld(t)
		w.must(w.apply(orders()))
		w.argo.finish()
		runs := ""
		w.meanwhile("update", cluster.ConfigMap, recordName, func() {
			w.process().Observe(t.Context(), "data", "orders")
			runs = w.entry("runs.json")
		})
		w.observe("orders")
		if now := w.entry("runs.json"); now != runs {
			t.Errorf("the history was %s and is %s", runs, now)
		}
	})
}

// What a run covers is no longer failed: it is being tried again, and when the run
// ends before it came to that, it is left to do.
func TestWhatIsTriedAgainIsNotFailed(t *testing.T) {
	w := finished(t, orders(), 10, 45)
	w.must(w.apply(orders()))
	if o := w.observe("orders"); o.FailedText() != "" || len(o.FailedPartitions(state.MaxFailures)) > 0 {
		t.Errorf("while it is tried again, failed is %s, %v", o.FailedText(), o.FailedPartitions(state.MaxFailures))
	}
	_, diags := w.engine.Stop(t.Context(), "data", "orders")
	w.must(errorOf(diags))
	w.argo.finish()
	for range 2 {
		o := w.observe("orders")
		if o.Phase != state.PhaseIncomplete || o.FailedText() != "" || o.RemainingText() != "[10,15) [45,50)" {
			t.Errorf("%s, failed is %s, left is %s", o.Phase, o.FailedText(), o.RemainingText())
		}
	}
}

// blind is a cluster that lists all objects of a kind, whatever is asked for.
type blind struct{ cluster.Backend }

func (b blind) List(ctx context.Context, k cluster.Kind, namespace, _ string) ([]manifest.Object, error) {
	return b.Backend.List(ctx, k, namespace, "")
}

// Whatever a list holds, Workflows of other jobs are not stopped, paused, resumed or
// given another number of pods.
func TestWorkflowsOfOthersAreNotPatched(t *testing.T) {
	sharded := orders().with("shard_size", 5)
	for name, do := range map[string]func(w *world, e *engine.Engine) hcl.Diagnostics{
		"stop": func(w *world, e *engine.Engine) hcl.Diagnostics {
			_, diags := e.Stop(w.Context(), "data", "orders")
			return diags
		},
		"pause": func(w *world, e *engine.Engine) hcl.Diagnostics {
			_, diags := e.Pause(w.Context(), "data", "orders")
			return diags
		},
		"more pods": func(w *world, e *engine.Engine) hcl.Diagnostics {
			_, diags := e.Update(w.Context(), w.submission(sharded.with("max_parallel", 40)))
			return diags
		},
		"fewer pods": func(w *world, e *engine.Engine) hcl.Diagnostics {
			_, diags := e.Update(w.Context(), w.submission(sharded.with("max_parallel", 2)))
			return diags
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.must(w.apply(sharded.with("name", "theirs")))
			w.argo.tick(1)
			w.kept = nil
			w.must(w.apply(sharded))
			w.argo.tick(1)
			w.argo.tick(1)
			_, err := w.refresh("orders")
			w.must(err)
			theirs := func() (all []manifest.Object) {
				for _, o := range w.cluster.Objects() {
					if strings.HasPrefix(o.GetName(), "theirs") {
						all = append(all, o)
					}
				}
				return all
			}
			before := theirs()
			e := engine.New(blind{w.cluster}, engine.Options{
				Now: func() time.Time { return start }, Random: w.random,
				Pause: func(ctx context.Context, _ time.Duration) error { return ctx.Err() },
			})
			w.must(errorOf(do(w, e)))
			if now := theirs(); len(before) < 4 || !reflect.DeepEqual(now, before) {
				t.Errorf("%d objects of another job were changed", len(before))
			}
		})
	}
}

// An object that another job made under the name that ours needs is neither used, nor
// changed, nor deleted, by whatever this job does.
func TestObjectsOfOtherJobsAreLeftAlone(t *testing.T) {
	odd := orders().with("partition", object{"range": object{"boundaries": []int64{0, 3, 17, 20, 60}}})
	probe := newWorld(t)
	probe.must(probe.apply(odd))
	for _, o := range probe.cluster.Objects() {
		if o.GetName() == recordName {
			continue
		}
		t.Run(o.GetKind(), func(t *testing.T) {
			w := newWorld(t)
			w.process = func() *engine.Engine { // beside which Argo does nothing
				return engine.New(w.cluster, engine.Options{
					Random: w.random, Pause: func(ctx context.Context, _ time.Duration) error { return ctx.Err() },
				})
			}
			w.engine = w.process()
			foreign := o.DeepCopy()
			labels := foreign.GetLabels()
			labels["backfill.dev/job"] = "theirs"
			foreign.SetLabels(labels)
			foreign.SetResourceVersion("")
			if data, found, _ := unstructured.NestedStringMap(foreign.Object, "data"); found {
				data["0.start"] = "1"
				w.must(unstructured.SetNestedStringMap(foreign.Object, data, "data"))
			} else {
				w.must(unstructured.SetNestedField(foreign.Object, int64(7), "spec", "priority"))
			}
			theirs, err := w.cluster.Create(t.Context(), foreign)
			w.must(err)
			err = w.apply(odd)
			if codeOfError(err) != diag.CodeNotOurs {
				t.Errorf("got %v", err)
			}
			now := w.object(cluster.Kind(o.GetKind()), o.GetName())
			if now.GetResourceVersion() != theirs.GetResourceVersion() || now.GetUID() != theirs.GetUID() {
				t.Error("the object was changed")
			}
			if left := w.names(); len(left) != 1 {
				t.Errorf("the failed creation left %v", left)
			}
		})
	}
}

// When a run has been merged, a Workflow that stands under its name by then and is
// another job's is neither given a time to live nor the owner of our data.
func TestWorkflowOfAnotherJobIsNotRetired(t *testing.T) {
	w := newWorld(t)
	w.must(w.apply(orders()))
	w.argo.finish()
	var theirs manifest.Object
	w.meanwhile("update", cluster.ConfigMap, recordName, func() {
		o := w.object(cluster.Workflow, "orders-r1")
		w.must(w.cluster.Delete(t.Context(), cluster.Workflow, "data", "orders-r1", ""))
		o.SetLabels(map[string]string{"backfill.dev/job": "theirs", "backfill.dev/run": "1"})
		o.SetResourceVersion("")
		var err error
		theirs, err = w.cluster.Create(t.Context(), o)
		w.must(err)
	})
	w.observe("orders")
	if now := w.object(cluster.Workflow, "orders-r1"); now.GetResourceVersion() != theirs.GetResourceVersion() {
		t.Error("it was changed")
	}
}

// A record of a few kilobytes must not unpack to gigabytes.
func TestRecordDoesNotUnpackWithoutBound(t *testing.T) {
	const most = 64 << 20
	for name, test := range map[string]struct {
		key  string
		size int
		want string
	}{
		"a declaration too large": {"declaration.json", most + 1, "more than 67108864 bytes"},
		"a declaration just so":   {"declaration.json", most, ""},
		"a ledger too large":      {"done", most + 1, "more than 67108864 bytes"},
		"failed keys too large":   {"failed", most + 1, "more than 67108864 bytes"},
		"a run too large":         {"submitted.json", most + 1, "more than 67108864 bytes"},
		"reserved keys too large": {"reserved.json", most + 1, "more than 67108864 bytes"},
	} {
		t.Run(name, func(t *testing.T) {
			w := finished(t, orders())
			var packed bytes.Buffer
			gz := gzip.NewWriter(&packed)
			text := bytes.Repeat([]byte{' '}, test.size)
			copy(text, w.entry(test.key)) // white space at the end of JSON is no fault
			_, err := gz.Write(text)
			w.must(err)
			w.must(gz.Close())
			patch, err := json.Marshal(map[string]any{
				"data":       map[string]any{test.key: nil},
				"binaryData": map[string]any{test.key + ".gz": base64.StdEncoding.EncodeToString(packed.Bytes())},
			})
			w.must(err)
			w.patch(cluster.ConfigMap, recordName, string(patch))
			o, diags := w.process().Observe(t.Context(), "data", "orders")
			switch {
			case test.want == "" && (o == nil || o.Phase != state.PhaseComplete):
				t.Errorf("got %v", diags)
			case test.want != "" && (codeOf(diags) != diag.CodeRecordDamaged || !strings.Contains(diags.Error(), test.want)):
				t.Errorf("got %v", diags)
			}
		})
	}
}
