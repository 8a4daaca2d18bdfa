// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package jobschema

// runner describes the container and its pod.
func runner() []Attribute {
	rows := append(process(), environment()...)
	return append(rows, pod()...)
}

func process() []Attribute {
	return []Attribute{
		{
			Name: "image", Kind: String, Required: true, Format: Image, Class: Next,
			Doc: "Container image.",
		},
		{
			Name: "command", Kind: StringList, Late: true, Class: Next,
			Doc: "The program and its first arguments. Required unless there is a `script`, because Argo starts the container through a wrapper and must not have to ask a registry what the image would run.",
		},
		{
			Name: "args", Kind: StringList, Late: true, Class: Next,
			Doc: "Further arguments.",
		},
		{
			Name: "script", Kind: String, Class: Next, Instead: "A script finds them in its environment: write $BACKFILL_PARTITION_START and so on.",
			Doc: "Text of a script, at most 64 KiB, given to `command` (`[\"sh\", \"-c\"]` unless set) as its last argument and before `args`. It is passed on as it is: references to the partition are not looked for, use the environment variables `BACKFILL_PARTITION_START` and so on.",
		},
		{
			Name: "working_dir", Kind: String, Format: AbsPath, Class: Next,
			Doc: "Directory in which the program starts; the image's own unless set.",
		},
	}
}

func environment() []Attribute {
	return []Attribute{
		{
			Name: "env", Kind: StringMap, Format: EnvNames, Late: true, Class: Next,
			Doc: "Environment variables. Anyone who can read the Workflow can read them; use `secret_env` for secrets. Names that start with `BACKFILL_` or `ARGO_` are reserved.",
		},
		{
			Name: "secret_env", Kind: ObjectMap, Format: EnvNames, Class: Next, Attributes: []Attribute{
				{Name: "secret", Kind: String, Required: true, Format: DNSName, Class: Next, Doc: "Name of the Secret, in the job's namespace."},
				{Name: "key", Kind: String, Required: true, Format: DataKey, Class: Next, Doc: "Key in the Secret."},
			},
			Doc: "Environment variables taken from Secrets by the kubelet. Their values enter no manifest, plan, state or log.",
		},
		{
			Name: "config_env", Kind: ObjectMap, Format: EnvNames, Class: Next, Attributes: []Attribute{
				{Name: "config_map", Kind: String, Required: true, Format: DNSName, Class: Next, Doc: "Name of the ConfigMap, in the job's namespace."},
				{Name: "key", Kind: String, Required: true, Format: DataKey, Class: Next, Doc: "Key in the ConfigMap."},
			},
			Doc: "Environment variables taken from ConfigMaps by the kubelet.",
		},
		{
			Name: "env_from", Kind: ObjectList, Class: Next, Attributes: []Attribute{
				{Name: "config_map", Kind: String, Format: DNSName, Class: Next, Doc: "Name of a ConfigMap; or set `secret`."},
				{Name: "secret", Kind: String, Format: DNSName, Class: Next, Doc: "Name of a Secret; or set `config_map`."},
				{Name: "prefix", Kind: String, Format: EnvName, Class: Next, Doc: "Put before each name."},
			},
			Doc: "ConfigMaps and Secrets of which every key becomes an environment variable. Variables that are set by name win.",
		},
	}
}

func pod() []Attribute {
	return []Attribute{
		{
			Name: "resources", Kind: Object, Class: Next, Attributes: resources(),
			Doc: "What the container requests of its node and may use at most.",
		},
		{
			Name: "deadline", Kind: String, Format: Duration, Class: Next,
			Doc: "The longest one attempt may run, for example `30m`. None by default.",
		},
		{
			Name: "grace_period", Kind: String, Format: Duration, Class: Next,
			Doc: "How long a pod that must go has between SIGTERM, which the runner gets, and its end; in the environment as `BACKFILL_GRACE_SECONDS`. Unless set, the notice that the provider of `spot` gives, and 30s without.",
		},
		{
			Name: "service_account", Kind: String, Format: DNSName, Class: Next,
			Doc: "Service account of the pods. It needs `create` and `patch` on WorkflowTaskResults, which Argo's executor reports through.",
		},
		{
			Name: "image_pull_secrets", Kind: StringList, Format: DNSName, Class: Next,
			Doc: "Names of Secrets with credentials for the image's registry.",
		},
		{
			Name: "volumes", Kind: ObjectList, Class: Next, Attributes: volumes(),
			Doc: "What is mounted into the container. Each has exactly one of `host_path`, `empty_dir`, `config_map`, `secret` and `claim`.",
		},
		{
			Name: "security_context", Kind: Object, Class: Next, Attributes: securityContext(),
			Doc: "What the container may do. Unless set here it may not gain privileges, and system calls are filtered by the container runtime's default profile.",
		},
		{
			Name: "node_selector", Kind: StringMap, Format: NodeLabels, Class: Next,
			Doc: "Labels that a node must have.",
		},
		{
			Name: "tolerations", Kind: ObjectList, Class: Next, Attributes: tolerations(),
			Doc: "Taints of nodes that do not keep the pods away.",
		},
		{
			Name: "affinity", Kind: Dynamic, Format: KubernetesAffinity, Class: Next,
			Doc: "Affinity as in a Pod's spec, with Kubernetes' own names: `{ nodeAffinity = { … } }`.",
		},
		{
			Name: "priority_class", Kind: String, Format: DNSName, Class: Next,
			Doc: "PriorityClass of the pods.",
		},
		{
			Name: "labels", Kind: StringMap, Format: Labels, Class: Next,
			Doc: "Labels of the pods alone, beside the job's `labels`.",
		},
		{
			Name: "annotations", Kind: StringMap, Format: Annotations, Class: Next,
			Doc: "Annotations of the pods.",
		},
		{
			Name: "patch", Kind: Dynamic, Format: KubernetesPodSpec, Class: Next,
			Doc: "A strategic merge patch for the Pod's spec, with Kubernetes' own names, for what the language has no attribute for: `{ dnsPolicy = \"Default\" }`. The runner's container is called `main`.",
		},
	}
}

func resources() []Attribute {
	return []Attribute{
		{Name: "cpu", Kind: String, Format: Quantity, Class: Next, Doc: "CPU request, for example `500m` or `2`. It sets no limit."},
		{Name: "memory", Kind: String, Format: Quantity, Class: Next, Doc: "Memory request and limit, for example `1Gi`."},
		{Name: "requests", Kind: StringMap, Format: Quantities, Class: Next, Doc: "Requests by resource name; they override `cpu` and `memory`."},
		{Name: "limits", Kind: StringMap, Format: Quantities, Class: Next, Doc: "Limits by resource name; they override `memory`."},
	}
}

func volumes() []Attribute {
	return []Attribute{
		{Name: "name", Kind: String, Required: true, Format: DNSLabel, Class: Next, Doc: "Name of the volume, unique in the job."},
		{Name: "mount_path", Kind: String, Required: true, Format: AbsPath, Class: Next, Doc: "Where it appears in the container."},
		{Name: "host_path", Kind: String, Format: AbsPath, Class: Next, Doc: "Directory or file of the node that is mounted."},
		{
			Name: "empty_dir", Kind: Object, Class: Next, Attributes: []Attribute{
				{Name: "size_limit", Kind: String, Format: Quantity, Class: Next, Doc: "The most it may hold, for example `10Gi`."},
				{Name: "memory", Kind: Bool, Default: "false", Class: Next, Doc: "Whether it lies in memory, which then counts as the container's."},
			},
			Doc: "An empty directory that lives as long as the pod; `{}` for the plain form.",
		},
		{Name: "config_map", Kind: String, Format: DNSName, Class: Next, Doc: "Name of a ConfigMap whose keys are files."},
		{Name: "secret", Kind: String, Format: DNSName, Class: Next, Doc: "Name of a Secret whose keys are files."},
		{Name: "claim", Kind: String, Format: DNSName, Class: Next, Doc: "Name of a PersistentVolumeClaim. All pods that run at once share it, so it must allow that (`ReadWriteMany` or `ReadOnlyMany`, or one node)."},
		{Name: "read_only", Kind: Bool, Default: "false", Class: Next, Doc: "Whether writing is refused."},
		{Name: "sub_path", Kind: String, Format: RelPath, Class: Next, Doc: "Path inside the volume that is mounted instead of its root."},
	}
}

// maxID is the greatest user or group id that Kubernetes accepts.
const maxID = 1<<31 - 1

func securityContext() []Attribute {
	id := &Bounds{0, maxID}
	return []Attribute{
		{Name: "run_as_user", Kind: Int, Bounds: id, Class: Next, Doc: "User id of the program; the image's own unless set."},
		{Name: "run_as_group", Kind: Int, Bounds: id, Class: Next, Doc: "Group id of the program."},
		{Name: "fs_group", Kind: Int, Bounds: id, Class: Next, Doc: "Group that owns the files of volumes."},
		{Name: "run_as_non_root", Kind: Bool, Default: "false", Class: Next, Doc: "Whether to refuse to start as root."},
		{Name: "read_only_root", Kind: Bool, Default: "false", Class: Next, Doc: "Whether the image's files cannot be written."},
		{Name: "allow_privilege_escalation", Kind: Bool, Default: "false", Class: Next, Doc: "Whether programs with the setuid bit and the like gain privileges."},
		{Name: "seccomp", Kind: String, Enum: []string{"runtime_default", "unconfined"}, Default: "runtime_default", Class: Next, Doc: "The filter for system calls."},
		{Name: "drop_capabilities", Kind: StringList, Format: Capability, Class: Next, Doc: "Capabilities taken from the program, such as `ALL` or `NET_RAW`."},
	}
}

func tolerations() []Attribute {
	return []Attribute{
		{Name: "key", Kind: String, Format: PlainText, Class: Next, Doc: "Key of the taint; every taint unless set."},
		{Name: "value", Kind: String, Format: PlainText, Class: Next, Doc: "Value of the taint; any unless set."},
		{Name: "effect", Kind: String, Enum: []string{"NoSchedule", "PreferNoSchedule", "NoExecute"}, Class: Next, Doc: "Effect of the taint; any unless set."},
		{Name: "seconds", Kind: Int, Bounds: &Bounds{0, maxID}, Class: Next, Doc: "How long a pod stays once a node has a taint with the effect `NoExecute`; for ever unless set."},
	}
}
