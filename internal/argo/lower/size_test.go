// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package lower

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	wfv1 "github.com/argoproj/argo-workflows/v3/pkg/apis/workflow/v1alpha1"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/argo"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/argo/argotest"
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

// TestProjection compares the formula with statuses: never below, and not
// above them by more than a quarter.
func TestProjection(t *testing.T) {
	for _, test := range []struct{ count, attempts int }{{500, 1}, {500, 2}, {500, 5}, {1000, 5}, {500, 10}, {500, 25}} {
		got := packed(t, argotest.Worst(test.count, test.attempts))
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
	nodes := argotest.Worst(count, 2)
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
			{Name: argo.InK, Value: wfv1.AnyStringPtr(fmt.Sprint(i))},
			{Name: argo.InG, Value: wfv1.AnyStringPtr("0")},
			{
				Name:  argo.InFrom,
				Value: wfv1.AnyStringPtr(fmt.Sprint(500 * i)),
			},
			{Name: argo.InCount, Value: wfv1.AnyStringPtr("500")},
			{Name: argo.InSalt, Value: wfv1.AnyStringPtr(argo.StepPartitions)},
		}
		n.Inputs = &wfv1.Inputs{Parameters: params}
		n.Outputs = &wfv1.Outputs{Parameters: []wfv1.Parameter{
			{
				Name:      argo.OutProgress,
				Value:     wfv1.AnyStringPtr(fmt.Sprintf("%d/%d", 500-i%7, 500+i%13)),
				ValueFrom: &wfv1.ValueFrom{JSONPath: "{.status.progress}"},
			},
			{
				Name:      argo.OutPhase,
				Value:     wfv1.AnyStringPtr("Succeeded"),
				ValueFrom: &wfv1.ValueFrom{JSONPath: "{.status.phase}"},
			},
		}}
		nodes[id] = n
	}
	if got, want := packed(t, nodes), count*bytesPerLauncher; got > want || 2*got < want {
		t.Errorf("%d launchers take %d bytes, projected are %d", count, got, want)
	}
}

func TestShardSize(t *testing.T) {
	j := argotest.Sample(argotest.Axis(t, domain.Range{Start: 0, End: 1_000_000, Size: 1}))
	for _, test := range []struct{ asked, retries, want int }{
		{500, 4, 500}, {100, 4, 100}, {1000, 4, 503}, {1000, 0, 882}, {500, 40, 60}, {500, 100_000, 1},
	} {
		j.ShardSize, j.Retry.Limit = test.asked, test.retries
		if got := ShardSize(j); got != test.want {
			t.Errorf("ShardSize of %d with %d retries is %d, want %d", test.asked, test.retries, got, test.want)
		}
	}
}

func TestProject(t *testing.T) {
	j := argotest.Sample(argotest.Axis(t, domain.Range{Start: 0, End: 1_000_000, Size: 1}))
	j.ShardSize = 400
	got := Project(j, argotest.PlanOf(j, ledger.Full(j.Domain)), 1)
	if len(got) != 2 || got[0].Workflow != "orders-r1" || got[0].Bytes <= MaxWorkflow ||
		got[1].Workflow != "orders-r1-s0" ||
		got[1].Bytes > MaxWorkflow {
		t.Errorf("2500 shards: %+v", got)
	}
	small := Project(j, argotest.PlanOf(j, ledger.Span(0, 10)), 1)
	if len(small) != 1 || small[0].Workflow != "orders-r1" || small[0].Bytes > MaxWorkflow {
		t.Errorf("one shard: %+v", small)
	}
}

func TestDeclaredWorkflowSizeMakesShardsSmaller(t *testing.T) {
	j := argotest.Sample(argotest.Axis(t, domain.Range{Start: 0, End: 1_000_000, Size: 1}))
	j.ShardSize, j.Controller.MaxWorkflowSize = 1000, 500_000
	small := ShardSize(j)
	if j.Controller.MaxWorkflowSize = 2 << 20; small >= ShardSize(j) {
		t.Errorf("%d partitions in 500 kB, %d in 2 MiB", small, ShardSize(j))
	}
	j.ShardSize, j.Controller.MaxWorkflowSize = small, 500_000
	for _, p := range Project(j, argotest.PlanOf(j, ledger.Full(j.Domain)), 1)[1:] {
		if p.Bytes > p.Most || p.Most != 500_000 {
			t.Errorf("%s may grow to %d bytes of %d", p.Workflow, p.Bytes, p.Most)
		}
	}
}
