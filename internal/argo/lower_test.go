// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package argo

import (
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	wfv1 "github.com/argoproj/argo-workflows/v3/pkg/apis/workflow/v1alpha1"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/domain"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/job"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/ledger"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/manifest"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/plan"
)

func lit(s string) job.Text { return job.Text{{Literal: s}} }
func ref(s string) job.Text { return job.Text{{Ref: s}} }

func mustDomain(t testing.TB, dims ...domain.Dimension) domain.Domain {
	t.Helper()
	d, err := domain.New(dims...)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func axis(t testing.TB, a domain.Axis) domain.Domain {
	t.Helper()
	return mustDomain(t, domain.Dimension{Axis: a})
}

func sample(d domain.Domain) *job.Job {
	return &job.Job{
		Name: "orders", Namespace: "data", Reason: "a reason with {{workflow.name}}", Domain: d,
		Labels: map[string]string{"team": "search"}, Order: plan.OldestFirst,
		MaxParallel: 10, ShardSize: 500, OrchestratorServiceAccount: "backfill-orchestrator",
		Retry:  job.Retry{Limit: 4, Backoff: 30 * time.Second, Factor: 2, MaxBackoff: 10 * time.Minute, Interruptions: job.Interruptions},
		Anchor: job.Anchor{Mode: "protect"},
		Runner: job.Runner{
			Image: "registry.example.com/orders:1", Command: []job.Text{lit("bin/reindex")},
			ServiceAccount: "runner", Deadline: 30 * time.Minute,
			Requests:  map[string]string{"cpu": "500m", "memory": "1Gi"},
			Limits:    map[string]string{"memory": "1Gi"},
			SecretEnv: []job.SecretEnvVar{{Name: "DATABASE_URL", Secret: "orders-db", Key: "url"}},
			Volumes:   []job.Volume{{Name: "in", MountPath: "/in", HostPath: "/srv/in", ReadOnly: true}},
		},
	}
}

func planOf(j *job.Job, remaining ledger.Set) plan.Plan {
	return plan.Make(plan.Input{Domain: j.Domain, Remaining: remaining, Order: j.Order, ShardSize: j.ShardSize, Canary: j.Canary, Waves: j.Waves, Budget: j.Budget})
}

// compile returns template, data and run.
func compile(t testing.TB, j *job.Job, p plan.Plan) []manifest.Object {
	t.Helper()
	template, err := Template(j)
	if err != nil {
		t.Fatal(err)
	}
	objects, err := Run(j, template.GetName(), p, 3)
	if err != nil {
		t.Fatal(err)
	}
	return append([]manifest.Object{template}, objects...)
}

// holes is d without some of its partitions.
func holes(d domain.Domain, missing ...int64) ledger.Set {
	var ps []domain.Partition
	for _, i := range missing {
		ps = append(ps, d.At(i))
	}
	return ledger.Full(d).Minus(ledger.Of(d, slices.Values(ps)))
}

func zone(t testing.TB, name string) *time.Location {
	t.Helper()
	z, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return z
}

type scenario struct {
	name      string
	domain    domain.Domain
	remaining *ledger.Set
	shardSize int
	order     plan.Order
	waves     func(*job.Job) // sets canary, waves and budget
}

func scenarios(t testing.TB) []scenario {
	big := axis(t, domain.Range{Start: 1, End: 3_000_000_000, Size: 10_000_000})
	small := axis(t, domain.Range{Start: -7, End: 88, Size: 8})
	far := axis(t, domain.Range{Start: math.MaxInt64 - 1000, End: math.MaxInt64 - 101, Size: 100})
	berlin := zone(t, "Europe/Berlin")
	days := axis(t, domain.Windows{
		Start: time.Date(2026, 3, 27, 0, 0, 0, 0, berlin), End: time.Date(2026, 4, 2, 0, 0, 0, 0, berlin),
		Every: domain.Step{N: 1, Unit: domain.Day}, Zone: berlin, Format: "rfc3339",
	})
	// Clocks go back from 03:00 to 02:00, and an hour later is left out.
	hours := axis(t, domain.Windows{
		Start: time.Date(2026, 10, 24, 22, 0, 0, 0, time.UTC), End: time.Date(2026, 10, 25, 5, 30, 0, 0, time.UTC),
		Every: domain.Step{N: 1, Unit: domain.Hour}, Zone: berlin, Format: "unix",
		Exclude: []domain.Interval{{Start: time.Date(2026, 10, 25, 2, 0, 0, 0, time.UTC).Unix(), End: time.Date(2026, 10, 25, 3, 0, 0, 0, time.UTC).Unix()}},
	})
	months := axis(t, domain.Windows{
		Start: time.Date(2026, 1, 1, 0, 0, 0, 0, berlin), End: time.Date(2027, 1, 15, 0, 0, 0, 0, berlin),
		Every: domain.Step{N: 2, Unit: domain.Month}, Zone: berlin, Format: "date",
	})
	calendar := mustDomain(t,
		domain.Dimension{Name: "tenant", Axis: domain.Values{Items: []string{"acme", "x_ü"}}},
		domain.Dimension{Name: "day", Axis: days.Dimensions[0].Axis})
	values := axis(t, domain.Values{Items: []string{"de", "at", `{{workflow.name}} "$(HOME)" $$`, "🦊\n"}})
	product := mustDomain(t,
		domain.Dimension{Name: "country", Axis: domain.Values{Items: []string{"de", "at", "ch"}}},
		domain.Dimension{Name: "ids", Axis: domain.Range{Start: 0, End: 25, Size: 10}})
	cut := holes(small, 2, 7)
	sparse := holes(big, 70, 71, 200)
	moved := ledger.Span(25_500_001, 99_200_000)
	return []scenario{
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
		{"boundaries", axis(t, domain.Boundaries{Points: []int64{0, 5, 50, 51}}), nil, 2, plan.OldestFirst, nil},
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

func (s scenario) plan() (*job.Job, plan.Plan) {
	j := sample(s.domain)
	j.ShardSize, j.Order = s.shardSize, s.order
	remaining := ledger.Full(s.domain)
	if s.remaining != nil {
		remaining = *s.remaining
	}
	if s.waves != nil {
		s.waves(j)
	}
	return j, planOf(j, remaining)
}

// TestArgoAgrees runs the emitted objects through Argo's own template code and
// compares what every container gets with what package domain says.
func TestArgoAgrees(t *testing.T) {
	for _, s := range scenarios(t) {
		t.Run(s.name, func(t *testing.T) {
			j, p := s.plan()
			j.Runner.Args = []job.Text{ref("partition.key"), ref("run.name"), ref("attempt"), ref("job.name")}
			c, run := newController(t, compile(t, j, p)...)
			c.run(run)
			if int64(len(c.pods)) != p.Partitions {
				t.Fatalf("%d pods ran for %d partitions", len(c.pods), p.Partitions)
			}
			for i, pod := range c.pods {
				partition := p.At(int64(i))
				for _, fact := range p.Domain.Facts(partition) {
					if got := pod.env[factVar(fact.Name)]; got != fact.Text {
						t.Fatalf("pod %d: %s is %q, want %q", i, factVar(fact.Name), got, fact.Text)
					}
				}
				want := []string{p.Domain.Key(partition), "orders-r3", "0", "orders"}
				if !slices.Equal(pod.args, want) {
					t.Fatalf("pod %d: args %q, want %q", i, pod.args, want)
				}
			}
		})
	}
}

func anyString(s string) *wfv1.AnyString { return wfv1.AnyStringPtr(s) }

// TestArgoVersions: what an older Argo does not know is left out, because a
// full CRD would prune it in silence.
func TestArgoVersions(t *testing.T) {
	d := axis(t, domain.Range{Start: 0, End: 10, Size: 1})
	for version, want := range map[string]bool{"": true, "3.5": false, "3.6": false, "3.7": true, "4.0": true} {
		j := sample(d)
		j.ArgoVersion = version
		text, err := manifest.Encode(compile(t, j, planOf(j, ledger.Full(d))), "yaml")
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Contains(string(text), "cap: 10m"); got != want {
			t.Errorf("argo_version %q: a bound for the backoff is emitted: %t, want %t", version, got, want)
		}
	}
}
