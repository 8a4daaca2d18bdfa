// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

// Package argotest is for the tests of the packages below argo: a stand-in for Argo's
// controller, which runs emitted objects with Argo's own template code; sample jobs,
// and scenarios of their runs; and node statuses as Argo writes them.
package argotest

import (
	"math"
	"slices"
	"testing"
	"time"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/argo"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/domain"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/job"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/ledger"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/plan"
)

// Ended are phases and messages of pods as the Argo controller and kubelets
// write them.
var Ended = []struct {
	Phase   argo.Phase
	Message string
	Cause   string // as package read calls it
}{
	{argo.PhaseFailed, "main: Error (exit code 1)", "application"},
	{argo.PhaseFailed, "main: Error (exit code 3): no such table", "application"},
	{argo.PhaseFailed, "fetch: Error (exit code 7)", "application"}, // an init container of the user
	{argo.PhaseFailed, "fetch: Error (exit code 137)", "interruption"},
	{argo.PhaseFailed, "main: OOMKilled (exit code 137)", "oom"},
	{argo.PhaseFailed, "main: Error (exit code 143)", "interruption"},
	{argo.PhaseFailed, "main: Error (exit code 137)", "interruption"},
	{argo.PhaseError, "pod deleted", "interruption"},
	{argo.PhaseFailed, "Pod was terminated in response to imminent node shutdown.", "interruption"},
	{argo.PhaseFailed, "Pod was rejected as the node is shutting down.", "interruption"},
	{
		argo.PhaseFailed,
		"The node was low on resource: memory. Threshold quantity: 100Mi, available: 80Mi.",
		"interruption",
	},
	{argo.PhaseFailed, "pod failed: neither main nor wait container completed successfully", "interruption"},
	{argo.PhaseFailed, "pod failed: main container did not complete successfully", "interruption"},
	{argo.PhaseFailed, "can't find failed message for pod a namespace b", "interruption"},
	{argo.PhaseFailed, "Preempted in order to admit critical pod", "interruption"},
	{argo.PhaseFailed, "Pod was active on the node longer than the specified deadline", "deadline"},
	{argo.PhaseFailed, "Step exceeded its deadline", "deadline"},
	{argo.PhaseError, "Pod failed before main container starts due to ImagePullBackOff: Back-off pulling x", "image"},
	{argo.PhaseError, "wait: Error (exit code 1): workflowtaskresults.argoproj.io is forbidden", "unknown"},
	{argo.PhaseError, "init: Error (exit code 64)", "unknown"},
	{argo.PhaseError, `pods "a" is forbidden: error looking up service account b/c`, "refused"},
	{argo.PhaseError, `Pod "a" is invalid: spec.containers[1].resources.requests: must be less than the limit`, "refused"},
	{argo.PhaseError, `admission webhook "policy.example.com" denied the request: no latest tags`, "refused"},
	{argo.PhaseFailed, `main: Error (exit code 4): pods "a" is forbidden: says the runner`, "application"},
	{argo.PhaseFailed, "fetch: Error (exit code 7)", "application"},
	{argo.PhaseError, "", "unknown"},
}

func Lit(s string) job.Text { return job.Text{{Literal: s}} }
func Ref(s string) job.Text { return job.Text{{Ref: s}} }

func MustDomain(t testing.TB, dims ...domain.Dimension) domain.Domain {
	t.Helper()
	d, err := domain.New(dims...)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func Axis(t testing.TB, a domain.Axis) domain.Domain {
	t.Helper()
	return MustDomain(t, domain.Dimension{Axis: a})
}

func Sample(d domain.Domain) *job.Job {
	return &job.Job{
		Name:         "orders",
		Namespace:    "data",
		Reason:       "a reason with {{workflow.name}}",
		Domain:       d,
		Labels:       map[string]string{"team": "search"},
		Order:        plan.OldestFirst,
		MaxParallel:  10,
		ShardSize:    500,
		Orchestrator: job.Orchestrator{ServiceAccount: "backfill-orchestrator"},
		Retry: job.Retry{
			Limit:         4,
			Backoff:       30 * time.Second,
			Factor:        2,
			MaxBackoff:    10 * time.Minute,
			Interruptions: job.Interruptions,
		},
		Anchor: job.Anchor{Mode: "protect"},
		Runner: job.Runner{
			Image: "registry.example.com/orders:1", Command: []job.Text{Lit("bin/reindex")},
			ServiceAccount: "runner", Deadline: 30 * time.Minute,
			Requests:  map[string]string{"cpu": "500m", "memory": "1Gi"},
			Limits:    map[string]string{"memory": "1Gi"},
			SecretEnv: []job.SecretEnvVar{{Name: "DATABASE_URL", Secret: "orders-db", Key: "url"}},
			Volumes:   []job.Volume{{Name: "in", MountPath: "/in", HostPath: "/srv/in", ReadOnly: true}},
		},
	}
}

func PlanOf(j *job.Job, remaining ledger.Set) plan.Plan {
	return plan.Make(
		plan.Input{
			Domain:    j.Domain,
			Remaining: remaining,
			Order:     j.Order,
			ShardSize: j.ShardSize,
			Canary:    j.Canary,
			Waves:     j.Waves,
			Budget:    j.Budget,
		},
	)
}

// Holes is d without some of its partitions.
func Holes(d domain.Domain, missing ...int64) ledger.Set {
	var ps []domain.Partition
	for _, i := range missing {
		ps = append(ps, d.At(i))
	}
	return ledger.Full(d).Minus(ledger.Of(d, slices.Values(ps)))
}

func Zone(t testing.TB, name string) *time.Location {
	t.Helper()
	z, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return z
}

type Scenario struct {
	Name      string
	domain    domain.Domain
	remaining *ledger.Set
	shardSize int
	order     plan.Order
	waves     func(*job.Job) // sets canary, waves and budget
}

func Scenarios(t testing.TB) []Scenario {
	big := Axis(t, domain.Range{Start: 1, End: 3_000_000_000, Size: 10_000_000})
	small := Axis(t, domain.Range{Start: -7, End: 88, Size: 8})
	far := Axis(t, domain.Range{Start: math.MaxInt64 - 1000, End: math.MaxInt64 - 101, Size: 100})
	berlin := Zone(t, "Europe/Berlin")
	days := Axis(t, domain.Windows{
		Start: time.Date(2026, 3, 27, 0, 0, 0, 0, berlin), End: time.Date(2026, 4, 2, 0, 0, 0, 0, berlin),
		Every: domain.Step{N: 1, Unit: domain.Day}, Zone: berlin, Format: "rfc3339",
	})
	// Clocks go back from 03:00 to 02:00, and an hour later is left out.
	hours := Axis(t, domain.Windows{
		Start:  time.Date(2026, 10, 24, 22, 0, 0, 0, time.UTC),
		End:    time.Date(2026, 10, 25, 5, 30, 0, 0, time.UTC),
		Every:  domain.Step{N: 1, Unit: domain.Hour},
		Zone:   berlin,
		Format: "unix",
		Exclude: []domain.Interval{
			{
				Start: time.Date(2026, 10, 25, 2, 0, 0, 0, time.UTC).Unix(),
				End:   time.Date(2026, 10, 25, 3, 0, 0, 0, time.UTC).Unix(),
			},
		},
	})
	months := Axis(t, domain.Windows{
		Start: time.Date(2026, 1, 1, 0, 0, 0, 0, berlin), End: time.Date(2027, 1, 15, 0, 0, 0, 0, berlin),
		Every: domain.Step{N: 2, Unit: domain.Month}, Zone: berlin, Format: "date",
	})
	calendar := MustDomain(t,
		domain.Dimension{Name: "tenant", Axis: domain.Values{Items: []string{"acme", "x_ü"}}},
		domain.Dimension{Name: "day", Axis: days.Dimensions[0].Axis})
	values := Axis(t, domain.Values{Items: []string{"de", "at", `{{workflow.name}} "$(HOME)" $$`, "🦊\n"}})
	product := MustDomain(t,
		domain.Dimension{Name: "country", Axis: domain.Values{Items: []string{"de", "at", "ch"}}},
		domain.Dimension{Name: "ids", Axis: domain.Range{Start: 0, End: 25, Size: 10}})
	cut := Holes(small, 2, 7)
	sparse := Holes(big, 70, 71, 200)
	moved := ledger.Span(25_500_001, 99_200_000)
	return []Scenario{
		{"one-shard", small, nil, 500, plan.OldestFirst, nil},
		{"newest-first", small, nil, 500, plan.NewestFirst, nil},
		{"beyond-2-53", far, nil, 500, plan.OldestFirst, nil},
		{"clipped", big, &moved, 500, plan.OldestFirst, nil},
		{"three-shards", small, nil, 4, plan.OldestFirst, nil},
		{"three-shards-newest", small, nil, 4, plan.NewestFirst, nil},
		{"six-shards", big, nil, 50, plan.OldestFirst, nil},
		{"scattered-one-shard", small, &cut, 500, plan.OldestFirst, nil},
		{"scattered-shards", small, &cut, 2, plan.NewestFirst, nil},
		{"sparse-shards", big, &sparse, 50, plan.OldestFirst, nil},
		{"boundaries", Axis(t, domain.Boundaries{Points: []int64{0, 5, 50, 51}}), nil, 2, plan.OldestFirst, nil},
		{"days", days, nil, 500, plan.OldestFirst, nil},
		{"hours-newest", hours, nil, 3, plan.NewestFirst, nil},
		{"months", months, nil, 4, plan.OldestFirst, nil},
		{"values-days", calendar, nil, 5, plan.OldestFirst, nil},
		{"values", values, nil, 500, plan.OldestFirst, nil},
		{"values-shards", values, nil, 3, plan.OldestFirst, nil},
		{"product", product, nil, 4, plan.NewestFirst, nil},
		{"canary-one-shard", small, nil, 500, plan.OldestFirst, func(j *job.Job) { j.Canary.Partitions = 2 }},
		{"canary-days", days, nil, 2, plan.NewestFirst, func(j *job.Job) { j.Canary.Keys = []string{"2026-03-29"} }},
		{"canary-values", values, nil, 500, plan.OldestFirst, func(j *job.Job) { j.Canary.Partitions = 1 }},
		{"canary-all", values, nil, 500, plan.NewestFirst, func(j *job.Job) { j.Canary.Partitions = 4 }},
		{"waves", small, nil, 1, plan.NewestFirst, func(j *job.Job) { j.Waves = plan.Waves{Shards: 2, Growth: 3, Max: 5} }},
		{"budget", big, nil, 50, plan.OldestFirst, func(j *job.Job) {
			j.Canary.Partitions, j.Waves, j.Budget = 1, plan.Doubling, &plan.Budget{MaxFailed: 2, MaxRatio: -1}
		}},
		{"budget-scattered", small, &cut, 1, plan.OldestFirst, func(j *job.Job) {
			j.Canary.Keys, j.Waves, j.Budget = []string{"1--9"}, plan.Doubling, &plan.Budget{MaxFailed: -1, MaxRatio: 250_000}
		}},
	}
}

func (s Scenario) Plan() (*job.Job, plan.Plan) {
	j := Sample(s.domain)
	j.ShardSize, j.Order = s.shardSize, s.order
	remaining := ledger.Full(s.domain)
	if s.remaining != nil {
		remaining = *s.remaining
	}
	if s.waves != nil {
		s.waves(j)
	}
	return j, PlanOf(j, remaining)
}

// SpecOf is what run 3 of a job with that plan is submitted to do.
func SpecOf(j *job.Job, p plan.Plan, template string) plan.RunSpec {
	canary := plan.Canary{Partitions: len(p.Canary)}
	if len(p.Canary) > 0 && len(j.Canary.Keys) > 0 {
		canary = j.Canary
	}
	return plan.RunSpec{
		Number:      3,
		Template:    template,
		Domain:      p.Domain,
		Covers:      p.Covers,
		Order:       p.Order,
		ShardSize:   p.ShardSize,
		Canary:      canary,
		Waves:       j.Waves,
		Budget:      j.Budget,
		First:       1,
		MaxParallel: j.MaxParallel,
	}
}
