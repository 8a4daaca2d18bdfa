// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package lifecycle

import (
	"fmt"
	"strings"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/devcluster/controlplane"
)

// Access says how to reach a cluster: the path of its kubeconfig, and the lines
// that point kubectl and Terraform to it.
func Access(l controlplane.Layout) string {
	path := l.Kubeconfig()
	return fmt.Sprintf("kubeconfig: %s\n\nexport KUBECONFIG=%s\nexport KUBE_CONFIG_PATH=%s\n",
		path, shellQuote(path), shellQuote(path))
}

// shellQuote leaves plain paths alone and quotes the others for a POSIX shell.
func shellQuote(s string) string {
	const plain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._-+:@"
	if strings.Trim(s, plain) == "" {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}
