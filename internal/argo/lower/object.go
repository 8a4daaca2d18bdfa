// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package lower

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/argo"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/manifest"
)

// node and list are JSON values under construction. Numbers are int64, as
// unstructured objects want them.
type (
	node = map[string]any
	list = []any
)

// childRetention is how long a child stays that succeeded: its launcher has
// kept all that is ever asked of it.
const childRetention = int64(24 * 60 * 60)

func newObject(apiVersion, kind, namespace, name string, labels map[string]string, annotations node) manifest.Object {
	metadata := node{"name": name, "namespace": namespace, "labels": toAny(labels)}
	if len(annotations) > 0 {
		metadata["annotations"] = annotations
	}
	return &unstructured.Unstructured{Object: node{"apiVersion": apiVersion, "kind": kind, "metadata": metadata}}
}

// param is one Argo parameter with a literal value.
func param(name, value string) node { return node{"name": name, "value": value} }

// params are parameters of a Workflow.
func params(args []argo.Arg) list {
	out := make(list, len(args))
	for i, arg := range args {
		out[i] = param(arg.Name, arg.Value)
	}
	return out
}

// inputs declares parameters without values.
func inputs(names ...string) node {
	params := make(list, len(names))
	for i, name := range names {
		params[i] = node{"name": name}
	}
	return node{"parameters": params}
}

func toAny(m map[string]string) node {
	out := make(node, len(m))
	for k, v := range m {
		out[k] = v
	}
	return out
}

// merged returns the union; later maps win.
func merged(ms ...map[string]string) map[string]string {
	out := map[string]string{}
	for _, m := range ms {
		maps.Copy(out, m)
	}
	return out
}

func sortedKeys[K cmp.Ordered, V any](m map[K]V) []K { return slices.Sorted(maps.Keys(m)) }

func decimal(n int64) string { return argo.Decimal(n) }

// seconds rounds up to whole seconds.
func seconds(d time.Duration) int64 { return int64((d + time.Second - 1) / time.Second) }

// duration writes d as Argo reads it, in the largest unit that is whole.
func duration(d time.Duration) string {
	switch {
	case d%time.Hour == 0:
		return decimal(int64(d/time.Hour)) + "h"
	case d%time.Minute == 0:
		return decimal(int64(d/time.Minute)) + "m"
	case d%time.Second == 0:
		return decimal(int64(d/time.Second)) + "s"
	}
	return d.String()
}
