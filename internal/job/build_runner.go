// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package job

// shell runs a script for which no command was given.
var shell = []Text{{{Literal: "sh"}}, {{Literal: "-c"}}}

func buildRunner(r at) Runner {
	requests, limits := resourceMaps(r.attr("resources"))
	out := Runner{
		Image:          r.attr("image").text(),
		Command:        buildCommand(r),
		Args:           texts(r.attr("args")),
		WorkingDir:     r.attr("working_dir").text(),
		Requests:       requests,
		Limits:         limits,
		Deadline:       r.attr("deadline").duration(0),
		ServiceAccount: r.attr("service_account").text(),
		PullSecrets:    plainTexts(r.attr("image_pull_secrets")),
		Security:       buildSecurity(r.attr("security_context")),
		NodeSelector:   stringMap(r.attr("node_selector")),
		Affinity:       r.attr("affinity").object(),
		Patch:          r.attr("patch").object(),
		PriorityClass:  r.attr("priority_class").text(),
		Labels:         stringMap(r.attr("labels")),
		Annotations:    stringMap(r.attr("annotations")),
	}
	buildEnvironment(r, &out)
	for _, v := range r.attr("volumes").elements() {
		out.Volumes = append(out.Volumes, buildVolume(v))
	}
	out.Tolerations = buildTolerations(r.attr("tolerations"))
	out.Windows = onWindows(out.NodeSelector, out.Affinity, out.Patch)
	return out
}

func buildTolerations(list at) []Toleration {
	var out []Toleration
	for _, t := range list.elements() {
		value := t.attr("value")
		out = append(out, Toleration{
			Key: t.attr("key").text(), Value: value.text(), HasValue: value.set(),
			Effect: t.attr("effect").text(), Seconds: t.attr("seconds").optional(),
		})
	}
	return out
}

// buildEnvironment reads the variables of a container.
func buildEnvironment(r at, out *Runner) {
	for _, e := range r.attr("env").elements() {
		out.Env = append(out.Env, EnvVar{Name: e.key(), Text: parsed(e)})
	}
	for _, e := range r.attr("secret_env").elements() {
		out.SecretEnv = append(out.SecretEnv, SecretEnvVar{
			Name:   e.key(),
			Secret: e.attr("secret").text(),
			Key:    e.attr("key").text(),
		})
	}
	for _, e := range r.attr("config_env").elements() {
		out.ConfigEnv = append(out.ConfigEnv, ConfigEnvVar{
			Name:      e.key(),
			ConfigMap: e.attr("config_map").text(),
			Key:       e.attr("key").text(),
		})
	}
	for _, e := range r.attr("env_from").elements() {
		out.EnvFrom = append(out.EnvFrom, EnvSource{
			ConfigMap: e.attr("config_map").text(),
			Secret:    e.attr("secret").text(),
			Prefix:    e.attr("prefix").text(),
		})
	}
}

// buildOnce is a container that runs once per run, beside the runner; nil if there
// is none.
func buildOnce(r at, runner Runner) *Runner {
	if !r.set() {
		return nil
	}
	out := buildRunner(r)
	out.Grace = r.attr("grace_period").duration(0)
	out.follow(r, runner)
	return &out
}

// buildCommand appends the script. References in the script are not resolved.
func buildCommand(r at) []Text {
	command := texts(r.attr("command"))
	script := r.attr("script")
	if !script.set() {
		return command
	}
	if len(command) == 0 {
		command = append(command, shell...)
	}
	return append(command, Text{{Literal: script.text()}})
}

func buildVolume(v at) Volume {
	out := Volume{
		Name: v.attr("name").text(), MountPath: v.attr("mount_path").text(), SubPath: v.attr("sub_path").text(),
		ReadOnly: v.attr("read_only").boolean(), HostPath: v.attr("host_path").text(),
		ConfigMap: v.attr("config_map").text(), Secret: v.attr("secret").text(), Claim: v.attr("claim").text(),
	}
	if e := v.attr("empty_dir"); e.set() {
		out.EmptyDir = &EmptyDir{Memory: e.attr("memory").boolean()}
		if limit := e.attr("size_limit"); limit.set() {
			out.EmptyDir.SizeLimit = canonical(limit.text())
		}
	}
	return out
}

// buildSecurity reads the security context of a container and its pod.
func buildSecurity(s at) Security {
	out := containerSecurity(s)
	out.FSGroup = s.attr("fs_group").optional()
	return out
}

func containerSecurity(s at) Security {
	return Security{
		RunAsUser: s.attr("run_as_user").optional(), RunAsGroup: s.attr("run_as_group").optional(),
		NonRoot: s.attr("run_as_non_root").boolean(), ReadOnlyRoot: s.attr("read_only_root").boolean(),
		AllowPrivilegeEscalation: s.attr("allow_privilege_escalation").boolean(),
		Unconfined:               s.attr("seccomp").text() == "unconfined",
		DropCapabilities:         plainTexts(s.attr("drop_capabilities")),
	}
}

// optional is the value of an Int, or nil when it is not set.
func (a at) optional() *int64 {
	if !a.set() {
		return nil
	}
	i := a.integer(0)
	return &i
}

func plainTexts(a at) []string {
	var out []string
	for _, e := range a.elements() {
		out = append(out, e.text())
	}
	return out
}
