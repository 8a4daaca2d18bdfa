// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package read

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"slices"
	"strings"
	"testing"

	wfv1 "github.com/argoproj/argo-workflows/v3/pkg/apis/workflow/v1alpha1"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/argo"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/argo/argotest"
)

// A shard counts as wholly done, without a look at its child, when its launcher saw
// it succeed with every partition. Numbers alone do not tell that: a child that Argo
// gave up may have counted them before.
func TestShardIsNotDoneByItsNumbersAlone(t *testing.T) {
	all := argotest.Scenarios(t)
	i := slices.IndexFunc(all, func(s argotest.Scenario) bool { return s.Name == "three-shards" })
	set := func(name, value string) func(*wfv1.NodeStatus) {
		return func(n *wfv1.NodeStatus) {
			n.Outputs = n.Outputs.DeepCopy()
			for k := range n.Outputs.Parameters {
				if n.Outputs.Parameters[k].Name == name {
					n.Outputs.Parameters[k].Value = wfv1.AnyStringPtr(value)
				}
			}
		}
	}
	for name, test := range map[string]struct {
		edit func(*wfv1.NodeStatus)
		done bool // by the launcher alone
	}{
		"as it ended":            {func(*wfv1.NodeStatus) {}, true},
		"attempts that failed":   {set(argo.OutProgress, "4/6"), true},
		"the child failed":       {set(argo.OutPhase, "Failed"), false},
		"the child has no phase": {set(argo.OutPhase, ""), false},
		"one partition is left":  {set(argo.OutProgress, "3/4"), false},
		"no progress":            {set(argo.OutProgress, ""), false},
		"the launcher failed":    {func(n *wfv1.NodeStatus) { n.Phase = wfv1.NodeFailed }, false},
		"the launcher runs":      {func(n *wfv1.NodeStatus) { n.Phase = wfv1.NodeRunning }, false},
	} {
		j, p := all[i].Plan()
		objects := compile(t, j, p)
		c, run := argotest.NewController(t, objects...)
		c.Run(run)
		argotest.Change(run, argotest.LauncherOf("1"), test.edit)
		wanted, err := wantedOf(argotest.Observe(t, run))
		if err != nil {
			t.Fatal(err)
		}
		if got := !slices.Contains(wanted, "orders-r3-s1"); got != test.done {
			t.Errorf("%s: wanted are %v", name, wanted)
		}
		delete(c.Workflows, "orders-r3-s1") // what it did is not known then
		out, err := outcomeOf(p.Domain, observed(t, c, objects, run, false))
		if err != nil {
			t.Fatal(err)
		}
		lost := argotest.SetOf(p.Domain, p.At(4), p.At(5), p.At(6), p.At(7))
		if got := out.Done.Contains(lost); got != test.done || !out.Done.Contains(p.Covers.Minus(lost)) {
			t.Errorf("%s: done is %s", name, out.Done.Text(p.Domain))
		}
	}
}

// Packed node statuses of any size in the cluster unpack to a bounded size here.
func TestNodeStatusesDoNotUnpackWithoutBound(t *testing.T) {
	if testing.Short() {
		t.Skip("takes half a gigabyte")
	}
	member := func(text string) []byte {
		var b bytes.Buffer
		w := gzip.NewWriter(&b)
		_, err := w.Write([]byte(text))
		if err == nil {
			err = w.Close()
		}
		if err != nil {
			t.Fatal(err)
		}
		return b.Bytes()
	}
	// White space, which is no fault by itself.
	packed := slices.Concat(member("{"), bytes.Repeat(member(strings.Repeat(" ", 1<<20)), maxNodes>>20), member("}"))
	all := argotest.Scenarios(t)
	j, p := all[0].Plan()
	objects := compile(t, j, p)
	run := objects[len(objects)-1].DeepCopy()
	run.Object["status"] = map[string]any{"phase": "Running", "compressedNodes": base64.StdEncoding.EncodeToString(packed)}
	_, err := outcomeOf(p.Domain, argotest.Observed{Run: run})
	if err == nil || !strings.Contains(err.Error(), "unpacks to more than 268435456 bytes") {
		t.Errorf("%d bytes were unpacked: %v", len(packed), err)
	}
}
