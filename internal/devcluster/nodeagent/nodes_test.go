// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package nodeagent

import (
	"context"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes/fake"
)

func testConfig() Config {
	return Config{
		Kubeconfig: "/k", StateDir: "/s", Argoexec: "/a", ServingCert: "/c", ServingKey: "/y", ClientCAFile: "/x",
		APIServerHost: "127.0.0.1", APIServerPort: "1", OnDemand: 1, Spot: 2,
	}
}

func TestConfig(t *testing.T) {
	for problem, change := range map[string]func(*Config){
		"":                        func(*Config) {},
		"no runtime \"x\"":        func(c *Config) { c.Runtime = "x" },
		"at least one node":       func(c *Config) { c.OnDemand, c.Spot = 0, 0 },
		"argoexec must be an abs": func(c *Config) { c.Argoexec = "argoexec" },
		"host and port":           func(c *Config) { c.APIServerPort = "" },
	} {
		c := testConfig()
		change(&c)
		err := c.complete()
		if problem == "" {
			if err != nil || c.Profile != "gke" || c.CPU == "" {
				t.Errorf("%v, %+v", err, c)
			}
		} else if err == nil || !strings.Contains(strings.ReplaceAll(err.Error(), "there is ", ""), problem) {
			t.Errorf("got %v, want %q", err, problem)
		}
	}
}

func TestBuildNodes(t *testing.T) {
	c := testConfig()
	if err := c.complete(); err != nil {
		t.Fatal(err)
	}
	c.CPU, c.Memory, c.Pods = "3", "5Gi", "7"
	nodes, err := buildNodes(&c, 4321)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, node := range nodes {
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

	c.Memory = "-1"
	if _, err := buildNodes(&c, 1); err == nil || !strings.Contains(err.Error(), `memory = "-1"`) {
		t.Errorf("got %v", err)
	}
}

func TestNodesOfAnEarlierConfigurationAreRemoved(t *testing.T) {
	node := func(name, label string, taints ...corev1.Taint) *corev1.Node {
		return &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{label: "true"}}, Spec: corev1.NodeSpec{Taints: taints}}
	}
	spot := corev1.Taint{Key: "spot", Effect: corev1.TaintEffectNoSchedule}
	notReady := corev1.Taint{Key: corev1.TaintNodeNotReady, Effect: corev1.TaintEffectNoSchedule}
	client := fake.NewClientset(
		node("kept", agentLabel, notReady, spot), node("surplus", agentLabel), node("other-cloud", agentLabel, spot), node("foreign", "x"))
	err := removeOtherNodes(context.Background(), client, []*corev1.Node{node("kept", agentLabel, spot), node("other-cloud", agentLabel)})
	if err != nil {
		t.Fatal(err)
	}
	list, err := client.CoreV1().Nodes().List(context.Background(), metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, n := range list.Items {
		names = append(names, n.Name)
	}
	if got := strings.Join(names, " "); got != "foreign kept" {
		t.Errorf("left: %s", got)
	}
}
