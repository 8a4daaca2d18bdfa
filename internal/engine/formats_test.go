// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package engine_test

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/hcl/v2"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/argo"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/cluster/fake"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/decide"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/diag"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/domain"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/manifest"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/state"
)

// formats holds jobs as versions of this program have left them: by the number of
// the record's format and a name that says in which moment. Each has
//
//   - objects.json, what is in the cluster,
//   - state.json, the Terraform configuration that was applied last, and the state
//     with its private part as the provider stored them, and
//   - expected.json, what that version saw of it.
//
// A name with .gz at its end stands for a packed file. Templates are kept once for
// all. Nothing here is ever changed: whoever changes a format adds to it.
const formats = "testdata/formats"

// fixture is one of them.
type fixture struct {
	Objects []manifest.Object
	// Config is the Terraform configuration, the policy beside the job.
	Config map[string]any
	// Attributes and Private are those of the Terraform state; no attributes
	// stand for no state.
	Attributes map[string]any
	Private    map[string]string

	Expected expectation
}

// expectation is what is to be seen of a fixture.
type expectation struct {
	Observed observed `json:"observed"`
	Planned  planned  `json:"planned"`
	// Keys are all that there are, and Processed those that the runners have been given
	// so far: spans [start, end) or every nth key of one, [start, end, n].
	Keys      [][]int64 `json:"keys"`
	Processed [][]int64 `json:"processed"`
	// Continue changes the configuration such that nothing holds the job any more.
	// Its answer is what the query finds.
	Continue map[string]any `json:"continue"`
}

// observed is what users see of a job.
type observed struct {
	Missing     bool             `json:"missing,omitempty"`
	Phase       string           `json:"phase"`
	Progress    string           `json:"progress"`
	Run         string           `json:"run"`
	Template    string           `json:"template"`
	Done        string           `json:"done"`
	Failed      string           `json:"failed"`
	Remaining   string           `json:"remaining"`
	Counts      [3]int64         `json:"counts"`
	Partitions  []state.Failure  `json:"failed_partitions,omitempty"`
	Bounds      *domain.Interval `json:"bounds,omitempty"`
	Ending      string           `json:"ending,omitempty"`
	Message     string           `json:"message,omitempty"`
	Setup       string           `json:"setup_error,omitempty"`
	Teardown    string           `json:"teardown_error,omitempty"`
	Canary      string           `json:"canary,omitempty"`
	Drift       []string         `json:"drift,omitempty"`
	Diagnostics []string         `json:"diagnostics,omitempty"`
}

// planned is what Terraform would do with the same configuration.
type planned struct {
	Empty      bool   `json:"empty"`
	Asks       bool   `json:"asks,omitempty"`
	Partitions int64  `json:"partitions,omitempty"`
	Intervals  string `json:"intervals,omitempty"`
	Because    string `json:"because,omitempty"`
}

func eachFixture(t *testing.T, do func(t *testing.T, f fixture)) {
	dirs, err := filepath.Glob(formats + "/*/*/expected.json*")
	if err != nil || len(dirs) < 60 {
		t.Fatalf("%d fixtures, %v", len(dirs), err)
	}
	for _, path := range dirs {
		dir := filepath.Dir(path)
		t.Run(strings.TrimPrefix(dir, formats+"/"), func(t *testing.T) {
			t.Parallel()
			do(t, readFixture(t, dir))
		})
	}
}

func readFixture(t *testing.T, dir string) (f fixture) {
	t.Helper()
	readJSON(t, dir+"/state.json", &f)
	readJSON(t, dir+"/expected.json", &f.Expected)
	var all []map[string]any
	readJSON(t, dir+"/objects.json", &all)
	for _, o := range all {
		if name, elsewhere := o["template"].(string); elsewhere {
			readJSON(t, filepath.Join(dir, "../templates", name+".json"), &o)
		}
		text, err := json.Marshal(o)
		if err != nil {
			t.Fatal(err)
		}
		var object unstructured.Unstructured
		if err := object.UnmarshalJSON(text); err != nil {
			t.Fatal(err)
		}
		f.Objects = append(f.Objects, &object)
	}
	return f
}

// readJSON reads a file, packed or not.
func readJSON(t *testing.T, path string, into any) {
	t.Helper()
	text, err := os.ReadFile(path)
	if os.IsNotExist(err) {
		if text, err = os.ReadFile(path + ".gz"); err == nil {
			text, err = unpacked(text)
		}
	}
	if err == nil {
		err = json.Unmarshal(text, into)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func unpacked(text []byte) ([]byte, error) {
	r, err := gzip.NewReader(bytes.NewReader(text))
	if err != nil {
		return nil, err
	}
	return io.ReadAll(r)
}

// load puts the objects into a cluster, which gives them other UIDs: owners are
// told by the new ones.
func load(t *testing.T, c *fake.Cluster, objects []manifest.Object) {
	t.Helper()
	uids := map[types.UID]types.UID{}
	for _, owned := range []bool{false, true} {
		for _, o := range objects {
			owners := o.GetOwnerReferences()
			if len(owners) > 0 != owned {
				continue
			}
			for i := range owners {
				owners[i].UID = uids[owners[i].UID]
			}
			in := o.DeepCopy()
			in.SetOwnerReferences(owners)
			in.SetResourceVersion("")
			made, err := c.Create(t.Context(), in)
			if err != nil {
				t.Fatal(err)
			}
			uids[o.GetUID()] = made.GetUID()
		}
	}
}

// knownOf is what a Terraform state tells an engine of a job. It is the one place
// that knows how the private part is read.
func knownOf(t *testing.T, attributes map[string]any, private map[string]string) *state.Observation {
	t.Helper()
	text := func(name string) string { s, _ := attributes[name].(string); return s }
	known := &state.Observation{State: state.State{Namespace: "data", Name: "orders"}, Phase: state.Phase(text("phase"))}
	var s *state.State
	var err error
	switch {
	case private["state"] != "":
		s, err = state.DecodePrivate("data", "orders", []byte(private["state"]))
	case private["job"] != "":
		old := state.OldPrivate{
			Declaration: []byte(private["job"]), Ledger: []byte(private["ledger"]), Policy: []byte(private["policy"]),
			Run: argo.RunNumber("orders", text("run")), Phase: known.Phase,
		}
		s, err = old.Decode("data", "orders")
	}
	if err != nil {
		t.Fatal(err)
	}
	if s != nil {
		known.State = *s
	}
	drift, _ := attributes["drift"].([]any)
	for _, sentence := range drift {
		known.Drift = append(known.Drift, sentence.(string))
	}
	return known
}

// stateOf is the Terraform state of a fixture; nil when there is none.
func (f fixture) stateOf(t *testing.T) *remembered {
	t.Helper()
	if f.Attributes == nil {
		return nil
	}
	var owner struct{ Token string }
	if text := f.Private["owner"]; text != "" {
		if err := json.Unmarshal([]byte(text), &owner); err != nil {
			t.Fatal(err)
		}
	}
	return &remembered{owner: owner.Token, known: knownOf(t, f.Attributes, f.Private)}
}

// The attributes of a configuration that are no part of the job.
var policyAttributes = []string{"revision", "rerun", "rerun_token", "paused", "approved_wave", "on_change", "answer"}

// declaredBy splits a configuration into job and policy, as far as states keep that.
func declaredBy(t *testing.T, config map[string]any) (declared, state.Policy) {
	t.Helper()
	text, err := json.Marshal(config)
	if err != nil {
		t.Fatal(err)
	}
	var p struct {
		Revision, Rerun string
		RerunToken      string `json:"rerun_token"`
		Paused          *bool
		ApprovedWave    *int `json:"approved_wave"`
	}
	if err := json.Unmarshal(text, &p); err != nil {
		t.Fatal(err)
	}
	d := declared(maps.Clone(config))
	for _, name := range policyAttributes {
		delete(d, name)
	}
	return d, state.Policy{
		Revision: p.Revision, Rerun: p.Rerun, RerunToken: p.RerunToken, Paused: p.Paused, ApprovedWave: p.ApprovedWave,
	}
}

// world is a cluster with the fixture in it, and the state that belongs to it.
func (f fixture) world(t *testing.T) (*world, declared) {
	t.Helper()
	w := newWorld(t)
	load(t, w.cluster, f.Objects)
	for _, span := range f.Expected.Processed {
		everyKey(span, func(k int64) { w.argo.times[k] = 1 })
	}
	d, policy := declaredBy(t, f.Config)
	w.policy, w.kept = policy, f.stateOf(t)
	return w, d
}

func everyKey(span []int64, do func(k int64)) {
	step := int64(1)
	if len(span) == 3 {
		step = span[2]
	}
	for k := span[0]; k < span[1]; k += step {
		do(k)
	}
}

// look refreshes, or looks without a state.
func (w *world) look() (*state.Observation, hcl.Diagnostics) {
	w.Helper()
	w.engine = w.process()
	if w.kept == nil {
		return w.engine.Observe(w.Context(), "data", "orders")
	}
	o, diags := w.engine.ObserveKnown(w.Context(), "data", "orders", w.kept.known)
	if o != nil {
		w.kept.known = ledgerOf(w, o)
	}
	return o, diags
}

func whatIsSeen(o *state.Observation, diags hcl.Diagnostics) observed {
	var told []string
	for _, d := range diags {
		told = append(told, diag.CodeOf(d))
	}
	if o == nil {
		return observed{Missing: true, Diagnostics: told}
	}
	return observed{
		Phase: string(o.Phase), Progress: o.Progress(), Run: o.LatestRun(), Template: o.Template(),
		Done: o.DoneText(), Failed: o.FailedText(), Remaining: o.RemainingText(),
		Counts:     [3]int64{o.DoneCount(), o.FailedCount(), o.RemainingCount()},
		Partitions: o.FailedPartitions(keptByFormatOne), Bounds: o.Bounds, Ending: string(o.Ending()), Message: o.Message(),
		Setup: o.SetupError(), Teardown: o.TeardownError(), Canary: string(o.CanaryState), Drift: o.Drift, Diagnostics: told,
	}
}

// wordless leaves out words of ours, which later versions may choose otherwise; that
// there are any is compared.
func (o observed) wordless() observed {
	o.Drift = slices.Repeat([]string{"drift"}, len(o.Drift))
	o.Message = about(o.Message)
	if o.Ending == "Asked" {
		o.Ending = "BoundsFound"
	}
	return o
}

func (p planned) wordless() planned {
	p.Because = about(p.Because)
	return p
}

func about(text string) string {
	if text == "" {
		return ""
	}
	return "there is one"
}

func (w *world) whatIsPlanned(d declared) planned {
	w.Helper()
	next, empty := w.plan(d)
	p := planned{Empty: empty}
	if next != nil {
		p.Asks, p.Partitions, p.Intervals, p.Because = next.FindsBounds, next.Partitions, next.Intervals, next.Because
	}
	return p
}

// keptByFormatOne is how many failures a record of format 1 keeps.
const keptByFormatOne = 100

// lowersOtherwise tells that the version that wrote the fixture gave the same job
// another template. To this version its runs are those of an edited runner: what
// was approved of them, or claimed for them, is not for runs of the new template.
func (f fixture) lowersOtherwise(t *testing.T, d declared) bool {
	t.Helper()
	preview, diags := decide.Declare(d.value(t)).Plan(nil)
	if preview == nil {
		t.Fatal(diags)
	}
	return preview.Template != f.Expected.Observed.Template
}

// TestFormatsAreRead demands that each fixture is seen as the version saw it that
// wrote it, also when it is looked at again, and that the same is planned.
func TestFormatsAreRead(t *testing.T) {
	eachFixture(t, func(t *testing.T, f fixture) {
		w, d := f.world(t)
		for _, when := range []string{"first", "again"} {
			w.kept = f.stateOf(t)
			if got, want := jsonOf(t, whatIsSeen(w.look()).wordless()), jsonOf(t, f.Expected.Observed.wordless()); got != want {
				t.Errorf("%s\ngot  %s\nwant %s", when, got, want)
			}
			got, want := w.whatIsPlanned(d).wordless(), f.Expected.Planned.wordless()
			if f.lowersOtherwise(t, d) && f.Expected.Observed.Phase == string(state.PhaseAwaitingApproval) {
				want.Empty = got.Empty
				want.Partitions, want.Intervals, want.Because = got.Partitions, got.Intervals, got.Because
			}
			if got != want {
				t.Errorf("%s, planned is\n%+v, want\n%+v", when, got, want)
			}
		}
	})
}

func jsonOf(t *testing.T, v any) string {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestFormatsGoOn applies the same configuration until there is nothing to do:
// every key is processed once, before or after.
func TestFormatsGoOn(t *testing.T) {
	eachFixture(t, func(t *testing.T, f fixture) {
		w, _ := f.world(t)
		config := maps.Clone(f.Config)
		maps.Copy(config, f.Expected.Continue)
		d, policy := declaredBy(t, config)
		w.policy = policy
		w.argo.answer, _ = config["answer"].(string)
		if f.Attributes == nil && f.lowersOtherwise(t, d) {
			// A creation whose state was lost goes on only where it would make the same run.
			if err := w.apply(d); err == nil || !strings.Contains(err.Error(), "Job Already Exists") {
				t.Errorf("the creation of another version goes on: %v", err)
			}
			return
		}
		for round := 0; ; round++ {
			w.must(w.apply(d))
			w.argo.finish()
			o, diags := w.look()
			w.must(errorOf(diags))
			if _, empty := w.plan(d); empty && o.Phase == state.PhaseComplete {
				break
			}
			if round == 4 {
				t.Fatalf("it does not come to an end: %+v", whatIsSeen(o, diags))
			}
		}
		all := map[int64]bool{}
		for _, span := range f.Expected.Keys {
			everyKey(span, func(k int64) { all[k] = true; w.exactly(k, k+1, 1) })
		}
		for k := range w.argo.times {
			if !all[k] {
				t.Errorf("key %d was processed, which is none", k)
			}
		}
	})
}

// TestFormatsAreDestroyed demands that nothing of the job is left.
func TestFormatsAreDestroyed(t *testing.T) {
	eachFixture(t, func(t *testing.T, f fixture) {
		w, _ := f.world(t)
		owner := ""
		if w.kept != nil {
			owner = w.kept.owner
		}
		w.must(errorOf(w.engine.Delete(t.Context(), "data", "orders", owner)))
		left := slices.DeleteFunc(w.names(), func(name string) bool { return name == "ConfigMap/backfill-pool-shared" })
		if len(left) > 0 {
			t.Errorf("left behind: %v", left)
		}
	})
}
