// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package engine

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/argo"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/cluster"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/job"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/manifest"
)

// maxDrift bounds the sentences about one object.
const maxDrift = 20

// machines are the field managers whose writes are never somebody's edit.
var machines = []string{"terraform-provider-backfill", "workflow-controller", "argoexec"}

// drift compares the objects that the active run depends on with what was
// written: only the fields that we wrote, because the API server fills in
// others and the Argo controller rewrites parts of a Workflow's spec. Without
// an active run nothing depends on them: a template is restored when it is
// next needed.
func (e *Engine) drift(ctx context.Context, s *sight) ([]string, error) {
	if !s.active() {
		return nil, nil
	}
	j, err := parseJob(s.rec.Job)
	if err != nil {
		return nil, err
	}
	found := append(driftOfPause(s), driftOfScale(s, j)...)
	want, err := argo.Template(j)
	if err != nil {
		return nil, err
	}
	if want.GetName() != s.run.entry.Template {
		return found, nil // the runner has changed since, and the run ends with the old one
	}
	live, err := e.backend.Get(ctx, cluster.WorkflowTemplate, s.rec.Namespace, want.GetName())
	switch {
	case cluster.IsNotFound(err):
		return append(found, fmt.Sprintf("WorkflowTemplate %s was deleted while run %s needs it.", want.GetName(), s.run.workflow.GetName())), nil
	case err != nil:
		return nil, err
	case live.GetGeneration() <= 1:
		return found, nil
	}
	d := &differ{who: editor(live), what: "WorkflowTemplate " + want.GetName()}
	d.compare("spec", want.Object["spec"], live.Object["spec"])
	return append(found, d.found...), nil
}

func driftOfPause(s *sight) []string {
	want := decodePolicy(s.rec.Policy).Paused
	if want == nil || *want == suspended(s.run.workflow) || shutDown(s.run.workflow) {
		return nil
	}
	d := &differ{who: editor(s.run.workflow), what: "Workflow " + s.run.workflow.GetName()}
	d.compare("spec.suspend", *want, !*want)
	return d.found
}

func driftOfScale(s *sight, j *job.Job) []string {
	want, err := argo.ScaleFor(s.run.workflow, j.MaxParallel)
	have := argo.ScaleOf(s.run.workflow)
	if err != nil || want == have {
		return nil
	}
	d := &differ{who: editor(s.run.workflow), what: "Workflow " + s.run.workflow.GetName()}
	d.compare("spec.parallelism", want.Run, have.Run)
	d.compare("spec.arguments.parallelism", want.Pods, have.Pods)
	return d.found
}

// differ collects one sentence per field that differs.
type differ struct {
	what, who string
	found     []string
}

func (d *differ) compare(path string, want, live any) {
	switch want := want.(type) {
	case map[string]any:
		if live, ok := live.(map[string]any); ok {
			for _, name := range slices.Sorted(maps.Keys(want)) {
				d.compare(path+"."+name, want[name], live[name])
			}
			return
		}
	case []any:
		if live, ok := live.([]any); ok && len(live) == len(want) {
			for i := range want {
				d.compare(fmt.Sprintf("%s[%d]", path, i), want[i], live[i])
			}
			return
		}
	}
	if reflect.DeepEqual(want, live) {
		return
	}
	switch len(d.found) {
	case maxDrift:
		d.found = append(d.found, d.what+" differs in more fields.")
	default:
		if len(d.found) < maxDrift {
			d.found = append(d.found, fmt.Sprintf("%s: %s is %s and was written as %s%s.", d.what, path, shown(live), shown(want), d.who))
		}
	}
}

func shown(v any) string {
	if v == nil {
		return "gone"
	}
	text, err := json.Marshal(v)
	if err != nil {
		return fmt.Sprint(v)
	}
	if len(text) > 80 {
		return string(text[:80]) + "…"
	}
	return string(text)
}

// editor tells who last wrote to an object besides this program and Argo.
func editor(o manifest.Object) string {
	var last metav1.ManagedFieldsEntry
	for _, m := range o.GetManagedFields() {
		if slices.Contains(machines, m.Manager) || m.Time == nil {
			continue
		}
		if last.Time == nil || last.Time.Before(m.Time) {
			last = m
		}
	}
	if last.Time == nil {
		return ""
	}
	return fmt.Sprintf(" (last written by %s at %s)", last.Manager, last.Time.UTC().Format(time.RFC3339))
}
