// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package lower

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"sigs.k8s.io/yaml"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/argo"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/domain"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/job"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/ledger"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/manifest"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/plan"
)

// Regression: there were two compilers, and that for queries had lost the
// annotation by which readers know on which nodes attempts must be.
func TestAQuerysRunKeepsTheCapacityAnnotation(t *testing.T) {
	spot := job.Spot{Mode: "require", Labels: map[string]string{"cloud.google.com/gke-spot": "true"}}
	for _, only := range []bool{false, true} {
		j := querying(job.Query{Size: 10})
		j.Spot = spot
		objects := compileQuery(t, j, only)
		got := objects[len(objects)-1].GetAnnotations()[argo.AnnotationCapacity]
		if got != argo.CapacitySpot {
			t.Errorf("only %t: the run has the capacity %q", only, got)
		}
	}
}

// attributes are what may be said of a job, by the field of job.Job. Each changes
// the run of declared bounds, or the template, and must change that of a query in
// the same way.
var attributes = map[string]func(*job.Job){
	"Reason":   func(j *job.Job) { j.Reason = "another" },
	"Labels":   func(j *job.Job) { j.Labels = map[string]string{"team": "ads"} },
	"Order":    func(j *job.Job) { j.Order = plan.NewestFirst },
	"Runner":   func(j *job.Job) { j.Runner.Image = "another" },
	"Setup":    func(j *job.Job) { j.Setup = &job.Runner{Image: "setup"} },
	"Teardown": func(j *job.Job) { j.Teardown = &job.Runner{Image: "teardown"} },
	"Orchestrator": func(j *job.Job) {
		j.Orchestrator = job.Orchestrator{ServiceAccount: "another", NodeSelector: map[string]string{"pool": "small"}}
	},
	"Argoexec":    func(j *job.Job) { j.Argoexec.Limits = map[string]string{"cpu": "100m"} },
	"InstanceID":  func(j *job.Job) { j.InstanceID = "team-a" },
	"MaxParallel": func(j *job.Job) { j.MaxParallel = 40 },
	"Pool":        func(j *job.Job) { j.Pool = "shared" },
	"ShardSize":   func(j *job.Job) { j.ShardSize = 7 },
	"Waves":       func(j *job.Job) { j.Waves = plan.Doubling },
	"RampUp":      func(j *job.Job) { j.Waves, j.RampUp = plan.Doubling, true },
	"Controller":  func(j *job.Job) { j.ShardSize, j.Controller.MaxWorkflowSize = 500, 220_000 },
	"Budget":      func(j *job.Job) { j.Waves, j.Budget = plan.Doubling, &plan.Budget{MaxFailed: 1, MaxRatio: -1} },
	"Retry":       func(j *job.Job) { j.Retry.Backoff = time.Minute },
	"ArgoVersion": func(j *job.Job) { j.Pool, j.ArgoVersion = "shared", "3.5" },
	"Argo": func(j *job.Job) {
		j.Argo.Workflow = map[string]any{"hostNetwork": true, "podDisruptionBudget": map[string]any{"minAvailable": int64(1)}}
	},
	"Spot": func(j *job.Job) {
		j.Spot = job.Spot{Mode: "prefer", Labels: map[string]string{"pool": "spot"}, OnDemandFrom: 2}
	},
	"Anchor": func(j *job.Job) { j.Anchor.Mode, j.Anchor.Budget = "off", true },
	"OOM":    func(j *job.Job) { j.OOM = &job.OOM{Factor: 2, Max: "4Gi"} },
	"Spread": func(j *job.Job) { j.Spread = "topology.kubernetes.io/zone" },
}

// Attributes that runs of a query do not share, and why.
var unlike = map[string]string{
	"Name":       "it is a name",
	"Namespace":  "it is a name",
	"Target":     "no object of Argo's has it",
	"Domain":     "it is what a query leaves open",
	"Query":      "it is what makes the difference",
	"Canary":     "its run only finds the bounds, because a canary depends on them",
	"Gates":      "its run only finds the bounds, because a gate depends on them",
	"Limits":     "they concern the submission of a run",
	"MaxPending": "it concerns reading a run",
}

func TestEveryAttributeIsCompared(t *testing.T) {
	for i := range reflect.TypeFor[job.Job]().NumField() {
		name := reflect.TypeFor[job.Job]().Field(i).Name
		_, compared := attributes[name]
		if _, excused := unlike[name]; compared == excused {
			t.Errorf("%s is compared: %t, and excused: %t", name, compared, excused)
		}
	}
}

// TestQueriesAreLoweredAsBoundsAre compares the run of a job with bounds with that
// of the same job with a query, attribute by attribute.
func TestQueriesAreLoweredAsBoundsAre(t *testing.T) {
	plainBounds, plainQuery := bothRuns(t, func(*job.Job) {})
	for _, name := range slices.Sorted(maps.Keys(attributes)) {
		bounds, query := bothRuns(t, attributes[name])
		for _, facet := range slices.Sorted(maps.Keys(bounds)) {
			if !reflect.DeepEqual(bounds[facet], query[facet]) {
				t.Errorf("%s: %s is\n%v with bounds, and\n%v with a query", name, facet, bounds[facet], query[facet])
			}
		}
		if len(bounds) != len(query) {
			t.Errorf("%s: %d facets with bounds, %d with a query", name, len(bounds), len(query))
		}
		same := reflect.DeepEqual(bounds, plainBounds)
		if same && name != "Order" {
			t.Errorf("%s changes nothing, so that nothing was compared", name)
		}
		if name != "Order" && same != reflect.DeepEqual(query, plainQuery) {
			t.Errorf("%s changes one of both runs", name)
		}
	}
}

// bothRuns are the facets of a run with bounds, and of one with a query that may
// find as many partitions.
func bothRuns(t *testing.T, change func(*job.Job)) (bounds, query map[string]any) {
	t.Helper()
	open := querying(job.Query{Size: 10})
	open.ShardSize = 5
	change(open)
	bound, err := open.Bound(domain.Interval{Start: 0, End: 500})
	if err != nil {
		t.Fatal(err)
	}
	spec := querySpec(bound, "", false)
	spec.Query, spec.Domain, spec.Covers = nil, bound.Domain, ledger.Full(bound.Domain)
	template, err := Template(bound)
	if err != nil {
		t.Fatal(err)
	}
	spec.Template = template.GetName()
	objects, err := Run(bound, spec)
	if err != nil {
		t.Fatal(err)
	}
	asked := compileQuery(t, open, false)
	if asked[0].GetName() != template.GetName() {
		t.Errorf("the templates are %s and %s", template.GetName(), asked[0].GetName())
	}
	return facets(t, objects[len(objects)-1], template), facets(t, asked[len(asked)-1], asked[len(asked)-1], template)
}

// facets are what both runs must have in common. Left out are the arguments by which
// shards find their keys, the steps that pass them on, the hash of the whole, and
// the intervals, which a query's run cannot tell. The launcher is in one of objects.
func facets(t *testing.T, run manifest.Object, objects ...manifest.Object) map[string]any {
	t.Helper()
	annotations := maps.Clone(run.GetAnnotations())
	delete(annotations, argo.AnnotationSpecHash)
	delete(annotations, argo.AnnotationIntervals)
	out := map[string]any{"labels": run.GetLabels(), "annotations": annotations}
	workflow(out, "", run.Object["spec"].(node))
	args := argo.ArgumentsOf(run)
	for _, name := range []string{argo.ArgParallelism, argo.ArgLaunchers, argo.ArgWidth, argo.ArgShard} {
		out["argument "+name] = args.Text(name)
	}
	templates := run.Object["spec"].(node)["templates"].(list)
	first := templates[0].(node)["steps"].(list)[0].(list)[0].(node)["name"]
	out["begins with setup"] = first == argo.StepSetup
	for _, one := range templates {
		if one := one.(node); one["name"] == argo.TemplateExit {
			out["exit"] = one
		}
	}
	for _, o := range objects {
		for _, one := range o.Object["spec"].(node)["templates"].(list) {
			if one := one.(node); one["name"] == argo.TemplateLauncher && out["launcher"] == nil {
				launcher := maps.Clone(one)
				delete(launcher, "inputs")
				resource := maps.Clone(launcher["resource"].(node))
				var child node
				// A tag that is no text is no YAML yet.
				text := strings.Replace(resource["manifest"].(string), ": "+argo.ParallelismOfChild()+"\n", ": 1\n", 1)
				if err := yaml.Unmarshal([]byte(text), &child); err != nil {
					t.Fatal(err)
				}
				delete(resource, "manifest")
				launcher["resource"] = resource
				out["launcher"], out["child"] = launcher, child["metadata"]
				workflow(out, "child ", child["spec"].(node))
				locked := child["spec"].(node)["templates"].(list)[0].(node)
				out["child lock"] = locked["synchronization"]
			}
		}
	}
	if out["launcher"] == nil {
		t.Fatal("there is no launcher")
	}
	out["template"] = objects[len(objects)-1].GetName()
	return out
}

// workflow adds the fields of a Workflow but for arguments and templates.
func workflow(out map[string]any, prefix string, spec node) {
	for name, value := range spec {
		if name != "arguments" && name != "templates" {
			out[fmt.Sprint(prefix, "spec.", name)] = value
		}
	}
}

// The order of a run is told by arguments alone.
func TestOrderOfAQuery(t *testing.T) {
	j := querying(job.Query{Size: 10})
	j.Order = plan.NewestFirst
	run := compileQuery(t, j, false)[1]
	if got := argo.ArgumentsOf(run).Text(argo.ArgStep); got != "-1" {
		t.Errorf("the step is %s", got)
	}
}
