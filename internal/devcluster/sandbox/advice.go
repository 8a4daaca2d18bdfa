// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package sandbox

import (
	"fmt"
	"os"
	"strings"
)

// namespaceSettings are the kernel settings that can forbid unprivileged user namespaces, and the values that allow
// them. The second is Debian's, the third Ubuntu's.
var namespaceSettings = []struct{ name, forbids, allows string }{
	{"user.max_user_namespaces", "0", "15000"},
	{"kernel.unprivileged_userns_clone", "0", "1"},
	{"kernel.apparmor_restrict_unprivileged_userns", "1", "0"},
}

// advice says why containers cannot be started and what to do about it.
func advice(cause string) string {
	return adviceFor(cause, os.Geteuid() == 0 && os.Getenv(insideMarker) == "", sysctl)
}

func adviceFor(cause string, root bool, sysctl func(name string) string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "containers cannot be started on this machine: %s.\n", cause)
	var commands []string
	for _, s := range namespaceSettings {
		if sysctl(s.name) == s.forbids {
			commands = append(commands, fmt.Sprintf("  sudo sysctl -w %s=%s\n", s.name, s.allows))
		}
	}
	switch {
	case root:
		b.WriteString(
			"This looks like a container that may not make namespaces: start it privileged, or with CAP_SYS_ADMIN and a " +
				"seccomp profile that allows unshare and mount.\n",
		)
	case len(commands) > 0:
		b.WriteString("Enable unprivileged user namespaces, or run as root:\n" + strings.Join(commands, ""))
	default:
		b.WriteString("Run as root, or enable unprivileged user namespaces in the kernel (Linux 5.12 or later).\n")
	}
	b.WriteString("Any other cluster with Argo Workflows works as well: set KUBE_CONFIG_PATH to its kubeconfig.")
	return b.String()
}

func sysctl(name string) string {
	raw, err := os.ReadFile("/proc/sys/" + strings.ReplaceAll(name, ".", "/"))
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(raw))
}
