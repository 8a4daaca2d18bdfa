// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"context"
	"encoding/json"
	"maps"
	"math/rand"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/cluster/fake"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/engine"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/jobschema/jobschematest"
)

// edited are edits of every attribute that may be written, on the job of `detailed`.
func edited(t *testing.T) object {
	t.Helper()
	edits := object(jobschematest.Edits())
	edits["argo"] = object{"workflow": typedValue(object{"priority": 3}, `["object",{"priority":"number"}]`)}
	maps.Copy(edits, object{
		"revision":          "2",
		"rerun":             "manual",
		"rerun_token":       "once more",
		"paused":            true,
		"approved_wave":     1,
		"on_change":         "finish",
		"stop_timeout":      "1m",
		"on_destroy":        "keep",
		"overlap":           "allow",
		"override_limits":   []string{"max_partitions"},
		"prevent_reprocess": true,
		"timeouts":          object{"update": "7m"},
	})
	return edits
}

// typedValue is a value whose type goes with it.
func typedValue(value any, ty string) object {
	return object{"value": value, "type": json.RawMessage(ty)}
}

// detailed is the job that edited is about, with changes.
func detailed(changes ...object) object {
	runner := object{
		"image": "example.com/orders:1", "command": []string{"run"}, "resources": object{"memory": "1Gi"},
	}
	return orders(append([]object{{"runner": runner}}, changes...)...)
}

// beside is another change than that of an attribute, which an apply is for.
func beside(attribute string) object {
	if attribute == "max_parallel" {
		return object{"reason": "an apply"}
	}
	return object{"max_parallel": 3}
}

// optional are the attributes of a job that may be written in the table's form, but
// for the one that is refused with its new name.
func optional(t *testing.T) []string {
	t.Helper()
	var names []string
	for name, a := range jobSchema(t).Schema.Attributes {
		if a.IsOptional() && !slices.Contains([]string{"source", "job", "variables", "orchestrator_service_account"}, name) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// repeatable is a provider whose clock and tokens are the same each time. Its answers
// are not compared with those of the framework, which takes ten times as long.
func repeatable(t *testing.T) (*terraform, *fake.Cluster) {
	t.Helper()
	c := fake.New(start)
	var minutes atomic.Int64
	server, err := NewServer("test", environment(nil), WithBackend(c), WithEngineOptions(engine.Options{
		Now:    func() time.Time { return start.Add(time.Duration(minutes.Add(1)) * time.Minute) },
		Random: rand.New(rand.NewSource(1)),
		Pause:  func(ctx context.Context, _ time.Duration) error { return ctx.Err() },
	}))()
	if err != nil {
		t.Fatal(err)
	}
	return terraformOn(t, server, object{}), c
}

// contents is all that a cluster holds.
func contents(t *testing.T, c *fake.Cluster) string {
	t.Helper()
	data, err := json.MarshalIndent(c.Objects(), "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// What ignore_changes names keeps the value that the state has, also while Terraform
// tells the provider of an edited configuration: an apply leaves the cluster and the
// state as if the edit had never been made. It holds for each attribute that the
// schema has, on a job with a run under way and on one that is done.
func TestIgnoredEditsAreNotApplied(t *testing.T) {
	edits := edited(t)
	apply := func(t *testing.T, name, phase string, change object, ignores ...string) (*terraform, string) {
		tf, c := repeatable(t)
		tf.mustApply(detailed())
		playArgo(t, c, "orders-r1", phase, map[string]int{"Running": 2, "Succeeded": 4}[phase], nil)
		mustSucceed(t, "refresh", tf.refresh())
		tf.ignores = ignores
		tf.mustApply(detailed(beside(name), change))
		return tf, contents(t, c)
	}
	for _, name := range optional(t) {
		edit, ok := edits[name]
		if !ok {
			t.Errorf("there is no edit of %s here or in package jobschematest", name)
			continue
		}
		for _, phase := range []string{"Running", "Succeeded"} {
			t.Run(name+"/"+phase, func(t *testing.T) {
				want, wanted := apply(t, name, phase, object{})
				got, left := apply(t, name, phase, object{name: edit}, name)
				if diff := cmp.Diff(wanted, left); diff != "" {
					t.Errorf("the edit was applied (-without it +ignored):\n%s", diff)
				}
				if !got.state.Equal(want.state) {
					t.Errorf("the state tells of the edit: %s", show(t, got.state, name))
				}
			})
		}
	}
}

// The same where a job is created: what was planned is created, whatever Terraform
// tells of the configuration.
func TestCreationIsOfWhatWasPlanned(t *testing.T) {
	for name, edit := range edited(t) {
		t.Run(name, func(t *testing.T) {
			create := func(change object) string {
				tf, c := repeatable(t)
				p := tf.mustPlan(detailed(), "create")
				mustSucceed(t, "apply", tf.applyPlanned(p, valueOf(t, tf.ty, detailed(change))))
				return contents(t, c)
			}
			if diff := cmp.Diff(create(object{}), create(object{name: edit})); diff != "" {
				t.Errorf("what was created is not what was planned (-planned +created):\n%s", diff)
			}
		})
	}
}

// A job that is declared by source has its name from there. With ignore_changes
// Terraform hands it back as if it were written.
func TestIgnoredEditsOfASource(t *testing.T) {
	tf, c := repeatable(t)
	before := object{"source": ordersFile, "variables": variables(map[string]int64{"last": 40})}
	tf.mustApply(before)
	tf.ignores = []string{"source", "name", "variables"}
	tf.mustApply(object{
		"source":    strings.ReplaceAll(ordersFile, `"orders"`, `"others"`),
		"variables": variables(map[string]int64{"last": 60}),
		"paused":    true,
	})
	tf.mustHold(map[string]string{"id": `"default/orders"`, "partition_count": "4", "paused": "true"})
	if runs := workflows(c); len(runs) != 1 {
		t.Errorf("the runs are %q", runs)
	}
	tf.ignores = []string{"name"}
	d := oneError(t, tf.plan(object{
		"source":    strings.ReplaceAll(ordersFile, `"orders"`, `"others"`),
		"variables": variables(map[string]int64{"last": 40}),
	}).diags)
	if d.Summary != "Conflicting Job Declarations" || !strings.Contains(d.Detail, "ignore_changes") {
		t.Errorf("got %s", written(d))
	}
}

// A plan whose template is not that of what it declares is refused, with and without
// a run to submit.
func TestAnotherTemplateThanPlannedIsStale(t *testing.T) {
	for name, change := range map[string]object{
		"the runner changes": {"runner": edited(t)["runner"]}, "nothing is to run": {"reason": "an apply"},
	} {
		t.Run(name, func(t *testing.T) {
			tf, c := repeatable(t)
			tf.mustApply(detailed())
			before := contents(t, c)
			p := tf.mustPlan(detailed(change), "update")
			p.value = with(p.value, values{"template": text("orders-another")})
			d := oneError(t, tf.applyPlanned(p, valueOf(t, tf.ty, detailed(change))))
			if d.Summary != "Stale Plan" || contents(t, c) != before {
				t.Errorf("got %s", written(d))
			}
		})
	}
	tf, c := repeatable(t)
	p := tf.mustPlan(detailed(), "create")
	p.value = with(p.value, values{"template": text("orders-another")})
	d := oneError(t, tf.applyPlanned(p, valueOf(t, tf.ty, detailed())))
	if d.Summary != "Stale Plan" || len(c.Objects()) > 0 {
		t.Errorf("got %s", written(d))
	}
}

// What becomes known while applying, as what it was or as something else, never makes
// the plan that Terraform makes then another one than it has shown.
func TestWhatBecomesKnownKeepsThePlan(t *testing.T) {
	edits := edited(t)
	for _, name := range optional(t) {
		for _, same := range []bool{true, false} {
			t.Run(name+map[bool]string{true: "/as it was", false: "/edited"}[same], func(t *testing.T) {
				tf, c := repeatable(t)
				tf.mustApply(detailed())
				playArgo(t, c, "orders-r1", "Succeeded", 4, nil)
				mustSucceed(t, "refresh", tf.refresh())
				before := contents(t, c)
				change := object{name: edits[name]}
				if same {
					change = object{}
				}
				_, diags := tf.applyAs(detailed(object{name: unknown{}}), detailed(change))
				others := name == "name" || name == "namespace"
				switch {
				case name == "pool" && !same: // there is none
				case others && !same:
					if d := oneError(t, diags); d.Summary != "Stale Plan" || contents(t, c) != before {
						t.Errorf("got %s", written(d))
					}
				default:
					mustSucceed(t, "apply", diags)
				}
			})
		}
	}
}

// The same for a new job.
func TestWhatBecomesKnownOfANewJob(t *testing.T) {
	edits := edited(t)
	for _, name := range optional(t) {
		t.Run(name, func(t *testing.T) {
			tf, _ := repeatable(t)
			_, diags := tf.applyAs(detailed(object{name: unknown{}}), detailed(object{name: edits[name]}))
			if name != "pool" {
				mustSucceed(t, "apply", diags)
			}
		})
	}
}

// What is known of a name decides, where that is enough.
func TestReplacementWithAPartOfTheNameUnknown(t *testing.T) {
	tf, c := repeatable(t)
	tf.mustApply(detailed())
	mustSucceed(t, "refresh", tf.refresh())
	config := detailed(object{"name": "another", "namespace": unknown{}})
	p := tf.mustPlan(config, "replace")
	if !slices.ContainsFunc(p.diags, func(d *tfprotov6.Diagnostic) bool {
		return strings.Contains(d.Detail, "(known after apply)/another")
	}) {
		t.Error("no warning tells of the other job")
	}
	_, diags := tf.applyAs(config, detailed(object{"name": "another"}))
	mustSucceed(t, "apply", diags)
	if runs := workflows(c); !slices.Equal(runs, []string{"another-r1"}) {
		t.Errorf("the runs are %q", runs)
	}
}

// A replacement is planned only after a look at the job: without one the plan cannot
// be told from the one that Terraform makes within an apply.
func TestReplacementWithoutARefreshIsRefused(t *testing.T) {
	tf, _ := repeatable(t)
	tf.mustApply(detailed())
	d := oneError(t, tf.plan(detailed(object{"name": "another"})).diags)
	if d.Summary != "Stale Plan" || !strings.Contains(d.Detail, "-refresh=false") {
		t.Errorf("got %s", written(d))
	}
	mustSucceed(t, "refresh", tf.refresh())
	tf.mustPlan(detailed(object{"name": "another"}), "replace")
}
