// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

//go:build !unix

package lang

import "time"

var started = time.Now()

// processorTime is the clock, where the system does not tell what the process has
// used.
func processorTime() time.Duration { return time.Since(started) }
