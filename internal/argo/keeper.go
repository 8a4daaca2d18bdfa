// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package argo

import (
	"math"
	"strconv"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/manifest"
)

// LabelKeeps is the label of keepers: the job whose places they keep.
const LabelKeeps = "backfill.dev/keeps"

// Templates of a keeper.
const (
	templateKeeper = "keeper"
	templatePlace  = "place"
)

// KeeperName is the name of the keeper of a run's places.
func KeeperName(run string) string { return run + "-keep" }

// PlacesHeld counts the places of a pool that some Workflows of one run hold.
func PlacesHeld(workflows []manifest.Object) int {
	n, children := 0, 0
	var whole manifest.Object
	for _, w := range workflows {
		child := w.GetLabels()[LabelShard] != ""
		if child {
			children++
		}
		if w.GetLabels()[LabelPool] == "" || Ended(w) || !Begun(w) || Waits(w) {
			continue
		}
		switch {
		case child || placeOf(w) != nil:
			n++
		default:
			whole = w
		}
	}
	if whole != nil && children == 0 {
		n++ // its canary is counted by a template that it calls
	}
	return n
}

// placeOf is how a Workflow asks for its place; nil where its own templates do not.
func placeOf(workflow manifest.Object) node {
	for _, t := range field[list](workflow, "spec", "templates") {
		template, _ := t.(node)
		if lock, ok := template["synchronization"].(node); ok {
			return lock
		}
	}
	return nil
}

// Place is how a template asks for a place in a pool, as that version of Argo knows it.
func Place(pool, version string) node {
	semaphore := node{"configMapKeyRef": node{"name": PoolName(pool), "key": KeyPoolSize}}
	if version == "3.5" { // knows one lock only
		return node{"semaphore": semaphore}
	}
	return node{"semaphores": list{semaphore}}
}

// Keeper is a Workflow that takes over places of a pool when a run that is stopped
// leaves them: it comes before all others who wait, has no pods, and goes after that
// time by itself, or when it is deleted.
// See internal/decisions/0051-a-keeper-takes-the-places.md.
func Keeper(run manifest.Object, place node, places int, longest time.Duration) manifest.Object {
	labels := map[string]string{
		LabelPool:  run.GetLabels()[LabelPool],
		LabelKeeps: run.GetLabels()[LabelJob],
	}
	if instance := run.GetLabels()[LabelInstance]; instance != "" {
		labels[LabelInstance] = instance
	}
	each := node{
		"name": templatePlace, "template": templatePlace,
		"withSequence": node{"count": strconv.Itoa(places)},
	}
	o := &unstructured.Unstructured{Object: node{"apiVersion": APIVersion, "kind": "Workflow", "spec": node{
		"entrypoint":            templateKeeper,
		"priority":              int64(math.MaxInt32),
		"activeDeadlineSeconds": Never,
		"suspend":               false,
		"ttlStrategy":           TTL(0),
		"templates": list{
			node{"name": templateKeeper, "steps": list{list{each}}},
			node{
				"name":            templatePlace,
				"suspend":         node{"duration": strconv.Itoa(int(longest/time.Second)) + "s"},
				"synchronization": runtime.DeepCopyJSON(place),
			},
		},
	}}}
	o.SetName(KeeperName(run.GetName()))
	o.SetNamespace(run.GetNamespace())
	o.SetLabels(labels)
	return o
}

// Keeps tells whether a keeper holds that many places, or is in line for them.
func Keeps(keeper manifest.Object, places int) bool {
	n := 0
	for _, v := range field[node](keeper, "status", "nodes") {
		if one, _ := v.(node); one["templateName"] == templatePlace {
			n++
		}
	}
	return n >= places
}
