// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package jobschema

// guardrails are the rows that keep a job from being larger, or from being
// started at another time, than somebody has allowed.
func guardrails() []Attribute {
	return []Attribute{
		{
			Name: "limits", Kind: Object, Class: Note, Attributes: Limits(),
			Doc: "What the job may not exceed. The provider has limits of its own, and these can only tighten them. " +
				"They are checked when there is something to apply; `override_limits` names those that may be exceeded on purpose.",
		},
	}
}

// Limits are the rows of limits, which jobs and the provider have alike.
func Limits() []Attribute {
	return []Attribute{
		{Name: "max_partitions", Kind: Int, Bounds: &Bounds{1, 1_000_000}, Class: Note, Doc: "The most partitions that the whole domain may have, and the most that `max_partitions` of a query may be."},
		{Name: "max_shards", Kind: Int, Bounds: &Bounds{1, 1_000_000}, Class: Note, Doc: "The most shards that the whole domain may have, or that the `max_partitions` of a query come to."},
		{Name: "max_parallel", Kind: Int, Bounds: &Bounds{1, 10_000}, Class: Note, Doc: "The most that `max_parallel` may be."},
		{Name: "namespaces", Kind: StringList, Format: DNSLabel, Class: Note, Doc: "The only namespaces that the job may be in."},
		{Name: "required_labels", Kind: StringList, Format: LabelKey, Class: Note, Doc: "Keys of labels that the job must have, such as `team`."},
		{Name: "require_reason", Kind: Bool, Default: "false", Class: Note, Doc: "Whether the job must have a `reason`."},
		{
			Name: "forbidden_windows", Kind: ObjectList, Class: Note, Attributes: []Attribute{
				{
					Name: "days", Kind: StringList, Enum: []string{"mon", "tue", "wed", "thu", "fri", "sat", "sun"}, Class: Note,
					Doc: "The days on which the window begins; every day unless set.",
				},
				{Name: "from", Kind: String, Required: true, Format: Clock, Class: Note, Doc: "When it begins, such as `09:00`."},
				{Name: "to", Kind: String, Required: true, Format: Clock, Class: Note, Doc: "When it ends, such as `17:30`; up to `24:00`. When it is not after `from` it is on the next day."},
				{Name: "timezone", Kind: String, Default: "UTC", Class: Note, Doc: "IANA name of the zone whose clocks are meant, such as `Europe/Berlin`."},
			},
			Doc: "Times at which no run may be submitted, such as business hours. They are checked by the apply, because plans know no time.",
		},
	}
}

// LimitNames are the limits that can be lifted.
func LimitNames() []string { return names(Limits()) }
