// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package argo

import (
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/manifest"
)

// Never is the longest time that Kubernetes' 32-bit seconds hold, 68 years.
// It is written where leaving a field out would let a controller's defaults
// decide.
// See internal/decisions/0002-the-record-is-the-truth.md.
const Never = int64(2147483647)

// past is a deadline that is over for any Workflow that has begun.
const past = int64(1)

// field is what an object holds at a path; zero where there is nothing of the kind.
func field[T any](o manifest.Object, path ...string) T {
	found, _, _ := unstructured.NestedFieldNoCopy(o.Object, path...)
	value, _ := found.(T)
	return value
}

// Suspended tells whether a Workflow starts no more pods.
func Suspended(o manifest.Object) bool { return field[bool](o, "spec", "suspend") }

// SetSuspended has a Workflow that is not submitted yet wait from its start.
func SetSuspended(o manifest.Object) {
	if spec, ok := o.Object["spec"].(map[string]any); ok {
		spec["suspend"] = true
	}
}

// WithoutSuspend is a Workflow that leaves open whether it is suspended.
func WithoutSuspend(o manifest.Object) manifest.Object {
	out := o.DeepCopy()
	unstructured.RemoveNestedField(out.Object, "spec", "suspend")
	return out
}

// ShutDown tells whether somebody has told a Workflow to stop or terminate.
func ShutDown(o manifest.Object) bool { return field[string](o, "spec", "shutdown") != "" }

// Leaving tells whether a Workflow has a deadline that is past.
func Leaving(o manifest.Object) bool {
	return field[int64](o, "spec", "activeDeadlineSeconds") == past
}

// PutOff tells by the phase and the message of a Workflow whether the controller's
// limits on parallel Workflows keep it from being processed. It then has no place
// among them, no pods, and heeds nothing but its termination.
func PutOff(phase Phase, message string) bool {
	return phase == PhasePending && strings.Contains(message, "too many workflows are already running")
}

// Postponed is PutOff of an observed Workflow.
func Postponed(o manifest.Object) bool {
	return PutOff(PhaseOf(o), field[string](o, "status", "message"))
}

// PhaseOf is the phase of an observed Workflow.
func PhaseOf(o manifest.Object) Phase { return Phase(field[string](o, "status", "phase")) }

// Ended tells whether an observed Workflow will do no more.
func Ended(o manifest.Object) bool { return PhaseOf(o).Ended() }

// FinishedAt is when a Workflow ended; zero while it has not.
func FinishedAt(o manifest.Object) time.Time {
	at, _ := time.Parse(time.RFC3339, field[string](o, "status", "finishedAt")) // null until there is a time
	return at
}

// SpecHash is the hash of the spec that an object was written with; "" for nil.
func SpecHash(o manifest.Object) string {
	if o == nil {
		return ""
	}
	return o.GetAnnotations()[AnnotationSpecHash]
}

// Declare notes the declaration of the job on a run, for those who find it
// without a record. A declaration that is too long is left out.
// See internal/decisions/0029-a-run-declares-its-job.md.
func Declare(run manifest.Object, canonical []byte) {
	if len(canonical) > maxDeclaration {
		return
	}
	annotations := run.GetAnnotations()
	annotations[AnnotationDeclaration] = string(canonical)
	run.SetAnnotations(annotations)
}

// The patches of a Workflow are merge patches of single fields; Argo takes them
// at its next look at it. Where a field is absent the controller's defaults would
// decide, so none is ever removed.

// StopPatch ends a Workflow. A suspended one does not heed a shutdown, so that it
// goes on as well.
func StopPatch() []byte { return specPatch(node{"shutdown": "Stop", "suspend": false}) }

// LeavePatch ends a Workflow that waits for its pool: it heeds only its deadline.
func LeavePatch() []byte {
	return specPatch(node{"shutdown": "Stop", "suspend": false, "activeDeadlineSeconds": past})
}

// TerminatePatch ends a Workflow that waits for the controller to process it: such a
// one heeds nothing else. There is nothing of it that could be ended more gently.
func TerminatePatch() []byte { return specPatch(node{"shutdown": "Terminate", "suspend": false}) }

// Terminated tells whether somebody has told a Workflow to terminate.
func Terminated(o manifest.Object) bool { return field[string](o, "spec", "shutdown") == "Terminate" }

// PausePatch lets a Workflow start no more pods.
func PausePatch() []byte { return specPatch(node{"suspend": true}) }

// ResumePatch undoes PausePatch.
func ResumePatch() []byte { return specPatch(node{"suspend": false}) }

// RetentionPatch lets an ended Workflow go after that time from now. None is
// needed while it has not ended, and when it goes by itself: children that succeed
// are born with a time to live. Argo counts the seconds from the Workflow's own
// end.
func RetentionPatch(o manifest.Object, keep time.Duration, now time.Time) (patch []byte, needed bool) {
	phase := PhaseOf(o)
	if !phase.Ended() {
		return nil, false
	}
	after := "secondsAfterFailure"
	if phase == PhaseSucceeded {
		after = "secondsAfterSuccess"
	}
	ttl, found, _ := unstructured.NestedInt64(o.Object, "spec", "ttlStrategy", after)
	if found && ttl < Never {
		return nil, false
	}
	if finished := FinishedAt(o); !finished.IsZero() && now.After(finished) {
		keep += now.Sub(finished)
	}
	return specPatch(node{"ttlStrategy": TTL(int64(keep / time.Second))}), true
}

// TTL is how long a Workflow stays, however it ended.
func TTL(seconds int64) map[string]any {
	return node{"secondsAfterCompletion": seconds, "secondsAfterFailure": seconds, "secondsAfterSuccess": seconds}
}

// OwnerPatch makes an object the owner of another one, which then goes with it.
func OwnerPatch(owner manifest.Object) []byte {
	reference := node{
		"apiVersion": owner.GetAPIVersion(),
		"kind":       owner.GetKind(),
		"name":       owner.GetName(),
		"uid":        string(owner.GetUID()),
	}
	return patchOf(node{"metadata": node{"ownerReferences": list{reference}}})
}

func specPatch(spec node) []byte { return patchOf(node{"spec": spec}) }

func patchOf(fields node) []byte { return []byte(JSON(fields)) }

// JSON writes what has a JSON form: texts, numbers, and lists and objects of them.
func JSON(v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return string(text)
}

// node and list are JSON values under construction.
type (
	node = map[string]any
	list = []any
)

// KeyPoolSize is the key of a pool's ConfigMap that holds its size in shards.
const KeyPoolSize = "shards"

// PoolName is the name of the ConfigMap that is the pool of a name.
func PoolName(pool string) string { return "backfill-pool-" + pool }

// Pool is the ConfigMap of a pool. Argo reads it each time that a shard asks for
// a place, so that a changed size holds at once.
func Pool(namespace, name string, size int) manifest.Object {
	o := &unstructured.Unstructured{Object: node{"apiVersion": "v1", "kind": "ConfigMap", "data": poolData(size)}}
	o.SetNamespace(namespace)
	o.SetName(PoolName(name))
	o.SetLabels(map[string]string{LabelPool: name})
	return o
}

func poolData(size int) node { return node{KeyPoolSize: strconv.Itoa(size)} }

// PoolSizePatch gives a pool another size.
func PoolSizePatch(size int) []byte { return patchOf(node{"data": poolData(size)}) }

// PoolSize reads the size of a pool; false when the ConfigMap holds none.
func PoolSize(o manifest.Object) (int, bool) {
	n, err := strconv.Atoi(field[string](o, "data", KeyPoolSize))
	return n, err == nil && n > 0
}

// Waits tells whether a Workflow waits for a place in its pool. It has no pods
// then, and does not notice that it is to stop.
func Waits(workflow manifest.Object) bool {
	if workflow.GetLabels()[LabelPool] == "" {
		return false
	}
	for _, n := range field[node](workflow, "status", "nodes") {
		fields, _ := n.(node)
		phase, _, _ := unstructured.NestedString(fields, "phase")
		lock, _, _ := unstructured.NestedString(fields, "synchronizationStatus", "waiting")
		if lock != "" && Phase(phase) == PhasePending {
			return true
		}
	}
	return false
}

// Begun tells whether Argo has started to process a Workflow.
func Begun(workflow manifest.Object) bool {
	packed := field[string](workflow, "status", "compressedNodes")
	return packed != "" || len(field[node](workflow, "status", "nodes")) > 0
}

// Imposing are the fields that no value of ours could keep out, and what they
// do. Those of the second list are of templateDefaults.
// See internal/decisions/0018-controller-defaults-change-nothing.md.
var Imposing, ImposingTemplates = map[string]string{
	"hooks": "its pods count as partitions of a shard, so that failure budgets may be exceeded",
	"synchronization": "the run and its shards take a lock of their own, " +
		"and shards may wait for one that their run holds",
	"workflowTemplateRef": "Argo runs what that refers to instead",
}, map[string]string{
	"inputs":          "every step gets inputs that it was not given",
	"memoize":         "partitions may be taken for done that have not run, and the run may not end",
	"outputs":         "steps may fail for outputs that they do not have",
	"parallelism":     "fewer pods run at once than max_parallel allows",
	"resource":        "launchers may fail, or watch for another end of their shards",
	"timeout":         "pods that have a deadline of their own are ended after this time instead",
	"synchronization": "every step takes a lock, and shards may wait for one that their run holds",
}

// Imposition is a field of an observed Workflow that the controller's defaults
// must have given it, and that changes what it does.
type Imposition struct{ Field, Effect string }

// Impositions are those of a Workflow of this program, in a fixed order.
func Impositions(workflow manifest.Object) []Imposition {
	spec, templates := field[node](workflow, "spec"), field[node](workflow, "spec", "templateDefaults")
	var out []Imposition
	for _, level := range []struct {
		prefix string
		has    node
		known  map[string]string
	}{{"spec.", spec, Imposing}, {"spec.templateDefaults.", templates, ImposingTemplates}} {
		for _, field := range slices.Sorted(maps.Keys(level.known)) {
			if !vacant(level.has[field]) {
				out = append(out, Imposition{level.prefix + field, level.known[field]})
			}
		}
	}
	return out
}

// vacant tells whether a field is as good as absent: Argo stores some as empty
// objects.
func vacant(v any) bool {
	m, isObject := v.(node)
	return v == nil || isObject && len(m) == 0
}
