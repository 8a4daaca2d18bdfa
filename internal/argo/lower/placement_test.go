// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package lower

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/argoproj/argo-workflows/v3/util/template"
	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/argo"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/argo/argotest"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/argo/expr"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/domain"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/job"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/lang"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/ledger"
)

// Where attempts must run is written on the run and read back.
func TestCapacity(t *testing.T) {
	for _, test := range []struct {
		spot job.Spot
		text string
		want []string
	}{
		{job.Spot{}, "", []string{"", ""}},
		{job.Spot{Mode: "require"}, "spot", []string{"spot", "spot"}},
		{job.Spot{Mode: "require", OnDemandFrom: 1}, "spot<1", []string{"spot", "on_demand"}},
		{job.Spot{Mode: "prefer", OnDemandFrom: 1}, "any<1", []string{"", "on_demand"}},
		{job.Spot{Mode: "prefer"}, "", []string{"", ""}},
	} {
		r := run{job: &job.Job{Spot: test.spot}, query: &expr.Query{}}
		text, _ := r.annotations("")[argo.AnnotationCapacity].(string)
		o := newObject(argo.APIVersion, "Workflow", "n", "r", nil, node{argo.AnnotationCapacity: text})
		on := argo.CapacityOf(o)
		if got := []string{on(0), on(1)}; text != test.text || !slices.Equal(got, test.want) {
			t.Errorf("%+v: %q, %q; want %q, %q", test.spot, text, got, test.text, test.want)
		}
	}
	for _, text := range []string{"<", "spot<x", "moon<1<2"} {
		argo.CapacityOf(
			newObject(argo.APIVersion, "Workflow", "n", "r", nil, node{argo.AnnotationCapacity: text}),
		)(
			3,
		) // must not panic
	}
}

// attemptsOf runs the only partition of a job until it has no attempts left
// and returns its pods as Argo would create them.
func attemptsOf(t *testing.T, j *job.Job, message func(argotest.Started) string) []*corev1.Pod {
	t.Helper()
	c, run := argotest.NewController(t, compile(t, j, argotest.PlanOf(j, ledger.Full(j.Domain)))...)
	c.Outcome = func(argotest.Started) bool { return true }
	c.Message = message
	c.Run(run)
	var pods []*corev1.Pod
	for _, p := range c.Pods {
		pods = append(pods, p.Pod)
	}
	if len(pods) != attempts(j.Retry) {
		t.Fatalf("%d attempts, want %d", len(pods), attempts(j.Retry))
	}
	return pods
}

func one(t *testing.T) domain.Domain {
	return argotest.Axis(t, domain.Range{Start: 0, End: 1, Size: 1})
}

// decoded is the job of a text that describes everything but partition and
// runner.
func decoded(t *testing.T, runner, rest string) *job.Job {
	t.Helper()
	text := fmt.Sprintf(`job "storm" {
  partition { 
    range = { start = 0, end = 1, size = 1 } 
  }
  runner = { image = "a", command = ["a"], deadline = "1h", %s }
  retry  = { limit = 3 }
  interruptions = { limit = 2 }
  %s
}`, runner, rest)
	m, diags := lang.Load(context.Background(), []lang.Source{{Name: "a.hcl", Bytes: []byte(text)}}, lang.Inputs{})
	if diags.HasErrors() {
		t.Fatalf("%s\n%s", diags, text)
	}
	j, diags := job.Decode(m.Bodies[0].Value)
	if diags.HasErrors() {
		t.Fatalf("%s\n%s", diags, text)
	}
	return j
}

// nodes are a spot node and an on-demand node of every provider, by labels.
var nodes = map[string]struct{ spot, onDemand map[string]string }{
	"gke": {
		map[string]string{"cloud.google.com/gke-spot": "true"},
		map[string]string{"cloud.google.com/gke-provisioning": "standard"},
	},
	"eks": {
		map[string]string{"eks.amazonaws.com/capacityType": "SPOT"},
		map[string]string{"eks.amazonaws.com/capacityType": "ON_DEMAND"},
	},
	"karpenter": {
		map[string]string{"karpenter.sh/capacity-type": "spot"},
		map[string]string{"karpenter.sh/capacity-type": "on-demand"},
	},
	"aks": {
		map[string]string{"kubernetes.azure.com/scalesetpriority": "spot"},
		map[string]string{"kubernetes.azure.com/mode": "user"},
	},
	"custom": {map[string]string{"pool": "spot"}, map[string]string{"pool": "steady"}},
}

// admits tells whether a node's labels satisfy what a pod requires.
func admits(t *testing.T, pod *corev1.Pod, labels map[string]string) bool {
	t.Helper()
	for k, v := range pod.Spec.NodeSelector {
		if labels[k] != v {
			return false
		}
	}
	a := pod.Spec.Affinity
	if a == nil || a.NodeAffinity == nil || a.NodeAffinity.RequiredDuringSchedulingIgnoredDuringExecution == nil {
		return true
	}
	for _, term := range a.NodeAffinity.RequiredDuringSchedulingIgnoredDuringExecution.NodeSelectorTerms {
		ok := true
		for _, e := range term.MatchExpressions {
			switch has := labels[e.Key] == e.Values[0]; e.Operator {
			case corev1.NodeSelectorOpIn:
				ok = ok && has
			case corev1.NodeSelectorOpNotIn:
				ok = ok && !has
			default:
				t.Fatalf("operator %s", e.Operator)
			}
		}
		if ok {
			return true
		}
	}
	return false
}

// TestSpotByAttempt evaluates what is emitted for every provider and mode, and
// asks where each attempt could run and whether it is protected there.
func TestSpotByAttempt(t *testing.T) {
	for _, c := range matrix() {
		t.Run(c.name(), func(t *testing.T) {
			j := decoded(t, "", c.text())
			of := nodes[c.provider]
			for i, pod := range attemptsOf(t, j, nil) {
				forced := c.fallback && i >= 3 && c.mode != "off"
				wantSpot, wantOnDemand := !forced, c.mode != "require" || forced
				if got := admits(t, pod, of.spot); got != wantSpot {
					t.Errorf("attempt %d may run on spot: %t", i, got)
				}
				if got := admits(t, pod, of.onDemand); got != wantOnDemand {
					t.Errorf("attempt %d may run on demand: %t", i, got)
				}
				weighs := pod.Spec.Affinity != nil &&
					len(pod.Spec.Affinity.NodeAffinity.PreferredDuringSchedulingIgnoredDuringExecution) == 1
				if weighs != (c.mode == "prefer") {
					t.Errorf("attempt %d prefers spot: %t", i, weighs)
				}
				c.checkAnchor(t, i, pod.Annotations, wantOnDemand)
			}
		})
	}
}

func (c combination) checkAnchor(t *testing.T, attempt int, got map[string]string, onDemand bool) {
	t.Helper()
	want := map[string]string{}
	switch {
	case c.anchor == "release":
		want = map[string]string{job.SafeToEvict: "true"}
	case c.anchor == "all", c.anchor == "protect" && onDemand:
		want = map[string]string{job.SafeToEvict: "false", job.DoNotDisrupt: "true"}
	case c.anchor == "protect" && c.fallback:
		want = map[string]string{job.SafeToEvict: "", job.DoNotDisrupt: ""}
	}
	for _, key := range []string{job.SafeToEvict, job.DoNotDisrupt} {
		if got[key] != want[key] {
			t.Errorf("attempt %d has %s=%q, want %q", attempt, key, got[key], want[key])
		}
	}
}

// TestPlacementIsMerged: nothing that the user asks of a node is lost, in no
// attempt, with every feature that patches the pod at once.
func TestPlacementIsMerged(t *testing.T) {
	j := declared(t, "spot.txtar")[0]
	j.Domain = one(t)
	oom := func(s argotest.Started) string {
		if s.Attempt == 1 {
			return "main: OOMKilled (exit code 137)"
		}
		return `main: "Error" \ {{exit}} (exit code 1)`
	}
	for i, pod := range attemptsOf(t, j, oom) {
		spec := pod.Spec
		spot := i < 5
		if spec.NodeSelector["kubernetes.io/arch"] != "arm64" || (spec.NodeSelector["example.com/pool"] == "spot") != spot {
			t.Errorf("attempt %d: node selector %v", i, spec.NodeSelector)
		}
		var tolerated []string
		for _, tol := range spec.Tolerations {
			tolerated = append(tolerated, tol.Key)
		}
		want := []string{
			"dedicated",
			"node.kubernetes.io/unreachable",
			"example.com/pool",
			"other",
			"node.kubernetes.io/not-ready",
			"patched",
		}
		if d := cmp.Diff(want, tolerated); d != "" {
			t.Errorf("attempt %d: tolerations %s", i, d)
		}
		affinity := spec.Affinity.NodeAffinity
		if len(affinity.PreferredDuringSchedulingIgnoredDuringExecution) != 1 {
			t.Errorf("attempt %d lost the user's preference", i)
		}
		terms := affinity.RequiredDuringSchedulingIgnoredDuringExecution.NodeSelectorTerms
		if len(terms) != 2 || terms[0].MatchExpressions[0].Values[1] != "it's" ||
			terms[1].MatchFields[0].Values[0] != `n\}}` {
			t.Errorf("attempt %d: terms %v", i, terms)
		}
		if got := len(terms[1].MatchExpressions) == 2; got == spot {
			t.Errorf("attempt %d: each term keeps spot nodes out: %t", i, got)
		}
		main := spec.Containers[0]
		memory := map[bool]string{false: "1Gi/512Mi", true: "8Gi/4608Mi"}[i == 2]
		if got := main.Resources.Limits.Memory().String() + "/" + main.Resources.Requests.Memory().String(); got != memory {
			t.Errorf("attempt %d has memory %s, want %s", i, got, memory)
		}
		if !main.Stdin || spec.DNSPolicy != "Default" || *spec.TerminationGracePeriodSeconds != 90 ||
			len(spec.TopologySpreadConstraints) != 1 {
			t.Errorf("attempt %d: %+v", i, spec)
		}
	}
}

// TestMemoryGrows: after interruptions the memory starts anew, since Argo
// tells of the last attempt alone.
func TestMemoryGrows(t *testing.T) {
	j := decoded(t, `resources = { memory = "1Gi" }`, `oom = { max_memory = "3Gi" }`)
	ends := []string{
		"main: OOMKilled (exit code 137)",
		"main: OOMKilled (exit code 137)",
		"pod deleted",
		"main: OOMKilled (exit code 137)",
		"x",
		"x",
	}
	want := []string{"1Gi", "2Gi", "3Gi", "1Gi", "3Gi", "1Gi"}
	for i, pod := range attemptsOf(t, j, func(s argotest.Started) string { return ends[s.Attempt] }) {
		if got := pod.Spec.Containers[0].Resources.Limits.Memory().String(); got != want[i] {
			t.Errorf("attempt %d has %s, want %s", i, got, want[i])
		}
	}
}

func TestGraceReachesTheRunner(t *testing.T) {
	for _, c := range []struct{ runner, rest, want string }{
		{"", "", "30"},
		{"", `spot = { provider = "gke" }`, "15"},
		{"", `spot = { provider = "eks" }`, "120"},
		{`grace_period = "1m"`, `spot = { provider = "gke" }`, "60"},
	} {
		pod := attemptsOf(t, decoded(t, c.runner, c.rest), nil)[0]
		told := ""
		for _, v := range pod.Spec.Containers[0].Env {
			if v.Name == envGrace {
				told = v.Value
			}
		}
		granted := int64(defaultGrace)
		if g := pod.Spec.TerminationGracePeriodSeconds; g != nil {
			granted = *g
		}
		if told != c.want || fmt.Sprint(granted) != c.want {
			t.Errorf("%s %s: the runner is told %s and granted %d seconds, want %s", c.runner, c.rest, told, granted, c.want)
		}
	}
}

// TestRetryExpression evaluates the emitted expression as Argo does.
func TestRetryExpression(t *testing.T) {
	const lost, evicted, failed, killed, oom = "pod deleted", "Pod was terminated in response to imminent node " +
		"shutdown.", "main: Error (exit code 1)", "main: Error (exit code 143)", "main: OOMKilled (exit code 137)"
	for _, c := range []struct {
		rest, status, code, message string
		first, after                bool // tried again at 0 retries, and beyond retry.limit
	}{
		{"", "Failed", "1", failed, true, false},
		{"", "Failed", "137", oom, true, false},
		{"", "Failed", "-1", "Pod was active on the node longer than the specified deadline", true, false},
		{"", "Error", "-1", lost, true, true},
		{"", "Failed", "-1", evicted, true, true},
		{"", "Failed", "143", killed, true, true},
		{"", "Error", "-1", "Pod failed before main container starts due to ImagePullBackOff: Back-off pulling " +
			"x", true, true},
		{"fail_on = [3]", "Failed", "3", "main: Error (exit code 3)", false, false},
		{"fail_on = [3]", "Failed", "1", failed, true, false},
		{"fail_on = [3]", "Error", "-1", lost, true, true},
		{"retry_on = [3]", "Failed", "1", failed, false, false},
		{"retry_on = [3]", "Failed", "3", "main: Error (exit code 3)", true, false},
		{"retry_on = [3]", "Failed", "137", oom, false, false},
		{"retry_on = [3]", "Failed", "143", killed, true, true},
	} {
		j := decoded(t, "", "")
		if c.rest != "" {
			list := []int{3}
			if strings.HasPrefix(c.rest, "fail_on") {
				j.Retry.FailOn = list
			} else {
				j.Retry.RetryOn = list
			}
		}
		for retries, want := range map[int]bool{0: c.first, 3: c.after} {
			if got := triedAgain(t, j, retries, c.status, c.code, c.message); got != want {
				t.Errorf("%s, %s after %d retries: %t", c.rest, c.message, retries, got)
			}
		}
	}
}

// triedAgain evaluates the emitted expression as Argo does.
func triedAgain(t *testing.T, j *job.Job, retries int, status, code, message string) bool {
	t.Helper()
	expr, _ := leafRetry(j)["expression"].(string)
	text, _ := json.Marshal("{{=" + expr + "}}")
	got, err := template.Replace(string(text), map[string]any{
		"retries": strconv.Itoa(retries), "lastRetry": nil,
		"lastRetry.status": status, "lastRetry.exitCode": code, "lastRetry.message": message,
	}, false)
	if err != nil || got != `"true"` && got != `"false"` {
		t.Fatalf("%s, %s after %d retries: %s, %v\n%s", status, message, retries, got, err, expr)
	}
	return got == `"true"`
}

// GKE Autopilot gives no spot node to a pod that may not be evicted, so attempts that
// may be on one carry no anchor, and those of the fallback do.
func TestNoAnchorOnSpotNodesOfAutopilot(t *testing.T) {
	for rest, want := range map[string][]string{
		`spot = { provider = "gke_autopilot" }`:                                           {"", "", "", "", "", ""},
		`spot = { provider = "gke_autopilot", fallback = "on_demand", mode = "prefer" }`:  {"", "", "", "false", "false", "false"},
		`spot = { provider = "gke", fallback = "on_demand", mode = "prefer" }`:            {"false", "false", "false", "false", "false", "false"},
		`spot = { provider = "gke_autopilot", fallback = "on_demand", mode = "require" }`: {"", "", "", "false", "false", "false"},
	} {
		var got []string
		for _, pod := range attemptsOf(t, decoded(t, "", rest), nil) {
			got = append(got, pod.Annotations[job.SafeToEvict])
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: the attempts have %q, want %q", rest, got, want)
		}
	}
}
