// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package acceptance

import (
	"context"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/hcl/v2"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/zclconf/go-cty/cty"

	backend "github.com/terraform-backfill/terraform-provider-backfill/internal/cluster"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/cluster/clustertest"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/compile"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/engine"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/job"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/ledger"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/state"
)

// watched is a job whose first run is paused, so that nothing but the test
// changes its objects.
type watched struct {
	*testing.T
	c      *localCluster
	engine *engine.Engine
	name   string
	value  cty.Value
	owner  string
}

func watchPaused(t *testing.T, c *localCluster, name, partition string) *watched {
	t.Helper()
	w := &watched{T: t, c: c, name: name}
	text := fmt.Sprintf(`{"name": %q, "namespace": "default", "partition": %s, "shard_size": 2, "reason": "why",
		"runner": {"image": "busybox", "command": ["true"], "service_account": "backfill-runner", "resources": {"cpu": "100m"}},
		"spot": {"provider": "gke", "fallback": "on_demand"}, "anchor": {"mode": "protect"}, "canary": {"partitions": 1}}`, name, partition)
	var err error
	if w.value, err = job.ParseCanonical([]byte(text)); err != nil {
		t.Fatal(err)
	}
	client, err := backend.Connect(backend.Config{ConfigPath: c.limited}, "test", backend.DefaultRetry())
	if err != nil {
		t.Fatal(err)
	}
	w.engine = engine.New(client, engine.Options{Now: time.Now})
	t.Cleanup(func() { w.engine.Delete(context.Background(), namespace, name, "") })
	w.begin()
	return w
}

func (w *watched) must(diags hcl.Diagnostics) {
	w.Helper()
	if diags.HasErrors() {
		w.Fatal(diags)
	}
}

// drift is what a refresh shows; ended tells that the controller has given the
// run up.
func (w *watched) drift() (found []string, ended bool) {
	w.Helper()
	o, diags := w.engine.Observe(w.Context(), namespace, w.name)
	w.must(diags)
	if !o.Phase.Active() && o.Phase != state.PhaseIncomplete {
		w.Fatalf("the run is %s", o.Phase)
	}
	return o.Drift, o.Phase == state.PhaseIncomplete
}

// clean demands that there is no drift.
func (w *watched) clean(when string) {
	w.Helper()
	if found, ended := w.drift(); ended || len(found) > 0 {
		w.Fatalf("%s: drift %q, ended: %t", when, found, ended)
	}
}

func (w *watched) heal() {
	w.Helper()
	paused := true
	_, diags := w.engine.Update(
		w.Context(),
		engine.Submission{Value: w.value, Owner: w.owner, Policy: state.Policy{Paused: &paused}, Pinned: true},
	)
	w.must(diags)
}

// healed demands one line of drift after a change by hand, with who made it,
// and none after the next apply.
func (w *watched) healed(what string, wants ...string) {
	w.Helper()
	found, ended := w.drift()
	if ended {
		// The controller ends a run that it cannot make sense of: all its keys
		// remain, and the next plan proposes another one.
		w.again()
		return
	}
	if len(found) == 0 || len(found) > 2 {
		w.Errorf("%s: drift %q", what, found)
		w.heal()
		return
	}
	for _, want := range wants {
		if !strings.Contains(found[0], want) {
			w.Errorf("%s: the drift %q does not tell %q", what, found[0], want)
		}
	}
	w.heal()
	switch found, ended = w.drift(); {
	case ended:
		w.again()
	case len(found) > 0:
		w.Fatalf("%s: after an apply the drift is %q", what, found)
	}
}

// again makes the job anew.
func (w *watched) again() {
	w.Helper()
	w.must(w.engine.Delete(w.Context(), namespace, w.name, w.owner))
	w.begin()
}

func (w *watched) begin() {
	w.Helper()
	paused := true
	o, diags := w.engine.Create(w.Context(), engine.Submission{Value: w.value, Policy: state.Policy{Paused: &paused}})
	w.must(diags)
	w.owner = o.Owner
	w.c.working(w.T, w.name+"-r1")
}

// editEverything changes each field that this program wrote, in every object
// that a run under way depends on.
func editEverything(t *testing.T, c *localCluster) {
	for name, partition := range map[string]string{
		"watched-grid": `{"range": {"start": 0, "end": 60, "size": 10}}`,
		"watched-data": `{"range": {"boundaries": [0, 3, 17, 20, 60]}}`,
	} {
		t.Run(name, func(t *testing.T) {
			w := watchPaused(t, c, name, partition)
			w.clean("without an edit")
			compiled, diags := compile.Value(w.value, ledger.Set{}, 1)
			w.must(diags)
			edits, refused := 0, 0
			for _, o := range compiled.Objects() {
				kind := backend.Kind(o.GetKind())
				if kind == backend.ConfigMap { // immutable, so that it can only be deleted
					w.delete(kind, o.GetName())
					continue
				}
				if kind == backend.WorkflowTemplate && name != "watched-grid" {
					continue // the same in both
				}
				for _, f := range clustertest.Fields(clustertest.Field{"spec"}, o.Object["spec"]) {
					edits++
					if !w.edit(kind, o.GetName(), f) {
						refused++
					}
				}
			}
			w.delete(backend.WorkflowTemplate, compiled.Spec.Template)
			t.Logf("%d edits, of which the API server refused %d", edits, refused)
			if edits < 30 || refused > edits/4 {
				t.Errorf("%d edits, %d refused", edits, refused)
			}
		})
	}
}

// edit changes one field as kubectl edit does; false when the API server
// refuses it.
func (w *watched) edit(kind backend.Kind, name string, f clustertest.Field) bool {
	w.Helper()
	client := w.c.dynamic.Resource(backend.Resource(kind)).Namespace(namespace)
	live, err := client.Get(w.Context(), name, metav1.GetOptions{})
	if err != nil {
		w.Fatal(err)
	}
	if !within(live.Object, f) {
		return false // the controller has other elements before it
	}
	clustertest.Edit(live.Object, f, false)
	if _, err := client.Update(w.Context(), live, metav1.UpdateOptions{FieldManager: "kubectl-edit"}); err != nil {
		return false
	}
	w.healed(fmt.Sprintf("%s %s, %s", kind, name, f), "last written by kubectl-edit at 20")
	return true
}

// within tells whether an object has a field.
func within(v any, f clustertest.Field) bool {
	for _, part := range f {
		switch at := v.(type) {
		case map[string]any:
			name, _ := part.(string)
			next, ok := at[name]
			if !ok {
				return false
			}
			v = next
		case []any:
			i, _ := part.(int)
			if i >= len(at) {
				return false
			}
			v = at[i]
		default:
			return false
		}
	}
	return true
}

func (w *watched) delete(kind backend.Kind, name string) {
	w.Helper()
	if err := w.c.dynamic.Resource(backend.Resource(kind)).
		Namespace(namespace).
		Delete(w.Context(), name, metav1.DeleteOptions{}); err != nil {
		w.Fatal(err)
	}
	w.healed("deletion of "+name, name+" was deleted while run")
}

// TestEditsByHandAreSeenAndHealed has kubectl patch what a run under way
// depends on.
func TestEditsByHandAreSeenAndHealed(t *testing.T) {
	c := cluster(t)
	w := watchPaused(t, c, fmt.Sprintf("patched-%d", os.Getpid()), `{"range": {"boundaries": [0, 3, 17, 20, 60]}}`)
	w.clean("without an edit")
	compiled, diags := compile.Value(w.value, ledger.Set{}, 1)
	w.must(diags)
	patches := map[string][2]string{
		"parallelism":    {"workflow/" + w.name + "-r1", `{"spec":{"parallelism":77}}`},
		"podGC":          {"workflow/" + w.name + "-r1", `{"spec":{"podGC":null}}`},
		"ttlStrategy":    {"workflow/" + w.name + "-r1", `{"spec":{"ttlStrategy":{"secondsAfterCompletion":5}}}`},
		"spec.suspend":   {"workflow/" + w.name + "-r1", `{"spec":{"suspend":null}}`},
		"arguments":      {"workflow/" + w.name + "-r1", `{"spec":{"arguments":{"parameters":[]}}}`},
		"spec-hash":      {"workflow/" + w.name + "-r1", `{"metadata":{"annotations":{"backfill.dev/spec-hash":null}}}`},
		"labels":         {"workflow/" + w.name + "-r1", `{"metadata":{"labels":{"backfill.dev/job":null}}}`},
		"templates":      {"workflowtemplate/" + compiled.Spec.Template, `{"spec":{"templates":[]}}`},
		"activeDeadline": {"workflowtemplate/" + compiled.Spec.Template, `{"spec":{"activeDeadlineSeconds":3}}`},
		"backfill.dev/job": {
			"workflowtemplate/" + compiled.Spec.Template,
			`{"metadata":{"labels":{"backfill.dev/job":"other"}}}`,
		},
	}
	for _, field := range slices.Sorted(maps.Keys(patches)) {
		object, patch := patches[field][0], patches[field][1]
		command := exec.Command(c.binary, "--state", c.state, "kubectl", "patch",
			"-n", namespace, object, "--type=merge", "-p", patch)
		if out, err := command.CombinedOutput(); err != nil {
			t.Fatalf("%s: %v\n%s", field, err, out)
		}
		who := "last written by kubectl-patch at 20"
		if strings.HasSuffix(patch, "null}}}") {
			who = "" // the API server forgets who removed a label or an annotation
		}
		w.healed(field, field, who)
	}
	for _, o := range compiled.Objects() {
		if kind := backend.Kind(o.GetKind()); kind != backend.Workflow {
			w.delete(kind, o.GetName())
		}
	}
	// What happens without this program is no edit.
	if _, err := c.dynamic.Resource(workflows).Namespace(namespace).Patch(t.Context(), w.name+"-r1", types.MergePatchType,
		[]byte(`{"metadata":{"annotations":{"seen":"yes"}}}`), metav1.PatchOptions{FieldManager: "somebody"}); err != nil {
		t.Fatal(err)
	}
	w.clean("with a foreign annotation")
}
