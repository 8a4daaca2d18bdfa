// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package lower

import (
	"maps"
	"reflect"
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
	metadata := metadataOf(labels, annotations)
	metadata["name"], metadata["namespace"] = name, namespace
	return &unstructured.Unstructured{Object: node{"apiVersion": apiVersion, "kind": kind, "metadata": metadata}}
}

// metadataOf are labels, and annotations if there are any.
func metadataOf(labels map[string]string, annotations node) node {
	out := node{"labels": toAny(labels)}
	if len(annotations) > 0 {
		out["annotations"] = annotations
	}
	return out
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

// sparse leaves out what says nothing: empty texts, lists and objects, zero, false,
// and nil. What a pointer points to is never left out.
func sparse(n node) node {
	out := node{}
	for name, v := range n {
		r := reflect.ValueOf(v)
		switch r.Kind() {
		case reflect.Pointer:
			if !r.IsNil() {
				out[name] = r.Elem().Interface()
			}
		case reflect.Map, reflect.Slice:
			if r.Len() > 0 {
				out[name] = v
			}
		default:
			if r.IsValid() && !r.IsZero() {
				out[name] = v
			}
		}
	}
	return out
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

// A controller merges its workflowDefaults into what a Workflow leaves out: into
// the spec, and by spec.templateDefaults into every template that the Workflow
// runs. What would change which pods run, how often, or what their end means is
// therefore written out. A field that is there can be given another value, but none can be
// taken away, and Argo drops what is empty: so some fields have a value that
// changes nothing.

// aCentury is longer than anything runs, as Argo writes durations.
const aCentury = "876000h"

// settled has a template of steps run once, whatever the defaults say. With
// a retryStrategy of theirs it would become a retried node all the same, and Argo
// would start a whole fan-out again, what is done in it too. So it always is one,
// of a single attempt, and node ids are reckoned with that. This policy, unlike others, keeps the message of the
// step that failed. With failFast one failed attempt would keep partitions from starting.
// See internal/decisions/0018-controller-defaults-change-nothing.md.
func settled(t node) node {
	t["retryStrategy"] = node{"limit": int64(0), "retryPolicy": "OnTransientError"}
	t["failFast"] = false
	return t
}

// unhurried has the pod of a template end by itself. Argo lets a timeout take the
// place of a pod's deadline, however long it is, so that both can be kept out only
// where there is none.
func unhurried(t node) node {
	if _, limited := t["activeDeadlineSeconds"]; !limited {
		t["activeDeadlineSeconds"], t["timeout"] = argo.Never, decimal(argo.Never)+"s"
	}
	t["daemon"] = false
	return t
}

// silent has a child run no exit handler. One of the defaults would run for
// every shard, and the child's progress, by which budgets are reckoned, would
// count it.
func silent(spec node) {
	handle(spec, node{"name": argo.TemplateExit, "template": argo.TemplateExit, "arguments": node{}, "when": "false"})
}

// wait is a backoff whose every field is written.
func wait(backoff node) node {
	out := node{"duration": "0", "factor": int64(1), "maxDuration": aCentury}
	maps.Copy(out, backoff)
	return out
}
