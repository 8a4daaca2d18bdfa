// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package diag

import "fmt"

// OpenBounds is the detail of CodeOpenBounds for a job.
func OpenBounds(job string) string {
	return fmt.Sprintf("The bounds of job %q come from its query, so its partitions are known at run time only. After "+
		"a run has found them, the state and \"status %s\" show them.", job, job)
}
