// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package job

import (
	"maps"
	"slices"
	"time"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/diag"
)

// Interruptions is the default number of attempts beyond the retry limit.
const Interruptions = 10

// MaxPending is the default time that a pod may wait.
const MaxPending = 10 * time.Minute

// Spot says which attempts run on spot nodes; by default none.
type Spot struct {
	// Mode is require, prefer, or empty for no spot nodes.
	Mode string
	// Labels are on all spot nodes and on no others.
	Labels map[string]string
	// Taints of spot nodes that pods tolerate.
	Taints []Toleration
	// OnDemandFrom is the first attempt, counted from 0, that must not run on a
	// spot node; 0: none.
	OnDemandFrom int
	// Unanchored is true if no pod that may get a spot node can be protected.
	Unanchored bool
	// Notice is the time between the cloud's reclaim notice and the end of the
	// pod; 0 if unknown.
	Notice time.Duration
}

// Anchor says which pods autoscalers may not evict.
type Anchor struct {
	Mode     string        // protect, all, release, or off
	Duration time.Duration // for Karpenter; 0: no limit
	// Budget adds a PodDisruptionBudget to each Workflow.
	Budget bool
}

// cloud describes the spot nodes of one provider.
type cloud struct {
	key, value string // label
	taint      bool   // with the same key and value, effect NoSchedule
	notice     time.Duration
	// unanchored is true if the autoscaler gives no spot node to a pod that it may
	// not evict.
	unanchored bool
}

// autopilot is the mode of GKE in which the cloud manages all nodes.
const autopilot = "gke_autopilot"

// Clouds lists the providers that their labels identify, in the order of the table.
var Clouds = []string{"gke", "eks", "karpenter", "aks"}

// clouds are the known providers. Sources: GKE "Spot VMs" (a node pool may lack the
// taint, and tolerating it does no harm; the last 15 s of the 30 s notice belong
// to system pods), EKS managed node groups, Karpenter well-known labels and the
// two minutes' notice of EC2, AKS spot node pools.
var clouds = map[string]cloud{
	"gke":       {"cloud.google.com/gke-spot", "true", true, 15 * time.Second, false},
	autopilot:   {"cloud.google.com/gke-spot", "true", true, 15 * time.Second, true},
	"eks":       {"eks.amazonaws.com/capacityType", "SPOT", false, 2 * time.Minute, false},
	"karpenter": {"karpenter.sh/capacity-type", "spot", false, 2 * time.Minute, false},
	"aks":       {"kubernetes.azure.com/scalesetpriority", "spot", true, 30 * time.Second, false},
}

// spreads maps the choices of spread to node labels.
var spreads = map[string]string{"zone": "topology.kubernetes.io/zone", "node": "kubernetes.io/hostname"}

func buildSpot(s at, retry Retry) Spot {
	if !s.set() || spotMode(s) == "off" {
		return Spot{}
	}
	out := Spot{Mode: spotMode(s), Labels: stringMap(s.attr("labels"))}
	if c, known := clouds[s.attr("provider").text()]; known {
		out.Labels, out.Notice, out.Unanchored = map[string]string{c.key: c.value}, c.notice, c.unanchored
		if c.taint {
			out.Taints = append(out.Taints, Toleration{Key: c.key, Value: c.value, HasValue: true, Effect: "NoSchedule"})
		}
	}
	for _, t := range s.attr("taints").elements() {
		value := t.attr("value")
		out.Taints = append(out.Taints, Toleration{
			Key:      t.attr("key").text(),
			Value:    value.text(),
			HasValue: value.set(),
			Effect:   t.attr("effect").text(),
		})
	}
	if s.attr("fallback").set() {
		out.OnDemandFrom = int(s.attr("fallback_after").integer(int64(retry.Limit)))
	}
	return out
}

// defaultGrace is the default of Kubernetes.
const defaultGrace = 30 * time.Second

func (s Spot) grace() time.Duration {
	if s.Notice > 0 {
		return s.Notice
	}
	return defaultGrace
}

func spotMode(s at) string {
	if s.attr("fallback").set() {
		return s.attr("mode").textOr("require")
	}
	return s.attr("mode").textOr("prefer")
}

func buildAnchor(a at) Anchor {
	return Anchor{
		Mode: a.attr("mode").textOr("protect"), Duration: a.attr("duration").duration(0),
		Budget: a.attr("pod_disruption_budget").boolean(),
	}
}

// spotRules checks spot, also against retry and runner.
func (d *decoder) spotRules(root at) {
	s := root.attr("spot")
	if !s.set() || d.refusedBelow(s.path) {
		return
	}
	d.customRules(s)
	d.fallbackRules(s, root.attr("retry"), root.attr("interruptions"))
	if spotMode(s) == "off" {
		return
	}
	runner := root.attr("runner")
	labels := stringMap(s.attr("labels"))
	if c, known := clouds[s.attr("provider").text()]; known {
		labels = map[string]string{c.key: c.value}
	}
	for _, e := range runner.attr("node_selector").elements() {
		if _, clash := labels[e.key()]; clash {
			d.reportKey(diag.CodeSpot, e.path, "node_selector and spot both select nodes by the label %q. Remove it here; "+
				"spot sets it for each attempt.", e.key())
		}
	}
	for _, affinity := range []at{runner.attr("affinity"), root.attr("controller").attr("affinity")} {
		d.spotAffinity(s, affinity, labels)
	}
	d.autopilotRules(s, root.attr("anchor"), runner.attr("affinity"))
	patch := runner.attr("patch")
	if !d.usable(patch) || !patch.value.IsWhollyKnown() {
		return
	}
	own := patch.object()
	for _, field := range []string{"affinity", "nodeSelector", "nodeName"} {
		if _, there := own[field]; there {
			d.report(diag.CodeSpot, patch.path, "The patch sets %s, which spot sets for each attempt. Use the runner's "+
				"node_selector and affinity instead; spot merges its settings with them.", field)
		}
	}
}

// spotAffinity refuses an affinity that no node satisfies together with the
// conditions that spot adds to it.
func (d *decoder) spotAffinity(s, affinity at, labels map[string]string) {
	if !d.usable(affinity) || !affinity.value.IsWhollyKnown() {
		return
	}
	terms := requiredTerms(affinity.object())
	every := func(holds func(nodeTerm) bool) bool {
		return len(terms) > 0 && !slices.ContainsFunc(terms, func(t nodeTerm) bool { return !holds(t) })
	}
	key := slices.Sorted(maps.Keys(labels))
	switch {
	case every(func(t nodeTerm) bool { return t.excludes(labels) }):
		effect := "so no attempt on spot could ever get a node"
		if spotMode(s) == "prefer" {
			effect = "so spot has no effect"
		}
		d.report(diag.CodeSpot, affinity.path, "The affinity excludes all nodes with the label %s=%s, which are the spot "+
			"nodes, %s. Remove the condition from the affinity: spot sets it for each attempt.", key[0], labels[key[0]], effect)
	case s.attr("fallback").set() && every(func(t nodeTerm) bool { return t.demandsAny(labels) }):
		d.report(diag.CodeSpot, affinity.path, "The affinity requires nodes with the label %s=%s, which are the spot nodes, "+
			"so no attempt of the fallback could ever get a node. Remove the condition from the affinity: spot sets it for "+
			"each attempt.", key[0], labels[key[0]])
	}
}

// autopilotRules refuses anchors that GKE Autopilot cannot satisfy. To it, a pod that
// may not be evicted is one of extended run time, for which it has no spot nodes and
// no affinity between pods.
func (d *decoder) autopilotRules(s, anchor, affinity at) {
	mode := anchor.attr("mode")
	if s.attr("provider").text() != autopilot || !mode.value.IsKnown() || d.refusedBelow(anchor.path) {
		return
	}
	if mode.text() == "all" {
		d.report(diag.CodeSpot, mode.path, "GKE Autopilot gives no spot node to a pod that it may not evict, so an attempt "+
			"on spot would wait for ever. Set mode to \"protect\", which leaves out attempts that may run on spot nodes.")
		return
	}
	if mode.textOr("protect") != "protect" || !s.attr("fallback").set() || !d.usable(affinity) ||
		!affinity.value.IsWhollyKnown() {
		return
	}
	for _, field := range []string{"podAffinity", "podAntiAffinity"} {
		if affinity.object()[field] != nil {
			d.report(diag.CodeSpot, affinity.path, "GKE Autopilot refuses pods that have a %s and that it may not evict, as "+
				"the attempts of the fallback with anchor.mode = \"protect\". Remove the %s, or set anchor.mode to \"off\".",
				field, field)
		}
	}
}

func (d *decoder) customRules(s at) {
	provider, labels := s.attr("provider"), s.attr("labels")
	if !provider.value.IsKnown() || !labels.value.IsKnown() {
		return
	}
	switch custom := provider.text() == "custom"; {
	case custom && len(labels.elements()) == 0:
		d.report(diag.CodeSpot, provider.path, "The provider \"custom\" needs the labels of spot nodes. Set labels, for "+
			"example { \"node-pool\" = \"spot\" }.")
	case !custom && labels.set():
		d.report(diag.CodeSpot, labels.path, "The provider %q has its own label of spot nodes (%s). Remove labels, or set "+
			"provider to \"custom\".", provider.text(), clouds[provider.text()].key)
	}
}

func (d *decoder) fallbackRules(s, retry, interruptions at) {
	fallback, after, limit := s.attr("fallback"), s.attr("fallback_after"), retry.attr("limit")
	for _, a := range []at{fallback, after, limit, interruptions.attr("limit"), s.attr("mode")} {
		if !a.value.IsKnown() || d.bad[diag.FormatPath(a.path)] {
			return
		}
	}
	if !fallback.set() {
		if after.set() {
			d.report(diag.CodeSpot, after.path, "fallback_after has no effect without a fallback. Set fallback = "+
				"\"on_demand\", or remove fallback_after.")
		}
		return
	}
	most := limit.integer(4) + interruptions.attr("limit").integer(Interruptions)
	switch {
	case limit.integer(4) == 0:
		d.report(diag.CodeSpot, fallback.path, "retry.limit is 0, so no later attempt can run on demand. Raise "+
			"retry.limit, or remove fallback.")
	case after.integer(1) > most:
		d.report(diag.CodeSpot, after.path, "The last attempt of a partition is number %d (counted from 0, including "+
			"interruptions), so no attempt would run on demand. Lower fallback_after.", most)
	}
}

// Annotations of autoscalers.
const (
	SafeToEvict  = "cluster-autoscaler.kubernetes.io/safe-to-evict"
	DoNotDisrupt = "karpenter.sh/do-not-disrupt"
)

func (d *decoder) anchorRules(root at) {
	a, runner := root.attr("anchor"), root.attr("runner")
	if !runner.set() || d.refusedBelow(a.path) {
		return
	}
	mode, duration := a.attr("mode"), a.attr("duration")
	if !mode.value.IsKnown() {
		return
	}
	protects := mode.textOr("protect") == "protect" || mode.text() == "all"
	if duration.set() && !protects {
		d.report(diag.CodeSpot, duration.path, "duration has no effect in mode %q, which protects no pods. Remove it, or "+
			"set mode to \"protect\" or \"all\".", mode.text())
	}
	for _, pod := range []at{
		runner, root.attr("setup"), root.attr("teardown"), root.attr("orchestrator"), root.attr("partition").attr("query"),
	} {
		for _, e := range pod.attr("annotations").elements() {
			if a.set() && (e.key() == SafeToEvict || e.key() == DoNotDisrupt) {
				d.reportKey(diag.CodeSpot, e.path, "anchor also sets the annotation %q. Remove one of the two.", e.key())
			}
		}
	}
	if protects && runner.attr("deadline").value.IsKnown() && !runner.attr("deadline").set() {
		d.pinsNodes(a, root.attr("spot"))
	}
}

// pinsNodes warns of protected pods without a deadline if anchor or spot is set.
// Without them the warning would be noise: by default, the cluster autoscaler
// keeps the node of every Argo pod.
func (d *decoder) pinsNodes(anchor, spot at) {
	place := anchor.path
	if d.refusedBelow(spot.path) || !spot.attr("mode").value.IsKnown() || !spot.attr("fallback").value.IsKnown() {
		return
	}
	if on := spot.set() && spotMode(spot) != "off"; !anchor.set() {
		if !on {
			return
		}
		place = spot.path
	}
	if anchor.attr("mode").text() != "all" && spot.set() && spotMode(spot) == "require" && !spot.attr("fallback").set() {
		return // every attempt runs on a spot node, where it is not protected
	}
	d.warn(diag.CodeAnchorPins, place, "Autoscalers cannot remove the node of a protected pod, and the runner has no "+
		"deadline. A pod that hangs would keep its node indefinitely. Set runner.deadline to the longest time that an "+
		"attempt may take.")
}

// SpotLabel is the label of all spot nodes of a provider in Clouds.
func SpotLabel(provider string) (key, value string) {
	c := clouds[provider]
	return c.key, c.value
}
