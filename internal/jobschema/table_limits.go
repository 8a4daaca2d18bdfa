// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package jobschema

// guardrails are the rows that limit the size of a job and the times at which it
// may start.
func guardrails() []Attribute {
	return []Attribute{
		{
			Name:       "limits",
			Kind:       Object,
			Chosen:     true,
			Class:      Note,
			Attributes: Limits(),
			Doc: "Limits that the job must not exceed. They can tighten the limits of the provider, but not relax them. " +
				"They are checked when there is something to apply; `override_limits` lists the limits that you exceed on purpose.",
		},
	}
}

// Limits are the rows of limits, for jobs and for the provider.
func Limits() []Attribute {
	return []Attribute{
		{
			Name:   "max_partitions",
			Kind:   Int,
			Bounds: &Bounds{1, 1_000_000},
			Class:  Note,
			Doc:    "Maximum number of partitions in the whole domain, and upper limit of `max_partitions` of a query.",
		},
		{
			Name:   "max_shards",
			Kind:   Int,
			Bounds: &Bounds{1, 1_000_000},
			Class:  Note,
			Doc: "Maximum number of shards in the whole domain. For a query, the number of shards that `max_partitions` " +
				"results in.",
		},
		{Name: "max_parallel", Kind: Int, Bounds: &Bounds{1, 10_000}, Class: Note, Doc: "Upper limit of `max_parallel`."},
		{Name: "namespaces", Kind: StringList, Format: DNSLabel, Class: Note, Doc: "Namespaces that the job may use."},
		{
			Name:   "required_labels",
			Kind:   StringList,
			Format: LabelKey,
			Class:  Note,
			Doc:    "Keys of labels that the job must set, such as `team`.",
		},
		{Name: "require_reason", Kind: Bool, Default: "false", Class: Note, Doc: "Whether the job must set a `reason`."},
		{
			Name:  "forbidden_windows",
			Kind:  ObjectList,
			Class: Note,
			Attributes: []Attribute{
				{
					Name:  "days",
					Kind:  StringList,
					Enum:  []string{"mon", "tue", "wed", "thu", "fri", "sat", "sun"},
					Class: Note,
					Doc:   "Days on which the window starts. Defaults to every day.",
				},
				{
					Name:     "from",
					Kind:     String,
					Required: true,
					Format:   Clock,
					Class:    Note,
					Doc:      "Start of the window, such as `09:00`.",
				},
				{
					Name:     "to",
					Kind:     String,
					Required: true,
					Format:   Clock,
					Class:    Note,
					Doc: "End of the window, such as `17:30`, at most `24:00`. If it is not later than `from`, the window " +
						"ends on the next day.",
				},
				{
					Name:    "timezone",
					Kind:    String,
					Default: "UTC",
					Class:   Note,
					Doc:     "Time zone of `from` and `to`, as an IANA name such as `Europe/Berlin`.",
				},
			},
			Doc: "Times at which no run may be submitted, such as business hours. Checked during apply, because a plan does " +
				"not know when it will be applied.",
		},
	}
}

// LimitNames are the limits that can be overridden.
func LimitNames() []string { return names(Limits()) }
