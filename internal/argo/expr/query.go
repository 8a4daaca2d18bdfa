// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package expr

import (
	"fmt"
	"regexp"
	"sort"
	"strconv"
	"strings"
	"time"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/argo"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/domain"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/job"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/plan"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/text"
)

// Query is what a run demands of the bounds that its generator writes, and how it
// cuts what lies between them. What a generator writes goes no further: an
// expression yields numbers of it, or a text of our own that fails the run.
// See internal/decisions/0020-query-results-become-numbers.md.
type Query struct {
	grid
	most   int64  // partitions that a result may yield
	step   int64  // 1, or -1 for the newest first
	format string // how runners get instants
	zone   []argo.Arg
}

// NewQuery is what a job's query becomes in a run that processes partitions in an
// order.
func NewQuery(q *job.Query, most int64, order plan.Order) (Query, error) {
	out := Query{grid: grid{size: q.Size}, most: most, step: 1}
	if order == plan.NewestFirst {
		out.step = -1
	}
	if q.Kind() != domain.Instant {
		return out, nil
	}
	w, _ := q.Axis(domain.Interval{Start: job.FirstAnswer.Unix(), End: job.LastAnswer.Unix()}).(domain.Windows)
	grid, ok := windowsGrid(w, "")
	if !ok {
		return Query{}, fmt.Errorf("the clocks of %s were changed too often for a run to list the changes", w.Zone)
	}
	out.unit, out.size = unitsOf(q.Every)
	out.format = q.Format
	for _, arg := range grid {
		if arg.Name != argo.ArgOrigin && arg.Name != argo.ArgWall { // not known yet
			out.zone = append(out.zone, arg)
		}
	}
	return out, nil
}

// QueryOf reads what an observed run demands of its bounds.
func QueryOf(args argo.Arguments) (Query, error) {
	n, err := args.Integers(argo.ArgMost, argo.ArgStep)
	if err != nil {
		return Query{}, err
	}
	g, err := gridOf(args)
	return Query{grid: g, most: n[0], step: n[1], format: args.Text(argo.ArgFormat)}, err
}

// Args are the arguments by which a run is read again.
func (q Query) Args() []argo.Arg {
	kind := argo.QueryNumbers
	grid := []argo.Arg{{Name: argo.ArgSize, Value: argo.Decimal(q.size)}}
	if q.OfInstants() {
		kind = argo.QueryInstants
		grid = append(q.zone[:len(q.zone):len(q.zone)], argo.Arg{Name: argo.ArgFormat, Value: q.format})
	}
	return append([]argo.Arg{
		{Name: argo.ArgQuery, Value: kind},
		{Name: argo.ArgMost, Value: argo.Decimal(q.most)},
		{Name: argo.ArgStep, Value: argo.Decimal(q.step)},
	}, grid...)
}

// OfInstants tells that the bounds are instants, and not numbers.
func (q Query) OfInstants() bool { return q.unit != "" }

// Backwards tells that the last partition comes first.
func (q Query) Backwards() bool { return q.step < 0 }

// maxResult is the longest result, in bytes.
const maxResult = 1000

// The forms of a result. The members come in either order, and there is no
// backslash and no pair of braces in the patterns, which are part of expressions.
const (
	blank       = "[[:space:]]*"
	numberForm  = "(0|-?[1-9][0-9]{0,17})"
	instantForm = `"[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]` +
		`(Z|[+-]([01][0-9]|2[0-3]):[0-5][0-9])"`
)

var (
	numbersForm     = resultForm(numberForm)
	instantsForm    = resultForm(instantForm)
	numbersPattern  = regexp.MustCompile(numbersForm)
	instantsPattern = regexp.MustCompile(instantsForm)
)

func resultForm(value string) string {
	member := func(name string) string { return `"` + name + `"` + blank + ":" + blank + value + blank }
	object := func(a, b string) string {
		return "^" + blank + "[{]" + blank + member(a) + "," + blank + member(b) + "[}]" + blank + "$"
	}
	return object("start", "end") + "|" + object("end", "start")
}

// What Argo shows of a run whose generator gave no usable result. Bounds says it in
// more detail.
const refused = "refused: "

func (q Query) refusals() (malformed, empty, many string) {
	want := "two whole numbers of at most 18 digits"
	if q.OfInstants() {
		want = "two RFC 3339 times from 1970 to 2100"
	}
	malformed = "the generator must write a JSON object with the members start and end, " +
		want + ", to " + argo.ResultFile
	empty = "nothing lies between the start and the end that the generator wrote, because the end is not counted"
	many = fmt.Sprintf("the bounds that the generator wrote yield more than %d partitions", q.most)
	return argo.Literal(refused + malformed), argo.Literal(refused + empty), argo.Literal(refused + many)
}

// Checked is an expression that yields a text when the result of a step is usable,
// and else the reason why it is not.
func (q Query) Checked(step, fine string) string {
	malformed, empty, many := q.refusals()
	verdict := fmt.Sprintf("lo >= hi ? %s : (%s total > %d ? %s : %s)",
		empty, q.countExpression(), q.most, many, argo.Literal(fine))
	if q.format == domain.FormatDate {
		days := argo.Literal(refused +
			"the runner gets dates, and a bound that the generator wrote is not the start of a day")
		verdict = fmt.Sprintf("lo < hi && not (%s) ? %s : (%s)", startDaysExpression(), days, verdict)
	}
	if q.unit == argo.UnitMonths {
		late := argo.Literal(refused +
			"windows of months start on day 28 or before, and the start that the generator wrote does not")
		verdict = fmt.Sprintf("int(shown.Format('2')) > 28 ? %s : (%s)", late, verdict)
	}
	return argo.Tag("%s", q.bind(step, malformed, verdict))
}

// Value is an expression for one of the numbers of a result that has been checked:
// lo, hi, total, or start, which is what clocks show at lo.
func (q Query) Value(step, name string) string {
	value := "string(" + name + ")"
	if name == "total" {
		value = "lo >= hi ? '0' : (" + q.countExpression() + " " + value + ")"
	}
	return argo.Tag("%s", q.bind(step, "'0'", value))
}

// bind binds what a result says to lo and hi, and in windows to start and ends,
// what clocks show then, and shown, start as a time; what follows may use them. A
// result of another form yields otherwise.
func (q Query) bind(step, otherwise, then string) string {
	prefix := fmt.Sprintf("let raw = steps.%s.outputs.parameters.%s; let said = len(raw) > %d ? '' : raw; ",
		step, argo.OutResult, maxResult)
	if !q.OfInstants() {
		return oneLine(prefix + `not (said matches ` + argo.Literal(numbersForm) + `) ? ` + otherwise + ` : (
			let words = split(said, '"');
			let a = int(trim(split(split(words[2], ':')[1], ',')[0]));
			let b = int(trim(split(split(words[4], ':')[1], '}')[0]));
			let lo = words[1] == 'start' ? a : b;
			let hi = words[1] == 'start' ? b : a;
			` + then + `)`)
	}
	first, last := argo.Decimal(job.FirstAnswer.Unix()), argo.Decimal(job.LastAnswer.Unix())
	outside := `lo < ` + first + ` || hi > ` + last + ` || hi < ` + first + ` || lo > ` + last
	return oneLine(prefix + `not (said matches ` + argo.Literal(instantsForm) + `) ? ` + otherwise + ` : (
		let words = split(said, '"');
		let stamps = words[1] == 'start' ? [words[3], words[7]] : [words[7], words[3]];
		let real = map(stamps,
			{date(#[0:8] + '01').AddDate(0, 0, int(#[8:10]) - 1).Format('2006-01-02') == #[0:10]});
		not (real[0] && real[1]) ? ` + otherwise + ` : (
			let lo = int(date(stamps[0]).Unix());
			let hi = int(date(stamps[1]).Unix());
			` + outside + ` ? ` + otherwise + ` : (
				let clock = map(split(workflow.parameters.` + argo.ArgClock + `, ' '), {split(#, '/')});
				let start = lo - int(date('1970-01-01T00:00:00' + ` + offsetAt("lo") + `).Unix());
				let ends = hi - int(date('1970-01-01T00:00:00' + ` + offsetAt("hi") + `).Unix());
				let shown = ` + dateOf("start") + `;
				` + then + `)))`)
}

// countExpression binds total, the number of partitions from lo to hi.
func (q Query) countExpression() string {
	size := q.size
	guess := fmt.Sprintf("int((ends - start) / %d)", size*24*60*60)
	moved := fmt.Sprintf("shown.AddDate(0, 0, n * %d)", size)
	switch q.unit {
	case "", argo.UnitSeconds:
		// A quotient of whole numbers is inexact; the remainder is not.
		return fmt.Sprintf("let left = hi - lo - 1; let total = int((left - left %% %d) / %d + 0.5) + 1;", size, size)
	case argo.UnitMonths:
		months := func(of string) string {
			return fmt.Sprintf("int(%s.Format('2006')) * 12 + int(%s.Format('1'))", of, of)
		}
		guess = fmt.Sprintf("int((%s - (%s)) / %d)", months("("+dateOf("ends")+")"), months("shown"), size)
		moved = fmt.Sprintf("shown.AddDate(0, n * %d, 0)", size)
	}
	// A change of the clocks may put the guess off by one.
	return oneLine(fmt.Sprintf(`let least = max(1, %s - 1);
		let total = least +
			sum(map([least, least + 1, least + 2, least + 3], {let n = #; (%s) < hi ? 1 : 0}));`,
		guess, instantOf(moved)))
}

// count is the number of partitions, or one more than the most if there are more.
func (q Query) count(lines Lines, lo, hi int64) int64 {
	if q.even() {
		return (hi-lo-1)/q.size + 1
	}
	return int64(sort.Search(int(q.most), func(i int) bool { return lines.At(int64(i)+1) >= hi })) + 1
}

// startDaysExpression is true when both bounds are starts of days.
func startDaysExpression() string {
	midnight := func(wall string) string {
		return "(" + instantOf(dateOf("("+wall+" - "+wall+" % 86400)")) + ")"
	}
	return midnight("start") + " == lo && " + midnight("ends") + " == hi"
}

// OffsetsBetween is an expression for those of the zone's offsets that matter
// between lo and hi, and some days around: every pod reads the list many times. It
// has double quotes, because the YAML around it may double single ones.
func OffsetsBetween() string {
	const margin = 3 * 24 * 60 * 60
	return oneLine(fmt.Sprintf(`let clock = map(split(workflow.parameters.%s, " "), {split(#, "/")});
		let lo = %s - %d;
		let hi = %s + %d;
		join(map(filter(0..len(clock) - 1,
			{int(clock[#][0]) <= hi && (# == 0 || int(clock[# - 1][0]) > lo)}),
			{clock[#][0] + "/" + clock[#][1]}), " ")`,
		argo.ArgClock, argo.InputInt(argo.InLo), margin, argo.InputInt(argo.InHi), margin))
}

// Found are bounds that a generator wrote and that can be used.
type Found struct {
	Bounds domain.Interval
	// Total is the number of partitions between them, and Whole all of them.
	Total int64
	Whole Segment
}

// Bounds does what Checked and Value do, and says why a result is not usable. Both
// must come to the same conclusion.
func (q Query) Bounds(text string) (found Found, problem string) {
	text = strings.ToValidUTF8(text, "\uFFFD")
	if text == "" {
		return found, "the generator wrote nothing to " + argo.ResultFile
	}
	if len(text) > maxResult {
		return found, fmt.Sprintf("the generator wrote %d bytes to %s, and an answer has at most %d",
			len(text), argo.ResultFile, maxResult)
	}
	lo, hi, ok := q.parse(text)
	if !ok {
		what := "two whole numbers of at most 18 digits"
		if q.OfInstants() {
			what = "two RFC 3339 times from 1970 to 2100, such as 2026-01-01T00:00:00Z"
		}
		return found, fmt.Sprintf("the generator wrote %s to %s, "+
			"which is not a JSON object of the members start and end with %s", quoted(text), argo.ResultFile, what)
	}
	if lo >= hi {
		return found, fmt.Sprintf("the generator wrote %s, and nothing lies in between, because the end is not counted",
			quoted(text))
	}
	lines := Lines{grid: q.grid, origin: lo}
	if !q.even() {
		lines.wall = time.Unix(lo+q.offsetAt(lo), 0).UTC()
	}
	if problem := lines.misfit(text, q.format, hi); problem != "" {
		return found, problem
	}
	total := q.count(lines, lo, hi)
	if total > q.most {
		return found, fmt.Sprintf("the generator wrote %s, which yields more than %d partitions (max_partitions)",
			quoted(text), q.most)
	}
	whole := Segment{lines: lines, Lo: lo, Hi: hi, step: q.step}
	if q.Backwards() {
		whole.first = total - 1
	}
	whole.line = whole.first
	return Found{Bounds: domain.Interval{Start: lo, End: hi}, Total: total, Whole: whole}, ""
}

// misfit tells what windows of the calendar do not allow.
func (l Lines) misfit(text, format string, hi int64) string {
	if l.unit == argo.UnitMonths && l.wall.Day() > 28 {
		return fmt.Sprintf("the generator wrote %s, and windows of months start on day 28 or before", quoted(text))
	}
	if !l.even() && format == domain.FormatDate && !(l.startsDay(l.origin) && l.startsDay(hi)) {
		return fmt.Sprintf("the generator wrote %s, and the runner gets dates, which tell the starts of days alone",
			quoted(text))
	}
	return ""
}

// quoted shows what was written, on one line.
func quoted(written string) string {
	const most = 80
	return strconv.Quote(text.Shorten(text.OneLine(written), most))
}

// parse does what bind does.
func (q Query) parse(text string) (lo, hi int64, ok bool) {
	pattern, first, second := numbersPattern, 2, 4
	if q.OfInstants() {
		pattern, first, second = instantsPattern, 3, 7
	}
	if !pattern.MatchString(text) {
		return 0, 0, false
	}
	words := strings.Split(text, `"`)
	lo, ok1 := q.position(words[first])
	hi, ok2 := q.position(words[second])
	if words[1] == "end" {
		lo, hi = hi, lo
	}
	return lo, hi, ok1 && ok2
}

func (q Query) position(text string) (int64, bool) {
	if !q.OfInstants() {
		n, err := strconv.ParseInt(strings.Trim(text, " \t\r\n\v\f:,}"), 10, 64)
		return n, err == nil
	}
	at, err := time.Parse(time.RFC3339, text)
	return at.Unix(), err == nil && !at.Before(job.FirstAnswer) && !at.After(job.LastAnswer)
}
