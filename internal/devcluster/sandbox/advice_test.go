// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package sandbox

import (
	"strings"
	"testing"
)

func TestAdviceNamesWhatToEnable(t *testing.T) {
	const other = "Any other cluster with Argo Workflows works as well: set KUBE_CONFIG_PATH to its kubeconfig."
	allowed := map[string]string{
		"user.max_user_namespaces": "15000", "kernel.unprivileged_userns_clone": "1",
		"kernel.apparmor_restrict_unprivileged_userns": "0",
	}
	for name, test := range map[string]struct {
		root    bool
		setting map[string]string
		want    string
	}{
		"Debian": {setting: map[string]string{"kernel.unprivileged_userns_clone": "0"},
			want: "or run as root:\n  sudo sysctl -w kernel.unprivileged_userns_clone=1\n"},
		"Ubuntu": {setting: map[string]string{"kernel.apparmor_restrict_unprivileged_userns": "1"},
			want: "or run as root:\n  sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0\n"},
		"hardened": {setting: map[string]string{"user.max_user_namespaces": "0"},
			want: "or run as root:\n  sudo sysctl -w user.max_user_namespaces=15000\n"},
		"no known setting": {setting: allowed, want: "Run as root, or enable unprivileged user namespaces in the kernel " +
			"(Linux 5.12 or later).\n"},
		"root in a container": {root: true, setting: allowed,
			want: "This looks like a container that may not make namespaces:"},
	} {
		got := adviceFor("operation not permitted", test.root, func(s string) string { return test.setting[s] })
		if !strings.Contains(got, test.want) || !strings.Contains(got, "operation not permitted.") ||
			!strings.HasSuffix(got, other) {
			t.Errorf("%s:\n%s", name, got)
		}
	}
}
