// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package lower

import (
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/argo"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/argo/argotest"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/domain"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/ledger"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/manifest"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/plan"
)

// locked lists the templates of an object that take a place in a pool.
func locked(t *testing.T, o manifest.Object) []string {
	t.Helper()
	templates, _, _ := unstructured.NestedSlice(o.Object, "spec", "templates")
	var names []string
	for _, one := range templates {
		fields := one.(map[string]any)
		lock, found, _ := unstructured.NestedMap(fields, "synchronization")
		if !found {
			continue
		}
		text, err := yaml.Marshal(lock)
		if err != nil || !strings.Contains(string(text), "name: backfill-pool-shared") ||
			!strings.Contains(string(text), "key: shards") {
			t.Errorf("%s has the lock %s", fields["name"], text)
		}
		names = append(names, fields["name"].(string))
	}
	return names
}

// Each shard takes one place: a run of one shard as a whole, else its canary
// and each child, but never what holds a place a second one, which could wait
// for ever.
func TestPlacesInAPool(t *testing.T) {
	d := argotest.Axis(t, domain.Range{Start: 0, End: 100, Size: 1})
	for name, test := range map[string]struct {
		pool      string
		shardSize int
		run       string
		template  string
		child     bool
	}{
		"one shard":    {"shared", 500, "run", "canary", true},
		"many shards":  {"shared", 10, "", "canary", true},
		"without pool": {"", 10, "", "", false},
	} {
		t.Run(name, func(t *testing.T) {
			j := argotest.Sample(d)
			j.Pool, j.ShardSize, j.Canary = test.pool, test.shardSize, plan.Canary{Partitions: 1}
			objects := compile(t, j, argotest.PlanOf(j, ledger.Full(d)))
			template, run := objects[0], objects[len(objects)-1]
			if got := strings.Join(locked(t, run), " "); got != test.run {
				t.Errorf("the run locks %q", got)
			}
			if got := strings.Join(locked(t, template), " "); got != test.template {
				t.Errorf("the template locks %q", got)
			}
			text, err := manifest.Encode([]manifest.Object{template}, "yaml")
			if err != nil {
				t.Fatal(err)
			}
			child := strings.Count(string(text), "name: backfill-pool-shared") == 2 // its own, and in the text of the child
			if child != test.child {
				t.Errorf("children lock: %t", child)
			}
			if got := run.GetLabels()[argo.LabelPool]; got != test.pool {
				t.Errorf("the run has the label %q", got)
			}
		})
	}
}

// An older Argo knows one lock of a template, a newer one only a list of them.
func TestLocksByArgoVersion(t *testing.T) {
	d := argotest.Axis(t, domain.Range{Start: 0, End: 10, Size: 1})
	for version, want := range map[string]string{
		"3.5": "semaphore", "3.6": "semaphores", "3.7": "semaphores", "4.0": "semaphores",
	} {
		j := argotest.Sample(d)
		j.Pool, j.ArgoVersion = "shared", version
		objects := compile(t, j, argotest.PlanOf(j, ledger.Full(d)))
		templates, _, _ := unstructured.NestedSlice(objects[len(objects)-1].Object, "spec", "templates")
		lock, _, _ := unstructured.NestedMap(templates[0].(map[string]any), "synchronization")
		if len(lock) != 1 || lock[want] == nil {
			t.Errorf("argo_version %s: %v", version, lock)
		}
	}
}
