// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package argo

import (
	"maps"
	"strconv"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/manifest"
)

// maxLaunchers bounds the pods that only wait.
const maxLaunchers = 25

// Every shard that runs costs the controller something at each look, and more
// when its pods are spread over more groups (see groupSize). So few shards with
// many pods each cost less than many with few. What speaks for more is that a
// shard's last pods, and the start of the next one, leave places empty. A shard
// of ten rounds of pods loses a tenth by that.
const (
	rounds         = 10 // of pods in a shard, at least
	fewestShards   = 4  // at once, so that one of them ends while others run
	fewestPodsEach = 4
)

// Concurrency says how many launchers of a run wait at once, when its largest
// wave has that many shards, each of shardSize partitions.
// See internal/decisions/0012-few-shards-many-pods.md.
func Concurrency(maxParallel, shards, shardSize int) (launchers int) {
	enough := max(fewestShards, (rounds*maxParallel+shardSize-1)/shardSize)
	return min(maxLaunchers, shards, max(1, maxParallel/fewestPodsEach), enough)
}

// Scale is how many pods the Workflows of a run may have at once.
type Scale struct {
	Run int64 // spec.parallelism of the run: pods, or launchers
	// Pods is how many the children, present and future, may have together; 0
	// for a run that launches none.
	Pods int64
}

// FindsBounds tells whether a run finds the bounds of its keys by itself.
func (a Arguments) FindsBounds() bool { return a.Text(ArgQuery) != "" }

// Launches tells whether a run has children.
func (a Arguments) Launches() bool {
	return a.Has(ArgSegments) || a.FindsBounds() && a.Has(ArgShard)
}

// ScaleFor is the scale by which an observed run keeps to maxParallel pods.
func ScaleFor(run manifest.Object, maxParallel int) (Scale, error) {
	args := ArgumentsOf(run)
	if args.Text(ArgRun) == "" {
		return Scale{}, args.Foreign(ArgRun)
	}
	if !args.Launches() {
		return Scale{Run: int64(maxParallel)}, nil
	}
	of, err := args.Integers(ArgWidth, ArgShard)
	if err != nil {
		return Scale{}, err
	}
	if of[1] < 1 {
		return Scale{}, args.Foreign(ArgShard)
	}
	return Scale{Run: int64(Concurrency(maxParallel, int(of[0]), int(of[1]))), Pods: int64(maxParallel)}, nil
}

// ScaleOf is the scale that an observed run has.
func ScaleOf(run manifest.Object) Scale {
	s := Scale{Run: Parallelism(run)}
	if args := ArgumentsOf(run); args.Text(ArgLaunchers) != "" {
		s.Pods, _ = strconv.ParseInt(args.Text(ArgParallelism), 10, 64)
	}
	return s
}

// Parallelism is how many pods a Workflow may have at once.
func Parallelism(workflow manifest.Object) int64 {
	return field[int64](workflow, "spec", "parallelism")
}

// ForChild is how many pods an observed child may have at once while that many
// are active. Those that were started under a larger scale share what there is
// now, with one pod each at least.
func (s Scale) ForChild(child manifest.Object, active int) int64 {
	together := int64(active)
	if width, err := strconv.ParseInt(ArgumentsOf(child).Text(ArgWidth), 10, 64); err == nil {
		together = max(together, min(s.Run, width))
	}
	return max(1, s.Pods/max(1, together))
}

// ParallelismOfChild divides the run's pods between the children that there may
// be at once, which are fewer in a small wave: it is what ForChild yields for one
// active child.
func ParallelismOfChild() string {
	return Tag("max(1, int(%s / min(%s, %s)))",
		WorkflowInt(ArgParallelism), WorkflowInt(ArgLaunchers), InputInt(InWidth))
}

// RunPatch is the merge patch that gives a run another scale.
func (s Scale) RunPatch(run manifest.Object) []byte { return specPatch(s.spec(run)) }

// AtScale is a run with another scale.
func AtScale(run manifest.Object, s Scale) manifest.Object {
	out := run.DeepCopy()
	maps.Copy(field[node](out, "spec"), s.spec(run))
	return out
}

// spec is what the scale changes in the spec of a run. It has the whole list of
// parameters, which nothing else changes.
func (s Scale) spec(run manifest.Object) node {
	if s.Pods == 0 {
		return node{"parallelism": s.Run}
	}
	values := map[string]string{ArgParallelism: Decimal(s.Pods), ArgLaunchers: Decimal(s.Run)}
	params, _, _ := unstructured.NestedSlice(run.Object, "spec", "arguments", "parameters")
	for _, p := range params {
		p, _ := p.(node)
		name, _ := p["name"].(string)
		if value, ok := values[name]; ok {
			p["value"] = value
		}
	}
	return node{"parallelism": s.Run, "arguments": node{"parameters": params}}
}

// ChildPatch is the merge patch that lets a child have that many pods at once.
func ChildPatch(pods int64) []byte {
	granted := node{AnnotationParallelism: Decimal(pods)}
	return patchOf(node{"spec": node{"parallelism": pods}, "metadata": node{"annotations": granted}})
}

// Granted is how many pods an observed child was given; what it has now where
// it does not tell.
func Granted(child manifest.Object) int64 {
	if n, err := strconv.ParseInt(child.GetAnnotations()[AnnotationParallelism], 10, 64); err == nil {
		return n
	}
	return Parallelism(child)
}
