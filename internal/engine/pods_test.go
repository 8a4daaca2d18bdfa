// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package engine_test

import (
	"context"
	"regexp"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/cluster"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/manifest"
)

// livingPod is a pod that goes on although Argo has called its Workflow ended. It is
// there for as long as the kubelet has not let go of it, for which a finalizer stands.
type livingPod struct {
	manifest.Object
	// ticks is how long it has gone on, and dying for how long of that it has been
	// deleted.
	ticks, dying int
	lo, hi       int64
	run          string
}

// What a pod does next. The exit code of a runner that is told to end says whether it
// has finished, whatever becomes of the rest of its pod.
const (
	goesOn     = ""
	podDone    = "Succeeded"
	podStopped = "Failed"
	runnerDone = "runner has finished, the pod has not"
	podGone    = "gone" // only one that was deleted
)

var ofPartition = regexp.MustCompile(`-(partition(?:-data)?)-p(\d+)-0$`)

// leave makes the pod of a node that is stopped.
func (w *simulated) leave(id string) {
	found := ofPartition.FindStringSubmatch(id)
	if found == nil {
		w.t.Fatalf("no pod of a partition: %s", id)
	}
	pod := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "v1", "kind": "Pod", "status": map[string]any{"phase": "Running"},
	}}
	pod.SetName(id)
	pod.SetNamespace(w.object.GetNamespace())
	labels := w.object.GetLabels()
	delete(labels, "backfill.dev/shard")
	pod.SetLabels(labels)
	pod.SetAnnotations(map[string]string{"workflows.argoproj.io/node-id": id})
	pod.SetFinalizers([]string{"test/kubelet"})
	_ = unstructured.SetNestedSlice(pod.Object, []any{map[string]any{
		"apiVersion": w.object.GetAPIVersion(), "kind": "Workflow",
		"name": w.object.GetName(), "uid": string(w.object.GetUID()),
	}}, "metadata", "ownerReferences")
	if _, err := w.cluster.Create(context.Background(), pod); err != nil {
		w.t.Fatal(err)
	}
	lo, hi := w.bounds(found[1], number(w.t, found[2]))
	w.living[id] = &livingPod{lo: lo, hi: hi, run: w.args["run"]}
}

// pods lets those go on that have not ended.
func (s *simulator) pods() {
	for name, pod := range s.living {
		o, err := s.cluster.Get(context.Background(), cluster.Pod, "data", name)
		if err != nil {
			s.t.Fatal(err)
		}
		pod.Object = o
		if pod.ticks++; o.GetDeletionTimestamp() != nil {
			pod.dying++
		}
		patch := ""
		switch what := s.outlive(pod); what {
		case goesOn:
			continue
		case podDone, runnerDone:
			s.processed(pod.run, pod.lo, pod.hi)
			patch = `{"status":{"phase":"Succeeded"}}`
			if what == runnerDone {
				patch = `{"status":{"phase":"Failed","containerStatuses":[` +
					`{"name":"wait","state":{"terminated":{"exitCode":143}}},` +
					`{"name":"main","state":{"terminated":{"exitCode":0}}}]}}`
			}
		case podStopped:
			patch = `{"status":{"phase":"Failed","containerStatuses":[` +
				`{"name":"main","state":{"terminated":{"exitCode":143}}},` +
				`{"name":"wait","state":{"terminated":{"exitCode":0}}}]}}`
		case podGone:
			if o.GetDeletionTimestamp() == nil {
				continue
			}
		}
		if patch != "" && o.GetDeletionTimestamp() == nil {
			s.patchPod(name, patch)
		}
		s.patchPod(name, `{"metadata":{"finalizers":null}}`)
		delete(s.living, name)
	}
}

func (s *simulator) patchPod(name, patch string) {
	if _, err := s.cluster.Patch(context.Background(), cluster.Pod, "data", name, []byte(patch)); err != nil {
		s.t.Fatal(err)
	}
}

// processed writes down that a run has processed [lo, hi).
func (s *simulator) processed(run string, lo, hi int64) {
	if s.by[run] == nil {
		s.by[run] = map[int64]bool{}
	}
	for k := lo; k < hi; k++ {
		s.times[k]++
		s.by[run][k] = true
	}
}

// keeps plays a keeper of places: it holds them until it is deleted.
func (s *simulator) keeps(o manifest.Object) bool {
	if o.GetLabels()["backfill.dev/keeps"] == "" {
		return false
	}
	patch := `{"status":{"phase":"Running","nodes":{"n":{"templateName":"place","phase":"Running"}}}}`
	if _, err := s.cluster.Patch(
		context.Background(), cluster.Workflow, o.GetNamespace(), o.GetName(), []byte(patch),
	); err != nil {
		s.t.Fatal(err)
	}
	return true
}

// alone demands that no pod of another run lives while one is processed.
func (w *simulated) alone() {
	for name, pod := range w.living {
		if pod.run != w.args["run"] && strings.HasPrefix(pod.run, w.object.GetLabels()["backfill.dev/job"]+"-r") {
			w.t.Errorf("run %s processes beside pod %s", w.args["run"], name)
		}
	}
}
