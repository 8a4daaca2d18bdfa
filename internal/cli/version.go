// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package cli

import (
	"runtime"
)

type versionCmd struct{}

// Run prints one line.
func (versionCmd) Run(a *app) error {
	a.results.Linef("%s %s (%s, %s/%s)", a.Name, a.Version, runtime.Version(), runtime.GOOS, runtime.GOARCH)
	return nil
}
