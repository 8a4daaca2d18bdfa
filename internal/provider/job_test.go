// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/cluster"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/cluster/fake"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/engine"
)

// start is when the tests' clusters begin to count.
var start = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// orders is a job of four partitions, with changes.
func orders(changes ...object) object {
	job := object{
		"name":      "orders",
		"partition": object{"range": object{"start": 0, "end": 40, "size": 10}},
		"runner": object{
			"image": "example.com/orders:1", "command": []string{"bin/run"},
			"args": []string{"--from=${partition.start}", "--to=${partition.end}"},
		},
	}
	for _, change := range changes {
		maps.Copy(job, change)
	}
	return job
}

// inFake is a provider on a fresh fake cluster.
func inFake(t *testing.T) (*terraform, *fake.Cluster) {
	t.Helper()
	c := fake.New(start)
	return onFake(t, c), c
}

func onFake(t testing.TB, c *fake.Cluster) *terraform {
	t.Helper()
	return newTerraform(t, object{}, environment(nil), WithBackend(c), edges(func() {}))
}

// edges are a clock that moves a minute with each look at it, so that no read
// is served from an earlier one, and pauses in which something happens.
func edges(happens func()) Option {
	var minutes atomic.Int64
	return WithEngineOptions(engine.Options{
		Now: func() time.Time { return start.Add(time.Duration(minutes.Add(1)) * time.Minute) },
		Pause: func(ctx context.Context, _ time.Duration) error {
			happens()
			return ctx.Err()
		},
	})
}

// mustShow demands attributes, as JSON.
func (tf *terraform) mustShow(p planned, want map[string]string) {
	tf.t.Helper()
	for name, text := range want {
		if got := show(tf.t, p.value, name); got != text {
			tf.t.Errorf("%s is %s, want %s", name, got, text)
		}
	}
}

func (tf *terraform) mustHold(want map[string]string) {
	tf.t.Helper()
	tf.mustShow(planned{value: tf.state}, want)
}

func (tf *terraform) mustPlan(config object, action string) planned {
	tf.t.Helper()
	p := tf.plan(config)
	mustSucceed(tf.t, "plan", p.diags)
	if p.action != action {
		tf.t.Fatalf("the plan is to %s, want %s", p.action, action)
	}
	return p
}

func (tf *terraform) mustApply(config object) {
	tf.t.Helper()
	_, diags := tf.apply(config)
	mustSucceed(tf.t, "apply", diags)
}

// A plan of a new job shows all that is known, and needs no cluster at all.
func TestPlanOfANewJobNeedsNoCluster(t *testing.T) {
	tf := newTerraform(t, object{}, environment(nil))
	p := tf.mustPlan(orders(), "create")
	tf.mustShow(p, map[string]string{
		"id": `"default/orders"`, "partition_count": "4", "shard_count": "1",
		"first_partition": `"0--10"`, "last_partition": `"30--40"`,
		"phase": `"Pending"`, "progress": `"0/4"`, "done": `""`, "remaining": `"[0,40)"`, "run": `"orders-r1"`,
	})
	next := fields(t, fields(t, p.value)["next_run"])
	if jsonOf(next["partitions"]) != "4" || jsonOf(next["intervals"]) != `"[0,40)"` ||
		!next["template"].Equal(fields(t, p.value)["template"]) {
		t.Errorf("next_run is %s", show(t, p.value, "next_run"))
	}
	if stringOf(next["because"]) == "" {
		t.Error("next_run does not say why")
	}
}

// A job runs, loses a partition, gets exactly that one planned and run, and is
// then never planned again, also when its Workflows are gone.
func TestLifeOfAJob(t *testing.T) {
	tf, c := inFake(t)
	tf.mustApply(orders())
	tf.mustHold(
		map[string]string{
			"run":               `"orders-r1"`,
			"progress":          `"0/4"`,
			"done":              `""`,
			"remaining":         `"[0,40)"`,
			"failed_partitions": "[]",
		},
	)
	tf.mustPlan(orders(), "no-op")
	mustSucceed(t, "refresh", tf.refresh())
	tf.mustHold(map[string]string{"next_run": "null"})
	tf.mustPlan(orders(), "no-op")

	playArgo(t, c, "orders-r1", "Failed", 4, map[int]string{2: "exit code 1"})
	mustSucceed(t, "refresh", tf.refresh())
	tf.mustHold(map[string]string{
		"phase":             `"Failed"`,
		"progress":          `"3/4"`,
		"done":              `"[0,20) [30,40)"`,
		"failed":            `"[20,30)"`,
		"remaining":         `"[20,30)"`,
		"failed_partitions": `[{"attempts":1,"key":"20--30","message":"exit code 1"}]`,
	})
	p := tf.mustPlan(orders(), "update")
	next := fields(t, fields(t, p.value)["next_run"])
	if jsonOf(next["intervals"]) != `"[20,30)"` || jsonOf(next["partitions"]) != "1" {
		t.Errorf("next_run is %s", show(t, p.value, "next_run"))
	}

	tf.mustApply(orders())
	tf.mustHold(map[string]string{"run": `"orders-r2"`, "progress": `"3/4"`})
	playArgo(t, c, "orders-r2", "Succeeded", 1, nil)
	mustSucceed(t, "refresh", tf.refresh())
	tf.mustHold(
		map[string]string{"phase": `"Complete"`, "progress": `"4/4"`, "remaining": `""`, "failed_partitions": "[]"},
	)
	tf.mustPlan(orders(), "no-op")

	for _, o := range c.Objects() {
		if o.GetKind() == string(cluster.Workflow) {
			_ = c.Delete(t.Context(), cluster.Workflow, o.GetNamespace(), o.GetName(), "")
		}
	}
	mustSucceed(t, "refresh", tf.refresh())
	tf.mustHold(map[string]string{"phase": `"Complete"`, "progress": `"4/4"`})
	tf.mustPlan(orders(), "no-op")

	mustSucceed(t, "destroy", tf.destroy())
	if left := c.Objects(); len(left) > 0 {
		t.Errorf("%d objects are left, the first is %s %s", len(left), left[0].GetKind(), left[0].GetName())
	}
}

// What is done is not run again when the declaration changes.
func TestEditsKeepWhatIsDone(t *testing.T) {
	tf, c := inFake(t)
	tf.mustApply(orders())
	playArgo(t, c, "orders-r1", "Succeeded", 4, nil)
	mustSucceed(t, "refresh", tf.refresh())

	tf.mustPlan(orders(object{"reason": "because"}), "update")
	longer := orders(object{"partition": object{"range": object{"start": 0, "end": 60, "size": 10}}})
	p := tf.mustPlan(longer, "update")
	next := fields(t, fields(t, p.value)["next_run"])
	if jsonOf(next["intervals"]) != `"[40,60)"` {
		t.Errorf("next_run is %s", show(t, p.value, "next_run"))
	}
	tf.mustApply(longer)
	tf.mustHold(map[string]string{"progress": `"4/6"`, "run": `"orders-r2"`, "partition_count": "6"})

	mustSucceed(t, "refresh", tf.refresh())
	tf.mustPlan(orders(object{"name": "other"}), "replace")
}

func TestReplacementWarns(t *testing.T) {
	tf, c := inFake(t)
	tf.mustApply(orders())
	playArgo(t, c, "orders-r1", "Succeeded", 4, nil)
	mustSucceed(t, "refresh", tf.refresh())
	p := tf.mustPlan(orders(object{"namespace": "data"}), "replace")
	for _, d := range p.diags {
		if d.Summary == "Job Will Be Replaced" && strings.Contains(d.Detail, "4/4") {
			return
		}
	}
	t.Error("no warning tells what would run again")
}

// Wherever an apply is cut off, before or after the cluster has carried out a
// request, nothing is tainted (a tainted job would be replaced, and everything
// would run again), and the next apply ends with exactly one run.
func TestInterruptedApplyGoesOn(t *testing.T) {
	for _, answered := range []bool{false, true} {
		for cut := 0; ; cut++ {
			tf, c := inFake(t)
			calls := 0
			fail := func(call cluster.Call) error {
				if calls++; calls == cut+1 {
					return cluster.NewError(cluster.Unavailable, call, "https://a.example", errors.New("cut off"))
				}
				return nil
			}
			if answered {
				c.After = fail
			} else {
				c.Before = fail
			}
			_, diags := tf.apply(orders())
			c.Before, c.After = nil, nil
			if tf.tainted {
				t.Fatalf("request %d cut off: the job is tainted: %s", cut, written(diags[0]))
			}
			if calls <= cut {
				mustSucceed(t, "apply", diags)
				break
			}
			if !tf.state.IsNull() {
				mustSucceed(t, "refresh", tf.refresh())
			}
			tf.mustApply(orders())
			tf.mustHold(map[string]string{"id": `"default/orders"`, "remaining": `"[0,40)"`})
			if runs := workflows(c); len(runs) != 1 || runs[0] != stringOf(fields(t, tf.state)["run"]) {
				t.Errorf("request %d cut off: the runs are %q, the state has %s", cut, runs, show(t, tf.state, "run"))
			}
			mustSucceed(t, "destroy", tf.destroy())
		}
	}
}

func workflows(c *fake.Cluster) []string {
	var names []string
	for _, o := range c.Objects() {
		if o.GetKind() == string(cluster.Workflow) {
			names = append(names, o.GetName())
		}
	}
	return names
}

// A run that the cluster refuses leaves a job that can be applied again.
func TestRefusedRunDoesNotTaint(t *testing.T) {
	tf, c := inFake(t)
	c.Before = func(call cluster.Call) error {
		if call.Verb == "create" && call.Kind == cluster.Workflow {
			return cluster.NewError(cluster.Forbidden, call, "", errors.New("no"))
		}
		return nil
	}
	_, diags := tf.apply(orders())
	if tf.tainted {
		t.Fatal("the job is tainted")
	}
	if len(diags) == 0 {
		t.Error("nothing tells that the run was not submitted")
	}
	c.Before = nil
	if !tf.state.IsNull() {
		mustSucceed(t, "refresh", tf.refresh())
	}
	tf.mustApply(orders())
	if runs := workflows(c); len(runs) != 1 {
		t.Errorf("the runs are %q", runs)
	}
}

// A create that fails before anything exists leaves no state.
func TestFailureBeforeTheRecordLeavesNothing(t *testing.T) {
	tf, c := inFake(t)
	c.Before = func(call cluster.Call) error {
		return cluster.NewError(cluster.Unreachable, call, "https://a.example", errors.New("refused"))
	}
	_, diags := tf.apply(orders())
	if len(errorsOf(diags)) == 0 || !tf.state.IsNull() {
		t.Errorf("%d errors, state is null: %t", len(errorsOf(diags)), tf.state.IsNull())
	}
}

func TestImport(t *testing.T) {
	tf, c := inFake(t)
	tf.mustApply(orders())
	playArgo(t, c, "orders-r1", "Succeeded", 4, nil)
	mustSucceed(t, "refresh", tf.refresh())

	other := onFake(t, c)
	mustSucceed(t, "import", other.importState("default/orders"))
	other.mustHold(
		map[string]string{"id": `"default/orders"`, "name": `"orders"`, "phase": `"Complete"`, "partition_count": "4"},
	)
	other.mustPlan(orders(), "no-op")
	for _, id := range []string{"orders", "default/", "/orders", "a/b/c"} {
		if diags := errorsOf(other.importState(id)); len(diags) != 1 || diags[0].Summary != "Invalid Import ID" {
			t.Errorf("importing %q gave %v", id, diags)
		}
	}
}

// Whoever deletes the record by hand does not make everything run again.
func TestLostRecordIsRestored(t *testing.T) {
	tf, c := inFake(t)
	tf.mustApply(orders())
	playArgo(t, c, "orders-r1", "Failed", 4, map[int]string{2: "exit code 1"})
	mustSucceed(t, "refresh", tf.refresh())
	for _, o := range c.Objects() {
		_ = c.Delete(t.Context(), cluster.Kind(o.GetKind()), o.GetNamespace(), o.GetName(), "")
	}
	mustSucceed(t, "refresh", tf.refresh())
	if !strings.Contains(show(t, tf.state, "drift"), "is gone") {
		t.Errorf("drift is %s", show(t, tf.state, "drift"))
	}
	p := tf.mustPlan(orders(), "update")
	tf.mustShow(p, map[string]string{"drift": "[]"})
	if next := fields(t, fields(t, p.value)["next_run"]); jsonOf(next["intervals"]) != `"[20,30)"` {
		t.Errorf("next_run is %s", show(t, p.value, "next_run"))
	}
	tf.mustApply(orders())
	tf.mustHold(map[string]string{"progress": `"3/4"`, "drift": "[]"})
	mustSucceed(t, "refresh", tf.refresh())
	tf.mustPlan(orders(), "no-op")
}

// A template that was edited by hand under an active run is put back.
func TestEditsByHandAreDrift(t *testing.T) {
	tf, c := inFake(t)
	tf.mustApply(orders())
	template := stringOf(fields(t, tf.state)["template"])
	if _, err := c.Patch(
		t.Context(),
		cluster.WorkflowTemplate,
		"default",
		template,
		[]byte(`{"spec":{"templates":[]}}`),
	); err != nil {
		t.Fatal(err)
	}
	mustSucceed(t, "refresh", tf.refresh())
	if !strings.Contains(show(t, tf.state, "drift"), "WorkflowTemplate "+template) {
		t.Errorf("drift is %s", show(t, tf.state, "drift"))
	}
	p := tf.mustPlan(orders(), "update")
	tf.mustShow(p, map[string]string{"drift": "[]", "next_run": "null"})
	tf.mustApply(orders())
	mustSucceed(t, "refresh", tf.refresh())
	tf.mustHold(map[string]string{"drift": "[]"})
	tf.mustPlan(orders(), "no-op")
}

// What Terraform does not know yet keeps only what depends on it unknown.
func TestUnknownConfiguration(t *testing.T) {
	tf := newTerraform(t, object{}, environment(nil))
	p := tf.mustPlan(orders(object{"max_parallel": unknown{}}), "create")
	tf.mustShow(p, map[string]string{
		"id":              `"default/orders"`,
		"partition_count": "4",
		"first_partition": `"0--10"`,
		"last_partition":  `"30--40"`,
		"shard_count":     "1",
		"run":             `"orders-r1"`,
		"template":        "?",
		"next_run": `{"because":"This is a new job: all 4 partitions will run.","intervals":"[0,40)","partitions":4,` +
			`"template":"?"}`,
	})
	p = tf.mustPlan(orders(object{"partition": unknown{}}), "create")
	tf.mustShow(p, map[string]string{"partition_count": "?", "first_partition": "?", "next_run": "?"})
	p = tf.mustPlan(orders(object{"name": unknown{}}), "create")
	tf.mustShow(p, map[string]string{"id": "?"})
	if diags := tf.validate(orders(object{"max_parallel": unknown{}, "shard_size": 0})); len(errorsOf(diags)) == 0 {
		t.Error("the known part is not checked")
	}
}

func oneError(t *testing.T, diags []*tfprotov6.Diagnostic) *tfprotov6.Diagnostic {
	t.Helper()
	found := errorsOf(diags)
	if len(found) != 1 {
		for _, d := range found {
			t.Log(written(d))
		}
		t.Fatalf("%d errors, want one", len(found))
	}
	return found[0]
}

// Whether and when failed partitions run again, and that nothing that is done
// does so by accident.
func TestPolicy(t *testing.T) {
	tf, c := inFake(t)
	manual := object{"rerun": "manual"}
	tf.mustApply(orders(manual))
	playArgo(t, c, "orders-r1", "Failed", 4, map[int]string{2: "exit code 1"})
	mustSucceed(t, "refresh", tf.refresh())
	tf.mustPlan(orders(manual), "no-op")
	again := orders(manual, object{"rerun_token": "once more"})
	p := tf.mustPlan(again, "update")
	if next := fields(t, fields(t, p.value)["next_run"]); jsonOf(next["intervals"]) != `"[20,30)"` {
		t.Errorf("next_run is %s", show(t, p.value, "next_run"))
	}
	tf.mustApply(again)
	playArgo(t, c, "orders-r2", "Succeeded", 1, nil)
	mustSucceed(t, "refresh", tf.refresh())
	tf.mustPlan(again, "no-op")

	anew := orders(object{"revision": "2"})
	p = tf.mustPlan(anew, "update")
	next := fields(t, fields(t, p.value)["next_run"])
	if jsonOf(next["intervals"]) != `"[0,40)"` || !strings.Contains(stringOf(next["because"]), "4") {
		t.Errorf("next_run is %s", show(t, p.value, "next_run"))
	}
	d := oneError(t, tf.plan(orders(object{"revision": "2", "prevent_reprocess": true})).diags)
	if !strings.Contains(d.Detail, "4") {
		t.Errorf("got %s", written(d))
	}
	tf.mustApply(anew)
	tf.mustHold(map[string]string{"progress": `"0/4"`, "run": `"orders-r3"`})

	other := onFake(t, c)
	mustSucceed(t, "import", other.importState("default/orders"))
	other.mustHold(map[string]string{"revision": `"2"`, "rerun": "null"})
	other.mustPlan(anew, "no-op")
}

func TestPauseByDeclaration(t *testing.T) {
	tf, c := inFake(t)
	tf.mustApply(orders())
	suspended := func() bool {
		t.Helper()
		run, err := c.Get(t.Context(), cluster.Workflow, "default", "orders-r1")
		if err != nil {
			t.Fatal(err)
		}
		on, _, _ := unstructured.NestedBool(run.Object, "spec", "suspend")
		return on
	}
	playArgo(t, c, "orders-r1", "Running", 1, nil)
	tf.mustApply(orders(object{"paused": true}))
	if !suspended() {
		t.Error("the run is not suspended")
	}
	mustSucceed(t, "refresh", tf.refresh())
	tf.mustHold(map[string]string{"phase": `"Paused"`})
	tf.mustPlan(orders(object{"paused": true}), "no-op")
	tf.mustApply(orders(object{"paused": false}))
	if suspended() {
		t.Error("the run is still suspended")
	}
}

func TestDestroyMayKeepTheJob(t *testing.T) {
	tf, c := inFake(t)
	tf.mustApply(orders(object{"on_destroy": "keep"}))
	before := len(c.Objects())
	mustSucceed(t, "destroy", tf.destroy())
	if len(c.Objects()) != before {
		t.Errorf("%d of %d objects are left", len(c.Objects()), before)
	}
	mustSucceed(t, "import", tf.importState("default/orders"))
	tf.mustApply(orders(object{"reason": "taken over"}))
}

func TestUnknownPolicyKeepsThePlanOpen(t *testing.T) {
	tf := newTerraform(t, object{}, environment(nil))
	p := tf.mustPlan(orders(object{"revision": unknown{}}), "create")
	tf.mustShow(p, map[string]string{"next_run": "?", "id": `"default/orders"`})
	if d := oneError(t, tf.validate(orders(object{"stop_timeout": "soon"}))); d.Summary != "Invalid Duration" {
		t.Errorf("got %s", written(d))
	}
}

var identityType = identityOf("", "").Type()

// Every operation tells the identity, which imports take instead of the id.
func TestIdentity(t *testing.T) {
	tf, c := inFake(t)
	told := func(doing string) {
		t.Helper()
		if tf.identity == nil {
			t.Fatalf("%s told no identity", doing)
		}
		if got := jsonOf(
			decode(t, identityType, tf.identity.IdentityData),
		); got != `{"name":"orders","namespace":"default"}` {
			t.Errorf("%s told the identity %s", doing, got)
		}
	}
	tf.mustApply(orders())
	told("create")
	mustSucceed(t, "refresh", tf.refresh())
	told("read")
	tf.mustApply(orders(object{"reason": "because"}))
	told("update")
	// A state of a Terraform that knew no identities has none.
	tf.identity = nil
	tf.mustApply(orders(object{"reason": "another"}))
	told("update")

	for _, identity := range []object{{"name": "orders"}, {"name": "orders", "namespace": "default"}} {
		other := onFake(t, c)
		mustSucceed(t, "import", other.importBy(&tfprotov6.ImportResourceStateRequest{
			TypeName: jobType,
			Identity: &tfprotov6.ResourceIdentityData{IdentityData: encode(t, identityType, valueOf(t, identityType, identity))},
		}))
		other.mustHold(map[string]string{"id": `"default/orders"`, "reason": `"another"`})
	}
}

// A name that becomes known while applying must not turn an update of one job
// into one of another.
func TestUpdateOfAnotherJobIsRefused(t *testing.T) {
	tf, c := inFake(t)
	tf.mustApply(object{"source": ordersFile, "variables": variables(map[string]int64{"last": 40})})
	before := len(c.Objects())
	p := tf.mustPlan(object{"source": unknown{}, "variables": variables(map[string]int64{"last": 40})}, "update")
	written := valueOf(t, tf.ty, object{
		"source":    strings.Replace(ordersFile, `"orders"`, `"others"`, 1),
		"variables": variables(map[string]int64{"last": 40}),
	})
	source := fields(t, written)["source"]
	value := with(p.value, values{"source": source})
	resp, err := tf.server.ApplyResourceChange(t.Context(), &tfprotov6.ApplyResourceChangeRequest{
		TypeName: jobType, PriorState: encode(t, tf.ty, tf.state), PlannedState: encode(t, tf.ty, value),
		Config: encode(t, tf.ty, written), PlannedPrivate: p.private, PlannedIdentity: p.identity,
	})
	if err != nil {
		t.Fatal(err)
	}
	if d := oneError(t, resp.Diagnostics); d.Summary != "Stale Plan" || len(c.Objects()) != before {
		t.Errorf("%d objects, %d before; %s", len(c.Objects()), before, d.Detail)
	}
}

func TestALotOfProblemsIsCut(t *testing.T) {
	env := object{}
	for i := range 300 {
		env[fmt.Sprintf("1X%d", i)] = "names must not start with a digit"
	}
	runner := maps.Clone(orders()["runner"].(object))
	runner["env"] = env
	tf := newTerraform(t, object{}, environment(nil))
	diags := tf.plan(orders(object{"runner": runner})).diags
	if last := diags[len(diags)-1]; len(diags) != 101 || !strings.Contains(last.Detail, "200 more") {
		t.Errorf("%d diagnostics, the last is %s", len(diags), written(last))
	}
}
