// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package jobschema

// partition describes what is processed.
func partition() []Attribute {
	return append(axes(),
		Attribute{
			Name: "query", Kind: Object, Class: Grid, Attributes: query(),
			Doc: "Bounds that are asked for at run time: a container writes `{\"start\": …, \"end\": …}` to `/backfill/out`, and the run cuts what lies between. See the guide *Bounds known at run time*.",
		},
		Attribute{
			Name: "dimensions", Kind: ObjectList, Class: Grid, Attributes: dimension(),
			Doc: "Two to four named ranges, times or lists of values; every combination is a partition. The last dimension varies fastest. Refer to `partition.<name>.start`, `.end` and `.key`.",
		},
		Attribute{
			Name: "order", Kind: String, Enum: []string{"oldest_first", "newest_first"}, Default: "oldest_first", Class: Grid,
			Doc: "The direction in which partitions are started.",
		},
	)
}

func dimension() []Attribute {
	name := Attribute{
		Name: "name", Kind: String, Required: true, Class: Grid,
		Doc: "Name of the dimension: a lower-case letter, then lower-case letters, digits and underscores; not `start`, `end`, `key` or `index`.",
	}
	return append([]Attribute{name}, axes()...)
}

// axes are the ways to describe keys, of which a partition or a dimension has
// exactly one.
func axes() []Attribute {
	return []Attribute{
		{
			Name: "range", Kind: Object, Class: Grid, Attributes: integerRange(),
			Doc: "Integers from `start` up to but not including `end`, `size` at a time; or between explicit `boundaries`.",
		},
		{
			Name: "time", Kind: Object, Class: Grid, Attributes: timeWindows(),
			Doc: "Windows of time from `start` up to but not including `end`, by the calendar of `timezone`.",
		},
		{
			Name: "values", Kind: StringList, Class: Grid,
			Doc: "Explicit keys, at most 10,000 of together 256 kB. They have `.key` and `.value`, but no start and end.",
		},
	}
}

func integerRange() []Attribute {
	return []Attribute{
		{Name: "start", Kind: Int, Class: Grid, Doc: "The first key."},
		{Name: "end", Kind: Int, Class: Grid, Doc: "The end of the range, which is not itself part of it."},
		{
			Name: "size", Kind: Int, Class: Grid,
			Doc: "Keys per partition; the last partition may have fewer. The grid starts at `start`.",
		},
		{
			Name: "boundaries", Kind: IntList, Class: Grid,
			Doc: "Instead of `start`, `end` and `size`: ascending cut points, at most 10,000; each partition lies between two of them. For sparse keys, where equal ranges would hold unequal work.",
		},
	}
}

func timeWindows() []Attribute {
	return []Attribute{
		{
			Name: "start", Kind: String, Required: true, Class: Grid,
			Doc: "The first instant: a date (`2026-01-01`, the start of that day in `timezone`), a local time (`2026-01-01T06:00:00`), or a time with its offset (`2026-01-01T06:00:00Z`).",
		},
		{
			Name: "end", Kind: String, Required: true, Class: Grid,
			Doc: "The end, written like `start`, which is not itself part of the domain.",
		},
		{
			Name: "every", Kind: String, Required: true, Class: Grid,
			Doc: "Length of a window: a number and `m`, `h`, `d`, `w`, `mo` or `y`, for example `15m`, `1h`, `1d` or `2mo`. Minutes and hours are elapsed time; longer windows follow the calendar, so that a day may have 23 or 25 hours. Windows of months or years start on day 28 or before.",
		},
		{
			Name: "timezone", Kind: String, Default: "UTC", Class: Grid,
			Doc: "IANA name of the time zone whose calendar counts, for example `Europe/Berlin`.",
		},
		{
			Name: "format", Kind: String, Enum: []string{"date", "rfc3339", "unix", "unix_ms"}, Default: "rfc3339", Class: Next,
			Doc: "How the runner gets the bounds: `date` (for whole days), `rfc3339`, or seconds or milliseconds since 1970.",
		},
		{
			Name: "exclude", Kind: ObjectList, Class: Grid, Attributes: []Attribute{
				{Name: "start", Kind: String, Required: true, Class: Grid, Doc: "The first instant that is left out."},
				{Name: "end", Kind: String, Required: true, Class: Grid, Doc: "The end of what is left out, which is not itself left out."},
			},
			Doc: "Stretches of time that are not processed.",
		},
	}
}
