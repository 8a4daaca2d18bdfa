// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package acceptance

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// rest waits until nothing more happens: what may run has run to its end, Argo has
// noted that, and whatever else there is waits to be let go.
func (m *model) rest() {
	m.Helper()
	var before map[string]string
	still := 0
	for end := time.Now().Add(15 * time.Minute); still < 8; time.Sleep(500 * time.Millisecond) {
		if time.Now().After(end) {
			m.Fatalf("the job does not come to rest: %v", before)
		}
		now, settled := m.look()
		if still++; !settled || !maps.Equal(before, now) {
			still = 0
		}
		before = now
	}
}

// look is what the job's Workflows and pods show now, and whether all of them
// have ended or wait.
func (m *model) look() (state map[string]string, settled bool) {
	m.Helper()
	state, settled = map[string]string{}, true
	noted := map[string]int{} // partitions that Argo knows to be done, by run
	for _, wf := range m.workflows() {
		state[wf.name] = fmt.Sprintf("%s suspended: %t, done: %d", wf.phase, wf.suspended, wf.done)
		noted[wf.run] += wf.done
		ended := wf.phase == "Succeeded" || wf.phase == "Failed" || wf.phase == "Error"
		if wf.phase == "" && !wf.suspended || wf.stopped && !ended {
			settled = false
		}
	}
	active := m.pods(state)
	for run, n := range noted {
		waiting, err := filepath.Glob(filepath.Join(m.log, "waiting", run+"--*"))
		if err != nil {
			m.Fatal(err)
		}
		if n < len(m.since(run)) || active[run] != len(waiting) {
			settled = false
		}
	}
	return state, settled
}

// pods counts the pods of partitions that have not ended, by run, and notes the
// phases of all of the job's pods.
func (m *model) pods(state map[string]string) (active map[string]int) {
	m.Helper()
	list, err := m.c.core.CoreV1().
		Pods(namespace).
		List(m.Context(), metav1.ListOptions{LabelSelector: "backfill.dev/job=" + m.name})
	if err != nil {
		m.Fatal(err)
	}
	active = map[string]int{}
	for _, p := range list.Items {
		state["pod "+p.Name] = string(p.Status.Phase)
		_, launcher := p.Labels["backfill.dev/shard"]
		if !launcher && p.Status.Phase != "Succeeded" && p.Status.Phase != "Failed" {
			active[m.name+"-r"+p.Labels["backfill.dev/run"]]++
		}
	}
	return active
}

// watchedWorkflow is one of the job's Workflows.
type watchedWorkflow struct {
	name, run, phase   string
	suspended, stopped bool
	// shard tells that it is one of a run's, and unsettled that nobody has noted
	// its outcome.
	shard, unsettled bool
	done             int // partitions
}

func (m *model) workflows() []watchedWorkflow {
	m.Helper()
	list, err := m.c.dynamic.Resource(workflows).
		Namespace(namespace).
		List(m.Context(), metav1.ListOptions{LabelSelector: "backfill.dev/job=" + m.name})
	if err != nil {
		m.Fatal(err)
	}
	var all []watchedWorkflow
	for _, o := range list.Items {
		wf := watchedWorkflow{name: o.GetName(), run: m.name + "-r" + o.GetLabels()["backfill.dev/run"], phase: phaseOf(&o)}
		wf.suspended, _, _ = unstructured.NestedBool(o.Object, "spec", "suspend")
		shutdown, _, _ := unstructured.NestedString(o.Object, "spec", "shutdown")
		ttl, _, _ := unstructured.NestedInt64(o.Object, "spec", "ttlStrategy", "secondsAfterFailure")
		_, wf.shard = o.GetLabels()["backfill.dev/shard"]
		wf.stopped, wf.unsettled = shutdown != "", ttl == 2147483647
		for _, n := range m.nodes(&o) {
			// The node of the partition itself is left as it is while the run is paused.
			if n.Type == "Pod" && n.Phase == "Succeeded" &&
				strings.HasPrefix(n.TemplateName+n.TemplateRef.Template, "partition") {
				wf.done++
			}
		}
		all = append(all, wf)
	}
	return all
}

// argoNode is what Argo notes of one step.
type argoNode struct {
	Type, Phase, TemplateName string
	TemplateRef               struct{ Template string }
}

func (m *model) nodes(o *unstructured.Unstructured) map[string]argoNode {
	m.Helper()
	plain, _, _ := unstructured.NestedFieldNoCopy(o.Object, "status", "nodes")
	text, err := json.Marshal(plain)
	if packed, _, _ := unstructured.NestedString(o.Object, "status", "compressedNodes"); packed != "" {
		text, err = unzipped(packed)
	}
	nodes := map[string]argoNode{}
	if err == nil {
		err = json.Unmarshal(text, &nodes)
	}
	if err != nil {
		m.Fatal(err)
	}
	return nodes
}

func unzipped(packed string) ([]byte, error) {
	reader, err := gzip.NewReader(base64.NewDecoder(base64.StdEncoding, strings.NewReader(packed)))
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	_, err = out.ReadFrom(reader)
	return out.Bytes(), err
}

// gone waits until nothing of a run is left.
func (m *model) gone(run string) {
	m.Helper()
	for end := time.Now().Add(5 * time.Minute); ; time.Sleep(500 * time.Millisecond) {
		left := m.pods(map[string]string{})[run]
		for _, wf := range m.workflows() {
			if wf.run == run {
				left++
			}
		}
		if left == 0 {
			break
		}
		if time.Now().After(end) {
			m.Fatalf("%d objects of %s are left", left, run)
		}
	}
	marks, _ := filepath.Glob(filepath.Join(m.log, "waiting", run+"--*"))
	for _, mark := range marks {
		_ = os.Remove(mark)
	}
	m.forget(run)
}
