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

func TestNodesOfAnEarlierConfigurationAreRemoved(t *testing.T) {
	node := func(name, label string, taints ...corev1.Taint) *corev1.Node {
		return &corev1.Node{
			ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{label: "true"}},
			Spec:       corev1.NodeSpec{Taints: taints},
		}
	}
	spot := corev1.Taint{Key: "spot", Effect: corev1.TaintEffectNoSchedule}
	notReady := corev1.Taint{Key: corev1.TaintNodeNotReady, Effect: corev1.TaintEffectNoSchedule}
	reclaimed := node("reclaimed", agentLabel)
	reclaimed.Annotations = map[string]string{ReclaimAnnotation: "{}"}
	client := fake.NewClientset(
		reclaimed,
		node("kept", agentLabel, notReady, spot),
		node("surplus", agentLabel),
		node("other-cloud", agentLabel, spot),
		node("foreign", "x"),
	)
	existing, err := client.CoreV1().Nodes().List(context.Background(), metav1.ListOptions{LabelSelector: agentLabel})
	if err != nil {
		t.Fatal(err)
	}
	offered := []*corev1.Node{
		node("kept", agentLabel, spot),
		node("other-cloud", agentLabel),
		node("reclaimed", agentLabel),
	}
	if err := removeOtherNodes(context.Background(), client, existing.Items, offered); err != nil {
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
