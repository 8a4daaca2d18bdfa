// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package job

import "time"

// Runner is the container that processes one partition, or one that runs once per
// run, with its pod.
type Runner struct {
	Image string
	// Command includes the script, if there is one, as its last element.
	Command    []Text
	Args       []Text
	WorkingDir string
	Env        []EnvVar // sorted by name, as the next two
	SecretEnv  []SecretEnvVar
	ConfigEnv  []ConfigEnvVar
	EnvFrom    []EnvSource
	Requests   map[string]string // resource name → quantity
	Limits     map[string]string
	Deadline   time.Duration // 0: none
	// Grace is the time between SIGTERM and SIGKILL.
	Grace          time.Duration
	ServiceAccount string
	PullSecrets    []string
	Volumes        []Volume // in declared order
	Security       Security
	NodeSelector   map[string]string
	Tolerations    []Toleration
	// Affinity is a Kubernetes Affinity, and Patch a strategic merge patch for
	// a PodSpec, as JSON values whose numbers are int64; nil if not set.
	Affinity      map[string]any
	Patch         map[string]any
	PriorityClass string
	Labels        map[string]string // of the pods alone
	Annotations   map[string]string
	// Windows is true if the pod can run on Windows nodes alone.
	Windows bool
}

// Orchestrator is the pod that starts a shard.
type Orchestrator struct {
	ServiceAccount string // also of a query's container without one
	NodeSelector   map[string]string
	Tolerations    []Toleration
	PriorityClass  string
	PullSecrets    []string
	Requests       map[string]string // of its container; see Argoexec
	Limits         map[string]string
	Annotations    map[string]string
}

// Argoexec is what Argo's own containers get in every pod.
type Argoexec struct {
	Requests, Limits map[string]string
	Security         *Security // nil: what the controller gives them
}

// EnvVar is a plain variable; its text may refer to the partition.
type EnvVar struct {
	Name string
	Text Text
}

// SecretEnvVar reads its value from a key of a Secret in the job's namespace.
type SecretEnvVar struct{ Name, Secret, Key string }

// ConfigEnvVar reads its value from a key of a ConfigMap in the job's
// namespace.
type ConfigEnvVar struct{ Name, ConfigMap, Key string }

// EnvSource makes a variable of every key of a ConfigMap or a Secret; one of
// the two is empty.
type EnvSource struct{ ConfigMap, Secret, Prefix string }

// Volume is one mount of the runner. Exactly one of the sources is set.
type Volume struct {
	Name, MountPath, SubPath string
	ReadOnly                 bool

	HostPath  string
	ConfigMap string
	Secret    string
	Claim     string
	EmptyDir  *EmptyDir
}

// EmptyDir is a directory that exists as long as the pod.
type EmptyDir struct {
	SizeLimit string // quantity, or empty
	Memory    bool
}

// Security is the security context of the container. IDs are nil to use those of
// the image.
type Security struct {
	RunAsUser, RunAsGroup, FSGroup *int64

	NonRoot, ReadOnlyRoot    bool
	AllowPrivilegeEscalation bool
	// Unconfined turns off the runtime's default seccomp profile.
	Unconfined       bool
	DropCapabilities []string
}

// Toleration allows pods on nodes with a taint. Empty fields match anything;
// HasValue distinguishes an empty value from any value.
type Toleration struct {
	Key, Value, Effect string
	HasValue           bool
	Seconds            *int64
}
