// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package argo

import (
	"github.com/terraform-backfill/terraform-provider-backfill/internal/job"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/plan"
)

// MaxWorkflow is the size in bytes, as JSON, above which Argo fails a Workflow
// whose node statuses it has compressed. It is the default of the controller's
// MAX_WORKFLOW_SIZE, and a little below etcd's own limit.
const MaxWorkflow = 1 << 20

// maxWorkflow is the same for a job, which may declare another one.
func maxWorkflow(j *job.Job) int {
	if n := j.Controller.MaxWorkflowSize; n > 0 {
		return n
	}
	return MaxWorkflow
}

// bytesPerLauncher is the compressed status of a launcher, retried once, with
// its inputs and outputs. Launchers are hardly ever retried.
const bytesPerLauncher = 400

// partitionBytes is the compressed status of one partition that took that many
// attempts, with its share of a group's, gzip and base64 included. The formula was fitted to statuses as
// Argo 3.7 writes them, with names of 27 characters, times at random, and in
// every attempt a message of 256 bytes of running text with other numbers in
// it each time. The square is there because Argo sorts nodes by their hashed
// names, so that what belongs together ends up far apart and compresses worse
// the more there is. A test compares formula and statuses.
func partitionBytes(attempts int) int { return 116 + 117*attempts + 4*attempts*attempts }

// typicalAttempts is what every single partition of a shard is taken to need
// at worst: all attempts that its own failures allow, as when the runner is
// broken, and half of the interruptions that it may suffer. Interruptions come
// one by one; that each partition of a shard has ten of them does not happen.
func typicalAttempts(r job.Retry) int { return attempts(r) - r.Interruptions/2 }

// ShardSize is the number of partitions in the shards of a job: what it asks
// for, or as many as keep the status of a child below MaxWorkflow.
func ShardSize(j *job.Job) int {
	return max(1, min(j.ShardSize, (maxWorkflow(j)-overhead)/partitionBytes(typicalAttempts(j.Retry))))
}

// overhead is what a Workflow holds besides node statuses: its spec, and the
// templates that Argo stores in the status, each up to 100 kB.
const overhead = 200_000

// Projection is how large a Workflow may become.
type Projection struct {
	Workflow string
	// Bytes is spec and status, node statuses compressed, and Most what the
	// controller takes.
	Bytes, Most int
}

// Project projects the largest Workflows of run number n: the run, and its
// first child if it launches any.
func Project(j *job.Job, p plan.Plan, n int) []Projection {
	if p.Partitions == 0 {
		return nil
	}
	name, each := RunName(j.Name, n), partitionBytes(typicalAttempts(j.Retry))
	most := maxWorkflow(j)
	run, shards := overhead+(len(p.Canary)+len(ofRun(j)))*each, p.ShardCount()
	if shards == 0 {
		return []Projection{{name, run, most}}
	}
	shard := p.Shard(0).Count * each
	if shards == 1 {
		return []Projection{{name, run + shard, most}}
	}
	return []Projection{{name, run + shards*bytesPerLauncher, most}, {childName(name, 0), overhead + shard, most}}
}
