// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

//go:build !unix

package watch

import "time"

var started = time.Now()

// ProcessorTime is the clock, where the system does not tell what the process has
// used.
func ProcessorTime() time.Duration { return time.Since(started) }
