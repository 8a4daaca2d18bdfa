// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"time"

	"github.com/hashicorp/terraform-plugin-framework-validators/int64validator"
	"github.com/hashicorp/terraform-plugin-framework-validators/listvalidator"
	"github.com/hashicorp/terraform-plugin-framework-validators/stringvalidator"
	tfdiag "github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/diag"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/engine"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/jobschema"
)

// The choices of on_destroy and overlap.
const (
	destroyStop = "stop"
	destroyKeep = "keep"

	overlapDeny  = "deny"
	overlapAllow = "allow"
)

// policyAttributes control how the resource manages the job. They apply to both forms
// of the declaration.
func policyAttributes() map[string]schema.Attribute {
	choice := func(doc string, values ...string) schema.StringAttribute {
		return schema.StringAttribute{
			Optional: true, MarkdownDescription: doc,
			Validators: []validator.String{stringvalidator.OneOf(values...)},
		}
	}
	return map[string]schema.Attribute{
		"revision": schema.StringAttribute{
			Optional: true,
			MarkdownDescription: "Any text. A change clears the ledger, and **all** partitions run again. The plan shows how " +
				"many partitions were done. " +
				"No other change reprocesses finished partitions.",
		},
		"rerun": choice("When partitions that failed or did not run are run again: `auto` (the default), at the next apply; "+
			"`manual`, when `rerun_token` changes.", engine.RerunAuto, engine.RerunManual),
		"rerun_token": schema.StringAttribute{
			Optional: true, MarkdownDescription: "Any text. With `rerun = \"manual\"`, a change runs the partitions that " +
				"failed or did not run.",
		},
		"paused": schema.BoolAttribute{
			Optional: true,
			MarkdownDescription: "`true` pauses the job: no further partitions start. `false` resumes it. " +
				"If it is not set, use the commands `pause` and `resume`.",
		},
		"approved_wave": schema.Int64Attribute{
			Optional:   true,
			Validators: []validator.Int64{int64validator.AtLeast(0)},
			MarkdownDescription: "Approves all waves up to this number that wait for approval (`approve = \"manual\"`). Wave " +
				"0 is the canary. " +
				"A changed `revision` revokes the approval until this changes too. The command `approve` approves a single wave.",
		},
		"on_change": choice("What happens to the active run if the runner changes: `stop` (the default) stops it, and a "+
			"new run processes the remaining partitions; "+
			"`finish` lets it finish, and the next plan proposes the remaining partitions.", engine.OnChangeStop,
			engine.OnChangeFinish),
		"stop_timeout": schema.StringAttribute{
			Optional: true,
			MarkdownDescription: "How long an update waits for the run that it stopped, for example `10m`. Defaults to `5m`. " +
				"After this time the update fails without submitting a run.",
		},
		"on_destroy": choice("What destroy does: `stop` (the default) stops the job and deletes its Workflows, templates "+
			"and record; "+
			"`keep` leaves them in the cluster, for import into another state. The processed data is never changed.",
			destroyStop, destroyKeep),
		"overlap": choice("Whether another job of the same `target` may process the same keys: `deny` (the default) or "+
			"`allow`.", overlapDeny, overlapAllow),
		"override_limits": schema.ListAttribute{
			Optional: true, ElementType: types.StringType,
			Validators: []validator.List{listvalidator.ValueStringsAre(stringvalidator.OneOf(jobschema.LimitNames()...))},
			MarkdownDescription: "Names of limits, of the provider or of the job, that this job may exceed, such as " +
				"`max_partitions`. " +
				"A plan that exceeds such a limit shows a warning.",
		},
		"prevent_reprocess": schema.BoolAttribute{
			Optional:            true,
			MarkdownDescription: "Whether a plan that would run finished partitions again is an error.",
		},
	}
}

// policyOf reads the policy from a configuration; known is false while a part of it
// is unknown.
func policyOf(attributes map[string]tftypes.Value) (p engine.Policy, known bool, diags tfdiag.Diagnostics) {
	for name := range policyAttributes() {
		if !attributes[name].IsFullyKnown() {
			return engine.Policy{}, false, nil
		}
	}
	p = engine.Policy{
		Revision:         stringOf(attributes["revision"]),
		Rerun:            stringOf(attributes["rerun"]),
		RerunToken:       stringOf(attributes["rerun_token"]),
		Paused:           boolOf(attributes["paused"]),
		ApprovedWave:     waveOf(attributes["approved_wave"]),
		OverrideLimits:   textsOf(attributes["override_limits"]),
		OnChange:         stringOf(attributes["on_change"]),
		AllowOverlap:     stringOf(attributes["overlap"]) == overlapAllow,
		PreventReprocess: isTrue(attributes["prevent_reprocess"]),
	}
	if text := stringOf(attributes["stop_timeout"]); text != "" {
		d, err := time.ParseDuration(text)
		if err != nil || d <= 0 {
			diags.Append(fault(diag.CodeDuration, path.Root("stop_timeout"),
				"%q is not a valid duration. Use a positive duration such as \"90s\", \"10m\" or \"1h30m\".", text))
		}
		p.StopTimeout = d
	}
	return p, true, diags
}

// policyValues are the attributes that the record stores, for imports and for changes
// outside of this state.
func policyValues(p engine.Policy) values {
	paused := tftypes.NewValue(tftypes.Bool, nil)
	if p.Paused != nil {
		paused = tftypes.NewValue(tftypes.Bool, *p.Paused)
	}
	wave := tftypes.NewValue(tftypes.Number, nil)
	if p.ApprovedWave != nil {
		wave = number(int64(*p.ApprovedWave))
	}
	return values{
		"approved_wave": wave, "override_limits": textsOrNull(p.OverrideLimits),
		"revision": orNull(p.Revision), "rerun": orNull(p.Rerun), "rerun_token": orNull(p.RerunToken), "paused": paused,
	}
}

// textsOf is a list of texts; nil when null or unknown.
func textsOf(v tftypes.Value) []string {
	var elements []tftypes.Value
	if !v.IsKnown() || v.IsNull() || v.As(&elements) != nil {
		return nil
	}
	var out []string
	for _, e := range elements {
		out = append(out, stringOf(e))
	}
	return out
}

// textsOrNull is a list of texts, or null if it is empty.
func textsOrNull(of []string) tftypes.Value {
	list := tftypes.List{ElementType: tftypes.String}
	if len(of) == 0 {
		return tftypes.NewValue(list, nil)
	}
	var elements []tftypes.Value
	for _, s := range of {
		elements = append(elements, text(s))
	}
	return tftypes.NewValue(list, elements)
}

// waveOf is the number of a wave; nil when null or unknown.
func waveOf(v tftypes.Value) *int {
	if !v.IsKnown() || v.IsNull() {
		return nil
	}
	n := int(intOf(v))
	return &n
}

// boolOf is a bool attribute; nil when null or unknown.
func boolOf(v tftypes.Value) *bool {
	var b bool
	if !v.IsKnown() || v.IsNull() || v.As(&b) != nil {
		return nil
	}
	return &b
}

func isTrue(v tftypes.Value) bool {
	b := boolOf(v)
	return b != nil && *b
}
