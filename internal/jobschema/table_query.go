// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package jobschema

import "slices"

// maxQuerySize keeps the end of the last partition within 64 bits: bounds have
// at most 18 digits.
const maxQuerySize = 1_000_000_000_000_000_000

// query describes the container that finds the bounds, and the grid between
// them. A change of the container alone has no effect: its result is stored.
func query() []Attribute {
	return slices.Concat(generator(), []Attribute{
		{
			Name:   "size",
			Kind:   Int,
			Bounds: &Bounds{1, maxQuerySize},
			Class:  Grid,
			Doc: "Keys per partition, counted from the `start` that the container found. For bounds that are whole " +
				"numbers of at most 18 digits.",
		},
		{
			Name:  "every",
			Kind:  String,
			Class: Grid,
			Doc: "Instead of `size`: length of a window, as in `time`. For bounds that are RFC 3339 times from 1970 to " +
				"2100, such as `2026-01-01T00:00:00Z`.",
		},
		{
			Name:  "timezone",
			Kind:  String,
			Class: Grid,
			Doc:   "With `every`: time zone of the calendar, as an IANA name. Defaults to `UTC`.",
		},
		{
			Name:  "format",
			Kind:  String,
			Enum:  []string{"date", "rfc3339", "unix", "unix_ms"},
			Class: Next,
			Doc:   "With `every`: format of the bounds passed to the runner, as in `time`. Defaults to `rfc3339`.",
		},
		{
			Name:    "max_partitions",
			Kind:    Int,
			Bounds:  &Bounds{1, 1_000_000},
			Default: "100000",
			Class:   Grid,
			Doc: "Maximum number of partitions between the bounds; if there are more, the run fails. A small " +
				"`shard_size` lowers this maximum, because the number of shards that one run can start is limited.",
		},
	})
}

// generator is the container that writes the bounds.
func generator() []Attribute {
	rows := []Attribute{
		{
			Name:     "image",
			Kind:     String,
			Required: true,
			Format:   Image,
			Class:    Note,
			Doc:      "Container image.",
		},
		{
			Name:  "command",
			Kind:  StringList,
			Late:  true,
			Class: Note,
			Doc:   "The program and its first arguments. Required unless `script` is set.",
		},
		{
			Name:  "args",
			Kind:  StringList,
			Late:  true,
			Class: Note,
			Doc:   "Further arguments.",
		},
		{
			Name:  "script",
			Kind:  String,
			Class: Note,
			Doc: "Text of a script, at most 64 KiB, passed to `command` (default `[\"sh\", \"-c\"]`) as an argument before " +
				"`args`. The environment variable `BACKFILL_OUT` is the path of the file to write.",
		},
		{
			Name:   "working_dir",
			Kind:   String,
			Format: AbsPath,
			Class:  Note,
			Doc:    "Working directory. Defaults to the working directory of the image.",
		},
	}
	rows = append(rows, environment()...)
	return noted(append(rows, generatorPod()...))
}

// generatorPod is where and how the pod of the generator runs.
func generatorPod() []Attribute {
	return []Attribute{
		{
			Name:       "resources",
			Kind:       Object,
			Class:      Note,
			Attributes: resources(),
			Doc:        "Resource requests and limits of the container.",
		},
		{
			Name:   "deadline",
			Kind:   String,
			Format: Duration,
			Class:  Note,
			Doc:    "Time limit of one attempt, for example `10m`. No limit by default.",
		},
		{
			Name:   "service_account",
			Kind:   String,
			Format: DNSName,
			Class:  Note,
			Doc: "Service account of the pod. It needs `create` and `patch` on WorkflowTaskResults. Defaults to " +
				"`orchestrator.service_account`.",
		},
		{
			Name:   "image_pull_secrets",
			Kind:   StringList,
			Format: DNSName,
			Class:  Note,
			Doc:    "Names of Secrets with credentials for the image's registry." + follows,
		},
		{
			Name:       "security_context",
			Kind:       Object,
			Class:      Note,
			Attributes: securityContext(),
			Doc: "Privileges of the container. By default it cannot gain privileges, and the container runtime's " +
				"default seccomp profile filters its system calls.",
		},
		{
			Name:   "node_selector",
			Kind:   StringMap,
			Format: NodeLabels,
			Class:  Note,
			Doc:    "Labels that a node must have; `{}` for any node." + follows,
		},
		{
			Name:       "tolerations",
			Kind:       ObjectList,
			Class:      Note,
			Attributes: tolerations(),
			Doc:        "Node taints that the pod tolerates; `[]` for none." + follows,
		},
		{
			Name:   "priority_class",
			Kind:   String,
			Format: DNSName,
			Class:  Note,
			Doc:    "PriorityClass of the pod." + follows,
		},
		{
			Name:   "annotations",
			Kind:   StringMap,
			Format: Annotations,
			Class:  Note,
			Doc:    "Annotations of the pod.",
		},
	}
}

// noted sets the class Note on the rows of a container that runs once.
func noted(rows []Attribute) []Attribute {
	for i := range rows {
		rows[i].Class, rows[i].Once = Note, true
		rows[i].Attributes = noted(rows[i].Attributes)
	}
	return rows
}
