// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package jobschema

// partition describes the keys to process.
func partition() []Attribute {
	return append(axes(),
		Attribute{
			Name:       "query",
			Kind:       Object,
			Class:      Grid,
			Attributes: query(),
			Doc: "Bounds that a container determines at run time. It writes `{\"start\": …, \"end\": …}` to " +
				"`/backfill/out`, and the run splits the keys between them into partitions. See the guide *Bounds known at run " +
				"time*.",
		},
		Attribute{
			Name:       "dimensions",
			Kind:       ObjectList,
			Class:      Grid,
			Attributes: dimension(),
			Doc: "Two to four named ranges, times or lists of values. Every combination is a partition, and the last " +
				"dimension varies fastest. Refer to `partition.<name>.start`, `.end` and `.key`.",
		},
		Attribute{
			Name:    "order",
			Kind:    String,
			Enum:    []string{"oldest_first", "newest_first"},
			Default: "oldest_first",
			Class:   Grid,
			Doc:     "Order in which partitions start.",
		},
	)
}

func dimension() []Attribute {
	name := Attribute{
		Name:     "name",
		Kind:     String,
		Required: true,
		Class:    Grid,
		Doc: "Name of the dimension: a lower-case letter, then lower-case letters, digits and underscores; not " +
			"`start`, `end`, `key` or `index`.",
	}
	return append([]Attribute{name}, axes()...)
}

// axes are the ways to describe keys. A partition or a dimension has exactly one.
func axes() []Attribute {
	return []Attribute{
		{
			Name:       "range",
			Kind:       Object,
			Class:      Grid,
			Attributes: integerRange(),
			Doc: "Integers from `start` up to but not including `end`, in steps of `size`; or between explicit " +
				"`boundaries`.",
		},
		{
			Name:       "time",
			Kind:       Object,
			Class:      Grid,
			Attributes: timeWindows(),
			Doc:        "Time windows from `start` up to but not including `end`, in the calendar of `timezone`.",
		},
		{
			Name:  "values",
			Kind:  StringList,
			Class: Grid,
			Doc: "Explicit keys, at most 10,000 and 256 kB in total. They have `.key` and `.value`, but no `.start` and " +
				"`.end`.",
		},
	}
}

func integerRange() []Attribute {
	return []Attribute{
		{Name: "start", Kind: Int, Class: Grid, Doc: "The first key."},
		{Name: "end", Kind: Int, Class: Grid, Doc: "The end of the range, exclusive."},
		{
			Name:  "size",
			Kind:  Int,
			Class: Grid,
			Doc:   "Keys per partition, counted from `start`. The last partition may have fewer.",
		},
		{
			Name:  "boundaries",
			Kind:  IntList,
			Class: Grid,
			Doc: "Instead of `start`, `end` and `size`: ascending cut points, at most 10,000. Each partition lies between " +
				"two neighboring cut points. Use it for sparse keys, where ranges of equal size contain unequal amounts of work.",
		},
	}
}

func timeWindows() []Attribute {
	return []Attribute{
		{
			Name:     "start",
			Kind:     String,
			Required: true,
			Class:    Grid,
			Doc: "Start of the first window: a date (`2026-01-01`, the start of that day in `timezone`), a local time " +
				"(`2026-01-01T06:00:00`), or a time with its offset (`2026-01-01T06:00:00Z`).",
		},
		{
			Name:     "end",
			Kind:     String,
			Required: true,
			Class:    Grid,
			Doc:      "The end, exclusive, written like `start`.",
		},
		{
			Name:     "every",
			Kind:     String,
			Required: true,
			Class:    Grid,
			Doc: "Length of a window: a number and `m`, `h`, `d`, `w`, `mo` or `y`, for example `15m`, `1h`, `1d` or " +
				"`2mo`. Minutes and hours are elapsed time. Longer windows follow the calendar: a day may have 23 or 25 hours. " +
				"Windows of months or years must start on day 28 or earlier.",
		},
		{
			Name:    "timezone",
			Kind:    String,
			Default: "UTC",
			Class:   Grid,
			Doc:     "Time zone of the calendar, as an IANA name such as `Europe/Berlin`.",
		},
		{
			Name:    "format",
			Kind:    String,
			Enum:    []string{"date", "rfc3339", "unix", "unix_ms"},
			Default: "rfc3339",
			Class:   Next,
			Doc: "Format of the bounds passed to the runner: `date` (for whole days), `rfc3339`, or seconds (`unix`) or " +
				"milliseconds (`unix_ms`) since 1970.",
		},
		{
			Name:  "exclude",
			Kind:  ObjectList,
			Class: Grid,
			Attributes: []Attribute{
				{Name: "start", Kind: String, Required: true, Class: Grid, Doc: "Start of the excluded time."},
				{Name: "end", Kind: String, Required: true, Class: Grid, Doc: "End of the excluded time, exclusive."},
			},
			Doc: "Time intervals that are not processed.",
		},
	}
}
