// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package jobschema

import "slices"

// maxQuerySize keeps the end of the last partition within 64 bits: bounds have
// at most 18 digits.
const maxQuerySize = 1_000_000_000_000_000_000

// query describes the container that finds the bounds, and the grid between
// them. Changing the container alone changes nothing: its answer is kept.
func query() []Attribute {
	return slices.Concat(generator(), []Attribute{
		{
			Name: "size", Kind: Int, Bounds: &Bounds{1, maxQuerySize}, Class: Grid,
			Doc: "Keys per partition, for bounds that are whole numbers of at most 18 digits. The grid starts at the `start` that was found.",
		},
		{
			Name: "every", Kind: String, Class: Grid,
			Doc: "Instead of `size`, for bounds that are RFC 3339 times such as `2026-01-01T00:00:00Z`, from 1970 to 2100: the length of a window, as in `time`.",
		},
		{
			Name: "timezone", Kind: String, Class: Grid,
			Doc: "With `every`: IANA name of the time zone whose calendar counts. `UTC` unless set.",
		},
		{
			Name: "format", Kind: String, Enum: []string{"date", "rfc3339", "unix", "unix_ms"}, Class: Next,
			Doc: "With `every`: how the runner gets the bounds, as in `time`. `rfc3339` unless set.",
		},
		{
			Name: "max_partitions", Kind: Int, Bounds: &Bounds{1, 1_000_000}, Default: "100000", Class: Grid,
			Doc: "The most partitions that an answer may yield; the run refuses one that yields more. Less where `shard_size` is so small that one run could not start as many shards.",
		},
	})
}

// generator is the container that writes the bounds.
func generator() []Attribute {
	rows := []Attribute{
		{
			Name: "image", Kind: String, Required: true, Format: Image, Class: Note,
			Doc: "Container image.",
		},
		{
			Name: "command", Kind: StringList, Late: true, Class: Note,
			Doc: "The program and its first arguments. Required unless there is a `script`.",
		},
		{
			Name: "args", Kind: StringList, Late: true, Class: Note,
			Doc: "Further arguments.",
		},
		{
			Name: "script", Kind: String, Class: Note,
			Doc: "Text of a script, at most 64 KiB, given to `command` (`[\"sh\", \"-c\"]` unless set) as its last argument and before `args`. The file to write is in the environment as `BACKFILL_OUT`.",
		},
		{
			Name: "working_dir", Kind: String, Format: AbsPath, Class: Note,
			Doc: "Directory in which the program starts; the image's own unless set.",
		},
	}
	rows = append(rows, environment()...)
	return noted(append(rows,
		Attribute{
			Name: "resources", Kind: Object, Class: Note, Attributes: resources(),
			Doc: "What the container requests of its node and may use at most.",
		},
		Attribute{
			Name: "deadline", Kind: String, Format: Duration, Class: Note,
			Doc: "The longest one attempt may run, for example `10m`. None by default.",
		},
		Attribute{
			Name: "service_account", Kind: String, Format: DNSName, Class: Note,
			Doc: "Service account of the pod; `orchestrator_service_account` unless set. It needs `create` and `patch` on WorkflowTaskResults.",
		},
		Attribute{
			Name: "image_pull_secrets", Kind: StringList, Format: DNSName, Class: Note,
			Doc: "Names of Secrets with credentials for the image's registry.",
		},
	))
}

// noted gives rows the class of what changes nothing but the record. They are of a
// container that runs once.
func noted(rows []Attribute) []Attribute {
	for i := range rows {
		rows[i].Class, rows[i].Once = Note, true
		rows[i].Attributes = noted(rows[i].Attributes)
	}
	return rows
}
