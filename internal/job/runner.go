// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package job

import (
	"errors"
	"path"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/diag"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/domain"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/late"
)

// runnerRules checks the rules that span the attributes of the runner. Its texts
// may refer to the partition.
func (d *decoder) runnerRules(root at) {
	d.containerRules(root, "runner", references(shape(root.attr("partition"))))
}

// containerRules checks a container and its pod. Its texts may use the references
// in known.
func (d *decoder) containerRules(root at, what string, known []string) {
	r, argoexec := root.attr(what), root.attr("argoexec")
	if !r.set() {
		return
	}
	d.commandRules(r, what)
	for _, name := range []string{"command", "args", "env"} {
		for _, e := range r.attr(name).elements() {
			d.lateText(e, known)
		}
	}
	d.environmentRules(r)
	d.resourceRules(r.attr("resources"))
	d.volumeRules(r.attr("volumes"))
	d.tolerationRules(r.attr("tolerations"))
	d.argoexecClash(r, argoexec)
}

func (d *decoder) tolerationRules(list at) {
	for _, t := range list.elements() {
		if s, effect := t.attr("seconds"), t.attr("effect"); d.usable(s) && effect.value.IsKnown() &&
			effect.text() != "NoExecute" {
			d.report(diag.CodeChoice, s.path, "\"seconds\" applies to the effect \"NoExecute\" only. Set that effect, or "+
				"remove seconds.")
		}
		if key, value := t.attr("key"), t.attr("value"); value.set() && key.value.IsKnown() && key.value.IsNull() {
			d.report(diag.CodeMissingAttr, value.path, "A toleration with a value needs the key of the taint. Set key, or "+
				"remove value.")
		}
	}
}

// maxScript limits a script, which becomes one argument of a process. Linux allows
// at most 128 KiB, and the template contains the script twice escaped.
const maxScript = 64 << 10

func (d *decoder) commandRules(r at, what string) {
	command, script := r.attr("command"), r.attr("script")
	if !command.value.IsKnown() || !script.value.IsKnown() {
		return
	}
	if s := script.text(); len(s) > maxScript {
		d.report(diag.CodeText, script.path, "The script has %d bytes; the maximum is %d. Put it in the image, or mount "+
			"it from a ConfigMap.", len(s), maxScript)
	}
	switch {
	case command.set() && command.value.LengthInt() == 0:
		d.report(diag.CodeNoCommand, command.path, "The command is empty. Argo starts the container through a wrapper and "+
			"does not read the entrypoint from the image. Set command to the program to run.")
	case !command.set() && !script.set():
		d.report(diag.CodeNoCommand, command.path, "The %s has no command and no script. Argo starts the container "+
			"through a wrapper and does not read the entrypoint from the image. Set command to the program to run.", what)
	case script.set() && script.text() == "":
		d.report(diag.CodeText, script.path, "The script is empty. Write it, or remove the attribute.")
	}
}

// environmentRules reports variables that are set twice.
func (d *decoder) environmentRules(r at) {
	first := map[string]string{}
	for _, kind := range []string{"env", "secret_env", "config_env"} {
		for _, e := range r.attr(kind).elements() {
			if other, twice := first[e.key()]; twice {
				d.reportKey(diag.CodeClash, e.path, "The environment variable %q is also set in %s. Remove one of the two.",
					e.key(), other)
				continue
			}
			first[e.key()] = kind
		}
	}
	for _, e := range r.attr("env_from").elements() {
		if e.set() {
			d.kind(e, "source of variables", diag.CodeNoSource, diag.CodeTwoSources, "config_map", "secret")
		}
	}
}

// references lists the references that texts of the job may use. Those below
// partition are nil while the domain is unknown.
func references(dom domain.Domain) []string {
	if len(dom.Dimensions) == 0 {
		return nil
	}
	var out []string
	for _, name := range dom.FactNames() {
		out = append(out, "partition."+name)
	}
	return append(out, referencesOfAll...)
}

// referencesOfAll are those that do not concern the partition.
var referencesOfAll = []string{"job.name", "run.name", "attempt"}

func (d *decoder) lateText(e at, known []string) {
	if !d.usable(e) {
		return
	}
	text, err := late.Parse(e.text())
	var bad *late.MalformedError
	if errors.As(err, &bad) {
		d.report(diag.CodeLateMalformed, e.path, "%q is not a valid reference. Write the name only, such as "+
			"${partition.start}. For literal text, add another $ in front.", bad.Excerpt)
		return
	}
	for _, ref := range text.Refs() {
		if known == nil && strings.HasPrefix(ref, "partition.") || slices.Contains(known, ref) {
			continue
		}
		if known == nil && slices.Contains(referencesOfAll, ref) {
			continue
		}
		advice := diag.DidYouMean(ref, known)
		if isBound(ref) && slices.Contains(known, "partition.key") && !slices.Contains(known, "partition.start") {
			advice = " Partitions from a list or from dimensions have no start and end."
		}
		if strings.HasPrefix(ref, "partition.") && slices.Equal(known, referencesOfAll) {
			advice = " This container runs once per run, not once per partition."
		}
		d.report(diag.CodeLateUnknown, e.path, "There is no %q.%s Valid references in this job are %s.", ref, advice,
			diag.List(known, true))
	}
}

func isBound(ref string) bool { return ref == "partition.start" || ref == "partition.end" }

func (d *decoder) resourceRules(r at) {
	if !r.set() || !r.value.IsWhollyKnown() || d.refusedBelow(r.path) {
		return
	}
	requests, limits := resourceMaps(r)
	for _, name := range sortedNames(limits) {
		request, ok := requests[name]
		if !ok {
			continue
		}
		if q := resource.MustParse(limits[name]); q.Cmp(resource.MustParse(request)) < 0 {
			d.report(diag.CodeLimitBelow, r.attr("limits").path, "The limit of %s, %s, is lower than its request, %s. Raise "+
				"the limit or lower the request.", name, limits[name], request)
		}
	}
}

// mountsOfArgo are paths that Argo's executor mounts into every container.
var mountsOfArgo = []string{"/var/run/argo", "/argo"}

// volumesOfArgo are names of volumes that Argo adds to pods.
var volumesOfArgo = []string{"var-run-argo", "tmp-dir-argo", "input-artifacts", "argo-staging", "argo-env-config"}

func (d *decoder) volumeRules(l at) {
	names, mounts := map[string]int{}, map[string]int{}
	for i, v := range l.elements() {
		if name := v.attr("name"); v.set() && d.usable(name) {
			if first, twice := names[name.text()]; twice {
				d.report(diag.CodeClash, name.path, "Volumes %d and %d are both called %q. Rename one of the two.", first+1, i+1,
					name.text())
			} else {
				names[name.text()] = i
			}
			if slices.Contains(volumesOfArgo, name.text()) || strings.HasPrefix(name.text(), "backfill-") {
				d.report(diag.CodeReserved, name.path, "The volume name %q is reserved for Argo or the provider. Choose another "+
					"name.", name.text())
			}
		}
		if v.set() {
			d.kind(v, "volume", diag.CodeNoSource, diag.CodeTwoSources, "host_path", "empty_dir", "config_map", "secret",
				"claim")
		}
		if mount := v.attr("mount_path"); v.set() && d.usable(mount) {
			d.mountRules(mount, i, mounts)
		}
	}
}

func (d *decoder) mountRules(mount at, i int, mounts map[string]int) {
	clean := path.Clean(mount.text())
	if first, twice := mounts[clean]; twice {
		d.report(diag.CodeClash, mount.path, "Volumes %d and %d are both mounted at %q. Mount one of the two elsewhere.",
			first+1, i+1, clean)
	} else {
		mounts[clean] = i
	}
	for _, reserved := range append([]string{"/backfill"}, mountsOfArgo...) {
		if clean == reserved || strings.HasPrefix(clean, reserved+"/") || strings.HasPrefix(reserved, clean+"/") &&
			clean != "/var" {
			d.report(diag.CodeReserved, mount.path, "%q overlaps with %s, which Argo or the provider mounts. Mount the "+
				"volume elsewhere.", clean, reserved)
		}
	}
}
