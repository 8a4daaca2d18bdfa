// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

// Package report writes results for people, as plain text. It does not compute or
// fetch anything.
package report

import (
	"fmt"
	"math"
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
	if t.Stuck {
		return "stuck: " + t.Sentence()
	}
	return t.Sentence()
}

// FailedLine describes one failed partition.
func FailedLine(f state.Failure) string {
	attempts := "1 attempt"
	if f.Attempts != 1 {
		attempts = fmt.Sprintf("%d attempts", f.Attempts)
	}
	line := fmt.Sprintf("failed %s after %s", f.Key, attempts)
	if f.Attempts == 0 {
		line = "failed " + f.Key // its attempts are not recorded
	}
	if f.Message != "" {
		line += ": " + text.OneLine(f.Message)
	}
	return line
}

// By default so many failed partitions are listed, and so many with their attempts.
const (
	maxListed   = 100
	maxDetailed = 10
)

// Status prints everything about a job, one fact per line. It lists the first failed
// partitions, and the attempts of some, or all of them.
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
		case t.Refused:
			label = "refused"
		case t.Retried:
			label = "retrying"
		}
		row(label, t.Sentence())
	}
	listed, detailed := maxListed, maxDetailed
	if all {
		listed, detailed = math.MaxInt, math.MaxInt
	}
	failed := o.FailedPartitions(listed)
	for i, f := range failed {
		p.Linef("%s", FailedLine(f))
		if i >= detailed {
			continue
		}
		for _, attempt := range f.Details {
			p.Linef("  %s", attempt)
		}
	}
	if more := o.FailedCount() - int64(len(failed)); more > 0 {
		p.Linef("and %d more failed partitions; --attempts lists all of them", more)
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
