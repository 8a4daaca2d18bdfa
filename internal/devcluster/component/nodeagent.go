// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package component

import (
	"fmt"
	_ "github.com/virtual-kubelet/virtual-kubelet/node"
	"os"
)

func runNodeAgent(args []string) int {
	fmt.Fprintln(os.Stderr, "node-agent: not built in yet")
	return 1
}
