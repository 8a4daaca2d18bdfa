// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package job

import (
	"slices"

	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/diag"
)

// OOM gives an attempt more memory if the previous attempt ran out of memory.
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
			d.report(diag.CodeExitCode, list.path, "The list is empty. Add exit codes, or remove it.")
		}
		for _, e := range list.elements() {
			// 128 + SIGTERM and 128 + SIGKILL: the container was terminated.
			if code := e.integer(0); d.usable(e) && (code == 143 || code == 137) {
				d.report(diag.CodeExitCode, e.path, "Exit code %d means that the container was terminated or killed, for "+
					"example because its node was reclaimed. It always counts as an interruption or as out of memory. Remove it.",
					code)
			}
		}
	}
	for _, e := range r.attr("fail_on").elements() {
		if d.usable(e) && slices.Contains(again, int(e.integer(0))) {
			d.report(diag.CodeExitCode, e.path, "Exit code %d is also in retry_on. Remove it from one of the two.", e.integer(0))
		}
	}
	if limit := r.attr("limit"); limit.set() && d.usable(limit) && limit.integer(4) == 0 && r.attr("retry_on").set() {
		d.report(diag.CodeExitCode, r.attr("retry_on").path, "retry.limit is 0, so no exit code is retried. Raise limit, "+
			"or remove retry_on.")
	}
}

// oomRules checks oom against the memory of the runner and the retries.
func (d *decoder) oomRules(root at) {
	o, resources, limit := root.attr("oom"), root.attr("runner").attr("resources"), root.attr("retry").attr("limit")
	if !o.set() || d.refusedBelow(o.path) || !resources.value.IsWhollyKnown() || d.refusedBelow(resources.path) ||
		!limit.value.IsKnown() || !o.value.IsWhollyKnown() {
		return
	}
	if version := root.attr("argo_version"); d.usable(version) && !boundsBackoff(version.text()) {
		d.report(diag.CodeArgoVersion, o.path, "oom needs to know how the previous attempt ended, and Argo %s does not "+
			"provide that. Remove oom, or use Argo 3.7 or later.", version.text())
		return
	}
	if limit.integer(4) == 0 {
		d.report(diag.CodeOOM, o.path, "retry.limit is 0, so no later attempt can get more memory. Raise retry.limit, or "+
			"remove oom.")
		return
	}
	var limits map[string]string
	if resources.set() {
		_, limits = resourceMaps(resources)
	}
	memory, ok := limits["memory"]
	if !ok {
		d.report(diag.CodeOOM, o.path, "The runner has no memory limit to raise. Set runner.resources.memory.")
		return
	}
	most := o.attr("max_memory")
	if q := resource.MustParse(most.text()); q.Cmp(resource.MustParse(memory)) <= 0 {
		d.report(diag.CodeOOM, most.path, "max_memory is %s and the first attempt already has %s, so no attempt would get "+
			"more. Raise max_memory.", most.text(), memory)
	}
}
