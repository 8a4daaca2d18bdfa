// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package argo

import (
	"encoding/json"
	"maps"
	"strconv"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/manifest"
)

// Scale is how many pods the Workflows of a run may have at once.
type Scale struct {
	Run int64 // spec.parallelism of the run: pods, or launchers
	// Pods is how many the children, present and future, may have together; 0
	// for a run that launches none.
	Pods int64
}

// ScaleFor is the scale by which an observed run keeps to maxParallel pods.
func ScaleFor(run manifest.Object, maxParallel int) (Scale, error) {
	args := arguments(run)
	s, err := shapeOf(run.GetName(), args)
	if err != nil || !s.launches {
		return Scale{Run: int64(maxParallel)}, err
	}
	of, err := integersOf(run.GetName(), args, argWidth, argShard)
	if err != nil {
		return Scale{}, err
	}
	if of[1] < 1 {
		return Scale{}, foreign{run.GetName(), argShard, args[argShard]}
	}
	return Scale{Run: int64(Concurrency(maxParallel, int(of[0]), int(of[1]))), Pods: int64(maxParallel)}, nil
}

// ScaleOf is the scale that an observed run has.
func ScaleOf(run manifest.Object) Scale {
	s := Scale{Run: Parallelism(run)}
	if args := arguments(run); args[argLaunchers] != "" {
		s.Pods, _ = strconv.ParseInt(args[argParallelism], 10, 64)
	}
	return s
}

// Parallelism is how many pods a Workflow may have at once.
func Parallelism(workflow manifest.Object) int64 {
	n, _, _ := unstructured.NestedInt64(workflow.Object, "spec", "parallelism")
	return n
}

// ForChild is how many pods an observed child may have at once while that many
// are active. Those that were started under a larger scale share what there is
// now, with one pod each at least.
func (s Scale) ForChild(child manifest.Object, active int) int64 {
	together := int64(active)
	if width, err := strconv.ParseInt(arguments(child)[argWidth], 10, 64); err == nil {
		together = max(together, min(s.Run, width))
	}
	return max(1, s.Pods/max(1, together))
}

// RunPatch is the merge patch that gives a run another scale. It replaces the
// list of parameters, which nothing else changes.
func (s Scale) RunPatch(run manifest.Object) ([]byte, error) {
	spec := node{"parallelism": s.Run}
	if s.Pods > 0 {
		spec["arguments"] = node{"parameters": s.parameters(run)}
	}
	return json.Marshal(node{"spec": spec})
}

// parameters are those of a run with this scale.
func (s Scale) parameters(run manifest.Object) list {
	values := map[string]string{argParallelism: decimal(s.Pods), argLaunchers: decimal(s.Run)}
	params, _, _ := unstructured.NestedSlice(run.Object, "spec", "arguments", "parameters")
	for _, p := range params {
		p, _ := p.(node)
		name, _ := p["name"].(string)
		if value, ok := values[name]; ok {
			p["value"] = value
		}
	}
	return params
}

// AtScale is a run with another scale.
func AtScale(run manifest.Object, s Scale) manifest.Object {
	out := run.DeepCopy()
	spec, _ := out.Object["spec"].(node)
	spec["parallelism"] = s.Run
	if s.Pods > 0 {
		spec["arguments"] = node{"parameters": s.parameters(run)}
	}
	return out
}

// WithArguments is a run with the arguments of another one.
func WithArguments(run, other manifest.Object) manifest.Object {
	spec, _ := run.Object["spec"].(node)
	from, _ := other.Object["spec"].(node)
	changed := maps.Clone(spec)
	changed["arguments"] = from["arguments"]
	out := &unstructured.Unstructured{Object: maps.Clone(run.Object)}
	out.Object["spec"] = changed
	return out
}

// ChildPatch is the merge patch that lets a child have that many pods at once.
func ChildPatch(pods int64) ([]byte, error) {
	return json.Marshal(node{"spec": node{"parallelism": pods}, "metadata": node{"annotations": node{AnnotationParallelism: decimal(pods)}}})
}

// Granted is how many pods an observed child was given; what it has now where
// it does not tell.
func Granted(child manifest.Object) int64 {
	if n, err := strconv.ParseInt(child.GetAnnotations()[AnnotationParallelism], 10, 64); err == nil {
		return n
	}
	return Parallelism(child)
}

// launchArgs are the arguments of a run by which its scale is known.
func launchArgs(maxParallel, launchers, width, shardSize int) list {
	text := func(name string, n int) node { return param(name, decimal(int64(n))) }
	return list{text(argParallelism, maxParallel), text(argLaunchers, launchers), text(argWidth, width), text(argShard, shardSize)}
}
