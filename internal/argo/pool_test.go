// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package argo

import (
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"
)

func TestPoolObject(t *testing.T) {
	o := Pool("data", "shared", 7)
	if n, ok := PoolSize(o); !ok || n != 7 || o.GetName() != PoolName("shared") || o.GetLabels()[LabelPool] != "shared" {
		t.Errorf("got %v", o)
	}
	for _, text := range []string{"", "0", "-1", "x"} {
		_ = unstructured.SetNestedField(o.Object, text, "data", KeyPoolSize)
		if n, ok := PoolSize(o); ok {
			t.Errorf("%q is read as %d", text, n)
		}
	}
}

func TestWaits(t *testing.T) {
	for name, test := range map[string]struct {
		label, node string
		want        bool
	}{
		"waits":        {"shared", `{phase: Pending, synchronizationStatus: {waiting: data/ConfigMap/backfill-pool-shared/shards}}`, true},
		"has a place":  {"shared", `{phase: Running}`, false},
		"other locks":  {"", `{phase: Pending, synchronizationStatus: {waiting: data/Mutex/x}}`, false},
		"no more":      {"shared", `{phase: Failed, synchronizationStatus: {waiting: x}}`, false},
		"another wait": {"shared", `{phase: Pending}`, false},
	} {
		var o unstructured.Unstructured
		text := "metadata: {labels: {backfill.dev/pool: \"" + test.label + "\"}}\nstatus: {nodes: {x: " + test.node + "}}\n"
		if err := yaml.Unmarshal([]byte(text), &o.Object); err != nil {
			t.Fatal(err)
		}
		if got := Waits(&o); got != test.want {
			t.Errorf("%s: %t", name, got)
		}
	}
}
