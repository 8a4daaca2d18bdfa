// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package lower

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	wfv1 "github.com/argoproj/argo-workflows/v3/pkg/apis/workflow/v1alpha1"
	"pgregory.net/rapid"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/argo"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/argo/argotest"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/argo/expr"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/argo/read"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/domain"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/job"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/ledger"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/manifest"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/plan"
)

// querying is the sample with bounds that are asked for.
func querying(q job.Query) *job.Job {
	q.Generator = job.Runner{
		Image:     "registry.example.com/sql:1",
		Command:   []job.Text{argotest.Lit("bounds"), {{Literal: "{{job}} of "}, {Ref: "job.name"}}},
		Env:       []job.EnvVar{{Name: "TABLE", Text: argotest.Lit("orders")}},
		SecretEnv: []job.SecretEnvVar{{Name: "DATABASE_URL", Secret: "orders-db", Key: "url"}},
		Deadline:  10 * time.Minute,
		Requests:  map[string]string{"cpu": "100m"},
	}
	if q.MaxPartitions == 0 {
		q.MaxPartitions = 50
	}
	if q.Size == 0 {
		if q.Zone == nil {
			q.Zone = time.UTC
		}
		if q.Format == "" {
			q.Format = domain.FormatRFC3339
		}
	}
	j := argotest.Sample(domain.Domain{})
	j.Query = &q
	return j.Open()
}

// querySpec is what run 3 of a job with a query is submitted to do.
func querySpec(j *job.Job, template string, only bool) plan.RunSpec {
	return plan.RunSpec{
		Number:      3,
		Template:    template,
		Domain:      j.Domain,
		Order:       j.Order,
		ShardSize:   ShardSize(j),
		Waves:       j.Waves,
		Budget:      j.Budget,
		First:       1,
		MaxParallel: j.MaxParallel,
		Query:       &plan.QuerySpec{Only: only, MaxPartitions: MostPartitions(j)},
	}
}

func compileQuery(t testing.TB, j *job.Job, only bool) []manifest.Object {
	t.Helper()
	template, err := Template(j)
	if err != nil {
		t.Fatal(err)
	}
	objects, err := Run(j, querySpec(j, template.GetName(), only))
	if err != nil {
		t.Fatal(err)
	}
	return append([]manifest.Object{template}, objects...)
}

func berlinDays(t testing.TB) job.Query {
	return job.Query{
		Every:  domain.Step{N: 1, Unit: domain.Day},
		Zone:   argotest.Zone(t, "Europe/Berlin"),
		Format: domain.FormatDate,
	}
}

func TestAskGolden(t *testing.T) {
	waves := querying(job.Query{Size: 10})
	waves.ShardSize, waves.Order = 5, plan.NewestFirst
	waves.Waves, waves.Budget, waves.RampUp = plan.Doubling, &plan.Budget{MaxFailed: 2, MaxRatio: -1}, true
	days := querying(berlinDays(t))
	days.ShardSize = 10
	for name, c := range map[string]struct {
		job  *job.Job
		only bool
	}{
		"query-numbers": {querying(job.Query{Size: 1000000}), false},
		"query-waves":   {waves, false},
		"query-days":    {days, false},
		"query-only":    {querying(job.Query{Every: domain.Step{N: 2, Unit: domain.Month}}), true},
	} {
		got := archive(t, "Scenario "+name, compileQuery(t, c.job, c.only))
		same(t, filepath.Join("..", "testdata", "golden", name+".txtar"), got)
	}
}

// TestAskTemplate: the template does not tell whether the bounds are known, nor
// who finds them.
func TestAskTemplate(t *testing.T) {
	for name, q := range map[string]job.Query{"numbers": {Size: 5}, "days": berlinDays(t)} {
		j := querying(q)
		bound, err := j.Bound(domain.Interval{Start: 1767222000, End: 1767394800})
		if err != nil {
			t.Fatal(err)
		}
		bound.Query.Generator.Image = "another:2"
		open, err1 := Template(j)
		known, err2 := Template(bound)
		if err1 != nil || err2 != nil || open.GetName() != known.GetName() {
			t.Errorf("%s: %v %v, %v %v", name, open, err1, known, err2)
		}
	}
}

// askRun takes a run that asks to its end.
func runQuery(
	t *testing.T,
	j *job.Job,
	only bool,
	answer string,
	outcome func(argotest.Started) bool,
) (*argotest.Controller, *wfv1.Workflow) {
	t.Helper()
	c, run := argotest.NewController(t, compileQuery(t, j, only)...)
	c.Answer, c.Outcome = answer, outcome
	c.Run(run)
	return c, run
}

// checkResult compares what ran with what package domain says of the bounds,
// and what is read back with both.
func checkResult(t *testing.T, j *job.Job, c *argotest.Controller, run *wfv1.Workflow, bad func(int64) bool) {
	t.Helper()
	o := argotest.Observe(t, run)
	a, err := resultOf(o)
	if err != nil || a.Bounds == nil {
		t.Fatalf("%+v %v", a, err)
	}
	bound, err := j.Bound(*a.Bounds)
	if err != nil {
		t.Fatal(err)
	}
	d := bound.Domain
	p := argotest.PlanOf(bound, ledger.Full(d))
	var failed []domain.Partition
	next := int64(0)
	for _, pod := range c.Pods {
		if strings.Contains(pod.Node, "."+argo.StepQuery) || pod.Attempt > 0 {
			continue
		}
		partition := p.At(next)
		for _, fact := range d.Facts(partition) {
			if got := pod.Env[expr.FactVar(fact.Name)]; got != fact.Text {
				t.Fatalf("pod %d: %s is %q, want %q", next, expr.FactVar(fact.Name), got, fact.Text)
			}
		}
		if bad != nil && bad(partition.Index) {
			failed = append(failed, partition)
		}
		next++
	}
	out, err := outcomeOf(d, observed(t, c, nil, run, false))
	if err != nil {
		t.Fatal(err)
	}
	if !out.Ended || !out.Covers.Equal(ledger.Full(d)) || !out.Failed.Equal(argotest.SetOf(d, failed...)) ||
		len(out.Failures) != len(failed) {
		t.Fatalf("ended %t, covers %s, failed %s", out.Ended, out.Covers.Text(d), out.Failed.Text(d))
	}
	if !out.OverBudget && (next != d.Count() || !out.Done.Equal(ledger.Full(d).Minus(out.Failed))) {
		t.Fatalf("%d of %d partitions ran; done %s", next, d.Count(), out.Done.Text(d))
	}
}

func TestAskRuns(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		unit := rapid.SampledFrom([]domain.Unit{
			-1, domain.Minute, domain.Hour, domain.Day, domain.Week, domain.Month, domain.Year,
		}).
			Draw(rt, "unit")
		var q job.Query
		var answer string
		if unit < 0 {
			q.Size = rapid.Int64Range(1, 7).
				Draw(rt, "size") *
				rapid.SampledFrom([]int64{1, 1_000_000, 10_000_000_000_000}).
					Draw(rt, "scale")
			lo := rapid.Int64Range(-999_999_999_999_999_999, 900_000_000_000_000_000).Draw(rt, "lo")
			hi := min(
				lo+rapid.Int64Range(1, 40).Draw(rt, "cells")*q.Size-rapid.Int64Range(0, q.Size-1).Draw(rt, "less"),
				999_999_999_999_999_999,
			)
			answer = rapid.SampledFrom([]string{`{"start":%d,"end":%d}`, " {\n\"start\" : %d ,\t\"end\":%d } ", `{"end":%[2]d, "start": %[1]d}`}).
				Draw(rt, "form")
			answer = fmt.Sprintf(answer, lo, hi)
		} else {
			q.Every = domain.Step{N: rapid.IntRange(1, 3).Draw(rt, "every"), Unit: unit}
			q.Zone = argotest.Zone(
				t,
				rapid.SampledFrom([]string{
					"UTC", "Europe/Berlin", "America/New_York", "Atlantic/Azores", "Australia/Lord_Howe", "America/Havana",
					"Asia/Beirut", "Pacific/Auckland",
				}).
					Draw(rt, "zone"),
			)
			q.Format = rapid.SampledFrom([]string{domain.FormatRFC3339, domain.FormatUnixMS}).Draw(rt, "format")
			from := time.Unix(rapid.Int64Range(90_000, 4_000_000_000).Draw(rt, "from"), 0).In(q.Zone)
			if unit >= domain.Month {
				from = from.AddDate(0, 0, min(0, 28-from.Day()))
			}
			if rapid.Bool().Draw(rt, "midnight") {
				from = time.Date(from.Year(), from.Month(), from.Day(), 0, 0, 0, 0, q.Zone)
			}
			length := map[domain.Unit]time.Duration{
				domain.Minute: time.Minute, domain.Hour: time.Hour, domain.Day: 24 * time.Hour,
				domain.Week: 7 * 24 * time.Hour, domain.Month: 30 * 24 * time.Hour, domain.Year: 365 * 24 * time.Hour,
			}[unit]
			steps := rapid.Int64Range(1, 40).Draw(rt, "steps")
			if unit == domain.Year {
				steps = rapid.Int64Range(1, 5).Draw(rt, "years")
			}
			to := from.Add(time.Duration(steps) * length).
				Add(rapid.SampledFrom([]time.Duration{0, time.Second, -time.Second, time.Hour, -time.Hour}).Draw(rt, "off"))
			if !to.After(from) || from.Day() > 28 && unit >= domain.Month || from.Before(job.FirstAnswer) ||
				to.After(job.LastAnswer) {
				rt.Skip("no windows")
			}
			answer = fmt.Sprintf(`{"start":%q,"end":%q}`, from.Format(time.RFC3339), to.In(time.UTC).Format(time.RFC3339))
		}
		q.MaxPartitions = 200 // minutes may be an hour more than drawn
		j := querying(q)
		j.Retry.Limit, j.Retry.Interruptions = 1, 0
		j.ShardSize = rapid.IntRange(1, 20).Draw(rt, "shard")
		j.Order = rapid.SampledFrom([]plan.Order{plan.OldestFirst, plan.NewestFirst}).Draw(rt, "order")
		if rapid.Bool().Draw(rt, "waves") {
			j.Waves = plan.Waves{Shards: rapid.IntRange(1, 3).Draw(rt, "first"), Growth: rapid.IntRange(1, 3).Draw(rt, "growth")}
			if rapid.Bool().Draw(rt, "budget") {
				j.Budget = &plan.Budget{MaxFailed: rapid.Int64Range(0, 3).Draw(rt, "failed"), MaxRatio: -1}
			}
		}
		every := rapid.Int64Range(2, 9).Draw(rt, "bad")
		bad := func(i int64) bool { return i%every == 0 }
		c, run := runQuery(t, j, false, answer, func(pod argotest.Started) bool {
			var i int64
			_, err := fmt.Sscan(pod.Env[expr.FactVar("index")], &i)
			return err == nil && bad(i)
		})
		want := wfv1.WorkflowSucceeded
		for _, w := range c.Workflows {
			if w != run && w.Status.Phase != wfv1.WorkflowSucceeded {
				want = wfv1.WorkflowFailed
			}
		}
		if run.Status.Phase != want {
			t.Fatalf("%s for %s of %+v: %s", run.Status.Phase, answer, q, groupMessage(run))
		}
		checkResult(t, j, c, run, bad)
	})
}

// refusals are answers that no run may use.
func TestAskRefuses(t *testing.T) {
	numbers, days := job.Query{Size: 10, MaxPartitions: 3}, berlinDays(t)
	days.MaxPartitions = 3
	months := job.Query{Every: domain.Step{N: 1, Unit: domain.Month}, MaxPartitions: 3}
	for _, c := range []struct {
		query        job.Query
		answer, want string
	}{
		{numbers, "", "wrote nothing"},
		{numbers, strings.Repeat("x", 2000), "wrote 2000 bytes"},
		{numbers, strings.Repeat(" ", 1000) + `{"start":1,"end":2}`, "wrote 1019 bytes"},
		{numbers, "oops", `wrote "oops" to /backfill/out, which is not a JSON object`},
		{numbers, `{"start":1}`, "not a JSON object"},
		{numbers, `{"start":1,"end":2,"x":3}`, "not a JSON object"},
		{numbers, `{"start":1,"end":2.5}`, "not a JSON object"},
		{numbers, `{"start":1,"end":1e3}`, "not a JSON object"},
		{numbers, `{"start":01,"end":3}`, "not a JSON object"},
		{numbers, `{"start":-0,"end":3}`, "not a JSON object"},
		{numbers, `{"start":1,"end":1000000000000000000}`, "not a JSON object"},
		{numbers, `{"start":"1","end":"2"}`, "not a JSON object"},
		{numbers, `{"start":1,"end":2}{}`, "not a JSON object"},
		{numbers, `{"start":1,"start":2}`, "not a JSON object"},
		{numbers, `{"start":{{workflow.name}},"end":2}`, "not a JSON object"},
		{numbers, `{{=1}}`, "not a JSON object"},
		{numbers, "{\"start\":1,\"end\":\u00a02}", "not a JSON object"},
		{numbers, `{"start":5,"end":5}`, "nothing lies in between"},
		{numbers, `{"start":5,"end":-5}`, "nothing lies in between"},
		{numbers, `{"start":0,"end":31}`, "more than 3 partitions"},
		{numbers, `{"start":-999999999999999999,"end":999999999999999999}`, "more than 3 partitions"},
		{numbers, `{"start":"2026-01-01T00:00:00Z","end":"2026-01-02T00:00:00Z"}`, "not a JSON object"},
		{days, `{"start":1,"end":2}`, "two RFC 3339 times"},
		{days, `{"start":"2026-01-01","end":"2026-01-02"}`, "two RFC 3339 times"},
		{days, `{"start":"2026-02-30T00:00:00+01:00","end":"2026-03-02T00:00:00+01:00"}`, "two RFC 3339 times"},
		{days, `{"start":"2025-02-29T00:00:00+01:00","end":"2025-03-02T00:00:00+01:00"}`, "two RFC 3339 times"},
		{days, `{"start":"2026-01-01T00:00:00.5+01:00","end":"2026-01-02T00:00:00+01:00"}`, "two RFC 3339 times"},
		{days, `{"start":"1969-12-31T00:00:00+01:00","end":"1970-01-05T00:00:00+01:00"}`, "from 1970 to 2100"},
		{days, `{"start":"2026-01-01T00:00:00+01:00","end":"2101-01-05T00:00:00+01:00"}`, "from 1970 to 2100"},
		{days, `{"start":"2026-01-02T00:00:00+01:00","end":"2026-01-01T00:00:00+01:00"}`, "nothing lies in between"},
		{days, `{"start":"2026-01-01T00:00:00+01:00","end":"2026-01-05T00:00:00+01:00"}`, "more than 3 partitions"},
		{days, `{"start":"2026-01-01T00:00:00Z","end":"2026-01-02T00:00:00+01:00"}`, "the runner gets dates"},
		{days, `{"start":"2026-01-01T00:00:00+01:00","end":"2026-01-02T00:00:01+01:00"}`, "the runner gets dates"},
		{months, `{"start":"2026-01-29T00:00:00Z","end":"2026-03-01T00:00:00Z"}`, "day 28 or before"},
		{months, `{"start":"2026-01-28T00:00:00Z","end":"2026-04-28T00:00:01Z"}`, "more than 3 partitions"},
	} {
		for _, only := range []bool{false, true} {
			j := querying(c.query)
			_, run := runQuery(t, j, only, c.answer, nil)
			a, err := resultOf(argotest.Observe(t, run))
			if err != nil || a.Bounds != nil || !strings.Contains(a.Problem, c.want) {
				t.Errorf("%s: %+v %v, want %q", c.answer, a, err, c.want)
			}
			if told := groupMessage(run); run.Status.Phase != wfv1.WorkflowFailed || !strings.Contains(told, "refused: ") {
				t.Errorf("%s: the run ended %s: %s", c.answer, run.Status.Phase, told)
			}
		}
	}
}

func groupMessage(run *wfv1.Workflow) string {
	for _, n := range run.Status.Nodes {
		if n.Type == wfv1.NodeTypeStepGroup && n.Message != "" {
			return n.Message
		}
	}
	return ""
}

// TestAskVerdicts: Argo's expressions and the reader never disagree on whether
// an answer can be used.
func TestAskVerdicts(t *testing.T) {
	days := berlinDays(t)
	queries := []job.Query{{Size: 3}, days, {Every: domain.Step{N: 1, Unit: domain.Month}}}
	piece := rapid.SampledFrom([]string{
		"{",
		"}",
		`"start"`,
		`"end"`,
		":",
		",",
		" ",
		"\n",
		"1",
		"-7",
		"0",
		"100",
		`"2026-03-29T00:00:00+01:00"`,
		`"2026-04-01T00:00:00+02:00"`,
		`"2026-02-29T00:00:00Z"`,
		"é",
		"null",
		`{"start":`,
		`,"end":`,
	})
	rapid.Check(t, func(rt *rapid.T) {
		j := querying(rapid.SampledFrom(queries).Draw(rt, "query"))
		var answer string
		if rapid.Bool().Draw(rt, "shaped") {
			names := rapid.SampledFrom([][2]string{{"start", "end"}, {"end", "start"}, {"start", "stop"}}).Draw(rt, "names")
			answer = fmt.Sprintf(
				`{"%s":%s%s,"%s":%s%s}`,
				names[0],
				piece.Draw(rt, "a"),
				piece.Draw(rt, "b"),
				names[1],
				piece.Draw(rt, "c"),
				piece.Draw(rt, "d"),
			)
		} else {
			answer = strings.Join(rapid.SliceOfN(piece, 0, 12).Draw(rt, "pieces"), "")
		}
		_, run := runQuery(t, j, true, answer, nil)
		a, err := resultOf(argotest.Observe(t, run))
		if err != nil {
			t.Fatal(err)
		}
		if usable := run.Status.Phase == wfv1.WorkflowSucceeded; usable != (a.Bounds != nil) {
			t.Fatalf("%q: Argo %s %s, the reader %+v", answer, run.Status.Phase, groupMessage(run), a)
		}
	})
}

// TestAskUnanswered: until the generator has answered nothing is known, and when
// it fails its message tells why.
func TestAskUnanswered(t *testing.T) {
	j := querying(job.Query{Size: 5})
	objects := compileQuery(t, j, false)
	a, err := resultOf(objects[1])
	if err != nil || a.Bounds != nil || a.Problem != "" {
		t.Errorf("before Argo: %+v %v", a, err)
	}
	out, err := outcomeOf(j.Domain, argotest.Observed{Run: objects[1]})
	if err != nil || out.Ended || !out.Covers.Empty() {
		t.Errorf("%+v %v", out, err)
	}
	parsed, err := read.Parse(objects[1])
	if err != nil {
		t.Fatal(err)
	}
	if finds, only := parsed.FindsBounds(); !finds || only {
		t.Error("it finds its bounds, and more")
	}
	_, run := runQuery(t, j, false, "", func(argotest.Started) bool { return true })
	if a, err = resultOf(
		argotest.Observe(t, run),
	); err != nil ||
		!strings.Contains(a.Problem, "the generator failed: main: Error (exit code 1)") {
		t.Errorf("%+v %v", a, err)
	}
}
