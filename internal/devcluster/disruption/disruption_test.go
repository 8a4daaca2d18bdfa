// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package disruption

import (
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

var now = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func node(name string) *corev1.Node {
	return &corev1.Node{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Status: corev1.NodeStatus{
			Allocatable: corev1.ResourceList{
				corev1.ResourceCPU: resource.MustParse(
					"4",
				),
				corev1.ResourceMemory: resource.MustParse("8Gi"),
				corev1.ResourcePods:   resource.MustParse("10"),
			},
			Conditions: []corev1.NodeCondition{{Type: corev1.NodeReady, Status: corev1.ConditionTrue}},
		},
	}
}

// pod is one of a ReplicaSet, with a quarter of a node's CPU.
func pod(change func(*corev1.Pod)) *corev1.Pod {
	p := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: "p", Namespace: "default", Labels: map[string]string{"app": "a"}},
		Spec: corev1.PodSpec{Containers: []corev1.Container{{Resources: corev1.ResourceRequirements{
			Requests: corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("1")},
		}}}},
	}
	owned(p, "ReplicaSet")
	if change != nil {
		change(p)
	}
	return p
}

func owned(p *corev1.Pod, kind string) {
	yes := true
	p.OwnerReferences = []metav1.OwnerReference{{Kind: kind, Name: "o", Controller: &yes}}
}

// argo makes a pod one of Argo's: its owner is a Workflow, and it has Argo's volumes.
func argo(p *corev1.Pod) {
	owned(p, "Workflow")
	p.Spec.Volumes = []corev1.Volume{
		{Name: "var-run-argo", VolumeSource: corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{}}},
	}
}

func annotated(key, value string, more ...func(*corev1.Pod)) func(*corev1.Pod) {
	return func(p *corev1.Pod) {
		for _, change := range more {
			change(p)
		}
		p.Annotations = map[string]string{key: value}
	}
}

func pdb(allowed int32) *policyv1.PodDisruptionBudget {
	return &policyv1.PodDisruptionBudget{
		ObjectMeta: metav1.ObjectMeta{Name: "b", Namespace: "default"},
		Spec: policyv1.PodDisruptionBudgetSpec{
			Selector: &metav1.LabelSelector{MatchLabels: map[string]string{"app": "a"}},
		},
		Status: policyv1.PodDisruptionBudgetStatus{DisruptionsAllowed: allowed},
	}
}

// state has the pods on the first of two nodes.
func state(pods ...*corev1.Pod) State {
	return State{Now: now, Nodes: []*corev1.Node{node("n"), node("other")}, Pods: map[string][]*corev1.Pod{"n": pods}}
}

// told is the reason to keep the node n, or "evict" and the number of pods that would move.
func told(unneeded []Candidate, kept []Kept) string {
	for _, c := range unneeded {
		if c.Node.Name == "n" {
			return "evict " + strings.Repeat("p", len(c.Evict))
		}
	}
	for _, k := range kept {
		if k.Node.Name == "n" {
			return k.Reason
		}
	}
	return "?"
}

func TestClusterAutoscaler(t *testing.T) {
	byDefault := DefaultClusterAutoscaler()
	lenient := byDefault
	lenient.SkipLocalStorage, lenient.SkipCustomController = false, false
	deleted := metav1.NewTime(now.Add(-time.Minute))
	for name, tt := range map[string]struct {
		rules ClusterAutoscaler
		state State
		want  string
	}{
		"a pod that can move":           {byDefault, state(pod(nil)), "evict p"},
		"an empty node":                 {byDefault, state(), "evict "},
		"half of the node is requested": {byDefault, state(pod(nil), pod(nil)), "50 % of it"},
		"ended pods request " +
			"nothing": {byDefault, state(pod(nil), pod(func(p *corev1.Pod) { p.Status.Phase = corev1.PodFailed })), "evict p"},
		"a naked pod":          {byDefault, state(pod(func(p *corev1.Pod) { p.OwnerReferences = nil })), "no controller"},
		"a naked pod, lenient": {lenient, state(pod(func(p *corev1.Pod) { p.OwnerReferences = nil })), "no controller"},
		"a pod of Argo":        {byDefault, state(pod(argo)), "no controller that is known"},
		"a pod of Argo, owner " +
			"allowed": {ClusterAutoscaler{Threshold: 0.5, SkipLocalStorage: true}, state(pod(argo)), "local storage"},
		"a pod of Argo, lenient":        {lenient, state(pod(argo)), "evict p"},
		"released":                      {byDefault, state(pod(annotated(SafeToEvict, "true", argo))), "evict p"},
		"anchored":                      {lenient, state(pod(annotated(SafeToEvict, "false", argo))), SafeToEvict + ": false"},
		"an empty value says nothing":   {lenient, state(pod(annotated(SafeToEvict, "", argo))), "evict p"},
		"Karpenter's word says nothing": {lenient, state(pod(annotated(DoNotDisrupt, "true", argo))), "evict p"},
		"an anchor of an ended " +
			"pod": {lenient, state(pod(annotated(SafeToEvict, "false", func(p *corev1.Pod) { p.Status.Phase = corev1.PodSucceeded }))), "evict "},
		"volumes that are declared safe": {byDefault, state(pod(func(p *corev1.Pod) {
			argo(p)
			owned(p, "Job")
			p.Annotations = map[string]string{safeToEvictVolumes: "x,var-run-argo"}
		})), "evict p"},
		"a volume in memory": {byDefault, state(pod(func(p *corev1.Pod) {
			argo(p)
			owned(p, "Job")
			p.Spec.Volumes[0].EmptyDir.Medium = corev1.StorageMediumMemory
		})), "evict p"},
		"a path of the host": {byDefault, state(pod(func(p *corev1.Pod) {
			onHost := corev1.VolumeSource{HostPath: &corev1.HostPathVolumeSource{}}
			p.Spec.Volumes = []corev1.Volume{{Name: "h", VolumeSource: onHost}}
		})), "local storage"},
		"a pod of a DaemonSet": {byDefault, state(pod(func(p *corev1.Pod) { owned(p, "DaemonSet") })), "evict "},
		"a mirror pod":         {byDefault, state(pod(annotated(corev1.MirrorPodAnnotationKey, "x"))), "evict "},
		"a pod that has been going " +
			"long": {byDefault, state(pod(func(p *corev1.Pod) { p.DeletionTimestamp = &deleted; p.OwnerReferences = nil })), "evict "},
		"a system pod":                    {byDefault, state(pod(func(p *corev1.Pod) { p.Namespace = "kube-system" })), "kube-system"},
		"a node for which it is disabled": {byDefault, withNode(state(), scaleDownDisabled), "scale-down-disabled"},
		"a pod that fits nowhere else":    {byDefault, full(state(pod(nil))), "no other node"},
		"a budget that allows none":       {byDefault, withBudgets(state(pod(nil)), pdb(0)), "disruption budget b"},
		"a budget that allows one":        {byDefault, withBudgets(state(pod(nil)), pdb(1)), "evict p"},
		"two budgets for a pod":           {byDefault, withBudgets(state(pod(nil)), pdb(1), pdb(1)), "disruption budget b"},
		"safe-to-evict comes before " +
			"those": {byDefault, withBudgets(state(pod(annotated(SafeToEvict, "true"))), pdb(0)), "evict p"},
	} {
		if got := told(tt.rules.Judge(tt.state)); !strings.Contains(got, tt.want) || tt.want == "evict " && got != tt.want {
			t.Errorf("%s: %s, want %s", name, got, tt.want)
		}
	}
}

func withNode(s State, annotation string) State {
	s.Nodes[0].Annotations = map[string]string{annotation: "true"}
	return s
}

func full(s State) State {
	s.Pods["other"] = []*corev1.Pod{pod(nil), pod(nil), pod(nil), pod(nil)}
	return s
}

func withBudgets(s State, budgets ...*policyv1.PodDisruptionBudget) State {
	s.Budgets = budgets
	return s
}

func started(ago time.Duration) func(*corev1.Pod) {
	return func(p *corev1.Pod) {
		at := metav1.NewTime(now.Add(-ago))
		p.Status.StartTime = &at
	}
}

func TestKarpenter(t *testing.T) {
	for name, tt := range map[string]struct {
		rules Karpenter
		state State
		want  string
	}{
		"a pod that can move": {Karpenter{}, state(pod(nil)), "evict p"},
		"any pod, whoever owns " +
			"it": {Karpenter{}, state(pod(func(p *corev1.Pod) { p.OwnerReferences = nil })), "evict p"},
		"a pod of Argo":                     {Karpenter{}, state(pod(argo)), "evict p"},
		"however much is requested":         {Karpenter{}, state(pod(nil), pod(nil), pod(nil)), "evict ppp"},
		"anchored":                          {Karpenter{}, state(pod(annotated(DoNotDisrupt, "true", argo))), DoNotDisrupt + ": true"},
		"an empty value says nothing":       {Karpenter{}, state(pod(annotated(DoNotDisrupt, "", argo))), "evict p"},
		"nor does the other program's word": {Karpenter{}, state(pod(annotated(SafeToEvict, "false", argo))), "evict p"},
		"anchored for an " +
			"hour": {Karpenter{}, state(pod(annotated(DoNotDisrupt, "1h", started(59*time.Minute)))), DoNotDisrupt + ": 1h"},
		"for an hour that is " +
			"over": {Karpenter{}, state(pod(annotated(DoNotDisrupt, "1h", started(time.Hour)))), "evict p"},
		"an hour that has not begun": {Karpenter{}, state(pod(annotated(DoNotDisrupt, "1h"))), DoNotDisrupt + ": 1h"},
		"an anchor of an ended " +
			"pod": {Karpenter{}, state(pod(annotated(DoNotDisrupt, "true", func(p *corev1.Pod) { p.Status.Phase = corev1.PodSucceeded }))), "evict "},
		"an anchored node": {Karpenter{}, withNode(state(), DoNotDisrupt), DoNotDisrupt},
		"only empty nodes": {Karpenter{OnlyEmpty: true}, state(pod(nil)), "1 pods run there"},
		"an empty node":    {Karpenter{OnlyEmpty: true}, state(pod(func(p *corev1.Pod) { owned(p, "DaemonSet") })), "evict "},
		"a pod that tolerates the " +
			"taint": {Karpenter{}, state(pod(func(p *corev1.Pod) { p.Spec.Tolerations = []corev1.Toleration{{Operator: corev1.TolerationOpExists}} })), "evict "},
		"a pod that fits nowhere else": {Karpenter{}, full(state(pod(nil))), "no other node"},
		"a budget that allows none":    {Karpenter{}, withBudgets(state(pod(nil)), pdb(0)), "disruption budget b"},
		"a budget that allows one":     {Karpenter{}, withBudgets(state(pod(nil)), pdb(1)), "evict p"},
	} {
		if got := told(tt.rules.Judge(tt.state)); !strings.Contains(got, tt.want) || tt.want == "evict " && got != tt.want {
			t.Errorf("%s: %s, want %s", name, got, tt.want)
		}
	}
}

func TestKarpenterDisturbsLeastFirst(t *testing.T) {
	s := state(pod(nil), pod(nil))
	s.Pods["other"] = []*corev1.Pod{pod(nil)}
	unneeded, _ := Karpenter{}.Judge(s)
	if len(unneeded) != 2 || unneeded[0].Node.Name != "other" {
		t.Errorf("got %+v", unneeded)
	}
}
