// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package job

import (
	"maps"
	"slices"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/diag"
)

// The label of a node's operating system, and its value for Windows. A pod's field
// os takes the same value.
const (
	osLabel = "kubernetes.io/os"
	windows = "windows"
)

// onWindows tells whether a pod says that it runs on Windows nodes alone. Its
// security fields for Linux are then left out: the API server refuses them beside
// the field os, and on the node they have no meaning.
func onWindows(selector map[string]string, affinity, patch map[string]any) bool {
	os, _ := patch["os"].(map[string]any)
	patched, _ := patch["nodeSelector"].(map[string]any)
	if selector[osLabel] == windows || patched[osLabel] == windows || os["name"] == windows {
		return true
	}
	terms := requiredTerms(affinity)
	for _, term := range terms {
		if !term.demands(osLabel, windows) {
			return false
		}
	}
	return len(terms) > 0
}

// linuxFields are the attributes of a security context without a meaning on Windows.
var linuxFields = []string{
	"run_as_user", "run_as_group", "fs_group", "read_only_root", "allow_privilege_escalation", "seccomp",
	"drop_capabilities",
}

// windowsRules refuses what containers on Windows nodes cannot have. Those beside the
// runner follow its node selector.
func (d *decoder) windowsRules(root at) {
	runner := root.attr("runner")
	containers := map[string]at{
		"runner": runner, "setup": root.attr("setup"), "teardown": root.attr("teardown"),
		"query": root.attr("partition").attr("query"),
	}
	for _, name := range slices.Sorted(maps.Keys(containers)) {
		r := containers[name]
		selector := r.attr("node_selector")
		if selector.value.IsNull() {
			selector = runner.attr("node_selector")
		}
		places := []at{selector}
		var affinity, patch map[string]any
		if name != "query" { // has neither
			places = append(places, r.attr("affinity"), r.attr("patch"))
		}
		known := func(a at) bool { return a.value.IsWhollyKnown() && !d.refusedBelow(a.path) }
		if !r.set() || slices.ContainsFunc(places, func(a at) bool { return !known(a) }) {
			continue
		}
		if name != "query" {
			affinity, patch = places[1].object(), places[2].object()
		}
		if onWindows(stringMap(selector), affinity, patch) {
			d.linuxOnly(r)
		}
	}
}

func (d *decoder) linuxOnly(r at) {
	for _, name := range linuxFields {
		if a := r.attr("security_context").attr(name); a.set() {
			d.report(diag.CodeWindows, a.path, "The pod runs on Windows nodes, where %q has no effect, and the API server may "+
				"refuse the pod for it. Remove it. What Windows has instead is securityContext.windowsOptions, which patch sets.",
				name)
		}
	}
	if script, command := r.attr("script"), r.attr("command"); script.set() && command.value.IsKnown() && !command.set() {
		d.report(diag.CodeWindows, script.path, "The pod runs on Windows nodes, which have no sh, the default for scripts. "+
			"Set command to the program that runs the script, for example [\"powershell\", \"-Command\"].")
	}
}
