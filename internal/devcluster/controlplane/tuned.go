// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package controlplane

import "strings"

// unneeded are the controllers that watch pods for kinds of objects that
// workflows do not make.
var unneeded = []string{
	"cronjob-controller",
	"daemonset-controller",
	"deployment-controller",
	"endpoints-controller",
	"endpointslice-controller",
	"endpointslice-mirroring-controller",
	"ephemeral-volume-controller",
	"horizontal-pod-autoscaler-controller",
	"job-controller",
	"replicaset-controller",
	"replicationcontroller-controller",
	"persistentvolume-attach-detach-controller",
	"resourcequota-controller",
	"statefulset-controller",
}

// Tuned returns further arguments and variables of a component, for hundreds of
// pods a second: no limits on clients that all belong to the cluster, fewer
// controllers and log lines, less history in etcd (a shard's status is written
// whole at each look), pods as Protocol Buffers, and memory instead of processor
// time for garbage collection, up to a bound. What the components do
// for a workflow stays the same.
func Tuned(component string) (args, env []string) {
	env = []string{"GOGC=400", "GOMEMLIMIT=5GiB"}
	switch component {
	case Etcd:
		args = []string{"--snapshot-count=100000"}
	case APIServer:
		args = []string{
			"--enable-priority-and-fairness=false", "--max-requests-inflight=0", "--max-mutating-requests-inflight=0",
			"--event-ttl=5m", "--profiling=true", "--etcd-compaction-interval=1m",
		}
	case ControllerManager:
		args = []string{
			"--kube-api-qps=500", "--kube-api-burst=1000",
			"--controllers=*,-" + strings.Join(unneeded, ",-"),
		}
	case Scheduler:
		args = []string{"--kube-api-qps=500", "--kube-api-burst=1000"}
	case ArgoController:
		args = []string{"-quiet", "-protobuf"}
	}
	return args, env
}
