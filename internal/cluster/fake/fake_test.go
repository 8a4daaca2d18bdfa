// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package fake_test

import (
	"context"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/cluster"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/cluster/clustertest"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/cluster/fake"
)

func TestContract(t *testing.T) {
	c := fake.New(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC))
	clustertest.Run(t, clustertest.Setup{Backend: c, Namespace: "default", Prefix: "t-"})
}

func TestFinalizersKeepAnObject(t *testing.T) {
	c := fake.New(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC))
	o := &unstructured.Unstructured{Object: map[string]any{"apiVersion": "v1", "kind": "ConfigMap"}}
	o.SetNamespace("default")
	o.SetName("held")
	o.SetFinalizers([]string{"example.com/hold"})
	ctx := context.Background()
	if _, err := c.Create(ctx, o); err != nil {
		t.Fatal(err)
	}
	if err := c.Delete(ctx, cluster.ConfigMap, "default", "held", ""); err != nil {
		t.Fatal(err)
	}
	held, err := c.Get(ctx, cluster.ConfigMap, "default", "held")
	if err != nil || held.GetDeletionTimestamp() == nil {
		t.Fatalf("got %v, %v; want an object that is being deleted", held, err)
	}
	if _, err := c.Patch(ctx, cluster.ConfigMap, "default", "held",
		[]byte(`{"metadata":{"finalizers":null}}`)); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Get(ctx, cluster.ConfigMap, "default", "held"); !cluster.IsNotFound(err) {
		t.Fatalf("got %v, want not found", err)
	}
}
