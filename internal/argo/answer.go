// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package argo

import (
	"fmt"
	"regexp"
	"sort"
	"strconv"
	"strings"
	"time"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/domain"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/job"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/manifest"
)

// Answer is what the generator of a run has found.
type Answer struct {
	// Bounds is nil while there is no usable answer.
	Bounds *domain.Interval
	// Problem is why there will be none, for people; "" while there may be one.
	Problem string
}

// Asks tells whether a run asks for the bounds of a query, and only whether it
// does nothing else.
func Asks(run manifest.Object) (asks, only bool) {
	args := arguments(run)
	return args[argAsk] != "", args[argAsk] != "" && args[argShard] == ""
}

// AnswerOf reads the answer from an observed run that asks.
func AnswerOf(run manifest.Object) (Answer, error) {
	w, err := parseWorkflow(run)
	if err != nil {
		return Answer{}, err
	}
	a, _, err := answerOf(w)
	return a, err
}

// answerOf also returns the whole grid between the bounds, as one segment, and
// the number of its partitions.
func answerOf(w workflow) (Answer, answered, error) {
	q, err := askedOf(w)
	if err != nil {
		return Answer{}, answered{}, err
	}
	for _, n := range w.running(tmplGenerator) {
		if strings.HasPrefix(n.DisplayName, stepFound) {
			continue // the check
		}
		switch {
		case n.Phase == PhaseSucceeded:
			text, _ := n.Outputs.get(outAnswer)
			found, problem := q.read(text)
			if problem != "" {
				return Answer{Problem: problem}, answered{}, nil
			}
			return Answer{Bounds: &found.bounds}, found, nil
		case n.failed() && w.stopped(n):
			return Answer{Problem: "the run was stopped before its generator had answered"}, answered{}, nil
		case n.failed():
			return Answer{Problem: "the generator failed: " + w.reason(n)}, answered{}, nil
		}
	}
	if w.phase.Ended() {
		return Answer{Problem: "the run ended before its generator had answered" + because(w.message)}, answered{}, nil
	}
	return Answer{}, answered{}, nil
}

func because(message string) string {
	if message == "" {
		return ""
	}
	return ": " + clip(message)
}

// asked is what a run asks, by its arguments.
type asked struct {
	times bool
	most  int64
	step  int64
	args  map[string]string // of the grid
}

func askedOf(w workflow) (asked, error) {
	n, err := integersOf(w.name, w.args, argMost, argStep, argSize)
	if err != nil {
		return asked{}, err
	}
	q := asked{times: w.args[argAsk] == askTimes, most: n[0], step: n[1], args: w.args}
	// What does not depend on the answer is read now, so that no answer is blamed.
	_, err = q.lines(0)
	return q, err
}

// lines are those of the grid that starts at lo.
func (q asked) lines(lo int64) (gridLines, error) {
	args := merged(q.args, map[string]string{argOrigin: decimal(lo), argWall: "0"})
	l, err := linesOf(q.args[argRun], args)
	if c, ok := l.(calendarLines); ok {
		c.wall = time.Unix(lo+c.offsetAt(lo), 0).UTC()
		l = c
	}
	return l, err
}

// answered is an answer that was understood.
type answered struct {
	bounds domain.Interval
	total  int64
	whole  segment
}

var (
	numbersPattern  = regexp.MustCompile(answerForm(numberForm))
	instantsPattern = regexp.MustCompile(answerForm(instantForm))
)

// read does what the expressions of the run do, and says why an answer is not
// usable. Both must come to the same conclusion.
func (q asked) read(text string) (found answered, problem string) {
	text = strings.ToValidUTF8(text, "\uFFFD")
	if text == "" {
		return found, "the generator wrote nothing to " + answerFile
	}
	if len(text) > maxAnswer {
		return found, fmt.Sprintf("the generator wrote %d bytes to %s, and an answer has at most %d", len(text), answerFile, maxAnswer)
	}
	lo, hi, ok := q.bounds(text)
	if !ok {
		what := "two whole numbers of at most 18 digits"
		if q.times {
			what = "two RFC 3339 times from 1970 to 2100, such as 2026-01-01T00:00:00Z"
		}
		return found, fmt.Sprintf("the generator wrote %s to %s, which is not a JSON object of the members start and end with %s", quoted(text), answerFile, what)
	}
	if lo >= hi {
		return found, fmt.Sprintf("the generator wrote %s, and nothing lies in between, because the end is not counted", quoted(text))
	}
	lines, err := q.lines(lo)
	if err != nil {
		return found, err.Error() // askedOf has read them before
	}
	found = answered{bounds: domain.Interval{Start: lo, End: hi}}
	if problem := q.misfit(text, lines, lo, hi); problem != "" {
		return found, problem
	}
	found.total = q.count(lines, lo, hi)
	if found.total > q.most {
		return found, fmt.Sprintf("the generator wrote %s, which yields more than %d partitions (max_partitions)", quoted(text), q.most)
	}
	found.whole = segment{lines: lines, lo: lo, hi: hi, step: q.step}
	if q.step < 0 {
		found.whole.first = found.total - 1
	}
	found.whole.line = found.whole.first
	return found, ""
}

// count is the number of partitions, or one more than the most if there are more.
func (q asked) count(lines gridLines, lo, hi int64) int64 {
	if even, ok := lines.(evenLines); ok {
		return (hi-lo-1)/even.size + 1
	}
	return int64(sort.Search(int(q.most), func(i int) bool { return lines.at(int64(i)+1) >= hi })) + 1
}

// misfit tells what windows of the calendar do not allow.
func (q asked) misfit(text string, lines gridLines, lo, hi int64) string {
	c, ok := lines.(calendarLines)
	if !ok {
		return ""
	}
	if c.months > 0 && c.wall.Day() > 28 {
		return fmt.Sprintf("the generator wrote %s, and windows of months start on day 28 or before", quoted(text))
	}
	if q.args[argFormat] == domain.FormatDate && !(c.startsDay(lo) && c.startsDay(hi)) {
		return fmt.Sprintf("the generator wrote %s, and the runner gets dates, which tell the starts of days alone", quoted(text))
	}
	return ""
}

// quoted shows what was written, on one line.
func quoted(text string) string {
	const most = 80
	text = strings.Join(strings.Fields(text), " ")
	if len(text) > most {
		text = strings.ToValidUTF8(text[:most], "") + "…"
	}
	return strconv.Quote(text)
}

func (q asked) bounds(text string) (lo, hi int64, ok bool) {
	words := strings.Split(text, `"`)
	if !q.times {
		if !numbersPattern.MatchString(text) {
			return 0, 0, false
		}
		number := func(text string) int64 {
			n, err := strconv.ParseInt(strings.Trim(text, " \t\r\n\v\f:,}"), 10, 64)
			ok = ok && err == nil
			return n
		}
		ok = true
		lo, hi = number(words[2]), number(words[4])
	} else {
		if !instantsPattern.MatchString(text) {
			return 0, 0, false
		}
		instant := func(text string) int64 {
			t, err := time.Parse(time.RFC3339, text)
			ok = ok && err == nil && !t.Before(job.FirstAnswer) && !t.After(job.LastAnswer)
			return t.Unix()
		}
		ok = true
		lo, hi = instant(words[3]), instant(words[7])
	}
	if words[1] == "end" {
		lo, hi = hi, lo
	}
	return lo, hi, ok
}
