// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"maps"
	"os"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/cluster"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/cluster/fake"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/compile"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/ledger"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/manifest"
)

// compiled are the objects of run n of orders(changes), as `compile` prints
// them.
func compiled(t *testing.T, n int, changes ...object) []manifest.Object {
	t.Helper()
	tf := newTerraform(t, object{}, environment(nil))
	d, diags := declare(t.Context(), valueOf(t, tf.ty, orders(changes...)))
	if diags.HasError() {
		t.Fatal(diags)
	}
	c, problems := compile.Value(d.value, ledger.Set{}, n)
	if problems.HasErrors() {
		t.Fatal(problems)
	}
	return c.Objects()
}

// applied puts objects into a cluster as kubectl does, without a record.
func applied(t *testing.T, c *fake.Cluster, objects []manifest.Object) {
	t.Helper()
	for _, o := range objects {
		if _, err := c.Create(t.Context(), o); err != nil && !cluster.IsAlreadyExists(err) {
			t.Fatal(err)
		}
	}
}

// move takes over the state of a resource, as a moved block does.
func (tf *terraform) move(provider, resource string, version int64, state []byte) []*tfprotov6.Diagnostic {
	tf.t.Helper()
	resp, err := tf.server.MoveResourceState(tf.t.Context(), &tfprotov6.MoveResourceStateRequest{
		SourceProviderAddress: provider, SourceTypeName: resource, SourceSchemaVersion: version,
		SourceState: &tfprotov6.RawState{JSON: state}, TargetTypeName: jobType,
	})
	if err != nil {
		tf.t.Fatal(err)
	}
	if len(errorsOf(resp.Diagnostics)) == 0 {
		tf.state, tf.private, tf.identity = decode(tf.t, tf.ty, resp.TargetState), resp.TargetPrivate, resp.TargetIdentity
	}
	return resp.Diagnostics
}

// sources are the resources whose state moves, each with a state as the
// provider stored it.
var sources = map[string]struct {
	provider, resource, file string
	version                  int64
}{
	"hashicorp/kubernetes": {
		"registry.terraform.io/hashicorp/kubernetes",
		"kubernetes_manifest",
		"kubernetes_manifest.json",
		1,
	},
	"gavinbunney/kubectl": {
		"registry.terraform.io/gavinbunney/kubectl",
		"kubectl_manifest",
		"kubectl_manifest_gavinbunney.json",
		1,
	},
	"alekc/kubectl 2": {
		"registry.terraform.io/alekc/kubectl",
		"kubectl_manifest",
		"kubectl_manifest_alekc_2.json",
		1,
	},
	"alekc/kubectl 3": {
		"registry.opentofu.org/alekc/kubectl",
		"kubectl_manifest",
		"kubectl_manifest_alekc_3.json",
		2,
	},
}

func stored(t testing.TB, file string) []byte {
	t.Helper()
	state, err := os.ReadFile("testdata/moved/" + file)
	if err != nil {
		t.Fatal(err)
	}
	return state
}

// A run that another provider had applied becomes a job: nothing runs again,
// the apply writes the record, and then the plan is empty.
func TestMovedRunsBecomeJobs(t *testing.T) {
	for name, source := range sources {
		t.Run(name, func(t *testing.T) {
			tf, c := inFake(t)
			applied(t, c, compiled(t, 1))
			playArgo(t, c, "orders-r1", "Running", 2, nil)
			mustSucceed(t, "move", tf.move(source.provider, source.resource, source.version, stored(t, source.file)))
			if got := jsonOf(
				decode(t, identityType, tf.identity.IdentityData),
			); got != `{"name":"orders","namespace":"default"}` {
				t.Errorf("the identity is %s", got)
			}
			mustSucceed(t, "refresh", tf.refresh())
			tf.mustHold(map[string]string{"phase": `"Running"`, "done": `"[0,20)"`, "run": `"orders-r1"`})

			p := tf.mustPlan(orders(), "update")
			tf.mustShow(p, map[string]string{"next_run": "null"})
			tf.mustApply(orders())
			playArgo(t, c, "orders-r1", "Succeeded", 4, nil)
			mustSucceed(t, "refresh", tf.refresh())
			tf.mustPlan(orders(), "no-op")
			tf.mustHold(map[string]string{"phase": `"Complete"`, "drift": "[]"})
			if n := count(c, cluster.Workflow); n != 1 {
				t.Errorf("there are %d Workflows", n)
			}
		})
	}
}

func count(c *fake.Cluster, kind cluster.Kind) int {
	n := 0
	for _, o := range c.Objects() {
		if o.GetKind() == string(kind) {
			n++
		}
	}
	return n
}

// What cannot be moved is refused, with what to do instead.
func TestMovesThatAreRefused(t *testing.T) {
	edited := func(from, to string) []byte {
		return []byte(strings.ReplaceAll(string(stored(t, "kubectl_manifest_alekc_3.json")), from, to))
	}
	const kubernetes, kubectl = "registry.terraform.io/hashicorp/kubernetes", "registry.terraform.io/alekc/kubectl"
	tests := map[string]struct {
		provider, resource string
		state              []byte
		summary, detail    string
	}{
		"a Job of Kubernetes": {
			kubernetes,
			"kubernetes_job_v1",
			[]byte(`{"id":"default/x"}`),
			"Unsupported Move Source",
			"terraform-provider-backfill convert FILE",
		},
		"a namesake's manifest": {
			"registry.terraform.io/someone/kubectl",
			"kubectl_manifest",
			stored(t, "kubectl_manifest_alekc_3.json"),
			"Unsupported Move Source",
			"someone/kubectl",
		},
		"a Workflow of others": {
			kubectl,
			"kubectl_manifest",
			edited("backfill.dev/", "example.com/"),
			"Unsupported Move Source",
			"was not compiled from a job",
		},
		"the template": {
			kubectl,
			"kubectl_manifest",
			edited("kind: Workflow", "kind: WorkflowTemplate"),
			"Unsupported Move Of A Job Part",
			"removed {",
		},
		"a shard": {
			kubectl,
			"kubectl_manifest",
			edited(`backfill.dev/run: \"1\"`, `backfill.dev/run: \"1\"\n    backfill.dev/shard: \"0\"`),
			"Unsupported Move Of A Job Part",
			"orders-r1",
		},
		"no YAML": {
			kubectl,
			"kubectl_manifest",
			[]byte(`{"yaml_body":"{"}`),
			"Unsupported Move Source",
			"cannot be read",
		},
		"no JSON": {kubernetes, "kubernetes_manifest", nil, "Unsupported Move Source", "cannot be read"},
		"a state with no object": {
			kubernetes,
			"kubernetes_manifest",
			[]byte(`{"manifest":null}`),
			"Unsupported Move Source",
			"no manifest",
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			tf := newTerraform(t, object{}, environment(nil))
			d := oneError(t, tf.move(test.provider, test.resource, 1, test.state))
			if d.Summary != test.summary || !strings.Contains(d.Detail, test.detail) {
				t.Errorf("got %s", written(d))
			}
		})
	}
}

// A run that was moved and is gone is no reason to run everything again
// unasked: the plan says what it cannot know.
func TestMovedRunThatIsGone(t *testing.T) {
	tf, _ := inFake(t)
	source := sources["alekc/kubectl 3"]
	mustSucceed(t, "move", tf.move(source.provider, source.resource, source.version, stored(t, source.file)))
	diags := tf.refresh()
	mustSucceed(t, "refresh", diags)
	if !tf.state.IsNull() || len(diags) != 1 || diags[0].Summary != "Moved Run Not Found" {
		t.Errorf("got %v", diags)
	}
}

// Runs that were applied without a record are imported from their annotations:
// all of them count, and the latest tells the declaration.
func TestImportOfRunsWithoutARecord(t *testing.T) {
	tf, c := inFake(t)
	applied(t, c, compiled(t, 1))
	playArgo(t, c, "orders-r1", "Failed", 4, map[int]string{2: "exit code 1"})
	grown := object{"partition": object{"range": object{"start": 0, "end": 60, "size": 10}}}
	applied(t, c, compiled(t, 2, grown))
	playArgo(t, c, "orders-r2", "Running", 1, nil)

	c.ResetCalls()
	mustSucceed(t, "import", tf.importState("default/orders"))
	for _, call := range c.Calls() {
		if call.Verb != "get" && call.Verb != "list" {
			t.Errorf("an import sent %v", call)
		}
	}
	tf.mustHold(
		map[string]string{
			"phase":           `"Running"`,
			"partition_count": "6",
			"done":            `"[0,20) [30,40)"`,
			"failed":          `""`,
			"run":             `"orders-r2"`,
		},
	)
	tf.mustPlan(orders(grown), "update")
	tf.mustApply(orders(grown))
	tf.mustHold(map[string]string{"drift": "[]", "next_run": "null"})
	playArgo(t, c, "orders-r2", "Succeeded", 6, nil)
	mustSucceed(t, "refresh", tf.refresh())
	tf.mustHold(map[string]string{"phase": `"Complete"`})
	tf.mustPlan(orders(grown), "no-op")
}

// A run whose annotations do not tell its job is not guessed at; declaring the
// same job takes it over.
func TestRunWithoutADeclaration(t *testing.T) {
	for name, edit := range map[string]func(map[string]string){
		"none":         func(a map[string]string) { delete(a, "backfill.dev/declaration") },
		"of something": func(a map[string]string) { a["backfill.dev/declaration"] = "{" },
		"of another place": func(a map[string]string) {
			a["backfill.dev/declaration"] = strings.Replace(a["backfill.dev/declaration"], `"orders"`, `"others"`, 1)
		},
	} {
		t.Run(name, func(t *testing.T) {
			tf, c := inFake(t)
			objects := compiled(t, 1)
			run := objects[len(objects)-1]
			annotations := maps.Clone(run.GetAnnotations())
			edit(annotations)
			run.SetAnnotations(annotations)
			applied(t, c, objects)
			if d := oneError(t, tf.importState("default/orders")); d.Summary != "Run Without Declaration" {
				t.Errorf("got %s", written(d))
			}
			tf.state = tftypes.NewValue(tf.ty, nil)
			tf.private, tf.identity = nil, nil
			tf.mustApply(orders())
			if n := count(c, cluster.Workflow); n != 1 {
				t.Errorf("there are %d Workflows", n)
			}
		})
	}
}

// The stored states are of the run that `compile` prints.
func TestStoredStatesAreOfTheRun(t *testing.T) {
	objects := compiled(t, 1)
	run := objects[len(objects)-1]
	for name, source := range sources {
		o, err := movable[source.provider[strings.Index(source.provider, "/")+1:]+" "+source.resource](stored(t, source.file))
		if err != nil {
			t.Fatal(err)
		}
		for _, label := range []string{"backfill.dev/job", "backfill.dev/run"} {
			if got, want := o.GetLabels()[label], run.GetLabels()[label]; o.GetName() != run.GetName() || got != want {
				t.Errorf("%s: %s has the label %s = %q, not %q", name, o.GetName(), label, got, want)
			}
		}
	}
}
