// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package expr

// Interrupted is an expression that is true when the last attempt was taken
// away rather than failed. Argo reports the same lost pod as Error or as
// Failed, by race, so the message decides: a kubelet that shuts its node down,
// an eviction, a pod that a node turned away or gave up for a critical one, a
// container killed by SIGTERM or SIGKILL (but not for its memory), or no word
// from the main container.
const Interrupted = `lastRetry.status == 'Error' || ` +
	`lastRetry.message matches '` + LostPod + `' && not (lastRetry.message contains 'OOMKilled')`

// LostPod is a pattern of messages of pods that were taken away.
const LostPod = `imminent node shutdown|[Nn]ode is shutting down|node was low on resource|node had condition|` +
	`[Pp]reempted|Pod was rejected|find failed message for pod|neither main nor wait|` +
	`(main|wait) container did not complete|` +
	`exit code (137|143)`
