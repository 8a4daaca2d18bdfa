// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package argo

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strconv"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/manifest"
)

// Scale is how many pods the Workflows of a run may have at once.
type Scale struct {
	Run int64 // spec.parallelism of the run: pods, or launchers
	// Child is spec.parallelism of each child, present and future; 0 for a run
	// that launches none.
	Child int64
}

// ScaleFor is the scale by which an observed run keeps to maxParallel pods.
func ScaleFor(run manifest.Object, maxParallel int) (Scale, error) {
	shards, err := shardsOf(run)
	if err != nil {
		return Scale{}, err
	}
	launchers, pods := Concurrency(maxParallel, shards)
	if launchers == 0 {
		return Scale{Run: int64(pods)}, nil
	}
	return Scale{Run: int64(launchers), Child: int64(pods)}, nil
}

// ScaleOf is the scale that an observed run has.
func ScaleOf(run manifest.Object) Scale {
	var s Scale
	s.Run, _, _ = unstructured.NestedInt64(run.Object, "spec", "parallelism")
	s.Child, _ = strconv.ParseInt(arguments(run)[argParallelism], 10, 64)
	return s
}

// RunPatch is the merge patch that gives a run another scale. It replaces the
// list of parameters, which nothing else changes.
func (s Scale) RunPatch(run manifest.Object) ([]byte, error) {
	spec := node{"parallelism": s.Run}
	if s.Child > 0 {
		params, _, _ := unstructured.NestedSlice(run.Object, "spec", "arguments", "parameters")
		for _, p := range params {
			if p, ok := p.(node); ok && p["name"] == argParallelism {
				p["value"] = decimal(s.Child)
			}
		}
		spec["arguments"] = node{"parameters": params}
	}
	return json.Marshal(node{"spec": spec})
}

// ChildPatch is the merge patch that gives a child another scale.
func (s Scale) ChildPatch() ([]byte, error) {
	return json.Marshal(node{"spec": node{"parallelism": s.Child}})
}

var sequence = regexp.MustCompile(`^\{\{=toJson\(map\(0\.\.(\d+), \{#\}\)\)\}\}$`)

// shardsOf is the number of shards that a run was made of.
func shardsOf(run manifest.Object) (int, error) {
	s, err := shapeOf(run.GetName(), arguments(run))
	switch {
	case err != nil:
		return 0, err
	case !s.launches:
		return 1, nil
	case len(s.shards) > 0:
		return len(s.shards), nil
	}
	fanOut := ""
	if templates, _, _ := unstructured.NestedSlice(run.Object, "spec", "templates"); len(templates) == 1 {
		fanOut = fanOutOf(templates[0])
	}
	found := sequence.FindStringSubmatch(fanOut)
	if found == nil {
		return 0, fmt.Errorf("Workflow %s was changed by hand: its launchers fan out over %q", run.GetName(), fanOut)
	}
	last, err := strconv.Atoi(found[1])
	return last + 1, err
}

// fanOutOf is the withParam of the only step of a template.
func fanOutOf(template any) string {
	t, _ := template.(node)
	groups, _ := t["steps"].(list)
	if len(groups) != 1 {
		return ""
	}
	group, _ := groups[0].(list)
	if len(group) != 1 {
		return ""
	}
	step, _ := group[0].(node)
	text, _ := step["withParam"].(string)
	return text
}
