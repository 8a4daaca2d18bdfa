// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package cli

import (
	"fmt"
	"runtime"
)

type versionCmd struct{}

// Run prints one line.
func (versionCmd) Run(a *app) error {
	fmt.Fprintf(a.Stdout, "%s %s (%s, %s/%s)\n", a.Name, a.Version, runtime.Version(), runtime.GOOS, runtime.GOARCH)
	return nil
}
