// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package placement

import (
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
)

func node(change func(*corev1.Node)) *corev1.Node {
	n := &corev1.Node{Status: corev1.NodeStatus{Allocatable: corev1.ResourceList{
		corev1.ResourceCPU: resource.MustParse(
			"4",
		),
		corev1.ResourceMemory: resource.MustParse("8Gi"),
		corev1.ResourcePods:   resource.MustParse("3"),
	}}}
	if change != nil {
		change(n)
	}
	return n
}

func pod(cpu, memory string, change func(*corev1.Pod)) *corev1.Pod {
	p := &corev1.Pod{Spec: corev1.PodSpec{Containers: []corev1.Container{{Resources: corev1.ResourceRequirements{
		Requests: corev1.ResourceList{
			corev1.ResourceCPU:    resource.MustParse(cpu),
			corev1.ResourceMemory: resource.MustParse(memory),
		},
	}}}}}
	if change != nil {
		change(p)
	}
	return p
}

var spotTaint = corev1.Taint{Key: "spot", Value: "true", Effect: corev1.TaintEffectNoSchedule}

func TestAdmits(t *testing.T) {
	spot := node(func(n *corev1.Node) {
		n.Labels = map[string]string{"spot": "true"}
		n.Spec.Taints = []corev1.Taint{spotTaint}
	})
	tolerant := func(p *corev1.Pod) {
		p.Spec.Tolerations = []corev1.Toleration{
			{Key: "spot", Operator: corev1.TolerationOpEqual, Value: "true", Effect: corev1.TaintEffectNoSchedule},
		}
	}
	never := func(p *corev1.Pod) {
		tolerant(p)
		p.Spec.Affinity = &corev1.Affinity{
			NodeAffinity: &corev1.NodeAffinity{RequiredDuringSchedulingIgnoredDuringExecution: &corev1.NodeSelector{
				NodeSelectorTerms: []corev1.NodeSelectorTerm{{MatchExpressions: []corev1.NodeSelectorRequirement{
					{Key: "spot", Operator: corev1.NodeSelectorOpNotIn, Values: []string{"true"}},
				}}},
			}},
		}
	}
	selects := func(p *corev1.Pod) { p.Spec.NodeSelector = map[string]string{"spot": "true"} }
	for name, tt := range map[string]struct {
		node *corev1.Node
		pod  *corev1.Pod
		want bool
	}{
		"a tolerated taint":            {spot, pod("1", "1Gi", tolerant), true},
		"a taint":                      {spot, pod("1", "1Gi", nil), false},
		"an affinity against the node": {spot, pod("1", "1Gi", never), false},
		"and not against another":      {node(nil), pod("1", "1Gi", never), true},
		"a selector":                   {node(nil), pod("1", "1Gi", selects), false},
		"a cordoned " +
			"node": {node(func(n *corev1.Node) { n.Spec.Unschedulable = true }), pod("1", "1Gi", nil), false},
	} {
		if got := Admits(tt.node, tt.pod); got != tt.want {
			t.Errorf("%s: %t", name, got)
		}
	}
}

func TestRoom(t *testing.T) {
	over := pod("4", "1Gi", func(p *corev1.Pod) { p.Status.Phase = corev1.PodSucceeded })
	room := NewRoom(node(nil), over, pod("1", "1Gi", nil))
	if room.Place(pod("3500m", "1Gi", nil)) {
		t.Error("more CPU than is left")
	}
	if !room.Place(pod("3", "1Gi", nil)) {
		t.Error("exactly what is left")
	}
	if !room.Place(pod("0", "0", nil)) || room.Place(pod("0", "0", nil)) {
		t.Error("the node has places for three pods")
	}
}

func TestMachines(t *testing.T) {
	pods := []*corev1.Pod{pod("3", "1Gi", nil), pod("3", "1Gi", nil), pod("1", "1Gi", nil), pod("9", "1Gi", nil)}
	count, placed := Machines(node(nil), pods)
	if count != 2 || !placed[pods[2]] || placed[pods[3]] {
		t.Errorf("%d machines, placed %v", count, placed)
	}
	if without := PlaceAll([]*Room{NewRoom(node(nil))}, pods[:3]); without != pods[1] {
		t.Errorf("without a place: %v", without)
	}
}

func TestUtilisation(t *testing.T) {
	over := pod("4", "8Gi", func(p *corev1.Pod) { p.Status.Phase = corev1.PodFailed })
	if got := Utilisation(node(nil), []*corev1.Pod{pod("1", "4Gi", nil), pod("500m", "1Gi", nil), over}); got != 0.625 {
		t.Errorf("got %v", got)
	}
}
