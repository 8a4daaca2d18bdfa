// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package job

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/diag"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/jobschema"
)

// Limits of a job. The zero value has no limits.
type Limits struct {
	// Partitions, Shards and Parallel are maximums; 0: no limit.
	Partitions, Shards, Parallel int64
	// Namespaces are the allowed namespaces; empty: all.
	Namespaces []string
	// Labels are the keys of labels that a job must have.
	Labels []string
	// Reason is true if a job must have a reason.
	Reason bool
	// Forbidden are the times at which no run may be submitted.
	Forbidden []Window
}

// Window is a time of day on some days of the week. It may end after midnight,
// and is at most a day long.
type Window struct {
	// Days on which it starts; nil: every day.
	Days []time.Weekday
	// From and To are minutes since midnight in Zone; To is on the next day if
	// it is not larger than From.
	From, To int
	Zone     *time.Location
}

// weekdays are the choices of days.
var weekdays = map[string]time.Weekday{
	"mon": time.Monday, "tue": time.Tuesday, "wed": time.Wednesday, "thu": time.Thursday,
	"fri": time.Friday, "sat": time.Saturday, "sun": time.Sunday,
}

// ParseLimits checks a value of the attribute limits, which may be null. Unknown
// parts set no limit.
func ParseLimits(v cty.Value) (Limits, hcl.Diagnostics) {
	d := &decoder{}
	row, _ := jobschema.Find(jobschema.Job(), "limits")
	l := at{v, cty.GetAttrPath("limits")}
	d.attribute(row, l.value, l.path)
	d.limitRules(l)
	if d.diags.HasErrors() {
		return Limits{}, d.diags
	}
	return buildLimits(l), d.diags
}

func buildLimits(l at) Limits {
	if !l.set() {
		return Limits{}
	}
	out := Limits{
		Partitions: l.attr("max_partitions").integer(0), Shards: l.attr("max_shards").integer(0),
		Parallel:   l.attr("max_parallel").integer(0),
		Namespaces: knownTexts(l.attr("namespaces")), Labels: knownTexts(l.attr("required_labels")),
		Reason: l.attr("require_reason").boolean(),
	}
	for _, w := range l.attr("forbidden_windows").elements() {
		if w.value.IsWhollyKnown() {
			out.Forbidden = append(out.Forbidden, buildWindow(w))
		}
	}
	return out
}

func buildWindow(w at) Window {
	from, _ := parseClock(w.attr("from").text())
	to, _ := parseClock(w.attr("to").text())
	zone, err := time.LoadLocation(w.attr("timezone").textOr("UTC"))
	if err != nil {
		zone = time.UTC // refused by the rules
	}
	out := Window{From: from, To: to, Zone: zone}
	for _, day := range knownTexts(w.attr("days")) {
		out.Days = append(out.Days, weekdays[day])
	}
	return out
}

func knownTexts(a at) []string {
	var out []string
	for _, e := range a.elements() {
		if e.set() {
			out = append(out, e.text())
		}
	}
	return out
}

// limitRules checks the rules about limits that the table cannot express.
func (d *decoder) limitRules(l at) {
	if !l.set() {
		return
	}
	for _, name := range []string{"namespaces", "forbidden_windows"} {
		if a := l.attr(name); a.set() && len(a.elements()) == 0 {
			d.report(diag.CodeLimits, a.path, "%q is empty. Add at least one element, or remove the attribute.", name)
		}
	}
	for _, w := range l.attr("forbidden_windows").elements() {
		d.windowRules(w)
	}
}

func (d *decoder) windowRules(w at) {
	if days := w.attr("days"); days.set() && len(days.elements()) == 0 {
		d.report(diag.CodeLimits, days.path, "The window has no days. Add days, or remove the attribute for every day.")
	}
	if zone := w.attr("timezone"); zone.set() {
		d.zone(zone)
	}
	from, to := w.attr("from"), w.attr("to")
	if d.usable(from) && d.usable(to) && from.text() == to.text() {
		d.report(diag.CodeLimits, to.path, "The window starts and ends at %s. For a whole day, set from = \"00:00\" and "+
			"to = \"24:00\".", from.text())
	}
	if d.usable(from) && from.text() == "24:00" {
		d.report(diag.CodeLimits, from.path, "A window must start at 23:59 or earlier. For midnight, set from = \"00:00\" "+
			"on the next day.")
	}
}

func (d *decoder) clock(a jobschema.Attribute, s string, p cty.Path) {
	if _, ok := parseClock(s); !ok {
		d.report(diag.CodeLimits, p, "%q is %q, which is not a valid time of day. Use hours and minutes from 00:00 to "+
			"24:00, such as 09:00.", a.Name, s)
	}
}

// parseClock reads minutes since midnight.
func parseClock(s string) (minutes int, ok bool) {
	if s == "24:00" {
		return 24 * 60, true
	}
	t, err := time.Parse("15:04", s)
	return t.Hour()*60 + t.Minute(), err == nil && len(s) == len("15:04")
}

func (d *decoder) labelKeyText(a jobschema.Attribute, s string, p cty.Path) {
	if !isLabelKey(s) {
		d.report(diag.CodeLabel, p, "An element of %q is %q, which is not a valid label key. Use at most 63 letters, "+
			"digits, dashes, underscores and dots, after an optional DNS name and a slash.", a.Name, s)
	}
}

// Breach is a limit that a job exceeds.
type Breach struct {
	Limit string // name of the attribute in limits
	// Path is the attribute that exceeds it. Text has "%s" for the owner of the limit.
	Path cty.Path
	Text string
}

// Extent is how large a job is.
type Extent struct{ Partitions, Shards int64 }

// Breaches lists the limits that a job of the given size exceeds, in the order of
// the table. A query may result in another size, up to its maximum. Forbids checks
// times.
func (l Limits) Breaches(j *Job, known, possible Extent) []Breach {
	var out []Breach
	add := func(limit, attribute, format string, args ...any) {
		out = append(out, Breach{limit, cty.GetAttrPath(attribute), fmt.Sprintf(format, args...)})
	}
	exceeds := func(limit, format string, args ...any) {
		out = append(out, Breach{limit, cty.GetAttrPath("partition").GetAttr("query").GetAttr("max_partitions"),
			fmt.Sprintf(format, args...)})
	}
	switch {
	case l.Partitions > 0 && known.Partitions > l.Partitions:
		add("max_partitions", "partition", "The job has %d partitions; %%s allow at most %d. Choose a larger size or a "+
			"smaller domain.", known.Partitions, l.Partitions)
	case l.Partitions > 0 && possible.Partitions > l.Partitions:
		exceeds("max_partitions", "The query may result in %d partitions; %%s allow at most %d. Lower max_partitions of the "+
			"query.",
			possible.Partitions, l.Partitions)
	}
	switch {
	case l.Shards > 0 && known.Shards > l.Shards:
		add("max_shards", "partition", "The job has %d shards; %%s allow at most %d. Choose fewer partitions, or a larger "+
			"shard_size.", known.Shards, l.Shards)
	case l.Shards > 0 && possible.Shards > l.Shards:
		exceeds("max_shards", "The query may result in %d partitions in %d shards; %%s allow at most %d shards. Lower "+
			"max_partitions of the query, or choose a larger shard_size.",
			possible.Partitions, possible.Shards, l.Shards)
	}
	if l.Parallel > 0 && int64(j.MaxParallel) > l.Parallel {
		add("max_parallel", "max_parallel", "max_parallel is %d; %%s allow at most %d. Lower it.", j.MaxParallel, l.Parallel)
	}
	if len(l.Namespaces) > 0 && !slices.Contains(l.Namespaces, j.Namespace) {
		add("namespaces", "namespace", "The namespace is %q; %%s allow only %s. Choose another namespace.", j.Namespace,
			orList(l.Namespaces))
	}
	var missing []string
	for _, key := range l.Labels {
		if _, there := j.Labels[key]; !there {
			missing = append(missing, key)
		}
	}
	if len(missing) > 0 {
		add("required_labels", "labels", "The job does not set the labels %s, which %%s require. Add them to labels.",
			diag.List(missing, true))
	}
	if l.Reason && strings.TrimSpace(j.Reason) == "" {
		add("require_reason", "reason", "The job has no reason; %%s require one. Set reason to one line that says why you "+
			"run this backfill.")
	}
	return out
}

// Forbids returns the first window that contains t, and its end.
func (l Limits) Forbids(t time.Time) (w Window, end time.Time, forbidden bool) {
	for _, w := range l.Forbidden {
		if end, inside := w.contains(t); inside {
			return w, end, true
		}
	}
	return Window{}, time.Time{}, false
}

// contains is true if t is in the window, excluding its end.
func (w Window) contains(t time.Time) (end time.Time, inside bool) {
	local := t.In(w.Zone)
	// A window that ends after midnight started on the day before.
	for _, back := range []int{1, 0} {
		day := time.Date(local.Year(), local.Month(), local.Day()-back, 12, 0, 0, 0, w.Zone)
		if len(w.Days) > 0 && !slices.Contains(w.Days, day.Weekday()) {
			continue
		}
		to := w.To
		if to <= w.From {
			to += 24 * 60
		}
		start, end := w.at(day, w.From), w.at(day, to)
		if !t.Before(start) && t.Before(end) {
			return end, true
		}
	}
	return time.Time{}, false
}

func (w Window) at(day time.Time, minutes int) time.Time {
	wall := time.Date(day.Year(), day.Month(), day.Day(), 0, minutes, 0, 0, time.UTC)
	return fromWall(wall, w.Zone)
}

// String is the window for people: "on mon, fri from 09:00 to 17:00 UTC".
func (w Window) String() string {
	clock := func(minutes int) string { return fmt.Sprintf("%02d:%02d", minutes/60, minutes%60) }
	text := clock(w.From) + " to " + clock(w.To) + " " + w.Zone.String()
	var days []string
	for _, name := range []string{"mon", "tue", "wed", "thu", "fri", "sat", "sun"} {
		if slices.Contains(w.Days, weekdays[name]) {
			days = append(days, name)
		}
	}
	if len(days) == 0 {
		return "every day from " + text
	}
	return "on " + strings.Join(days, ", ") + " from " + text
}
