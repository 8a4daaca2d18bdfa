// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package job

import "time"

// Runner is the container that processes one partition, or one that runs once for
// a run, and its pod.
type Runner struct {
	Image string
	// Command ends with the script, if there is one.
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
	// Grace is the time between SIGTERM and the pod's end.
	Grace          time.Duration
	ServiceAccount string
	PullSecrets    []string
	Volumes        []Volume // in declared order
	Security       Security
	NodeSelector   map[string]string
	Tolerations    []Toleration
	// Affinity is a Kubernetes Affinity, and Patch a strategic merge patch for
	// a PodSpec, as JSON values whose numbers are int64; nil when not set.
	Affinity      map[string]any
	Patch         map[string]any
	PriorityClass string
	Labels        map[string]string // of the pods alone
	Annotations   map[string]string
}

// EnvVar is a plain variable; its text may refer to the partition.
type EnvVar struct {
	Name string
	Text Text
}

// SecretEnvVar takes its value from a key of a Secret in the job's namespace.
type SecretEnvVar struct{ Name, Secret, Key string }

// ConfigEnvVar takes its value from a key of a ConfigMap in the job's
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

// EmptyDir is a directory that lives as long as the pod.
type EmptyDir struct {
	SizeLimit string // quantity, or empty
	Memory    bool
}

// Security is what the container may do. Ids are nil for the image's own.
type Security struct {
	RunAsUser, RunAsGroup, FSGroup *int64

	NonRoot, ReadOnlyRoot    bool
	AllowPrivilegeEscalation bool
	// Unconfined turns the runtime's default filter of system calls off.
	Unconfined       bool
	DropCapabilities []string
}

// Toleration lets pods on nodes with a taint. Empty fields match anything;
// HasValue tells an empty value from any.
type Toleration struct {
	Key, Value, Effect string
	HasValue           bool
	Seconds            *int64
}
