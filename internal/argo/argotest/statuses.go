// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package argotest

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"slices"
	"syscall"
	"testing"
	"time"

	wfv1 "github.com/argoproj/argo-workflows/v3/pkg/apis/workflow/v1alpha1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/utils/ptr"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/argo"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/domain"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/ledger"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/manifest"
)

// Observed is what a cluster showed of a run.
type Observed struct {
	Run            manifest.Object
	Children, Data []manifest.Object
}

// At is an instant of a test.
func At(minute int) metav1.Time {
	return metav1.NewTime(time.Date(2026, 1, 1, 0, minute, 0, 0, time.UTC))
}

// RetriedIn gives the node of a partition other attempts.
func RetriedIn(run *wfv1.Workflow, i string, attempts ...wfv1.NodeStatus) {
	Change(run, retried(i), func(n *wfv1.NodeStatus) {
		n.Children = nil
		for k, a := range attempts {
			a.ID, a.Name, a.Type = fmt.Sprintf("%s-%d", n.ID, k), fmt.Sprintf("%s(%d)", n.Name, k), wfv1.NodeTypePod
			a.TemplateRef, a.Inputs = n.TemplateRef, n.Inputs
			n.Children = append(n.Children, a.ID)
			run.Status.Nodes[a.ID] = a
		}
		n.Phase = attempts[len(attempts)-1].Phase
		if n.Phase == wfv1.NodePending {
			n.Phase = wfv1.NodeRunning
		}
	})
}

func Observe(t testing.TB, w *wfv1.Workflow) manifest.Object {
	t.Helper()
	text, err := json.Marshal(w)
	if err != nil {
		t.Fatal(err)
	}
	var o unstructured.Unstructured
	if err := json.Unmarshal(text, &o.Object); err != nil {
		t.Fatal(err)
	}
	return &o
}

// Compressed moves the node statuses to where Argo puts those of large
// Workflows.
func Compressed(t testing.TB, o manifest.Object) manifest.Object {
	t.Helper()
	o = o.DeepCopy()
	status, _ := o.Object["status"].(map[string]any)
	text, err := json.Marshal(status["nodes"])
	if err != nil {
		t.Fatal(err)
	}
	var packed bytes.Buffer
	w := gzip.NewWriter(&packed)
	if _, err := w.Write(text); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	delete(status, "nodes")
	status["compressedNodes"] = base64.StdEncoding.EncodeToString(packed.Bytes())
	return o
}

func SetOf(d domain.Domain, ps ...domain.Partition) ledger.Set {
	return ledger.Of(d, slices.Values(ps))
}

func Change(w *wfv1.Workflow, match func(wfv1.NodeStatus) bool, edit func(*wfv1.NodeStatus)) {
	for id, n := range w.Status.Nodes {
		if match(n) {
			edit(&n)
			w.Status.Nodes[id] = n
		}
	}
}

func input(n wfv1.NodeStatus, name string) string {
	if n.Inputs == nil {
		return ""
	}
	if p := n.Inputs.GetParameterByName(name); p != nil {
		return p.Value.String()
	}
	return ""
}

func retried(i string) func(wfv1.NodeStatus) bool {
	return func(n wfv1.NodeStatus) bool {
		return n.Type == wfv1.NodeTypeRetry && input(n, argo.InI) == i
	}
}

// Attempted is a partition's retried node with its attempts.
func Attempted(i string) func(wfv1.NodeStatus) bool {
	return func(n wfv1.NodeStatus) bool {
		return (n.Type == wfv1.NodeTypeRetry || n.Type == wfv1.NodeTypePod) && input(n, argo.InI) == i
	}
}

func LauncherOf(k string) func(wfv1.NodeStatus) bool {
	return func(n wfv1.NodeStatus) bool {
		return n.Type == wfv1.NodeTypeRetry && input(n, argo.InK) == k
	}
}

// groupSize is the number of partitions in a group.
const groupSize = 25

// Worst is the node statuses of a shard in which every partition failed with
// all of its attempts, as Argo 3.7.18 writes them.
func Worst(count, attempts int) wfv1.Nodes {
	const name = "orders-risk-score-r12-s199"
	r := rand.New(rand.NewPCG(1, 2))
	begin := time.Date(2026, 11, 20, 0, 0, 0, 0, time.UTC)
	instant := func() metav1.Time { return metav1.NewTime(begin.Add(time.Duration(r.IntN(36000)) * time.Second)) }
	hash := func(s string) uint32 {
		h := fnv.New32a()
		_, _ = h.Write([]byte(s))
		return h.Sum32()
	}
	id := func(s string) string { return fmt.Sprintf("%s-%d", name, hash(s)) }
	message := func(i int) string {
		text := fmt.Sprintf(
			"main: Error (exit code 1): could not process record %d of partition %d: connection to server at \"10.%d.%d.%d\", "+
				"port 5432 failed: timeout expired after %d ms; ",
			r.IntN(1e9),
			i,
			r.IntN(256),
			r.IntN(256),
			r.IntN(256),
			r.IntN(60000),
		)
		return (text + string(bytes.Repeat([]byte("."), argo.MaxMessage)))[:argo.MaxMessage]
	}
	nodes := wfv1.Nodes{}
	var group, steps wfv1.NodeStatus
	for i := range count {
		if i%groupSize == 0 {
			group = wfv1.NodeStatus{
				DisplayName: fmt.Sprintf(
					"g(%[1]d:%[1]d)",
					i/groupSize,
				),
				Type:              wfv1.NodeTypeRetry,
				Phase:             wfv1.NodeFailed,
				BoundaryID:        id("a"),
				TemplateName:      argo.TemplateGroup,
				TemplateScope:     "namespaced/orders-risk-score-cjtbgd3miv",
				Message:           message(i)[:60],
				StartedAt:         instant(),
				FinishedAt:        instant(),
				Progress:          "0/25",
				ResourcesDuration: wfv1.ResourcesDuration{"cpu": wfv1.ResourceDuration(r.IntN(9000))},
				Inputs: &wfv1.Inputs{Parameters: []wfv1.Parameter{
					{
						Name:  argo.InFrom,
						Value: wfv1.AnyStringPtr("99500"),
					},
					{Name: argo.InCount, Value: wfv1.AnyStringPtr("500")},
					{Name: argo.InGroup, Value: wfv1.AnyStringPtr(fmt.Sprint(i / groupSize))},
				}},
			}
			group.Name = name + "(0)[0].partitions(0)[0]." + group.DisplayName
			attempt, inner := group, group
			attempt.Type, attempt.Name, attempt.DisplayName = wfv1.NodeTypeSteps, group.Name+"(0)", group.DisplayName+"(0)"
			inner.Type, inner.Name, inner.DisplayName = wfv1.NodeTypeStepGroup, group.Name+"(0)[0]", "[0]"
			inner.Inputs, inner.TemplateName = nil, ""
			group.ID, attempt.ID, inner.ID = id(group.Name), id(attempt.Name), id(inner.Name)
			group.Children, attempt.Children, inner.BoundaryID = []string{attempt.ID}, []string{inner.ID}, attempt.ID
			nodes[group.ID], nodes[attempt.ID], steps = group, attempt, inner
		}
		display := fmt.Sprintf("p(%d:%d)", i%groupSize, 99500+i)
		full := steps.Name + "." + display
		parent := wfv1.NodeStatus{
			ID: id(
				full,
			),
			Name:          full,
			DisplayName:   display,
			Type:          wfv1.NodeTypeRetry,
			Phase:         wfv1.NodeFailed,
			BoundaryID:    steps.BoundaryID,
			TemplateName:  argo.TemplatePartition,
			TemplateScope: "namespaced/orders-risk-score-cjtbgd3miv",
			Message:       message(i),
			StartedAt:     instant(),
			FinishedAt:    instant(),
			Progress:      "0/1",
			Inputs: &wfv1.Inputs{
				Parameters: []wfv1.Parameter{{Name: argo.InI, Value: wfv1.AnyStringPtr(fmt.Sprint(99500 + i))}},
			},
			Outputs: &wfv1.Outputs{ExitCode: ptr.To("1")},
		}
		for n := range attempts {
			pod := parent
			pod.Type, pod.Name, pod.DisplayName = wfv1.NodeTypePod, fmt.Sprintf(
				"%s(%d)",
				full,
				n,
			), fmt.Sprintf(
				"%s(%d)",
				display,
				n,
			)
			pod.ID, pod.StartedAt, pod.FinishedAt, pod.Message = id(pod.Name), instant(), instant(), message(i)
			k := r.IntN(40)
			pod.HostNodeName = fmt.Sprintf("gke-cluster-1-spot-pool-%08x-%04x", k*77777, k*321)
			pod.ResourcesDuration = wfv1.ResourcesDuration{
				"cpu":    wfv1.ResourceDuration(r.IntN(900)),
				"memory": wfv1.ResourceDuration(r.IntN(9000)),
			}
			pod.TaskResultSynced, pod.NodeFlag = ptr.To(true), &wfv1.NodeFlag{Retried: true}
			parent.Children = append(parent.Children, pod.ID)
			nodes[pod.ID] = pod
		}
		nodes[parent.ID] = parent
		steps.Children = append(steps.Children, parent.ID)
		nodes[steps.ID] = steps
	}
	return nodes
}

// ProcessorTime is what the process has used of processors, which other
// processes of the machine do not lengthen.
func ProcessorTime(b *testing.B) time.Duration {
	b.Helper()
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		b.Fatal(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}
