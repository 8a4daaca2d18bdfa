// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

// Package report writes results for people, as plain text. It does not compute or
// fetch anything.
package report

import (
	"fmt"
	"strings"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/state"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/text"
)

// Line is the state of a job in one line.
func Line(o *state.Observation) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s done", o.Phase, o.Progress())
	if o.FailedCount() > 0 {
		fmt.Fprintf(&b, ", %d failed", o.FailedCount())
	}
	if o.LatestRun() != "" {
		fmt.Fprintf(&b, " (run %s)", o.LatestRun())
	}
	if o.SetupError() != "" {
		fmt.Fprintf(&b, ", setup failed: %s", text.OneLine(o.SetupError()))
	}
	return b.String()
}

// ObstacleLine says what keeps an active run waiting.
func ObstacleLine(t state.Obstacle) string {
	if !t.Stuck {
		return t.What
	}
	return "stuck: " + t.What + ". " + t.Fix
}

// FailedLine describes one failed partition.
func FailedLine(f state.Failure) string {
	attempts := "1 attempt"
	if f.Attempts != 1 {
		attempts = fmt.Sprintf("%d attempts", f.Attempts)
	}
	line := fmt.Sprintf("failed %s after %s", f.Key, attempts)
	if f.Message != "" {
		line += ": " + text.OneLine(f.Message)
	}
	return line
}

// maxDetailed is the default number of failed partitions that are shown with their
// attempts.
const maxDetailed = 10

// Status prints everything about a job, one fact per line. It lists the attempts of
// the first failed partitions, or of all.
func Status(p *text.Printer, o *state.Observation, all bool) {
	row := func(label, value string) {
		if value != "" {
			p.Linef("%-10s %s", label, value)
		}
	}
	row("job", o.Namespace+"/"+o.Name)
	row("phase", string(o.Phase))
	row("progress", o.Progress())
	row("why", o.Message())
	row("run", o.LatestRun())
	row("template", o.Template())
	row("setup", failure(o.SetupError()))
	row("teardown", failure(o.TeardownError()))
	row("done", keys(o.DoneText(), o.DoneCount()))
	row("failed", keys(o.FailedText(), o.FailedCount()))
	row("remaining", keys(o.RemainingText(), o.RemainingCount()))
	for _, t := range o.Obstacles {
		label := "waiting"
		switch {
		case t.Stuck:
			label = "stuck"
			t.What += ". " + t.Fix
		case t.Retried:
			label = "retrying"
		}
		row(label, t.What)
	}
	for i, failed := range o.FailedPartitions() {
		p.Linef("%s", FailedLine(failed))
		if i >= maxDetailed && !all {
			continue
		}
		for _, attempt := range failed.Details {
			p.Linef("  %s", attempt)
		}
	}
	if more := o.FailedCount() - int64(len(o.FailedPartitions())); more > 0 && len(o.FailedPartitions()) > 0 {
		p.Linef("and %d more failed partitions", more)
	}
}

// failure is the text for a failed setup or teardown; "" if it has not failed.
func failure(message string) string {
	if message == "" {
		return ""
	}
	return "failed: " + text.OneLine(message)
}

// keys is the text of a set of keys, or their number if the text is too long.
func keys(text string, count int64) string {
	if text == "" && count > 0 {
		return fmt.Sprintf("%d partitions", count)
	}
	return text
}
