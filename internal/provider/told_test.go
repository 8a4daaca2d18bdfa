// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"bytes"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
	"golang.org/x/tools/txtar"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/cluster/fake"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/diag"
)

const toldFile = "testdata/told.txtar"

const twoJobs = `job "a" {
  partition { values = ["x"] }
  runner {
    image   = "i"
    command = ["c"]
  }
}

job "b" {
  partition { values = ["x"] }
  runner {
    image   = "i"
    command = ["c"]
  }
}
`

// wait creates a backfill_await, as an apply does.
func (tf *terraform) wait(config object) []*tfprotov6.Diagnostic {
	tf.t.Helper()
	const name = "backfill_await"
	schemas, err := tf.server.GetProviderSchema(tf.t.Context(), &tfprotov6.GetProviderSchemaRequest{})
	if err != nil {
		tf.t.Fatal(err)
	}
	ty := schemas.ResourceSchemas[name].ValueType()
	written := encode(tf.t, ty, valueOf(tf.t, ty, config))
	none := encode(tf.t, ty, tftypes.NewValue(ty, nil))
	planned, err := tf.server.PlanResourceChange(
		tf.t.Context(),
		&tfprotov6.PlanResourceChangeRequest{TypeName: name, PriorState: none, ProposedNewState: written, Config: written},
	)
	if err != nil {
		tf.t.Fatal(err)
	}
	mustSucceed(tf.t, "plan", planned.Diagnostics)
	applied, err := tf.server.ApplyResourceChange(tf.t.Context(), &tfprotov6.ApplyResourceChangeRequest{
		TypeName:       name,
		PriorState:     none,
		PlannedState:   planned.PlannedState,
		Config:         written,
		PlannedPrivate: planned.PlannedPrivate,
	})
	if err != nil {
		tf.t.Fatal(err)
	}
	return applied.Diagnostics
}

// toldCases lead to what the provider has to say by itself, by a title that
// begins with the code of the diagnostic that is expected.
var toldCases = []struct {
	title string
	lead  func(*terraform, *fake.Cluster) []*tfprotov6.Diagnostic
}{
	{"BF1641 an object whose names were dropped", func(tf *terraform, _ *fake.Cluster) []*tfprotov6.Diagnostic {
		return tf.plan(orders(object{"retry": object{}})).diags
	}},
	{"BF5001 neither form", func(tf *terraform, _ *fake.Cluster) []*tfprotov6.Diagnostic { return tf.validate(object{}) }},
	{"BF5002 both forms", func(tf *terraform, _ *fake.Cluster) []*tfprotov6.Diagnostic {
		return tf.validate(object{"source": twoJobs, "runner": orders()["runner"]})
	}},
	{"BF5003 variables of attributes", func(tf *terraform, _ *fake.Cluster) []*tfprotov6.Diagnostic {
		return tf.validate(orders(object{"variables": variables(nil)}))
	}},
	{"BF5004 several jobs", func(tf *terraform, _ *fake.Cluster) []*tfprotov6.Diagnostic {
		return tf.validate(object{"source": twoJobs})
	}},
	{"BF5005 a job that is not there", func(tf *terraform, _ *fake.Cluster) []*tfprotov6.Diagnostic {
		return tf.validate(object{"source": twoJobs, "job": "c"})
	}},
	{"BF5006 variables that are no object", func(tf *terraform, _ *fake.Cluster) []*tfprotov6.Diagnostic {
		return tf.validate(object{"source": twoJobs, "job": "a", "variables": tftypes.NewValue(tftypes.Number, 1)})
	}},
	{
		"BF5007 an id without a namespace",
		func(tf *terraform, _ *fake.Cluster) []*tfprotov6.Diagnostic { return tf.importState("orders") },
	},
	{"BF5008 another name", func(tf *terraform, c *fake.Cluster) []*tfprotov6.Diagnostic {
		tf.mustApply(orders())
		playArgo(tf.t, c, "orders-r1", "Succeeded", 4, nil)
		mustSucceed(tf.t, "refresh", tf.refresh())
		return tf.plan(orders(object{"name": "others"})).diags
	}},
	{"BF5008 the same name", func(tf *terraform, c *fake.Cluster) []*tfprotov6.Diagnostic {
		tf.mustApply(orders())
		playArgo(tf.t, c, "orders-r1", "Succeeded", 4, nil)
		mustSucceed(tf.t, "refresh", tf.refresh())
		first := tf.plan(orders())
		return tf.planFrom(tftypes.NewValue(tf.ty, nil), valueOf(tf.t, tf.ty, orders()), first.private).diags
	}},
	{"BF5009 a cluster that is not known", func(tf *terraform, _ *fake.Cluster) []*tfprotov6.Diagnostic {
		later := newTerraform(tf.t, object{"host": unknown{}}, environment(nil), quick())
		_, diags := later.apply(orders())
		return diags
	}},
	{"BF5010 a job that ended short", func(tf *terraform, c *fake.Cluster) []*tfprotov6.Diagnostic {
		tf.mustApply(orders())
		playArgo(tf.t, c, "orders-r1", "Failed", 4, map[int]string{2: "exit code 1"})
		return tf.wait(object{"job": "orders"})
	}},
	{"BF5010 a job that ended short, and the wait goes on", func(tf *terraform, c *fake.Cluster) []*tfprotov6.Diagnostic {
		tf.mustApply(orders())
		playArgo(tf.t, c, "orders-r1", "Failed", 4, map[int]string{2: "exit code 1"})
		return tf.wait(object{"job": "orders", "on_failure": "continue"})
	}},
	{"BF5011 a job that goes on for longer", func(tf *terraform, c *fake.Cluster) []*tfprotov6.Diagnostic {
		tf.mustApply(orders())
		playArgo(tf.t, c, "orders-r1", "Running", 2, nil)
		return tf.wait(object{"job": "orders", "timeouts": object{"create": "1s"}})
	}},
	{"BF5012 a job that nobody made", func(tf *terraform, _ *fake.Cluster) []*tfprotov6.Diagnostic {
		return tf.wait(object{"job": "orders", "namespace": "data"})
	}},
	{"BF5013 a canary that is not declared", func(tf *terraform, _ *fake.Cluster) []*tfprotov6.Diagnostic {
		tf.mustApply(orders())
		return tf.wait(object{"job": "orders", "until": "canary"})
	}},
	{"BF5030 a state of something else", func(tf *terraform, _ *fake.Cluster) []*tfprotov6.Diagnostic {
		return tf.move("registry.terraform.io/hashicorp/kubernetes", "kubernetes_job_v1", 1, []byte(`{"id":"default/x"}`))
	}},
	{"BF5031 the state of a template", func(tf *terraform, _ *fake.Cluster) []*tfprotov6.Diagnostic {
		state := bytes.ReplaceAll(
			stored(tf.t, "kubectl_manifest_alekc_3.json"),
			[]byte("kind: Workflow"),
			[]byte("kind: WorkflowTemplate"),
		)
		return tf.move("registry.terraform.io/alekc/kubectl", "kubectl_manifest", 2, state)
	}},
	{"BF5032 the state of a run that is gone", func(tf *terraform, _ *fake.Cluster) []*tfprotov6.Diagnostic {
		source := sources["alekc/kubectl 3"]
		mustSucceed(tf.t, "move", tf.move(source.provider, source.resource, source.version, stored(tf.t, source.file)))
		return tf.refresh()
	}},
}

// TestWhatTheProviderTells has every diagnostic of the resources told, word by word.
func TestWhatTheProviderTells(t *testing.T) {
	golden, err := txtar.ParseFile(toldFile)
	if err != nil && !*update {
		t.Fatal(err)
	}
	want := map[string]string{}
	if err == nil {
		for _, f := range golden.Files {
			want[f.Name] = string(f.Data)
		}
	}
	told := map[string]bool{}
	var all txtar.Archive
	for _, c := range toldCases {
		t.Run(c.title, func(t *testing.T) {
			code, _, _ := strings.Cut(c.title, " ")
			tf, cluster := inFake(t)
			diags := c.lead(tf, cluster)
			if len(diags) != 1 || !strings.HasSuffix(diags[0].Detail, "["+code+"]") {
				for _, d := range diags {
					t.Error(written(d))
				}
				t.Fatalf("got %d diagnostics, want one with the code %s", len(diags), code)
			}
			told[code] = true
			got := written(diags[0]) + "\n"
			all.Files = append(all.Files, txtar.File{Name: c.title, Data: []byte(got)})
			if d := cmp.Diff(want[c.title], got); d != "" && !*update {
				t.Errorf("the message differs (run with -update to accept):\n%s", d)
			}
		})
	}
	for _, i := range diag.Codes() {
		ofCluster := i.Code >= "BF5040" // see package engine
		if strings.HasPrefix(i.Code, "BF5") && !ofCluster && !told[i.Code] {
			t.Errorf("no case leads to %s %q", i.Code, i.Summary)
		}
	}
	if *update && !t.Failed() {
		if err := os.WriteFile(toldFile, txtar.Format(&all), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}
