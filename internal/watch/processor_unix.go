// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

//go:build unix

package watch

import (
	"syscall"
	"time"
)

// ProcessorTime is what the process has used.
func ProcessorTime() time.Duration {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
