// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package lower

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"

	wfv1 "github.com/argoproj/argo-workflows/v3/pkg/apis/workflow/v1alpha1"
	"github.com/google/go-cmp/cmp"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/argo"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/argo/argotest"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/domain"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/job"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/ledger"
)

// sharded is a job of several shards with a setup.
func sharded(t *testing.T) *job.Job {
	t.Helper()
	j := argotest.Sample(argotest.Axis(t, domain.Range{Start: 0, End: 12, Size: 1}))
	j.ShardSize = 4
	j.Setup = &job.Runner{Image: "setup", Command: []job.Text{argotest.Lit("setup")}}
	return j
}

// podTemplates are the templates of a job that make pods, by name.
func podTemplates(t *testing.T, j *job.Job) map[string]*wfv1.Template {
	t.Helper()
	c, _ := argotest.NewController(t, compile(t, j, argotest.PlanOf(j, ledger.Full(j.Domain)))...)
	out := map[string]*wfv1.Template{}
	for _, template := range c.Templates {
		for i, one := range template.Spec.Templates {
			if one.Steps == nil {
				out[one.Name] = &template.Spec.Templates[i]
			}
		}
	}
	if len(out) != 4 {
		t.Fatalf("templates %v", slices.Sorted(maps.Keys(out)))
	}
	return out
}

func patchOf(t *testing.T, template *wfv1.Template) map[string]any {
	t.Helper()
	patch := map[string]any{}
	if template.PodSpecPatch == "" {
		return patch
	}
	if err := json.Unmarshal([]byte(template.PodSpecPatch), &patch); err != nil {
		t.Fatal(err)
	}
	return patch
}

// Regression: a quota that demands limits, and a namespace that enforces the Pod
// Security Standard "restricted", refused every pod for the containers that Argo
// adds. A launcher has others than a pod that runs a container, and a patch of one
// that a pod lacks would make it invalid.
func TestArgosContainersGetWhatTheJobSays(t *testing.T) {
	j := sharded(t)
	user := int64(8737)
	j.Argoexec = job.Argoexec{
		Limits:   map[string]string{"cpu": "100m"},
		Security: &job.Security{RunAsUser: &user, NonRoot: true, DropCapabilities: []string{"ALL"}},
	}
	j.Runner.Patch = map[string]any{
		"initContainers": []any{map[string]any{"name": "fetch", "image": "a"}},
		"containers":     []any{map[string]any{"name": "wait", "env": []any{map[string]any{"name": "A", "value": "b"}}}},
	}
	security := map[string]any{
		"runAsUser": float64(8737), "runAsNonRoot": true, "allowPrivilegeEscalation": false,
		"capabilities":   map[string]any{"drop": []any{"ALL"}},
		"seccompProfile": map[string]any{"type": "RuntimeDefault"},
	}
	container := func(name, cpu string) map[string]any {
		limits := map[string]any{"limits": map[string]any{"cpu": cpu}}
		return map[string]any{"name": name, "resources": limits, "securityContext": security}
	}
	patched := container("wait", "100m")
	patched["env"] = []any{map[string]any{"name": "A", "value": "b"}}
	partition := map[string]any{
		"initContainers": []any{container("init", "100m"), map[string]any{"name": "fetch", "image": "a"}},
		"containers":     []any{patched},
	}
	once := map[string]any{
		"initContainers": []any{container("init", "100m")}, "containers": []any{container("wait", "100m")},
	}
	launcher := func(cpu string) map[string]any {
		return map[string]any{
			"initContainers": []any{container("init", "100m")}, "containers": []any{container("main", cpu)},
		}
	}
	for cpu, o := range map[string]map[string]string{"100m": nil, "50m": {"cpu": "50m"}} {
		j.Orchestrator.Limits = o
		templates := podTemplates(t, j)
		got := map[string]any{}
		for name, one := range templates {
			got[name] = patchOf(t, one)
		}
		want := map[string]any{
			argo.TemplatePartition: partition, argo.TemplatePartitionData: partition, argo.TemplateSetup: once,
			argo.TemplateLauncher: launcher(cpu),
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Error(d)
		}
		// With logs to archive, a launcher would have a third container.
		if a := templates[argo.TemplateLauncher].ArchiveLocation; !a.HasLocation() || a.ArchiveLogs == nil || *a.ArchiveLogs {
			t.Errorf("a launcher archives logs: %+v", a)
		}
	}
}

// On Windows nodes the API server refuses, or the node ignores, what is of Linux.
func TestNothingOfLinuxOnWindows(t *testing.T) {
	j := sharded(t)
	j.Runner.Windows, j.Runner.Security.NonRoot = true, true
	j.Argoexec.Security = &job.Security{}
	templates := podTemplates(t, j)
	main := templates[argo.TemplatePartition].Container
	nonRoot := true
	if d := cmp.Diff(&nonRoot, main.SecurityContext.RunAsNonRoot); d != "" || main.SecurityContext.SeccompProfile != nil ||
		main.SecurityContext.AllowPrivilegeEscalation != nil {
		t.Errorf("the runner has %+v", main.SecurityContext)
	}
	if text := templates[argo.TemplatePartition].PodSpecPatch; text != "" {
		t.Errorf("Argo's containers get %s", text)
	}
	if text := templates[argo.TemplateLauncher].PodSpecPatch; !strings.Contains(text, "seccompProfile") {
		t.Errorf("the launcher, which is not on Windows, has the patch %q", text)
	}
	j.Runner.Security.NonRoot = false
	if c := podTemplates(t, j)[argo.TemplatePartition].Container; c.SecurityContext != nil {
		t.Errorf("the runner has %+v", c.SecurityContext)
	}
}

// Regression: launchers had only tolerations of ours, and no node selector, so that
// where all nodes have taints no shard ever began.
func TestLaunchersArePlaced(t *testing.T) {
	j := sharded(t)
	j.Orchestrator = job.Orchestrator{
		NodeSelector: map[string]string{"pool": "small"}, Tolerations: []job.Toleration{{Key: "dedicated"}},
		PriorityClass: "high", PullSecrets: []string{"argo"},
		Annotations: map[string]string{"sidecar.istio.io/inject": "false"},
	}
	l := podTemplates(t, j)[argo.TemplateLauncher]
	secrets := map[string]any{"imagePullSecrets": []any{map[string]any{"name": "argo"}}}
	if l.NodeSelector["pool"] != "small" || l.PriorityClassName != "high" ||
		l.Metadata.Annotations["sidecar.istio.io/inject"] != "false" || l.Metadata.Annotations[job.SafeToEvict] != "false" {
		t.Errorf("launchers are %+v", l)
	}
	if len(l.Tolerations) != 3 || l.Tolerations[0].Key != "dedicated" {
		t.Errorf("launchers tolerate %v", l.Tolerations)
	}
	if d := cmp.Diff(secrets, patchOf(t, l)); d != "" {
		t.Error(d)
	}
}

// Regression: every template had a list of tolerations of ours, which Argo takes
// instead of that of its controller's defaults, so that these reached no pod.
func TestNoPlacementOfOursAlone(t *testing.T) {
	j := sharded(t)
	j.Controller.Tolerations = []job.Toleration{{Key: "everywhere"}}
	j.Controller.NodeSelector = map[string]string{"team": "search"}
	j.Controller.Affinity = map[string]any{"podAffinity": map[string]any{}}
	for name, one := range podTemplates(t, j) {
		if one.Tolerations != nil || one.NodeSelector != nil || one.Affinity != nil {
			t.Errorf("%s has %v, %v and %v", name, one.Tolerations, one.NodeSelector, one.Affinity)
		}
	}
}

// Where a list has to be written, what the controller's defaults have is in it too.
func TestDeclaredDefaultsAreAddedToWhatIsWritten(t *testing.T) {
	j := sharded(t)
	term := func(key string) any {
		return map[string]any{"matchExpressions": []any{map[string]any{"key": key, "operator": "Exists"}}}
	}
	required := func(keys ...string) map[string]any {
		terms := []any{}
		for _, key := range keys {
			terms = append(terms, term(key))
		}
		return map[string]any{
			"nodeAffinity": map[string]any{
				"requiredDuringSchedulingIgnoredDuringExecution": map[string]any{"nodeSelectorTerms": terms},
			},
		}
	}
	j.Controller.Tolerations = []job.Toleration{{Key: "everywhere"}, {Key: "dedicated"}}
	j.Controller.NodeSelector = map[string]string{"team": "search", "pool": "any"}
	j.Controller.Affinity = required("a", "b")
	j.Runner.Tolerations = []job.Toleration{{Key: "dedicated"}}
	j.Runner.NodeSelector = map[string]string{"pool": "batch"}
	j.Runner.Affinity = required("c", "d")
	p := podTemplates(t, j)[argo.TemplatePartition]
	var keys []string
	for _, tol := range p.Tolerations {
		keys = append(keys, tol.Key)
	}
	want := []string{"dedicated", "everywhere", "node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"}
	if d := cmp.Diff(want, keys); d != "" {
		t.Errorf("tolerations %s", d)
	}
	if d := cmp.Diff(map[string]string{"team": "search", "pool": "batch"}, p.NodeSelector); d != "" {
		t.Errorf("node selector %s", d)
	}
	var terms []string
	for _, one := range p.Affinity.NodeAffinity.RequiredDuringSchedulingIgnoredDuringExecution.NodeSelectorTerms {
		text := ""
		for _, e := range one.MatchExpressions {
			text += e.Key
		}
		terms = append(terms, text)
	}
	if d := cmp.Diff([]string{"ac", "ad", "bc", "bd"}, terms); d != "" {
		t.Errorf("the alternatives %s", d)
	}
}

// The attempts of a fallback keep to the controller's affinity: a patch replaces its
// alternatives.
func TestTheFallbackKeepsDeclaredDefaults(t *testing.T) {
	j := sharded(t)
	j.Spot = job.Spot{Mode: "require", Labels: map[string]string{"capacity": "spot"}, OnDemandFrom: 2}
	j.Controller.Affinity = map[string]any{"nodeAffinity": map[string]any{
		"requiredDuringSchedulingIgnoredDuringExecution": map[string]any{"nodeSelectorTerms": []any{map[string]any{
			"matchExpressions": []any{map[string]any{"key": "default", "operator": "Exists"}},
		}}},
	}}
	p := podTemplates(t, j)[argo.TemplatePartition]
	if p.Affinity != nil || !strings.Contains(p.PodSpecPatch, `"key":"default"`) {
		t.Errorf("affinity %v, patch %s", p.Affinity, p.PodSpecPatch)
	}
}

// Regression: a controller with an id takes up only what has it, and shards are
// Workflows too.
func TestEveryWorkflowHasTheInstanceID(t *testing.T) {
	for _, id := range []string{"", "team-a"} {
		j := sharded(t)
		j.InstanceID = id
		c, run := argotest.NewController(t, compile(t, j, argotest.PlanOf(j, ledger.Full(j.Domain)))...)
		c.Run(run)
		if len(c.Workflows) != 4 { // the run and its children
			t.Fatalf("%d Workflows", len(c.Workflows))
		}
		all := map[string]map[string]string{}
		for name, child := range c.Workflows {
			all[name] = child.Labels
		}
		for name, template := range c.Templates {
			all[name] = template.Labels
		}
		for name, labels := range all {
			if got, there := labels[argo.LabelInstance]; got != id || there != (id != "") {
				t.Errorf("%s has the id %q, want %q", name, got, id)
			}
		}
	}
}
