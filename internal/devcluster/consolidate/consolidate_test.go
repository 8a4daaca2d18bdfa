// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package consolidate

import (
	"context"
	"slices"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes/fake"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/devcluster/disruption"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/devcluster/nodeagent"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/devcluster/nodeagent/pool"
)

// all nodes may go, without their pods.
type all struct{}

func (all) Judge(s disruption.State) (unneeded []disruption.Candidate, kept []disruption.Kept) {
	for _, node := range s.Nodes {
		unneeded = append(unneeded, disruption.Candidate{Node: node})
	}
	return unneeded, nil
}

func TestAMachineIsGivenBackAndNotReplaced(t *testing.T) {
	client := fake.NewClientset(
		&corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: "spot-3", Labels: map[string]string{nodeagent.PoolLabel: "spot"}}},
		&corev1.ConfigMap{
			ObjectMeta: metav1.ObjectMeta{Name: nodeagent.PoolsName, Namespace: nodeagent.PoolsNamespace},
			Data:       map[string]string{"spot": pool.Spec{Size: 2}.String()},
		})
	var told []string
	l := &Loop{
		Client: client, Rules: all{}, Taint: KarpenterTaint,
		Tell:  func(action, node, _ string) { told = append(told, action+" "+node) },
		since: map[string]time.Time{}, reasons: map[string]string{},
	}
	if err := l.once(context.Background()); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(told, []string{"remove spot-3"}) {
		t.Errorf("told %v", told)
	}
	config, err := client.CoreV1().
		ConfigMaps(nodeagent.PoolsNamespace).
		Get(context.Background(), nodeagent.PoolsName, metav1.GetOptions{})
	if err != nil || config.Data["spot"] != `{"size":1}` {
		t.Errorf("%v, %v", config, err)
	}
	if nodes, _ := client.CoreV1().Nodes().List(context.Background(), metav1.ListOptions{}); len(nodes.Items) != 0 {
		t.Errorf("nodes left: %v", nodes.Items)
	}
}

func TestDue(t *testing.T) {
	node := &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: "n"}}
	unneeded := []disruption.Candidate{{Node: node}}
	at := func(seconds int, uids ...string) disruption.State {
		s := disruption.State{Now: time.Unix(int64(seconds), 0), Pods: map[string][]*corev1.Pod{}}
		for _, uid := range uids {
			s.Pods["n"] = append(s.Pods["n"], &corev1.Pod{ObjectMeta: metav1.ObjectMeta{UID: types.UID(uid)}})
		}
		return s
	}
	for name, tt := range map[string]struct {
		calm  bool
		looks []disruption.State
		with  [][]disruption.Candidate
		want  bool
	}{
		"long enough": {false, []disruption.State{at(0), at(10)}, [][]disruption.Candidate{unneeded, unneeded}, true},
		"not yet":     {false, []disruption.State{at(0), at(9)}, [][]disruption.Candidate{unneeded, unneeded}, false},
		"needed in " +
			"between": {false, []disruption.State{at(0), at(5), at(10)}, [][]disruption.Candidate{unneeded, nil, unneeded}, false},
		"a pod came": {false, []disruption.State{at(0), at(10, "a")}, [][]disruption.Candidate{unneeded, unneeded}, true},
		"a pod came, and calm " +
			"matters": {true, []disruption.State{at(0), at(10, "a")}, [][]disruption.Candidate{unneeded, unneeded}, false},
	} {
		l := &Loop{After: 10 * time.Second, Calm: tt.calm, since: map[string]time.Time{}}
		var got *disruption.Candidate
		for i, look := range tt.looks {
			got = l.due(look, tt.with[i])
		}
		if (got != nil) != tt.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}
