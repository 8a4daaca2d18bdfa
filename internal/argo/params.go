// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package argo

import "fmt"

// Templates of the WorkflowTemplate.
const (
	tmplShard         = "shard"          // fans out over group
	tmplGroup         = "group"          // fans out over partition
	tmplPartition     = "partition"      // one pod; facts by arithmetic
	tmplShardData     = "shard-data"     // fans out over group-data
	tmplGroupData     = "group-data"     // fans out over partition-data
	tmplPartitionData = "partition-data" // one pod; facts from a ConfigMap
	tmplLauncher      = "launcher"       // creates one child and waits for it
	tmplSetup         = "setup"          // one pod, at the start of a run
	tmplTeardown      = "teardown"       // one pod, at its end
	tmplCanary        = "canary"         // fans out over group-data, counted by the pool
)

// Parameters of Workflows: what a run and its children hand to the templates.
// All values are decimal integers unless said otherwise.
const (
	argRun      = "run"      // name of the run
	argNumber   = "number"   // number of the run
	argTemplate = "template" // name of the template

	// A partition's bounds follow from these and its input i: it lies in grid
	// cell c = first + step·i, which is [origin + c·size, origin + (c+1)·size),
	// cut to [lo, hi).
	argOrigin = "origin"
	argSize   = "size"
	argLo     = "lo"
	argHi     = "hi"
	argFirst  = "first"
	argStep   = "step"

	argData = "data" // name of the data ConfigMap; "" in arithmetic shards

	// Only runs that start launchers have these. Their children have the width of
	// their own wave.
	argParallelism = "parallelism" // pods at once in all children together; may be patched
	argLaunchers   = "launchers"   // children at once; may be patched
	argWidth       = "width"       // shards of the largest wave
	argShard       = "shard"       // partitions of a shard; absent when nothing is launched
	argSegments    = "segments"    // JSON: list of formula.columns, all strings
	argShards      = "shards"      // JSON: list of "k g from count", or "k g from count salt"; only without a formula
)

// Inputs of templates.
const (
	inI     = "i"     // of a leaf: number of the partition in its segment or data
	inFrom  = "from"  // of a fan-out: its first i
	inCount = "count" // of a fan-out: how many partitions
	inGroup = "group" // of a fan-out's group: its number
	inK     = "k"     // of a launcher: number of the shard
	inG     = "g"     // of a launcher: number of the segment, or noSegment
	inSalt  = "salt"  // of a launcher: name of the child's only step
	inWidth = "width" // of a launcher: shards of its wave
	// inFailed is a sum of numbers, as text: partitions that failed in earlier waves.
	inFailed = "failed"
)

// noSegment is the g of a shard whose partitions are written out.
const noSegment = -1

// workflowInt is an expression for a parameter of the Workflow as an integer;
// inputInt for an input of the template.
func workflowInt(name string) string { return "asInt(workflow.parameters." + name + ")" }
func inputInt(name string) string    { return "asInt(inputs.parameters." + name + ")" }

func workflowTag(name string) string { return "{{workflow.parameters." + name + "}}" }
func inputTag(name string) string    { return "{{inputs.parameters." + name + "}}" }

// expression is a tag that Argo evaluates. Text must not hold two closing
// braces side by side: the first pair ends the tag, even inside a string.
func expression(format string, args ...any) string {
	return "{{=" + fmt.Sprintf(format, args...) + "}}"
}
