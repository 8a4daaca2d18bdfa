// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package lower

import (
	"github.com/terraform-backfill/terraform-provider-backfill/internal/argo"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/domain"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/job"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/plan"
)

// OnlyFindsBounds tells whether the first run of a query can do no more than find
// the bounds, because what follows depends on them in ways that a run cannot follow.
func OnlyFindsBounds(j *job.Job) bool {
	return j.Canary.Partitions > 0 || len(j.Canary.Keys) > 0 || j.Gates != (plan.Gates{}) || skipsDays(j.Query)
}

// skipsDays tells whether the calendar of a query leaves out whole windows, as
// that of Samoa, which had no 30 December 2011.
func skipsDays(q *job.Query) bool {
	if q.Kind() != domain.Instant || q.Every.Unit != domain.Day || q.Every.N > 1 {
		return false
	}
	w, _ := q.Axis(domain.Interval{Start: job.FirstAnswer.Unix(), End: job.LastAnswer.Unix()}).(domain.Windows)
	offsets := w.Offsets()
	for i := 1; i < len(offsets); i++ {
		if d := offsets[i].Seconds - offsets[i-1].Seconds; d >= 20*60*60 || d <= -20*60*60 {
			return true
		}
	}
	return false
}

// MostPartitions is how many partitions the result of a query may yield: what the query
// says, or what the shards hold that one run can start.
func MostPartitions(j *job.Job) int64 {
	shards := max(1, (maxWorkflow(j)-overhead)/bytesPerLauncher)
	return min(j.Query.MaxPartitions, int64(shards)*int64(ShardSize(j)))
}

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
	name, each := argo.RunName(j.Name, n), partitionBytes(typicalAttempts(j.Retry))
	most := maxWorkflow(j)
	run, shards := overhead+(len(p.Canary)+len(ofRun(j)))*each, p.ShardCount()
	if shards == 0 {
		return []Projection{{name, run, most}}
	}
	shard := p.Shard(0).Count * each
	if shards == 1 {
		return []Projection{{name, run + shard, most}}
	}
	return []Projection{{name, run + shards*bytesPerLauncher, most}, {argo.ChildName(name, 0), overhead + shard, most}}
}
