// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package job_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/diag"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/job"
)

func limited(t *testing.T, limits string) *job.Job {
	t.Helper()
	j, diags := job.Decode(body(t, strings.Replace(small, "runner {", "limits {\n"+limits+"\n}\n  runner {", 1)))
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	return j
}

// Every limit is met, and exceeded by one.
func TestBreaches(t *testing.T) {
	for limits, want := range map[string][]string{
		`max_partitions = 3`: nil,
		`max_partitions = 2`: {"max_partitions partition: The job has 3 partitions; THEIRS allow at " +
			"most 2. Choose a larger size or a smaller domain."},
		`max_shards = 7`: nil,
		`max_shards = 6`: {"max_shards partition: The job has 7 shards; THEIRS allow at most 6. " +
			"Choose fewer partitions, or a larger shard_size."},
		`max_parallel = 10`: nil,
		`max_parallel = 9`: {"max_parallel max_parallel: max_parallel is 10; THEIRS allow at most 9. " +
			"Lower it."},
		`namespaces = ["data", "default"]`: nil,
		`namespaces = ["data", "dev"]`: {
			`namespaces namespace: The namespace is "default"; THEIRS allow only "data" or "dev". Choose another namespace.`},
		`required_labels = []`: nil,
		`required_labels = ["team", "x.io/y"]`: {
			`required_labels labels: The job does not set the labels "team" and "x.io/y", which THEIRS require. Add them to labels.`},
		`require_reason = false`: nil,
		`require_reason = true`: {"require_reason reason: The job has no reason; THEIRS require one. Set " +
			"reason to one line that says why you run this backfill."},
		"max_partitions = 1\nmax_shards = 1\nmax_parallel = 1\nrequire_reason = true\nnamespaces = " +
			"[\"a\"]\nrequired_labels = [\"a\"]": {"max_partitions", "max_shards", "max_parallel", "namespaces",
			"required_labels", "require_reason"},
	} {
		j := limited(t, limits)
		var got []string
		for i, b := range j.Limits.Breaches(j, job.Extent{Partitions: j.Domain.Count(), Shards: 7}, job.Extent{}) {
			if i < len(want) && want[i] == b.Limit {
				got = append(got, b.Limit)
				continue
			}
			got = append(got, fmt.Sprintf("%s %s: %s", b.Limit, diag.FormatPath(b.Path), fmt.Sprintf(b.Text, "THEIRS")))
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%s\n%s", limits, d)
		}
	}
}

func TestForbiddenWindows(t *testing.T) {
	const business = `forbidden_windows = [{ days = ["mon", "tue", "wed", "thu", "fri"], from = "09:00", to = "17:30", timezone = "Europe/Berlin" }]`
	const night = `forbidden_windows = [{ days = ["fri"], from = "22:00", to = "06:00", timezone = "America/New_York" }]`
	const always = `forbidden_windows = [{ from = "00:00", to = "24:00" }]`
	const change = `forbidden_windows = [{ from = "02:15", to = "02:45", timezone = "Europe/Berlin" }]`
	for _, c := range []struct{ limits, at, until string }{
		{business, "2026-11-20T09:00:00+01:00", "2026-11-20T17:30:00+01:00"}, // a Friday
		{business, "2026-11-20T08:59:59+01:00", ""},
		{business, "2026-11-20T17:30:00+01:00", ""},
		{business, "2026-11-21T12:00:00+01:00", ""},
		{business, "2026-07-20T07:00:00Z", "2026-07-20T15:30:00Z"}, // in summer
		{business, "2026-07-20T06:59:00Z", ""},
		{night, "2026-11-20T22:00:00-05:00", "2026-11-21T06:00:00-05:00"},
		{night, "2026-11-21T05:59:00-05:00", "2026-11-21T06:00:00-05:00"},
		{night, "2026-11-21T22:00:00-05:00", ""},
		{night, "2026-11-20T05:00:00-05:00", ""},
		{always, "2026-11-20T23:59:59Z", "2026-11-21T00:00:00Z"},
		// Clocks skip 02:00 to 03:00 on this day: the window is as long as ever,
		// and later.
		{change, "2026-03-29T01:20:00Z", "2026-03-29T01:45:00Z"},
		{change, "2026-03-29T00:59:00Z", ""},
	} {
		at, err := time.Parse(time.RFC3339, c.at)
		if err != nil {
			t.Fatal(err)
		}
		_, end, forbidden := limited(t, c.limits).Limits.Forbids(at)
		switch until, err := time.Parse(time.RFC3339, c.until); {
		case err != nil && forbidden:
			t.Errorf("%s: forbidden at %s until %s", c.limits, c.at, end)
		case err == nil && (!forbidden || !end.Equal(until)):
			t.Errorf("%s: at %s forbidden %t until %s, want until %s", c.limits, c.at, forbidden, end, c.until)
		}
	}
	w := limited(t, business).Limits.Forbidden[0]
	if got, want := w.String(), "on mon, tue, wed, thu, fri from 09:00 to 17:30 Europe/Berlin"; got != want {
		t.Errorf("the window is %q, want %q", got, want)
	}
	if got, want := limited(t, always).Limits.Forbidden[0].String(), "every day from 00:00 to 24:00 UTC"; got != want {
		t.Errorf("the window is %q, want %q", got, want)
	}
}

// In a zone without changes of its clocks, a minute is forbidden if and only
// if a clock that counts the minutes of a week says so.
func TestForbidsAsAWeeklyClock(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := job.Window{
			From: rapid.IntRange(0, 1439).Draw(t, "from"),
			Zone: time.FixedZone("", rapid.IntRange(-12, 14).Draw(t, "zone")*3600),
		}
		w.To = rapid.IntRange(1, 1440).Filter(func(n int) bool { return n != w.From }).Draw(t, "to")
		days := map[time.Weekday]bool{}
		for day := range time.Weekday(7) {
			if rapid.Bool().Draw(t, day.String()) {
				w.Days, days[day] = append(w.Days, day), true
			}
		}
		length := w.To - w.From
		if length <= 0 {
			length += 1440
		}
		at := time.Unix(int64(rapid.IntRange(0, 1<<31).Draw(t, "at")), 0).In(w.Zone)
		minute := int(at.Weekday())*1440 + at.Hour()*60 + at.Minute()
		want := false
		for day := range time.Weekday(7) {
			began := (minute - int(day)*1440 - w.From + 2*7*1440) % (7 * 1440)
			want = want || (len(days) == 0 || days[day]) && began < length
		}
		if _, _, got := (job.Limits{Forbidden: []job.Window{w}}).Forbids(at); got != want {
			t.Fatalf("at %s: %t, want %t", at, got, want)
		}
	})
}
