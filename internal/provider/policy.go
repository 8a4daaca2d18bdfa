// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	tfdiag "github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/diag"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/job"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/jobschema"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/state"
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
	option := func(doc string) schema.StringAttribute {
		return schema.StringAttribute{Optional: true, MarkdownDescription: doc}
	}
	return map[string]schema.Attribute{
		"revision": option("Any text. A change clears the ledger, and **all** partitions run again. The plan shows how " +
			"many partitions were done. No other change reprocesses finished partitions."),
		"rerun": option("When partitions that failed or did not run are run again: `auto` (the default), at the next " +
			"apply; `manual`, when `rerun_token` changes."),
		"rerun_token": option("Any text. With `rerun = \"manual\"`, a change runs the partitions that failed or did not " +
			"run."),
		"paused": schema.BoolAttribute{
			Optional: true,
			MarkdownDescription: "`true` pauses the job: no further partitions start. `false` resumes it. " +
				"If it is not set, use the commands `pause` and `resume`.",
		},
		"approved_wave": schema.NumberAttribute{
			Optional: true,
			MarkdownDescription: "Approves all waves up to this number that wait for approval (`approve = \"manual\"`). Wave " +
				"0 is the canary. " +
				"A changed `revision` revokes the approval until this changes too. The command `approve` approves a single wave.",
		},
		"on_change": option("What happens to the active run if the runner changes: `stop` (the default) stops it, and a " +
			"new run processes the remaining partitions; " +
			"`finish` lets it finish, and the next plan proposes the remaining partitions."),
		"stop_timeout": option("How long an update waits for the run that it stopped, for example `10m`. Defaults to " +
			"`5m`. After this time the update fails without submitting a run."),
		"on_destroy": option("What destroy does: `stop` (the default) stops the job and deletes its Workflows, templates " +
			"and record; " +
			"`keep` leaves them in the cluster, for import into another state. The processed data is never changed."),
		"overlap": option("Whether another job of the same `target` may process the same keys: `deny` (the default) or " +
			"`allow`."),
		"override_limits": schema.ListAttribute{
			Optional: true, ElementType: types.StringType,
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
func policyOf(attributes values) (p state.Policy, known bool, diags tfdiag.Diagnostics) {
	for name := range policyAttributes() {
		if !attributes[name].IsFullyKnown() {
			return state.Policy{}, false, nil
		}
	}
	p = state.Policy{
		Revision:         stringOf(attributes["revision"]),
		Rerun:            stringOf(attributes["rerun"]),
		RerunToken:       stringOf(attributes["rerun_token"]),
		Paused:           boolOf(attributes["paused"]),
		OverrideLimits:   stringsOf(attributes["override_limits"]),
		OnChange:         stringOf(attributes["on_change"]),
		AllowOverlap:     stringOf(attributes["overlap"]) == overlapAllow,
		PreventReprocess: isTrue(attributes["prevent_reprocess"]),
	}
	if v := attributes["approved_wave"]; !v.IsNull() {
		p.ApprovedWave = new(int(intOf(v)))
	}
	if written := stringOf(attributes["stop_timeout"]); written != "" {
		var err error
		if p.StopTimeout, err = time.ParseDuration(written); err != nil || p.StopTimeout <= 0 {
			diags.Append(notADuration(path.Root("stop_timeout"), written))
		}
	}
	return p, true, diags
}

func notADuration(at path.Path, written string) tfdiag.Diagnostic {
	return fault(diag.CodeDuration, at,
		"%q is not a valid duration. Use a positive duration such as \"90s\", \"10m\" or \"1h30m\".", written)
}

// checkPolicy checks what is known of the policy and the timeouts, also where the job
// is not known yet.
func checkPolicy(attributes values) tfdiag.Diagnostics {
	var diags tfdiag.Diagnostics
	for _, of := range []struct {
		name    string
		choices []string
	}{
		{"on_change", []string{state.OnChangeStop, state.OnChangeFinish}},
		{"on_destroy", []string{destroyStop, destroyKeep}},
		{"overlap", []string{overlapDeny, overlapAllow}},
		{"override_limits", jobschema.LimitNames()},
		{"rerun", []string{state.RerunAuto, state.RerunManual}},
	} {
		v := attributes[of.name]
		if !v.IsFullyKnown() || v.IsNull() {
			continue
		}
		given := stringsOf(v)
		if v.Type().Is(tftypes.String) {
			given = []string{stringOf(v)}
		}
		for _, one := range given {
			if !slices.Contains(of.choices, one) {
				diags.Append(fault(diag.CodeChoice, path.Root(of.name), "%q is %q.%s Use one of: %s.", of.name, one,
					diag.DidYouMean(one, of.choices), strings.Join(of.choices, ", ")))
			}
		}
	}
	diags.Append(whole("approved_wave", 0, math.MaxInt32).checkValue(attributes["approved_wave"])...)
	return append(diags, checkTimeouts(attributes["timeouts"])...)
}

// policyValues are the attributes that the record stores, for imports and for changes
// outside of this state.
func policyValues(p state.Policy) values {
	limits := listOf(p.OverrideLimits, text)
	if len(p.OverrideLimits) == 0 {
		limits = tftypes.NewValue(limits.Type(), nil)
	}
	return values{
		"approved_wave":   number(p.ApprovedWave),
		"override_limits": limits,
		"revision":        orNull(p.Revision),
		"rerun":           orNull(p.Rerun),
		"rerun_token":     orNull(p.RerunToken),
		"paused":          tftypes.NewValue(tftypes.Bool, p.Paused),
	}
}

// defaultTimeouts are the default timeouts of the operations.
var defaultTimeouts = map[string]time.Duration{
	"create": 10 * time.Minute,
	"read":   5 * time.Minute,
	"update": 20 * time.Minute,
	"delete": 20 * time.Minute,
}

func jobTimeouts() schema.Attribute {
	operations := map[string]string{
		"create": "creating the job and submitting its first run",
		"read":   "reading the job",
		"update": "ending the active run and submitting the next one",
		"delete": "stopping the job and removing its objects",
	}
	for name, doing := range operations {
		operations[name] = fmt.Sprintf("Maximum time for %s, for example `30m`. Defaults to `%s`.", doing,
			defaultTimeouts[name])
	}
	return timeoutsAttribute("Timeouts of operations. No operation waits for partitions: create and update only submit "+
		"a run.", operations)
}

// timeoutsAttribute documents the timeouts of some operations.
func timeoutsAttribute(doc string, operations map[string]string) schema.Attribute {
	attributes := map[string]schema.Attribute{}
	for name, what := range operations {
		attributes[name] = schema.StringAttribute{Optional: true, Description: what}
	}
	return schema.SingleNestedAttribute{Optional: true, MarkdownDescription: doc, Attributes: attributes}
}

func checkTimeouts(written tftypes.Value) (diags tfdiag.Diagnostics) {
	operations := attributesOf(written)
	for _, name := range slices.Sorted(maps.Keys(operations)) {
		v := operations[name]
		if !v.IsKnown() || v.IsNull() {
			continue
		}
		if d, err := time.ParseDuration(stringOf(v)); err != nil || d <= 0 {
			diags.Append(notADuration(path.Root("timeouts").AtName(name), stringOf(v)))
		}
	}
	return diags
}

// timeoutOf is the timeout of an operation as an object has it, which was checked.
func timeoutOf(object tftypes.Value, operation string, otherwise time.Duration) time.Duration {
	written := attributesOf(attributesOf(object)["timeouts"])
	if d, err := time.ParseDuration(stringOf(written[operation])); err == nil {
		return d
	}
	return otherwise
}

// bounded sets the deadline of an operation on a job. Ended says of what has gone
// wrong by then that it is a matter of timeouts, where it is.
func bounded(
	ctx context.Context, object tftypes.Value, operation string, diags *tfdiag.Diagnostics,
) (within context.Context, ended func()) {
	limit := timeoutOf(object, operation, defaultTimeouts[operation])
	within, cancel := context.WithTimeout(ctx, limit)
	return within, func() {
		if errors.Is(within.Err(), context.DeadlineExceeded) {
			tellOfTimeouts(*diags, operation, limit)
		}
		cancel()
	}
}

// tellOfTimeouts adds to what has failed, or could not be asked of the cluster, that
// the time was up.
func tellOfTimeouts(diags tfdiag.Diagnostics, operation string, limit time.Duration) {
	for i, d := range diags {
		text, code := d.Detail(), ""
		if at := strings.LastIndex(text, " ["); at >= 0 {
			text, code = text[:at], text[at:]
		}
		if d.Severity() == tfdiag.SeverityError || strings.HasPrefix(code, " ["+diag.CodeCluster) {
			diags[i] = reworded(d, fmt.Sprintf("%s The time for this operation was up after %s. See why the cluster takes so "+
				"long, or raise %q in \"timeouts\".%s", text, job.DurationText(limit), operation, code))
		}
	}
}

// reworded is a diagnostic with another detail.
func reworded(d tfdiag.Diagnostic, detail string) tfdiag.Diagnostic {
	at, hasPath := d.(tfdiag.DiagnosticWithPath)
	isWarning := d.Severity() == tfdiag.SeverityWarning
	switch {
	case hasPath && isWarning:
		return tfdiag.NewAttributeWarningDiagnostic(at.Path(), d.Summary(), detail)
	case hasPath:
		return tfdiag.NewAttributeErrorDiagnostic(at.Path(), d.Summary(), detail)
	case isWarning:
		return tfdiag.NewWarningDiagnostic(d.Summary(), detail)
	}
	return tfdiag.NewErrorDiagnostic(d.Summary(), detail)
}
