// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package nodeagent

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/devcluster/nodeagent/pool"
)

func newTestFleet(t *testing.T, change func(*Config)) (*fleet, *stage) {
	t.Helper()
	s := newStage(t)
	s.machines.remove("n")
	c := testConfig()
	if change != nil {
		change(&c)
	}
	if err := c.complete(); err != nil {
		t.Fatal(err)
	}
	f, err := newFleet(s.ctx, s.fakeAPI, &c, 4321, s.pods)
	if err != nil {
		t.Fatal(err)
	}
	return f, s
}

func (f *fleet) nodeNames(t *testing.T) string {
	t.Helper()
	list, err := f.client.CoreV1().Nodes().List(context.Background(), metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, node := range list.Items {
		names = append(names, node.Name)
	}
	slices.Sort(names)
	return strings.Join(names, " ")
}

func TestNodesCarryTheirCloudsLabelsAndTaints(t *testing.T) {
	f, _ := newTestFleet(t, func(c *Config) { c.CPU, c.Memory, c.Pods = "3", "5Gi", "7" })
	var names []string
	for _, node := range f.firstNodes(nil) {
		names = append(names, node.Name)
		if node.Status.Allocatable.Cpu().Value() != 3 || node.Status.Allocatable.Pods().Value() != 7 {
			t.Errorf("%s offers %v", node.Name, node.Status.Allocatable)
		}
		if node.Status.DaemonEndpoints.KubeletEndpoint.Port != 4321 || node.Status.Addresses[0].Address != "127.0.0.1" {
			t.Errorf("%s is reached at %+v", node.Name, node.Status)
		}
		spot := strings.HasPrefix(node.Name, "spot")
		if spot != (node.Labels["cloud.google.com/gke-spot"] == "true") || spot != (len(node.Spec.Taints) == 1) {
			t.Errorf("%s has labels %v and taints %v", node.Name, node.Labels, node.Spec.Taints)
		}
	}
	if got := strings.Join(names, " "); got != "on-demand-0 spot-0 spot-1" {
		t.Errorf("got %s", got)
	}
	if _, err := newFleet(context.Background(), nil, &Config{Profile: "gke", Memory: "-1"}, 1, nil); err == nil {
		t.Error("a negative capacity was accepted")
	}
}

func TestNodesOfAnEarlierAgentKeepTheirNames(t *testing.T) {
	f, _ := newTestFleet(t, nil)
	existing := []corev1.Node{
		{ObjectMeta: metav1.ObjectMeta{Name: "spot-7"}},
		{ObjectMeta: metav1.ObjectMeta{Name: "spot-x"}},
	}
	var names []string
	for _, node := range f.firstNodes(existing) {
		names = append(names, node.Name)
	}
	if got := strings.Join(names, " "); got != "on-demand-0 spot-7 spot-8" {
		t.Errorf("got %s", got)
	}
}

// A lost machine is replaced by one of another name, after the delay and as long as there are any.
func TestPoolsReplaceWhatTheyLose(t *testing.T) {
	f, s := newTestFleet(t, func(c *Config) { c.NodeDelay = time.Minute })
	if err := f.open(); err != nil {
		t.Fatal(err)
	}
	f.powerOff("spot-0")
	f.deleteNode("spot-0")
	now := time.Now()
	f.fill(now)
	if got := f.nodeNames(t); got != "on-demand-0 spot-1" {
		t.Errorf("before the delay: %s", got)
	}
	f.fill(now.Add(time.Minute))
	if got := f.nodeNames(t); got != "on-demand-0 spot-1 spot-2" {
		t.Errorf("after the delay: %s", got)
	}
	f.observePools(
		&corev1.ConfigMap{Data: map[string]string{"spot": `{"size":5,"out_of_stock":true}`, "on-demand": `{"size":1}`}},
	)
	f.fill(now.Add(time.Hour))
	if got := f.nodeNames(t); got != "on-demand-0 spot-1 spot-2" {
		t.Errorf("out of stock: %s", got)
	}
	if _, _, on := s.machines.find("spot-0"); on {
		t.Error("spot-0 is still on")
	}
}

func TestPoolsGrowForPodsWithoutANode(t *testing.T) {
	f, _ := newTestFleet(t, func(c *Config) { c.CPU, c.SpotMax, c.OnDemandMax, c.NodeDelay = "2", 4, 9, time.Minute })
	if err := f.open(); err != nil {
		t.Fatal(err)
	}
	tolerant := func() *corev1.Pod {
		return &corev1.Pod{Spec: corev1.PodSpec{
			Tolerations: []corev1.Toleration{{Operator: corev1.TolerationOpExists}},
			Containers: []corev1.Container{{Resources: corev1.ResourceRequirements{
				Requests: corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("2")},
			}}},
		}}
	}
	waiting := []*corev1.Pod{tolerant()}
	f.waiting = func() []*corev1.Pod { return slices.Clone(waiting) }
	sizes := func() (spot, onDemand int) { return f.pools["spot"].Size, f.pools["on-demand"].Size }

	f.fill(time.Now())
	f.fill(time.Now()) // the machine is on its way, so no other is ordered
	if spot, onDemand := sizes(); spot != 3 || onDemand != 1 {
		t.Errorf("%d spot, %d on demand", spot, onDemand)
	}
	f.mu.Lock()
	f.pools["spot"] = pool.Spec{Size: 2, Max: 4, OutOfStock: true}
	f.mu.Unlock()
	f.fill(time.Now())
	if spot, onDemand := sizes(); spot != 2 || onDemand != 2 {
		t.Errorf("out of spot nodes: %d spot, %d on demand", spot, onDemand)
	}
}
