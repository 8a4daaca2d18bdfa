// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/cluster/fake"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/manifest"
)

// formats are jobs with their Terraform states as versions of this program have
// left them; package engine tells what is in which file.
const formats = "../engine/testdata/formats"

// fixture is one of them.
type fixture struct {
	Objects    []manifest.Object
	Config     object
	Attributes object
	Private    map[string]string

	Expected struct {
		Terraform expectation `json:"terraform"`
	}
}

// expectation is what Terraform shows of a fixture.
type expectation struct {
	// Unread is what a plan without a read is to do, with its next run, and Read what
	// one after a read is to do.
	Unread plannedRun `json:"unread"`
	Read   plannedRun `json:"read"`
	// State are the attributes after the read, "gone" when there is no job.
	State map[string]string `json:"state"`
}

type plannedRun struct {
	Action  string `json:"action"`
	NextRun string `json:"next_run"`
}

func eachFixture(t *testing.T, do func(t *testing.T, f fixture)) {
	paths, err := filepath.Glob(formats + "/*/*/expected.json")
	if err != nil || len(paths) < 60 {
		t.Fatalf("%d fixtures, %v", len(paths), err)
	}
	for _, path := range paths {
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
		var r *gzip.Reader
		if text, err = os.ReadFile(path + ".gz"); err == nil {
			if r, err = gzip.NewReader(bytes.NewReader(text)); err == nil {
				text, err = io.ReadAll(r)
			}
		}
	}
	if err == nil {
		err = json.Unmarshal(text, into)
	}
	if err != nil {
		t.Fatal(err)
	}
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

// terraform is the provider on a cluster with the fixture, and its state.
func (f fixture) terraform(t *testing.T) (*terraform, *fake.Cluster) {
	t.Helper()
	tf, c := inFake(t)
	load(t, c, f.Objects)
	if f.Attributes == nil {
		return tf, c
	}
	private := map[string][]byte{}
	for key, text := range f.Private {
		private[key] = []byte(text)
	}
	var err error
	if tf.private, err = json.Marshal(private); err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(f.Attributes)
	if err != nil {
		t.Fatal(err)
	}
	read, err := tf.server.UpgradeResourceState(t.Context(), &tfprotov6.UpgradeResourceStateRequest{
		TypeName: jobType, Version: 0, RawState: &tfprotov6.RawState{JSON: text},
	})
	if err != nil {
		t.Fatal(err)
	}
	mustSucceed(t, "upgrade", read.Diagnostics)
	tf.state = decode(t, tf.ty, read.UpgradedState)
	return tf, c
}

// listed is what is left in the state of the failed partitions that format 1 listed
// there: the first few, without what the data source lists.
func listed(t *testing.T, text string) string {
	t.Helper()
	var all []map[string]any
	if err := json.Unmarshal([]byte(text), &all); err != nil {
		t.Fatal(err)
	}
	all = all[:min(len(all), maxFailed)]
	for _, one := range all {
		for _, name := range []string{"attempt_details", "start", "end"} {
			delete(one, name)
		}
		if one["attempts"] == 0.0 {
			one["attempts"] = nil
		}
	}
	data, err := json.Marshal(all)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

var (
	because  = regexp.MustCompile(`"because":"[^"\\]*(\\.[^"\\]*)*"`)
	template = regexp.MustCompile(`"template":"[^"]*"`)
	nulls    = regexp.MustCompile(`,?"[a-z_]+":null`)
)

// wordless leaves out words of ours, and the name of a template, which later versions
// may choose otherwise; that there are any is compared.
func (p plannedRun) wordless() plannedRun {
	p.NextRun = because.ReplaceAllString(p.NextRun, `"because":"there is one"`)
	p.NextRun = template.ReplaceAllString(p.NextRun, `"template":"there is one"`)
	return p
}

// without leaves out what is null: later versions have more attributes.
func without(text string) string { return nulls.ReplaceAllString(text, "") }

// whatIsPlanned is the action of a plan, and the run that it shows.
func (tf *terraform) whatIsPlanned(config object) plannedRun {
	tf.t.Helper()
	p := tf.plan(config)
	mustSucceed(tf.t, "plan", p.diags)
	return plannedRun{p.action, show(tf.t, p.value, "next_run")}
}

// whatIsKept are the attributes that a read sets.
func (tf *terraform) whatIsKept() map[string]string {
	tf.t.Helper()
	if tf.state.IsNull() {
		return map[string]string{"gone": "true"}
	}
	kept := map[string]string{}
	for _, name := range []string{
		"id", "phase", "progress", "partition_count", "shard_count", "first_partition", "last_partition",
		"done", "failed", "remaining", "done_count", "failed_count", "remaining_count", "run", "template",
		"failed_partitions", "drift", "next_run", "partition", "runner",
		"revision", "rerun", "rerun_token", "paused", "approved_wave",
	} {
		if text := show(tf.t, tf.state, name); text != "null" && len(text) < 20_000 {
			kept[name] = text
		}
	}
	return kept
}

// TestStatesOfEarlierVersionsAreRead reads each fixture with its state and plans:
// what was nothing to do for the version that wrote it is nothing to do.
func TestStatesOfEarlierVersionsAreRead(t *testing.T) {
	eachFixture(t, func(t *testing.T, f fixture) {
		tf, _ := f.terraform(t)
		want := f.Expected.Terraform
		// A canary of another template is tried again, as after an edit of the runner.
		anew := func(got plannedRun) bool {
			return want.State["phase"] == `"AwaitingApproval"` && got.Action == "update" &&
				!strings.Contains(got.NextRun, `"template":`+want.State["template"])
		}
		if got := tf.whatIsPlanned(f.Config); got.wordless() != want.Unread.wordless() && !anew(got) {
			t.Errorf("without a read, planned is\n%+v, want\n%+v", got, want.Unread)
		}
		if !tf.state.IsNull() {
			mustSucceed(t, "refresh", tf.refresh())
		}
		kept := tf.whatIsKept()
		for name := range kept {
			if want.State[name] == "" && name != "failed_partitions" /* which was too long to note */ {
				t.Errorf("%s is %s, and was null", name, kept[name])
			}
		}
		for name, text := range want.State {
			switch name {
			case "template":
				continue // its name
			case "failed_partitions":
				text = listed(t, text)
			}
			if without(kept[name]) != without(text) {
				t.Errorf("%s is\n%s, want\n%s", name, kept[name], text)
			}
		}
		if got := tf.whatIsPlanned(f.Config); got.wordless() != want.Read.wordless() && !anew(got) {
			t.Errorf("planned is\n%+v, want\n%+v", got, want.Read)
		}
	})
}

// TestJobsOfEarlierVersionsAreDestroyed demands that a destroy with the state of an
// earlier version leaves nothing of the job.
func TestJobsOfEarlierVersionsAreDestroyed(t *testing.T) {
	eachFixture(t, func(t *testing.T, f fixture) {
		tf, c := f.terraform(t)
		if tf.state.IsNull() {
			return // nothing that Terraform knows of
		}
		mustSucceed(t, "destroy", tf.destroy())
		for _, o := range c.Objects() {
			if o.GetName() != "backfill-pool-shared" {
				t.Errorf("%s %s is left", o.GetKind(), o.GetName())
			}
		}
	})
}
