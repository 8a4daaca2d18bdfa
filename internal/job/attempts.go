// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package job

import (
	"slices"

	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/diag"
)

// OOM gives an attempt more memory when the one before ran out of it.
type OOM struct {
	Factor int64
	Max    string // quantity
}

func buildOOM(o at) *OOM {
	if !o.set() {
		return nil
	}
	return &OOM{Factor: o.attr("factor").integer(2), Max: canonical(o.attr("max_memory").text())}
}

func integers(a at) []int {
	var out []int
	for _, e := range a.elements() {
		out = append(out, int(e.integer(0)))
	}
	return out
}

// exitCodeRules checks retry_on and fail_on.
func (d *decoder) exitCodeRules(r at) {
	again := integers(r.attr("retry_on"))
	for _, list := range []at{r.attr("retry_on"), r.attr("fail_on")} {
		if list.set() && list.value.LengthInt() == 0 {
			d.report(diag.CodeExitCode, list.path, "The list is empty. Name exit codes, or remove it.")
		}
		for _, e := range list.elements() {
			// 128 + 15 and 128 + 9: how a container ends that must go.
			if code := e.integer(0); d.usable(e) && (code == 143 || code == 137) {
				d.report(diag.CodeExitCode, e.path, "Exit code %d is that of a container which was told to go or killed, as when a node is reclaimed; it is always an interruption, or out of memory. Remove it.", code)
			}
		}
	}
	for _, e := range r.attr("fail_on").elements() {
		if d.usable(e) && slices.Contains(again, int(e.integer(0))) {
			d.report(diag.CodeExitCode, e.path, "Exit code %d is in retry_on too. Keep one of the two.", e.integer(0))
		}
	}
	if limit := r.attr("limit"); limit.set() && d.usable(limit) && limit.integer(4) == 0 && r.attr("retry_on").set() {
		d.report(diag.CodeExitCode, r.attr("retry_on").path, "retry.limit is 0, so nothing is tried again for its exit code. Raise limit, or remove retry_on.")
	}
}

// oomRules checks oom against the memory of the runner and the retries.
func (d *decoder) oomRules(root at) {
	o, resources, limit := root.attr("oom"), root.attr("runner").attr("resources"), root.attr("retry").attr("limit")
	if !o.set() || d.refusedBelow(o.path) || !resources.value.IsWhollyKnown() || d.refusedBelow(resources.path) || !limit.value.IsKnown() || !o.value.IsWhollyKnown() {
		return
	}
	if version := root.attr("argo_version"); d.usable(version) && !boundsBackoff(version.text()) {
		d.report(diag.CodeArgoVersion, o.path, "Argo %s does not tell an attempt how the one before it ended, which came with 3.7, so the memory cannot depend on it. Remove oom, or run Argo 3.7 or later.", version.text())
		return
	}
	if limit.integer(4) == 0 {
		d.report(diag.CodeOOM, o.path, "retry.limit is 0, so there is no later attempt that could get more memory. Raise retry.limit, or remove oom.")
		return
	}
	var limits map[string]string
	if resources.set() {
		_, limits = resourceMaps(resources)
	}
	memory, ok := limits["memory"]
	if !ok {
		d.report(diag.CodeOOM, o.path, "The runner has no memory limit that could be raised. Set runner.resources.memory.")
		return
	}
	most := o.attr("max_memory")
	if q := resource.MustParse(most.text()); q.Cmp(resource.MustParse(memory)) <= 0 {
		d.report(diag.CodeOOM, most.path, "max_memory is %s, and the runner has %s from the start, so an attempt would never get more. Raise max_memory.", most.text(), memory)
	}
}
