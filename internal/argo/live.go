// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package argo

import (
	"encoding/json"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/manifest"
)

// Never is the longest time that Kubernetes' 32-bit seconds hold, 68 years.
// It is written where leaving a field out would let a controller's defaults
// decide.
const Never = int64(2147483647)

// past is a deadline that is over for any Workflow that has begun.
const past = int64(1)

// Suspended tells whether a Workflow starts no more pods.
func Suspended(o manifest.Object) bool {
	on, _, _ := unstructured.NestedBool(o.Object, "spec", "suspend")
	return on
}

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
func ShutDown(o manifest.Object) bool {
	how, _, _ := unstructured.NestedString(o.Object, "spec", "shutdown")
	return how != ""
}

// Leaving tells whether a Workflow has a deadline that is past.
func Leaving(o manifest.Object) bool {
	deadline, found, _ := unstructured.NestedInt64(o.Object, "spec", "activeDeadlineSeconds")
	return found && deadline == past
}

// PhaseOf is the phase of an observed Workflow.
func PhaseOf(o manifest.Object) Phase {
	phase, _, _ := unstructured.NestedString(o.Object, "status", "phase")
	return Phase(phase)
}

// Ended tells whether an observed Workflow will do no more.
func Ended(o manifest.Object) bool { return PhaseOf(o).Ended() }

// FinishedAt is when a Workflow ended; zero while it has not.
func FinishedAt(o manifest.Object) time.Time {
	text, _, _ := unstructured.NestedString(o.Object, "status", "finishedAt")
	at, _ := time.Parse(time.RFC3339, text) // Argo writes null until there is a time
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
	field := "secondsAfterFailure"
	if phase == PhaseSucceeded {
		field = "secondsAfterSuccess"
	}
	ttl, found, _ := unstructured.NestedInt64(o.Object, "spec", "ttlStrategy", field)
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

func patchOf(fields node) []byte {
	text, err := json.Marshal(fields)
	if err != nil {
		panic(err) // texts, numbers and what came from JSON have a JSON form
	}
	return text
}

// node and list are JSON values under construction.
type (
	node = map[string]any
	list = []any
)
