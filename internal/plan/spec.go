// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package plan

import (
	"github.com/terraform-backfill/terraform-provider-backfill/internal/domain"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/ledger"
)

// RunSpec is exactly what one run was submitted to do. It is written once, when
// the run is claimed, and kept with the run until its outcome is recorded:
// whoever needs to know what was submitted reads it here.
//
// Together with the declaration of the job it determines every byte of the
// run's objects.
// See internal/decisions/0004-a-run-keeps-its-spec.md.
type RunSpec struct {
	// Number counts the runs of a job, from 1.
	Number int
	// Template is the name of the WorkflowTemplate that the run calls.
	Template string
	// Domain is the grid by which the run is cut; it is open for a query's run.
	Domain domain.Domain
	// Covers is every key that the run processes; empty for a query's run.
	Covers ledger.Set
	Order  Order
	// ShardSize is the most partitions of a shard, 1 to 1000.
	ShardSize int
	// Canary is zero when the run has none, also where the job declares one that
	// has succeeded before.
	Canary Canary
	Waves  Waves
	// Budget is what ends the run early; nil for Unlimited.
	Budget *Budget
	// First is the number of the first wave, from 1.
	First int
	// Until is the number of the wave before which the run ends, to wait for
	// approval; 0 when it runs to the end.
	Until int
	// MaxParallel is how many pods the run was submitted with, at most, at once.
	MaxParallel int
	// Query is set when the run finds the bounds of its keys by itself.
	Query *QuerySpec
}

// QuerySpec is what a run does that finds its bounds at run time.
type QuerySpec struct {
	// Only tells that the run finds the bounds and processes nothing.
	Only bool
	// MaxPartitions bounds the partitions that the result may yield.
	MaxPartitions int64
}

// Spec fixes the next run of what remains: it ends at the first closed gate, so
// that Covers may be less than Remaining, or empty.
func (in Input) Spec() RunSpec {
	p := Make(in)
	return RunSpec{
		Domain:    in.Domain,
		Covers:    p.Covers,
		Order:     in.Order,
		ShardSize: p.ShardSize,
		Canary:    in.Canary,
		Waves:     in.Waves,
		Budget:    in.Budget,
		First:     max(1, in.First),
		Until:     p.Until,
	}
}

// Plan cuts what the run covers. The plan of a query's run is that of the
// largest result: every other one has the first of its shards, and maybe fewer
// partitions in the last.
func (s RunSpec) Plan() Plan {
	if s.Query != nil {
		if s.Query.Only {
			return Plan{Domain: s.Domain, Order: s.Order, ShardSize: max(1, s.ShardSize)}
		}
		p := Uniform(LargestResult(s.Query.MaxPartitions), s.Query.MaxPartitions, s.ShardSize, s.Waves, s.Budget)
		p.Order = s.Order
		return p
	}
	in := Input{
		Domain:    s.Domain,
		Remaining: s.Covers,
		Order:     s.Order,
		ShardSize: s.ShardSize,
		Canary:    s.Canary,
		Waves:     s.Waves,
		Budget:    s.Budget,
		First:     s.First,
	}
	p := in.whole()
	p.Until = s.Until
	return p
}

// LargestResult stands for the domain between bounds that yield n partitions.
func LargestResult(n int64) domain.Domain {
	axis := domain.Dimension{Axis: domain.Range{Start: 0, End: n, Size: 1}}
	return domain.Domain{Dimensions: []domain.Dimension{axis}}
}

// SameWork tells whether two runs process the same keys in the same cut with the
// same template. They may differ in their number and in how many pods they have.
func (s RunSpec) SameWork(o RunSpec) bool {
	if s.Template != o.Template || (s.Query == nil) != (o.Query == nil) {
		return false
	}
	if s.Query != nil {
		return *s.Query == *o.Query
	}
	return SameGrid(s.Domain, o.Domain) && s.Covers.Equal(o.Covers)
}

// SameGrid tells whether two domains cut the same keys in the same way.
func SameGrid(a, b domain.Domain) bool {
	if !a.SameSpace(b) || a.Bounded() != b.Bounded() {
		return false
	}
	if !a.Bounded() {
		return true
	}
	n := a.Count()
	return n == b.Count() && ledger.Full(a).Text(a) == ledger.Full(b).Text(b) &&
		a.Key(a.At(0)) == b.Key(b.At(0)) && a.Key(a.At(n-1)) == b.Key(b.At(n-1))
}
