// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package jobschema

import "slices"

// runner describes the container and its pod.
func runner() []Attribute {
	rows := append(process(), environment()...)
	return slices.Concat(rows, pod(), scheduling())
}

func process() []Attribute {
	return []Attribute{
		{
			Name:     "image",
			Kind:     String,
			Required: true,
			Format:   Image,
			Class:    Next,
			Doc:      "Container image.",
		},
		{
			Name:  "command",
			Kind:  StringList,
			Late:  true,
			Class: Next,
			Doc: "The program and its first arguments. Required unless `script` is set: Argo starts the container through " +
				"a wrapper and does not read the entrypoint from the image.",
		},
		{
			Name:  "args",
			Kind:  StringList,
			Late:  true,
			Class: Next,
			Doc:   "Further arguments.",
		},
		{
			Name:    "script",
			Kind:    String,
			Class:   Next,
			Instead: "A script gets them as environment variables: write $BACKFILL_PARTITION_START and so on.",
			Doc: "Text of a script, at most 64 KiB, passed to `command` (default `[\"sh\", \"-c\"]`) as an argument " +
				"before `args`. References to the partition are not replaced in it; use the environment variables " +
				"`BACKFILL_PARTITION_START` and so on.",
		},
		{
			Name:   "working_dir",
			Kind:   String,
			Format: AbsPath,
			Class:  Next,
			Doc:    "Working directory. Defaults to the working directory of the image.",
		},
	}
}

func environment() []Attribute {
	return []Attribute{
		{
			Name:   "env",
			Kind:   StringMap,
			Format: EnvNames,
			Late:   true,
			Class:  Next,
			Doc: "Environment variables. They are visible to anyone who can read the Workflow; use `secret_env` for " +
				"secrets. Names that start with `BACKFILL_` or `ARGO_` are reserved.",
		},
		{
			Name:   "secret_env",
			Kind:   ObjectMap,
			Format: EnvNames,
			Class:  Next,
			Attributes: []Attribute{
				{
					Name:     "secret",
					Kind:     String,
					Required: true,
					Format:   DNSName,
					Class:    Next,
					Doc:      "Name of a Secret in the job's namespace.",
				},
				{Name: "key", Kind: String, Required: true, Format: DataKey, Class: Next, Doc: "Key in the Secret."},
			},
			Doc: "Environment variables that the kubelet reads from Secrets. Their values do not appear in manifests, plans, " +
				"state or logs.",
		},
		{
			Name:   "config_env",
			Kind:   ObjectMap,
			Format: EnvNames,
			Class:  Next,
			Attributes: []Attribute{
				{
					Name:     "config_map",
					Kind:     String,
					Required: true,
					Format:   DNSName,
					Class:    Next,
					Doc:      "Name of a ConfigMap in the job's namespace.",
				},
				{Name: "key", Kind: String, Required: true, Format: DataKey, Class: Next, Doc: "Key in the ConfigMap."},
			},
			Doc: "Environment variables that the kubelet reads from ConfigMaps.",
		},
		{
			Name:  "env_from",
			Kind:  ObjectList,
			Class: Next,
			Attributes: []Attribute{
				{
					Name:   "config_map",
					Kind:   String,
					Format: DNSName,
					Class:  Next,
					Doc:    "Name of a ConfigMap. Set either this or `secret`.",
				},
				{
					Name:   "secret",
					Kind:   String,
					Format: DNSName,
					Class:  Next,
					Doc:    "Name of a Secret. Set either this or `config_map`.",
				},
				{Name: "prefix", Kind: String, Format: EnvName, Class: Next, Doc: "Prefix of each variable name."},
			},
			Doc: "ConfigMaps and Secrets whose keys all become environment variables. Variables that are set by name take " +
				"precedence.",
		},
	}
}

func pod() []Attribute {
	return []Attribute{
		{
			Name:       "resources",
			Kind:       Object,
			Class:      Next,
			Attributes: resources(),
			Doc:        "Resource requests and limits of the container.",
		},
		{
			Name:   "deadline",
			Kind:   String,
			Format: Duration,
			Class:  Next,
			Doc:    "Time limit of one attempt, for example `30m`. No limit by default.",
		},
		{
			Name:   "grace_period",
			Kind:   String,
			Format: Duration,
			Class:  Next,
			Doc: "Time between SIGTERM and SIGKILL when a pod is terminated. The runner gets it in seconds as " +
				"`BACKFILL_GRACE_SECONDS`. Defaults to the reclaim notice of the `spot` provider, or 30s without `spot`.",
		},
		{
			Name:   "service_account",
			Kind:   String,
			Format: DNSName,
			Class:  Next,
			Doc: "Service account of the pods. It needs `create` and `patch` on WorkflowTaskResults, where Argo's " +
				"executor reports results.",
		},
		{
			Name:   "image_pull_secrets",
			Kind:   StringList,
			Format: DNSName,
			Class:  Next,
			Doc:    "Names of Secrets with credentials for the image's registry.",
		},
		{
			Name:       "volumes",
			Kind:       ObjectList,
			Class:      Next,
			Attributes: volumes(),
			Doc: "Volumes to mount into the container. Each sets exactly one of `host_path`, `empty_dir`, " +
				"`config_map`, `secret` and `claim`.",
		},
		{
			Name:       "security_context",
			Kind:       Object,
			Class:      Next,
			Attributes: securityContext(),
			Doc: "Privileges of the container. By default it cannot gain privileges, and the container runtime's " +
				"default seccomp profile filters its system calls.",
		},
	}
}

// scheduling describes the nodes of a pod and its metadata.
func scheduling() []Attribute {
	return []Attribute{
		{
			Name:   "node_selector",
			Kind:   StringMap,
			Format: NodeLabels,
			Class:  Next,
			Doc:    "Labels that a node must have.",
		},
		{
			Name:       "tolerations",
			Kind:       ObjectList,
			Class:      Next,
			Attributes: tolerations(),
			Doc:        "Node taints that the pods tolerate.",
		},
		{
			Name:   "affinity",
			Kind:   Dynamic,
			Format: KubernetesAffinity,
			Class:  Next,
			Doc:    "Affinity of the pod spec, with Kubernetes' own field names: `{ nodeAffinity = { … } }`.",
		},
		{
			Name:   "priority_class",
			Kind:   String,
			Format: DNSName,
			Class:  Next,
			Doc:    "PriorityClass of the pods.",
		},
		{
			Name:   "labels",
			Kind:   StringMap,
			Format: Labels,
			Class:  Next,
			Doc:    "Labels of the pods only, in addition to the job's `labels`.",
		},
		{
			Name:   "annotations",
			Kind:   StringMap,
			Format: Annotations,
			Class:  Next,
			Doc:    "Annotations of the pods.",
		},
		{
			Name:   "patch",
			Kind:   Dynamic,
			Format: KubernetesPodSpec,
			Class:  Next,
			Doc: "A strategic merge patch for the pod spec, with Kubernetes' own field names, for settings that the job " +
				"language has no attribute for: `{ dnsPolicy = \"Default\" }`. The runner's container is called `main`.",
		},
	}
}

func resources() []Attribute {
	return []Attribute{
		{
			Name:   "cpu",
			Kind:   String,
			Format: Quantity,
			Class:  Next,
			Doc:    "CPU request, for example `500m` or `2`. No CPU limit is set.",
		},
		{Name: "memory", Kind: String, Format: Quantity, Class: Next, Doc: "Memory request and limit, for example `1Gi`."},
		{
			Name:   "requests",
			Kind:   StringMap,
			Format: Quantities,
			Class:  Next,
			Doc:    "Requests by resource name; they override `cpu` and `memory`.",
		},
		{
			Name:   "limits",
			Kind:   StringMap,
			Format: Quantities,
			Class:  Next,
			Doc:    "Limits by resource name; they override `memory`.",
		},
	}
}

func volumes() []Attribute {
	return []Attribute{
		{
			Name:     "name",
			Kind:     String,
			Required: true,
			Format:   DNSLabel,
			Class:    Next,
			Doc:      "Name of the volume, unique in the job.",
		},
		{Name: "mount_path", Kind: String, Required: true, Format: AbsPath, Class: Next, Doc: "Path in the container."},
		{Name: "host_path", Kind: String, Format: AbsPath, Class: Next, Doc: "Directory or file on the node."},
		{
			Name:  "empty_dir",
			Bare:  true,
			Kind:  Object,
			Class: Next,
			Attributes: []Attribute{
				{Name: "size_limit", Kind: String, Format: Quantity, Class: Next, Doc: "Maximum size, for example `10Gi`."},
				{
					Name:    "memory",
					Kind:    Bool,
					Default: "false",
					Class:   Next,
					Doc:     "Whether to store it in memory. It then counts towards the memory of the container.",
				},
			},
			Doc: "An empty directory that exists as long as the pod; `{}` for the defaults.",
		},
		{
			Name:   "config_map",
			Kind:   String,
			Format: DNSName,
			Class:  Next,
			Doc:    "Name of a ConfigMap. Each key becomes a file.",
		},
		{Name: "secret", Kind: String, Format: DNSName, Class: Next, Doc: "Name of a Secret. Each key becomes a file."},
		{
			Name:   "claim",
			Kind:   String,
			Format: DNSName,
			Class:  Next,
			Doc: "Name of a PersistentVolumeClaim. All pods that run in parallel share it, so its access mode must allow " +
				"this (`ReadWriteMany` or `ReadOnlyMany`, or a single node).",
		},
		{Name: "read_only", Kind: Bool, Default: "false", Class: Next, Doc: "Whether to mount it read-only."},
		{
			Name:   "sub_path",
			Kind:   String,
			Format: RelPath,
			Class:  Next,
			Doc:    "Path inside the volume to mount instead of its root.",
		},
	}
}

// maxID is the greatest user or group id that Kubernetes accepts.
const maxID = 1<<31 - 1

func securityContext() []Attribute {
	id := &Bounds{0, maxID}
	return []Attribute{
		{
			Name:   "run_as_user",
			Kind:   Int,
			Bounds: id,
			Class:  Next,
			Doc:    "User ID of the process. Defaults to the user of the image.",
		},
		{Name: "run_as_group", Kind: Int, Bounds: id, Class: Next, Doc: "Group ID of the process."},
		{Name: "fs_group", Kind: Int, Bounds: id, Class: Next, Doc: "Group that owns the files of volumes."},
		{
			Name:    "run_as_non_root",
			Kind:    Bool,
			Default: "false",
			Class:   Next,
			Doc:     "Whether the container fails to start as root.",
		},
		{
			Name:    "read_only_root",
			Kind:    Bool,
			Default: "false",
			Class:   Next,
			Doc:     "Whether the root file system is read-only.",
		},
		{
			Name:    "allow_privilege_escalation",
			Kind:    Bool,
			Default: "false",
			Class:   Next,
			Doc:     "Whether a process can gain more privileges than its parent, for example through setuid binaries.",
		},
		{
			Name:    "seccomp",
			Kind:    String,
			Enum:    []string{"runtime_default", "unconfined"},
			Default: "runtime_default",
			Class:   Next,
			Doc:     "Seccomp profile, which filters system calls.",
		},
		{
			Name:   "drop_capabilities",
			Kind:   StringList,
			Format: Capability,
			Class:  Next,
			Doc:    "Capabilities to drop, such as `ALL` or `NET_RAW`.",
		},
	}
}

func tolerations() []Attribute {
	return []Attribute{
		{Name: "key", Kind: String, Format: PlainText, Class: Next, Doc: "Key of the taint. Defaults to every taint."},
		{Name: "value", Kind: String, Format: PlainText, Class: Next, Doc: "Value of the taint. Defaults to any value."},
		{
			Name:  "effect",
			Kind:  String,
			Enum:  []string{"NoSchedule", "PreferNoSchedule", "NoExecute"},
			Class: Next,
			Doc:   "Effect of the taint. Defaults to any effect.",
		},
		{
			Name:   "seconds",
			Kind:   Int,
			Bounds: &Bounds{0, maxID},
			Class:  Next,
			Doc:    "Seconds that a pod stays on a node after it gets a taint with the effect `NoExecute`. No limit by default.",
		},
	}
}
