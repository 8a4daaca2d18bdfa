// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package argo

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/manifest"
)

// Templates of the WorkflowTemplate.
const (
	TemplateShard         = "shard"          // fans out over group
	TemplateGroup         = "group"          // fans out over partition
	TemplatePartition     = "partition"      // one pod; facts by arithmetic
	TemplateShardData     = "shard-data"     // fans out over group-data
	TemplateGroupData     = "group-data"     // fans out over partition-data
	TemplatePartitionData = "partition-data" // one pod; facts from a ConfigMap
	TemplateLauncher      = "launcher"       // creates one child and waits for it
	TemplateSetup         = "setup"          // one pod, at the start of a run
	TemplateTeardown      = "teardown"       // one pod, at its end
	TemplateCanary        = "canary"         // fans out over group-data, counted by the pool
)

// Parameters of Workflows: what a run and its children hand to the templates.
// All values are decimal integers unless said otherwise.
const (
	ArgRun      = "run"      // name of the run
	ArgNumber   = "number"   // number of the run
	ArgTemplate = "template" // name of the template

	// A partition's bounds follow from these and its input i: it lies in grid
	// cell c = first + step·i, which is [origin + c·size, origin + (c+1)·size),
	// cut to [lo, hi).
	ArgOrigin = "origin"
	ArgSize   = "size"
	ArgLo     = "lo"
	ArgHi     = "hi"
	ArgFirst  = "first"
	ArgStep   = "step"

	ArgData = "data" // name of the data ConfigMap; "" in arithmetic shards

	// Only runs that start launchers have these. Their children have the width of
	// their own wave.
	ArgParallelism = "parallelism" // pods at once in all children together; may be patched
	ArgLaunchers   = "launchers"   // children at once; may be patched
	ArgWidth       = "width"       // shards of the largest wave
	ArgShard       = "shard"       // partitions of a shard; absent when nothing is launched
	ArgSegments    = "segments"    // JSON: list of the columns of expr.Formula, all strings
	// ArgShards is JSON, a list of "k g from count", or of "k g from count salt";
	// only where no formula yields them.
	ArgShards = "shards"
)

// Inputs of templates.
const (
	InI     = "i"     // of a leaf: number of the partition in its segment or data
	InFrom  = "from"  // of a fan-out: its first i
	InCount = "count" // of a fan-out: how many partitions
	InGroup = "group" // of a fan-out's group: its number
	InK     = "k"     // of a launcher: number of the shard
	InG     = "g"     // of a launcher: number of the segment, or NoSegment
	InSalt  = "salt"  // of a launcher: name of the child's only step
	InWidth = "width" // of a launcher: shards of its wave
	// InFailed is a sum of numbers, as text: partitions that failed in earlier waves.
	InFailed = "failed"
)

// NoSegment is the g of a shard whose partitions are written out.
const NoSegment = -1

// Names of the steps on the path to partitions. Some have a suffix that keeps node
// ids apart, see package lower.
const (
	StepPartitions = "partitions" // of a Workflow that runs partitions
	StepCanary     = "canary"     // of a run that has a canary
	StepShards     = "shards"     // of a run that launches, with the number of the wave from the second on
	StepThen       = "then"       // of a run with a failure budget: what comes after a wave
	StepVerdict    = "end"        // of a run that launches: fails it after its waves, if partitions failed
	StepSetup      = "setup"      // of a run with a setup
	StepTeardown   = "teardown"   // of the exit handler of a run; never given another name
)

// Controllers and this program may carry different zone data, and Go's own
// AddDate and Date do not say which of two equal wall times they mean. So a
// run carries the offsets of its zone as an argument, and pods compute their
// windows from those alone: there is nothing that could disagree, and a run
// can be read back after any of the two was updated.

// The arguments that describe calendar windows, besides those of a range:
// origin is the instant of line 0 in Unix seconds, lo and hi are instants, and
// first + step·i only numbers the cell, which lies between the lines
// line + step·i and line + step·i + 1.
const (
	ArgLine = "line"
	ArgUnit = "unit" // of size: UnitSeconds, UnitDays or UnitMonths
	ArgWall = "wall" // what clocks show at line 0
	// ArgClock lists the offsets of the zone, the latest first, as
	// "<from>/<offset>" with a blank between two, for example
	// "1774746000/+02:00 1774306800/+01:00".
	ArgClock = "clock"
)

// The units of windows.
const (
	UnitSeconds = "s"
	UnitDays    = "d"
	UnitMonths  = "mo"
)

// A partition of a product has an index, a mixed-radix number whose digits are
// the cells of the dimensions. A segment of a run is a stretch of indexes, and
// a pod computes its digits; values and boundaries it looks up in a ConfigMap
// that holds each of them once. The arguments of dimension k end in k.
const (
	// ArgStride is how many indexes one cell of the dimension takes up, and
	// ArgCount how many cells it has.
	ArgStride = "stride"
	ArgCount  = "count"
)

// A run of a query finds the bounds of its keys by itself; see package lower. It
// has these templates, steps, arguments and inputs besides those of any run.
const (
	TemplateGenerator = "generator"
	TemplateFirstWave = "found" // of the shards between the bounds
	StepQuery         = "ask"   // runs the generator
	StepFirstWave     = "go"    // checks what it wrote, and goes on

	ArgQuery  = "ask"    // QueryNumbers or QueryInstants; only in such runs
	ArgMost   = "most"   // partitions that a result may yield
	ArgFormat = "format" // how runners get instants; only with windows

	InLo    = "lo"
	InHi    = "hi"
	InWall  = "wall" // what clocks show at lo
	InTotal = "total"
)

// The kinds of bounds that a query finds.
const (
	QueryNumbers  = "numbers"
	QueryInstants = "times"
)

// OutResult is the generator's output, which it writes to ResultFile.
const (
	OutResult  = "out"
	ResultDir  = "/backfill"
	ResultFile = ResultDir + "/out"
)

// Outputs of a launcher.
const (
	OutPhase    = "phase"    // the child's phase at its end
	OutProgress = "progress" // "succeeded/all pods" of the child at its end
)

// TemplateExit is the template that a run calls as its exit handler. Argo calls it
// when everything else of the run has ended, however it ended, unless the run is
// terminated or deleted.
const TemplateExit = "exit"

// TemplateVerdict is the template of a run that launches that fails, with
// FailedForGood in its message.
const (
	TemplateVerdict = "end"
	FailedForGood   = "partitions failed for good"
)

// WorkflowInt is an expression for a parameter of the Workflow as an integer.
func WorkflowInt(name string) string { return "asInt(workflow.parameters." + name + ")" }

// InputInt is an expression for an input of the template as an integer.
func InputInt(name string) string { return "asInt(inputs.parameters." + name + ")" }

// WorkflowTag stands for a parameter of the Workflow.
func WorkflowTag(name string) string { return "{{workflow.parameters." + name + "}}" }

// InputTag stands for an input of the template.
func InputTag(name string) string { return "{{inputs.parameters." + name + "}}" }

// Tag is an expression that Argo evaluates. Text must not hold two closing
// braces side by side: the first pair ends the tag, even inside a string.
func Tag(format string, args ...any) string {
	return "{{=" + fmt.Sprintf(format, args...) + "}}"
}

// Literal is text as a string of Argo's expression language.
func Literal(text string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, `'`, `\'`, "\n", `\n`, "\r", `\r`).Replace(text) + "'"
}

// The kinds of nodes that an attempt must run on.
const (
	CapacitySpot     = "spot"
	CapacityOnDemand = "on_demand"
	CapacityAny      = "" // either
)

// AnnotationCapacity of a run says on which nodes attempts run: "spot", or
// "spot<4" and "any<4" when attempts from number 4 on run on demand.
const AnnotationCapacity = "backfill.dev/capacity"

// CapacityText is the annotation's value, for attempts that must run on spot
// nodes, or need not, before they run on demand; onDemandFrom is 0 when none does.
// It is "" when there is nothing to say.
func CapacityText(mustSpot bool, onDemandFrom int) string {
	until := ""
	if onDemandFrom > 0 {
		until = "<" + strconv.Itoa(onDemandFrom)
	}
	switch {
	case mustSpot:
		return CapacitySpot + until
	case until != "":
		return "any" + until
	}
	return ""
}

// CapacityOf reads from a run on which nodes an attempt must be. Labels of the
// nodes themselves would need rights on them, and tell nothing of nodes gone.
func CapacityOf(run manifest.Object) func(attempt int) string {
	before, until, changes := strings.Cut(run.GetAnnotations()[AnnotationCapacity], "<")
	first, err := strconv.Atoi(until)
	if before != CapacitySpot {
		before = CapacityAny
	}
	return func(attempt int) string {
		if changes && err == nil && attempt >= first {
			return CapacityOnDemand
		}
		return before
	}
}
