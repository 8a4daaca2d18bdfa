// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package argo

import (
	"fmt"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/domain"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/job"
)

// maxAnswer is the longest answer, in bytes.
const maxAnswer = 1000

// The forms of an answer. The members come in either order, and there is no
// backslash and no pair of braces in the patterns, which are part of expressions.
const (
	blank       = "[[:space:]]*"
	numberForm  = "(0|-?[1-9][0-9]{0,17})"
	instantForm = `"[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](Z|[+-]([01][0-9]|2[0-3]):[0-5][0-9])"`
)

func answerForm(value string) string {
	member := func(name string) string { return `"` + name + `"` + blank + ":" + blank + value + blank }
	object := func(a, b string) string {
		return "^" + blank + "[{]" + blank + member(a) + "," + blank + member(b) + "[}]" + blank + "$"
	}
	return object("start", "end") + "|" + object("end", "start")
}

// What Argo shows of a run whose generator gave no usable answer. The reader
// of the run says it in more detail.
const refused = "refused: "

func (a asking) refusals() (malformed, empty, many string) {
	want := "two whole numbers of at most 18 digits"
	if a.clock != nil {
		want = "two RFC 3339 times from 1970 to 2100"
	}
	return literal(refused + "the generator must write a JSON object with the members start and end, " + want + ", to " + answerFile),
		literal(refused + "nothing lies between the start and the end that the generator wrote, because the end is not counted"),
		literal(fmt.Sprintf("%sthe bounds that the generator wrote yield more than %d partitions", refused, a.most))
}

// checked is an expression that yields a text when the answer is usable, and
// else the reason why it is not.
func (a asking) checked(ask, fine string) string {
	malformed, empty, many := a.refusals()
	verdict := fmt.Sprintf("lo >= hi ? %s : (%s total > %d ? %s : %s)", empty, a.count(), a.most, many, literal(fine))
	if a.query.Format == domain.FormatDate {
		days := literal(refused + "the runner gets dates, and a bound that the generator wrote is not the start of a day")
		verdict = fmt.Sprintf("lo < hi && not (%s) ? %s : (%s)", a.startDays(), days, verdict)
	}
	if a.clock != nil && a.query.Every.Unit >= domain.Month {
		late := literal(refused + "windows of months start on day 28 or before, and the start that the generator wrote does not")
		verdict = fmt.Sprintf("int(shown.Format('2')) > 28 ? %s : (%s)", late, verdict)
	}
	return expression("%s", a.answered(ask, malformed, verdict))
}

// found is an expression for one of the numbers of an answer that has been
// checked: lo, hi, total, or start, which is what clocks show at lo.
func (a asking) found(ask, name string) string {
	value := "string(" + name + ")"
	if name == "total" {
		value = "lo >= hi ? '0' : (" + a.count() + " " + value + ")"
	}
	return expression("%s", a.answered(ask, "'0'", value))
}

// answered binds what an answer says to lo and hi, and in windows to start and
// ends, what clocks show then, and shown, start as a time; what follows may use
// them. An answer of another form yields otherwise.
func (a asking) answered(ask, otherwise, then string) string {
	prefix := "let raw = steps." + ask + ".outputs.parameters." + outAnswer + fmt.Sprintf("; let said = len(raw) > %d ? '' : raw; ", maxAnswer)
	if a.clock == nil {
		return oneLine(prefix + `not (said matches ` + literal(answerForm(numberForm)) + `) ? ` + otherwise + ` : (
			let words = split(said, '"');
			let a = int(trim(split(split(words[2], ':')[1], ',')[0]));
			let b = int(trim(split(split(words[4], ':')[1], '}')[0]));
			let lo = words[1] == 'start' ? a : b;
			let hi = words[1] == 'start' ? b : a;
			` + then + `)`)
	}
	return oneLine(prefix + `not (said matches ` + literal(answerForm(instantForm)) + `) ? ` + otherwise + ` : (
		let words = split(said, '"');
		let stamps = words[1] == 'start' ? [words[3], words[7]] : [words[7], words[3]];
		let real = map(stamps, {date(#[0:8] + '01').AddDate(0, 0, int(#[8:10]) - 1).Format('2006-01-02') == #[0:10]});
		not (real[0] && real[1]) ? ` + otherwise + ` : (
			let lo = int(date(stamps[0]).Unix());
			let hi = int(date(stamps[1]).Unix());
			lo < ` + decimal(job.FirstAnswer.Unix()) + ` || hi > ` + decimal(job.LastAnswer.Unix()) + ` || hi < ` + decimal(job.FirstAnswer.Unix()) + ` || lo > ` + decimal(job.LastAnswer.Unix()) + ` ? ` + otherwise + ` : (
				let clock = map(split(workflow.parameters.` + argClock + `, ' '), {split(#, '/')});
				let start = lo - int(date('1970-01-01T00:00:00' + ` + offsetAt("lo") + `).Unix());
				let ends = hi - int(date('1970-01-01T00:00:00' + ` + offsetAt("hi") + `).Unix());
				let shown = ` + dateOf("start") + `;
				` + then + `)))`)
}

// count binds total, the number of partitions from lo to hi.
func (a asking) count() string {
	even := func(size int64) string {
		// A quotient of whole numbers is inexact; the remainder is not.
		return fmt.Sprintf("let left = hi - lo - 1; let total = int((left - left %% %d) / %d + 0.5) + 1;", size, size)
	}
	if a.clock == nil {
		return even(a.query.Size)
	}
	n := int64(a.query.Every.N)
	unit := windowUnits[a.query.Every.Unit]
	size := n * int64(unit.size)
	if unit.name == unitSeconds {
		return even(size)
	}
	guess, moved := fmt.Sprintf("int((ends - start) / %d)", size*24*60*60), fmt.Sprintf("shown.AddDate(0, 0, n * %d)", size)
	if unit.name == unitMonths {
		months := func(of string) string {
			return fmt.Sprintf("int(%s.Format('2006')) * 12 + int(%s.Format('1'))", of, of)
		}
		guess = fmt.Sprintf("int((%s - (%s)) / %d)", months("("+dateOf("ends")+")"), months("shown"), size)
		moved = fmt.Sprintf("shown.AddDate(0, n * %d, 0)", size)
	}
	// A change of the clocks may put the guess off by one.
	return oneLine(fmt.Sprintf(`let least = max(1, %s - 1);
		let total = least + sum(map([least, least + 1, least + 2, least + 3], {let n = #; (%s) < hi ? 1 : 0}));`, guess, instantOf(moved)))
}

// startDays is an expression that is true when both bounds are starts of days.
func (a asking) startDays() string {
	midnight := func(wall string) string {
		return "(" + instantOf(dateOf("("+wall+" - "+wall+" % 86400)")) + ")"
	}
	return midnight("start") + " == lo && " + midnight("ends") + " == hi"
}
