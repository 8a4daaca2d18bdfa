// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package job

import (
	"maps"
	"math"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/diag"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/domain"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/late"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/plan"
)

// build makes the job from a valid value. A test compares the defaults here with
// those in the table.
func build(root at, dom domain.Domain) *Job {
	j := &Job{
		Name:        root.attr("name").text(),
		Namespace:   root.attr("namespace").textOr("default"),
		Reason:      root.attr("reason").text(),
		Target:      root.attr("target").text(),
		Labels:      stringMap(root.attr("labels")),
		Domain:      dom,
		Query:       buildQuery(root.attr("partition").attr("query")),
		Order:       plan.Order(root.attr("partition").attr("order").textOr(string(plan.OldestFirst))),
		Runner:      buildRunner(root.attr("runner")),
		MaxParallel: int(root.attr("max_parallel").integer(10)),
		Pool:        root.attr("pool").text(),
		ShardSize:   int(root.attr("shard_size").integer(500)),
		Canary:      buildCanary(root.attr("canary")),
		Waves:       buildWaves(root),
		RampUp:      root.attr("wave").attr("ramp_up").boolean(),
		Controller:  buildController(root.attr("controller")),
		Gates:       plan.Gates{Canary: manual(root.attr("canary")), Waves: manual(root.attr("wave"))},
		Budget:      buildBudget(root.attr("failure_budget")),
		Retry:       buildRetry(root.attr("retry")),
		ArgoVersion: root.attr("argo_version").textOr(defaultArgo),
		InstanceID:  root.attr("instance_id").text(),
		Argo:        buildOverrides(root.attr("argo")),
		OOM:         buildOOM(root.attr("oom")),
		Anchor:      buildAnchor(root.attr("anchor")),
		Spread:      spreads[root.attr("spread").text()],
		Limits:      buildLimits(root.attr("limits")),
	}
	placeBesides(root, j)
	j.MaxPending = root.attr("spot").attr("max_pending").duration(MaxPending)
	j.Retry.Interruptions = int(root.attr("interruptions").attr("limit").integer(Interruptions))
	j.Spot = buildSpot(root.attr("spot"), j.Retry)
	j.Runner.Grace = root.attr("runner").attr("grace_period").duration(j.Spot.grace())
	return j
}

func buildController(c at) Controller {
	return Controller{
		PodsPerSecond:   int(c.attr("pods_per_second").integer(10)),
		MaxWorkflowSize: int(c.attr("max_workflow_size").integer(1 << 20)),
		MaxWorkflows:    int(c.attr("max_workflows").integer(0)),
		Tolerations:     buildTolerations(c.attr("tolerations")),
		NodeSelector:    stringMap(c.attr("node_selector")),
		Affinity:        c.attr("affinity").object(),
	}
}

func buildRetry(r at) Retry {
	return Retry{
		Limit:      int(r.attr("limit").integer(4)),
		Backoff:    r.attr("backoff").duration(30 * time.Second),
		Factor:     int(r.attr("factor").integer(2)),
		MaxBackoff: r.attr("max_backoff").duration(10 * time.Minute),
		RetryOn:    integers(r.attr("retry_on")),
		FailOn:     integers(r.attr("fail_on")),
	}
}

// retryRules checks the rules that span the attributes of retry.
func (d *decoder) retryRules(r at) {
	first, most := r.attr("backoff"), r.attr("max_backoff")
	if !first.value.IsKnown() || !most.value.IsKnown() || d.bad[diag.FormatPath(first.path)] ||
		d.bad[diag.FormatPath(most.path)] {
		return
	}
	rule := buildRetry(r)
	if rule.MaxBackoff >= rule.Backoff {
		return
	}
	where := most.path
	if !most.set() {
		where = first.path
	}
	d.report(diag.CodeRetryBackoff, where, "max_backoff is %s (default 10m), shorter than backoff, %s. Raise "+
		"max_backoff or lower backoff.", DurationText(rule.MaxBackoff), DurationText(rule.Backoff))
}

// defaultArgo is the version of Argo Workflows that is tested on a controller.
const defaultArgo = "3.7"

func boundsBackoff(version string) bool { return version != "3.5" && version != "3.6" }

// versionRules reports settings that the job's version of Argo does not support.
func (d *decoder) versionRules(root at) {
	version, retry, interruptions := root.attr("argo_version"), root.attr("retry"),
		root.attr("interruptions").attr("limit")
	if !interruptions.value.IsKnown() || d.bad[diag.FormatPath(interruptions.path)] || !version.value.IsKnown() ||
		!retry.value.IsKnown() || d.bad[diag.FormatPath(version.path)] || d.refusedBelow(retry.path) {
		return
	}
	for _, name := range []string{"limit", "backoff", "factor", "max_backoff"} {
		if !retry.attr(name).value.IsKnown() {
			return
		}
	}
	argo, rule := version.textOr(defaultArgo), buildRetry(retry)
	if boundsBackoff(argo) || rule.Factor == 1 {
		return
	}
	attempts := rule.Limit + int(interruptions.integer(Interruptions))
	wait := float64(rule.Backoff) * math.Pow(float64(rule.Factor), float64(attempts-1))
	if wait <= float64(rule.MaxBackoff) {
		return
	}
	d.report(diag.CodeArgoVersion, version.path, "Argo %s has no upper bound for the wait between attempts, and the "+
		"wait is multiplied by %d each time. After %d attempts, including interrupted ones, it would be much longer than "+
		"max_backoff, %s. Set retry.factor to 1, or use Argo 3.7 or later.", argo, rule.Factor, attempts,
		DurationText(rule.MaxBackoff))
}

// DurationText writes a duration as the language does: 10m instead of Go's 10m0s.
func DurationText(d time.Duration) string {
	s := d.String()
	if d%time.Minute == 0 {
		s = s[:len(s)-len("0s")]
	}
	if d%time.Hour == 0 {
		s = s[:len(s)-len("0m")]
	}
	return s
}

// resourceMaps spreads cpu and memory over requests and limits; the explicit
// maps override. Quantities come in Kubernetes' canonical form, so that what
// is sent equals what is read back.
func resourceMaps(r at) (requests, limits map[string]string) {
	requests, limits = map[string]string{}, map[string]string{}
	if cpu := r.attr("cpu"); cpu.set() {
		requests["cpu"] = canonical(cpu.text())
	}
	if memory := r.attr("memory"); memory.set() {
		requests["memory"] = canonical(memory.text())
		limits["memory"] = canonical(memory.text())
	}
	for _, e := range r.attr("requests").elements() {
		requests[e.key()] = canonical(e.textOr(""))
	}
	for _, e := range r.attr("limits").elements() {
		limits[e.key()] = canonical(e.textOr(""))
	}
	return requests, limits
}

func canonical(quantity string) string {
	q, err := resource.ParseQuantity(quantity)
	if err != nil {
		return quantity // already reported
	}
	return q.String()
}

func stringMap(a at) map[string]string {
	out := map[string]string{}
	for _, e := range a.elements() {
		out[e.key()] = e.text()
	}
	return out
}

func texts(a at) []Text {
	var out []Text
	for _, e := range a.elements() {
		out = append(out, parsed(e))
	}
	return out
}

// parsed reads a valid text.
func parsed(a at) Text {
	t, err := late.Parse(a.text())
	if err != nil {
		panic("job: malformed text passed validation: " + err.Error())
	}
	return t
}

func sortedNames(m map[string]string) []string { return slices.Sorted(maps.Keys(m)) }

func sortedAny(m map[string]any) []string { return slices.Sorted(maps.Keys(m)) }
