// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package argo

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	wfv1 "github.com/argoproj/argo-workflows/v3/pkg/apis/workflow/v1alpha1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/domain"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/ledger"
)

// packed is the size of node statuses as Argo stores those of large Workflows.
func packed(t testing.TB, nodes wfv1.Nodes) int {
	t.Helper()
	text, err := json.Marshal(nodes)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	_, _ = w.Write(text)
	_ = w.Close()
	return base64.StdEncoding.EncodedLen(out.Len())
}

// worst is the node statuses of a shard in which every partition failed with
// all of its attempts, as Argo 3.7.18 writes them.
func worst(count, attempts int) wfv1.Nodes {
	const name = "orders-risk-score-r12-s199"
	r := rand.New(rand.NewPCG(1, 2))
	begin := time.Date(2026, 11, 20, 0, 0, 0, 0, time.UTC)
	instant := func() metav1.Time { return metav1.NewTime(begin.Add(time.Duration(r.IntN(36000)) * time.Second)) }
	id := func(s string) string { return fmt.Sprintf("%s-%d", name, fnv(fnvBasis, s)) }
	message := func(i int) string {
		text := fmt.Sprintf("main: Error (exit code 1): could not process record %d of partition %d: connection to server at \"10.%d.%d.%d\", "+
			"port 5432 failed: timeout expired after %d ms; ", r.IntN(1e9), i, r.IntN(256), r.IntN(256), r.IntN(256), r.IntN(60000))
		return (text + string(bytes.Repeat([]byte("."), maxMessage)))[:maxMessage]
	}
	nodes := wfv1.Nodes{}
	var group, steps wfv1.NodeStatus
	for i := range count {
		if i%groupSize == 0 {
			group = wfv1.NodeStatus{
				DisplayName: fmt.Sprintf("g(%[1]d:%[1]d)", i/groupSize), Type: wfv1.NodeTypeRetry, Phase: wfv1.NodeFailed, BoundaryID: id("a"),
				TemplateName: tmplGroup, TemplateScope: "namespaced/orders-risk-score-cjtbgd3miv", Message: message(i)[:60],
				StartedAt: instant(), FinishedAt: instant(), Progress: "0/25", ResourcesDuration: wfv1.ResourcesDuration{"cpu": wfv1.ResourceDuration(r.IntN(9000))},
				Inputs: &wfv1.Inputs{Parameters: []wfv1.Parameter{
					{Name: inFrom, Value: wfv1.AnyStringPtr("99500")}, {Name: inCount, Value: wfv1.AnyStringPtr("500")}, {Name: inGroup, Value: wfv1.AnyStringPtr(fmt.Sprint(i / groupSize))},
				}},
			}
			group.Name = name + "(0)[0].partitions(0)[0]." + group.DisplayName
			attempt, inner := group, group
			attempt.Type, attempt.Name, attempt.DisplayName = wfv1.NodeTypeSteps, group.Name+"(0)", group.DisplayName+"(0)"
			inner.Type, inner.Name, inner.DisplayName, inner.Inputs, inner.TemplateName = wfv1.NodeTypeStepGroup, group.Name+"(0)[0]", "[0]", nil, ""
			group.ID, attempt.ID, inner.ID = id(group.Name), id(attempt.Name), id(inner.Name)
			group.Children, attempt.Children, inner.BoundaryID = []string{attempt.ID}, []string{inner.ID}, attempt.ID
			nodes[group.ID], nodes[attempt.ID], steps = group, attempt, inner
		}
		display := fmt.Sprintf("p(%d:%d)", i%groupSize, 99500+i)
		full := steps.Name + "." + display
		parent := wfv1.NodeStatus{
			ID: id(full), Name: full, DisplayName: display, Type: wfv1.NodeTypeRetry, Phase: wfv1.NodeFailed, BoundaryID: steps.BoundaryID,
			TemplateName: tmplPartition, TemplateScope: "namespaced/orders-risk-score-cjtbgd3miv", Message: message(i),
			StartedAt: instant(), FinishedAt: instant(), Progress: "0/1",
			Inputs:  &wfv1.Inputs{Parameters: []wfv1.Parameter{{Name: inI, Value: wfv1.AnyStringPtr(fmt.Sprint(99500 + i))}}},
			Outputs: &wfv1.Outputs{ExitCode: ptr.To("1")},
		}
		for n := range attempts {
			pod := parent
			pod.Type, pod.Name, pod.DisplayName = wfv1.NodeTypePod, fmt.Sprintf("%s(%d)", full, n), fmt.Sprintf("%s(%d)", display, n)
			pod.ID, pod.StartedAt, pod.FinishedAt, pod.Message = id(pod.Name), instant(), instant(), message(i)
			k := r.IntN(40)
			pod.HostNodeName = fmt.Sprintf("gke-cluster-1-spot-pool-%08x-%04x", k*77777, k*321)
			pod.ResourcesDuration = wfv1.ResourcesDuration{"cpu": wfv1.ResourceDuration(r.IntN(900)), "memory": wfv1.ResourceDuration(r.IntN(9000))}
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

// TestProjection compares the formula with statuses: never below, and not
// above them by more than a quarter.
func TestProjection(t *testing.T) {
	for _, test := range []struct{ count, attempts int }{{500, 1}, {500, 2}, {500, 5}, {1000, 5}, {500, 10}, {500, 25}} {
		got := packed(t, worst(test.count, test.attempts))
		want := test.count * partitionBytes(test.attempts)
		if got > want || got+got/4 < want {
			t.Errorf("%d partitions of %d attempts take %d bytes, projected are %d", test.count, test.attempts, got, want)
		}
	}
}

// TestLauncherProjection does the same for a run of 2,000 shards whose
// launchers were each retried once.
func TestLauncherProjection(t *testing.T) {
	const count = 2000
	nodes := worst(count, 2)
	i := 0
	for id, n := range nodes {
		if !strings.HasPrefix(n.DisplayName, "p(") {
			delete(nodes, id) // a group
			continue
		}
		if n.Type == wfv1.NodeTypePod {
			i++
			n.Message = "Pod was terminated in response to imminent node shutdown."
		} else {
			n.Message = ""
		}
		params := []wfv1.Parameter{
			{Name: inK, Value: wfv1.AnyStringPtr(fmt.Sprint(i))}, {Name: inG, Value: wfv1.AnyStringPtr("0")},
			{Name: inFrom, Value: wfv1.AnyStringPtr(fmt.Sprint(500 * i))}, {Name: inCount, Value: wfv1.AnyStringPtr("500")},
			{Name: inSalt, Value: wfv1.AnyStringPtr(stepPartitions)},
		}
		n.Inputs = &wfv1.Inputs{Parameters: params}
		n.Outputs = &wfv1.Outputs{Parameters: []wfv1.Parameter{
			{Name: outProgress, Value: wfv1.AnyStringPtr(fmt.Sprintf("%d/%d", 500-i%7, 500+i%13)), ValueFrom: &wfv1.ValueFrom{JSONPath: "{.status.progress}"}},
			{Name: outPhase, Value: wfv1.AnyStringPtr("Succeeded"), ValueFrom: &wfv1.ValueFrom{JSONPath: "{.status.phase}"}},
		}}
		nodes[id] = n
	}
	if got, want := packed(t, nodes), count*bytesPerLauncher; got > want || 2*got < want {
		t.Errorf("%d launchers take %d bytes, projected are %d", count, got, want)
	}
}

func TestShardSize(t *testing.T) {
	j := sample(axis(t, domain.Range{Start: 0, End: 1_000_000, Size: 1}))
	for _, test := range []struct{ asked, retries, want int }{{500, 4, 500}, {100, 4, 100}, {1000, 4, 503}, {1000, 0, 882}, {500, 40, 60}, {500, 100_000, 1}} {
		j.ShardSize, j.Retry.Limit = test.asked, test.retries
		if got := ShardSize(j); got != test.want {
			t.Errorf("ShardSize of %d with %d retries is %d, want %d", test.asked, test.retries, got, test.want)
		}
	}
}

func TestProject(t *testing.T) {
	j := sample(axis(t, domain.Range{Start: 0, End: 1_000_000, Size: 1}))
	j.ShardSize = 400
	got := Project(j, planOf(j, ledger.Full(j.Domain)), 1)
	if len(got) != 2 || got[0].Workflow != "orders-r1" || got[0].Bytes <= MaxWorkflow || got[1].Workflow != "orders-r1-s0" || got[1].Bytes > MaxWorkflow {
		t.Errorf("2500 shards: %+v", got)
	}
	small := Project(j, planOf(j, ledger.Span(0, 10)), 1)
	if len(small) != 1 || small[0].Workflow != "orders-r1" || small[0].Bytes > MaxWorkflow {
		t.Errorf("one shard: %+v", small)
	}
}

func TestDeclaredWorkflowSizeMakesShardsSmaller(t *testing.T) {
	j := sample(axis(t, domain.Range{Start: 0, End: 1_000_000, Size: 1}))
	j.ShardSize, j.Controller.MaxWorkflowSize = 1000, 500_000
	small := ShardSize(j)
	if j.Controller.MaxWorkflowSize = 2 << 20; small >= ShardSize(j) {
		t.Errorf("%d partitions in 500 kB, %d in 2 MiB", small, ShardSize(j))
	}
	j.ShardSize, j.Controller.MaxWorkflowSize = small, 500_000
	for _, p := range Project(j, planOf(j, ledger.Full(j.Domain)), 1)[1:] {
		if p.Bytes > p.Most || p.Most != 500_000 {
			t.Errorf("%s may grow to %d bytes of %d", p.Workflow, p.Bytes, p.Most)
		}
	}
}
