// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package lower

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/util/validation"
	"pgregory.net/rapid"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/argo"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/argo/argotest"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/argo/expr"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/domain"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/ledger"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/manifest"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/plan"
)

// execute runs a plan on the stand-in for Argo's controller and compares what
// every pod is told, and what Read makes of the statuses, with package domain.
func execute(t *testing.T, d domain.Domain, p plan.Plan, order plan.Order, shardSize int) {
	t.Helper()
	j := argotest.Sample(d)
	j.Order, j.ShardSize = order, shardSize
	objects := compile(t, j, p)
	c, run := argotest.NewController(t, objects...)
	c.Run(run)
	if int64(len(c.Pods)) != p.Partitions {
		t.Fatalf("%d pods ran for %d partitions", len(c.Pods), p.Partitions)
	}
	for i, pod := range c.Pods {
		if label, ok := pod.Pod.Labels[argo.LabelIndex]; ok && label != pod.Env[expr.FactVar("index")] {
			t.Fatalf("the pod of index %s is labelled %q", pod.Env[expr.FactVar("index")], label)
		}
		for _, fact := range d.Facts(p.At(int64(i))) {
			if got := pod.Env[expr.FactVar(fact.Name)]; got != fact.Text {
				t.Fatalf("%v in %v: pod %d: %s is %q, want %q", d, d.Dimensions[0].Axis, i, expr.FactVar(fact.Name), got, fact.Text)
			}
		}
	}
	outcome, err := outcomeOf(d, observed(t, c, objects, run, false))
	if err != nil {
		t.Fatal(err)
	}
	if !outcome.Done.Equal(p.Covers) || !outcome.Covers.Equal(p.Covers) {
		t.Fatalf("Read says that %s are done of %s, want %s", outcome.Done.Text(d), outcome.Covers.Text(d), p.Covers.Text(d))
	}
}

func executeAll(t *testing.T, d domain.Domain) {
	t.Helper()
	p := plan.Make(plan.Input{Domain: d, Remaining: ledger.Full(d), Order: plan.OldestFirst, ShardSize: 500})
	execute(t, d, p, plan.OldestFirst, 500)
}

// rows reads a table of package domain.
func rows(t testing.TB, file string) (out [][]string) {
	t.Helper()
	text, err := os.ReadFile("../../domain/testdata/" + file)
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if fields := strings.Fields(line); len(fields) > 0 && fields[0] != "#" {
			out = append(out, fields)
		}
	}
	return out
}

func rfc3339(t testing.TB, text string) time.Time {
	t.Helper()
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

func step(t testing.TB, text string) domain.Step {
	t.Helper()
	unit := strings.TrimLeft(text, "0123456789")
	n, err := strconv.Atoi(strings.TrimSuffix(text, unit))
	if err != nil {
		t.Fatal(err)
	}
	units := map[string]domain.Unit{
		"m":  domain.Minute,
		"h":  domain.Hour,
		"d":  domain.Day,
		"w":  domain.Week,
		"mo": domain.Month,
		"y":  domain.Year,
	}
	return domain.Step{N: n, Unit: units[unit]}
}

// TestArgoAgreesWithWindowsWrittenByHand compares what pods compute with a
// table that neither Argo nor this program computed.
func TestArgoAgreesWithWindowsWrittenByHand(t *testing.T) {
	table := rows(t, "windows.txt")
	if len(table) < 50 {
		t.Fatalf("only %d windows", len(table))
	}
	for _, row := range table {
		t.Run(strings.Join(row[:4], " "), func(t *testing.T) {
			start, from, to := rfc3339(t, row[1]), rfc3339(t, row[4]), rfc3339(t, row[5])
			n, err := strconv.ParseInt(row[3], 10, 64)
			if err != nil {
				t.Fatal(err)
			}
			d := argotest.Axis(
				t,
				domain.Windows{
					Start:  start,
					End:    to.AddDate(3, 0, 0),
					Every:  step(t, row[2]),
					Zone:   argotest.Zone(t, row[0]),
					Format: domain.FormatUnix,
				},
			)
			cell := d.At(n)
			only := ledger.Of(d, slices.Values([]domain.Partition{cell}))
			j := argotest.Sample(d)
			c, run := argotest.NewController(t, compile(t, j, argotest.PlanOf(j, only))...)
			c.Run(run)
			if len(c.Pods) != 1 {
				t.Fatalf("%d pods", len(c.Pods))
			}
			want := []string{fmt.Sprint(from.Unix()), fmt.Sprint(to.Unix()), d.Key(cell), row[3]}
			env := c.Pods[0].Env
			got := []string{
				env[expr.FactVar("start")],
				env[expr.FactVar("end")],
				env[expr.FactVar("key")],
				env[expr.FactVar("index")],
			}
			if !slices.Equal(got, want) {
				t.Errorf("the pod got %q, want %q", got, want)
			}
		})
	}
}

// TestArgoAgreesInEveryZone runs days, and windows that start at half past
// one, across changes of each zone's clock from 1970 to 2040: across all of them in the
// long tests, where what many zones share is tried once, and else across one in some zones.
func TestArgoAgreesInEveryZone(t *testing.T) {
	zones := rows(t, "zones.txt")
	everything := os.Getenv("BACKFILL_TEST_LONG") != ""
	tried, changes := map[string]bool{}, 0
	for i, row := range zones {
		if !everything && i%5 != 0 {
			continue
		}
		loc := argotest.Zone(t, row[0])
		all := changesOf(loc)
		if !everything && len(all) > 0 {
			all = all[i%len(all):][:1]
		}
		for _, change := range all {
			// What windows near a change are depends on nothing but it, and on
			// others that are as near.
			if at := surroundings(loc, change); tried[at] {
				continue
			} else {
				tried[at] = true
			}
			changes++
			midnight := change.In(loc).AddDate(0, 0, -2)
			midnight = time.Date(midnight.Year(), midnight.Month(), midnight.Day(), 0, 0, 0, 0, loc)
			if _, offset := midnight.Zone(); offset%60 != 0 {
				continue // local mean time, which package domain refuses
			}
			executeAll(t, argotest.Axis(t, domain.Windows{
				Start: midnight, End: midnight.AddDate(0, 0, 4), Every: domain.Step{N: 1, Unit: domain.Day}, Zone: loc,
			}))
			odd := midnight.Add(90 * time.Minute)
			executeAll(t, argotest.Axis(t, domain.Windows{
				Start:  odd,
				End:    odd.AddDate(0, 0, 4),
				Every:  domain.Step{N: 1, Unit: domain.Day},
				Zone:   loc,
				Format: domain.FormatUnixMS,
			}))
		}
	}
	t.Logf("%d changes of clocks", changes)
	if least := map[bool]int{true: 6000, false: 50}[everything]; changes < least {
		t.Errorf("only %d changes of clocks in %d zones", changes, len(zones))
	}
}

// changesOf lists the changes of a zone's clock between 1970 and 2040.
func changesOf(loc *time.Location) []time.Time {
	var all []time.Time
	end := time.Date(2040, 1, 1, 0, 0, 0, 0, time.UTC)
	for at := time.Date(1970, 1, 8, 0, 0, 0, 0, loc); ; {
		_, next := at.ZoneBounds()
		if next.IsZero() || next.After(end) {
			return all
		}
		all, at = append(all, next), next
	}
}

// surroundings are the offsets of a zone's clock in the week around an instant.
func surroundings(loc *time.Location, at time.Time) string {
	var b strings.Builder
	fmt.Fprint(&b, at.Unix())
	for hour := -7 * 24; hour <= 7*24; hour++ {
		_, before := at.Add(time.Duration(hour)*time.Hour - time.Second).In(loc).Zone()
		_, after := at.Add(time.Duration(hour) * time.Hour).In(loc).Zone()
		fmt.Fprint(&b, " ", before, after)
	}
	return b.String()
}

// TestArgoAgreesOnAnyWindows draws windows, what is left of them, the order
// and the size of shards.
func TestArgoAgreesOnAnyWindows(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		d, err := domain.New(domain.Dimension{Axis: argotest.DrawWindows(rt)})
		if err != nil {
			rt.Skip(err)
		}
		remaining := ledger.Full(d)
		for range rapid.IntRange(0, 2).Draw(rt, "holes") {
			p := d.At(rapid.Int64Range(0, d.Count()-1).Draw(rt, "hole"))
			if rapid.Bool().Draw(rt, "half") {
				p.Parts[0].End -= (p.Parts[0].End - p.Parts[0].Start) / 2
			}
			remaining = remaining.Minus(ledger.Of(d, slices.Values([]domain.Partition{p})))
		}
		in := plan.Input{
			Domain: d, Remaining: remaining,
			Order:     rapid.SampledFrom([]plan.Order{plan.OldestFirst, plan.NewestFirst}).Draw(rt, "order"),
			ShardSize: rapid.SampledFrom([]int{1, 2, 3, 500}).Draw(rt, "shard size"),
			Canary:    plan.Canary{Partitions: rapid.IntRange(0, 2).Draw(rt, "canary")},
		}
		if p := plan.Make(in); p.Partitions > 0 {
			execute(t, d, p, in.Order, in.ShardSize)
		}
	})
}

// A runner must not start with an expression for its bounds. Argo itself fails
// to make most of such pods, by an error of its own; the API server refuses the
// others.
func TestPodsWithoutBoundsAreRefused(t *testing.T) {
	for _, s := range argotest.Scenarios(t) {
		for _, broken := range []string{argo.ArgSize, argo.ArgClock, argo.ArgWall, argo.ArgCount + "0", argo.ArgSize + "1"} {
			j, p := s.Plan()
			c, run := argotest.NewController(t, compile(t, j, p)...)
			had := false
			for i := range run.Spec.Arguments.Parameters {
				if param := &run.Spec.Arguments.Parameters[i]; param.Name == broken && p.ShardCount() == 1 &&
					p.Shard(0).Segment != nil {
					param.Value, had = anyString("?"), true
				}
			}
			if !had {
				continue
			}
			c.Broken = true
			c.Run(run)
			if c.Refused == 0 && len(c.Pods) == 0 {
				t.Errorf("%s: no pod was tried", s.Name)
			}
			for _, pod := range c.Pods {
				// Pods whose facts are written out have no label.
				if label, ok := pod.Pod.Labels[argo.LabelIndex]; ok && len(validation.IsValidLabelValue(label)) == 0 {
					t.Errorf("%s: the API server would take a pod with a broken %s: it is labelled %q", s.Name, broken, label)
				}
			}
		}
	}
}

// The stretch that windows of hours left begins within a day, which no date
// can say. Its shard is written out; the others stay arithmetic.
func TestStretchOfADayInDates(t *testing.T) {
	berlin := argotest.Zone(t, "Europe/Berlin")
	start := time.Date(2026, 3, 1, 0, 0, 0, 0, berlin)
	d := argotest.Axis(
		t,
		domain.Windows{
			Start:  start,
			End:    start.AddDate(0, 0, 40),
			Every:  domain.Step{N: 1, Unit: domain.Day},
			Zone:   berlin,
			Format: domain.FormatDate,
		},
	)
	done := ledger.Span(start.Unix(), start.Unix()+5*3600)
	for _, order := range []plan.Order{plan.OldestFirst, plan.NewestFirst} {
		p := plan.Make(plan.Input{Domain: d, Remaining: ledger.Full(d).Minus(done), Order: order, ShardSize: 10})
		j := argotest.Sample(d)
		j.Order, j.ShardSize = order, 10
		objects, err := Run(j, argotest.SpecOf(j, p, "orders-x"))
		if err != nil {
			t.Fatal(err)
		}
		if len(objects) != 2 || objects[0].GetKind() != "ConfigMap" {
			t.Errorf("%s: %d objects, want the data of one shard and the run", order, len(objects))
		}
		execute(t, d, p, order, 10)
	}
}

// Lines beyond the last year that RFC 3339 can write are never computed.
func TestWindowsAtTheEndOfTime(t *testing.T) {
	for _, name := range []string{"UTC", "Europe/Berlin", "Pacific/Kiritimati", "America/Los_Angeles"} {
		for _, every := range []domain.Step{
			{N: 3, Unit: domain.Year}, {N: 50_000_000, Unit: domain.Year}, {N: 60_000_000, Unit: domain.Minute},
		} {
			start := time.Date(9990, 2, 1, 0, 0, 0, 0, argotest.Zone(t, name))
			executeAll(t, argotest.Axis(t, domain.Windows{
				Start: start, End: time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC), Every: every, Zone: argotest.Zone(t, name),
			}))
		}
	}
}

// The offsets of a zone in a thousand years would be too long an argument.
func TestWindowsOfAThousandYears(t *testing.T) {
	berlin := argotest.Zone(t, "Europe/Berlin")
	start := time.Date(2026, 1, 1, 0, 0, 0, 0, berlin)
	executeAll(
		t,
		argotest.Axis(
			t,
			domain.Windows{
				Start: start,
				End:   start.AddDate(1000, 0, 0),
				Every: domain.Step{N: 50, Unit: domain.Year},
				Zone:  berlin,
			},
		),
	)
}

// What is emitted must not grow with the number of windows.
func TestWindowsHaveConstantSize(t *testing.T) {
	berlin := argotest.Zone(t, "Europe/Berlin")
	start := time.Date(2020, 1, 1, 0, 0, 0, 0, berlin)
	size := func(every domain.Unit) int {
		d := argotest.Axis(
			t,
			domain.Windows{Start: start, End: start.AddDate(10, 0, 0), Every: domain.Step{N: 1, Unit: every}, Zone: berlin},
		)
		j := argotest.Sample(d)
		j.ShardSize = 1000
		text, err := manifest.Encode(compile(t, j, argotest.PlanOf(j, ledger.Full(d))), "yaml")
		if err != nil {
			t.Fatal(err)
		}
		return len(text)
	}
	few, many := size(domain.Day), size(domain.Hour)
	if many > 40_000 || many > few+1000 {
		t.Errorf("%d bytes for 87,672 hours and %d for 3,653 days", many, few)
	}
	t.Logf("%d bytes for 87,672 hours", many)
}
