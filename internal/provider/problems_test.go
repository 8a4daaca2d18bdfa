// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"flag"
	"net/http/httptest"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"golang.org/x/tools/txtar"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/cluster"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/cluster/fake"
)

var update = flag.Bool("update", false, "rewrite the golden files of testdata")

// templateHash is the name of a template; its hash changes with what is emitted.
var templateHash = regexp.MustCompile(`orders-[a-z0-9]{10}\b`)

const problemsFile = "testdata/problems.txtar"

// byName is a job whose run needs all kinds of objects, data included.
func byName() object {
	return orders(object{
		"partition": object{"values": []string{"de", "fr"}},
		"runner":    object{"image": "example.com/orders:1", "command": []string{"bin/run", "${partition.value}"}},
	})
}

// What the provider says when the cluster is not as it should be, word by
// word. Nothing is left behind and nothing of others is touched.
func TestProblemsOfTheCluster(t *testing.T) {
	forbid := func(verb string, kind cluster.Kind) func(*testing.T, *fake.Cluster) {
		return func(_ *testing.T, c *fake.Cluster) {
			c.Before = func(call cluster.Call) error {
				if call.Verb == verb && call.Kind == kind {
					return cluster.NewError(cluster.Forbidden, call, "", nil)
				}
				return nil
			}
		}
	}
	tests := []struct {
		name     string
		settings object // nil: the cluster, by its host
		prepare  func(*testing.T, *fake.Cluster)
		read     bool // instead of an apply
	}{
		{name: "no cluster configured", settings: object{}},
		{name: "no cluster configured, read", settings: object{}, read: true},
		{name: "unknown configuration", settings: object{"config_path": unknown{}}},
		{name: "kubeconfig that does not exist", settings: object{"config_path": "/nowhere/kubeconfig"}},
		{name: "in_cluster outside of a cluster", settings: object{"in_cluster": true}},
		{name: "unreachable cluster"},
		{name: "Argo not installed", prepare: func(_ *testing.T, c *fake.Cluster) {
			c.Missing = map[cluster.Kind]bool{cluster.Workflow: true, cluster.WorkflowTemplate: true}
		}},
		{name: "records forbidden", prepare: forbid("create", cluster.ConfigMap)},
		{name: "runs forbidden", prepare: forbid("create", cluster.Workflow)},
		{name: "reading forbidden", prepare: forbid("get", cluster.ConfigMap), read: true},
		{name: "another record", prepare: foreign(cluster.ConfigMap, "orders-backfill")},
		{name: "another template", prepare: foreign(cluster.WorkflowTemplate, "orders-*")},
		{name: "another run", prepare: foreign(cluster.Workflow, "orders-r1")},
		{name: "other data", prepare: foreign(cluster.ConfigMap, "orders-r1-d0")},
		{name: "job of somebody else", prepare: func(t *testing.T, c *fake.Cluster) {
			onFake(t, c).mustApply(orders(object{"reason": "theirs"}))
		}},
	}
	t.Setenv("KUBERNETES_SERVICE_HOST", "")
	golden, err := txtar.ParseFile(problemsFile)
	if err != nil && !*update {
		t.Fatal(err)
	}
	want := map[string]string{}
	if err == nil {
		for _, f := range golden.Files {
			want[f.Name] = string(f.Data)
		}
	}
	var all txtar.Archive
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			c := fake.New(start)
			if test.prepare != nil {
				test.prepare(t, c)
			}
			before := c.Objects()
			server := httptest.NewServer(fake.Handler(c))
			defer server.Close()
			settings := test.settings
			if settings == nil {
				settings = object{"host": server.URL}
			}
			if test.name == "unreachable cluster" {
				server.Close()
			}
			tf := newTerraform(t, settings, environment(nil), quick())
			var diags []*tfprotov6.Diagnostic
			if test.read {
				tf.state = valueOf(t, tf.ty, object{"id": "default/orders"})
				diags = tf.refresh()
			} else {
				_, diags = tf.apply(byName())
				if !tf.state.IsNull() {
					t.Error("the failed creation left a state")
				}
			}
			got := strings.ReplaceAll(
				written(oneError(t, diags)),
				server.Listener.Addr().String(),
				"cluster.example:6443",
			) + "\n"
			got = templateHash.ReplaceAllString(got, "orders-<hash>")
			all.Files = append(all.Files, txtar.File{Name: test.name, Data: []byte(got)})
			if d := cmp.Diff(want[test.name], got); d != "" && !*update {
				t.Errorf("the message differs (run with -update to accept):\n%s", d)
			}
			if d := cmp.Diff(before, c.Objects()); d != "" {
				t.Errorf("the cluster was changed:\n%s", d)
			}
		})
	}
	if *update {
		if err := os.WriteFile(problemsFile, txtar.Format(&all), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// foreign puts an object into the cluster that has the name of one of the
// job's, and is somebody else's.
func foreign(kind cluster.Kind, name string) func(*testing.T, *fake.Cluster) {
	return func(t *testing.T, c *fake.Cluster) {
		probe := fake.New(start)
		onFake(t, probe).mustApply(byName())
		for _, o := range probe.Objects() {
			prefix, isPrefix := strings.CutSuffix(name, "*")
			if o.GetKind() != string(kind) || o.GetName() != name && !(isPrefix && strings.HasPrefix(o.GetName(), prefix)) {
				continue
			}
			o.SetLabels(map[string]string{"app": "theirs"})
			o.SetResourceVersion("")
			if _, err := c.Create(t.Context(), o); err != nil {
				t.Fatal(err)
			}
			return
		}
		t.Fatalf("the job makes no %s %s", kind, name)
	}
}
