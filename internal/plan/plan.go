// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

// Package plan decides what one run does: which partitions remain, in what
// order, and how they are cut into shards.
//
// It is pure and knows nothing of Argo.
package plan

import (
	"iter"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/domain"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/ledger"
)

// Order is the direction in which partitions run.
type Order string

// The orders.
const (
	OldestFirst Order = "oldest_first"
	NewestFirst Order = "newest_first"
)

// Input is what a plan is made from.
type Input struct {
	Domain    domain.Domain
	Remaining ledger.Set
	Order     Order
	// ShardSize is the most partitions of a shard, 1 to 1000.
	ShardSize int
}

// Plan is the work of one run. Its size does not grow with the number of
// partitions but with the number of holes between them.
type Plan struct {
	Domain     domain.Domain
	Covers     ledger.Set
	Order      Order
	ShardSize  int
	Partitions int64
	// Segments are the unbroken stretches of the covered keys in run order.
	// It is nil for domains that have no positions (values, products).
	Segments []Segment
}

// Segment is an unbroken stretch of positions [Lo, Hi) on the only axis of a
// domain. Number i of its Count partitions, in run order, lies in grid cell
// First + Step·i and is that cell cut to [Lo, Hi).
type Segment struct {
	Lo, Hi      int64
	First, Step int64
	Count       int64
	// Offset is the number of partitions of the segments before it.
	Offset int64
}

// Shard is a group of partitions that one Workflow runs.
type Shard struct {
	// Number counts from 0 in run order.
	Number int
	// Offset is the number of partitions in the shards before it.
	Offset int64
	Count  int
	// Segment is the stretch that holds the whole shard, or nil when the
	// shard spans a hole or the domain has no positions; then its partitions
	// must be written out.
	Segment *Segment
}

// Make plans a run over what remains.
func Make(in Input) Plan { return Plan{} }

// ShardCount is the number of shards.
func (p Plan) ShardCount() int { return 0 }

// Shard returns shard k, 0 ≤ k < ShardCount.
func (p Plan) Shard(k int) Shard { return Shard{} }

// PartitionsOf yields the partitions of shard k in run order.
func (p Plan) PartitionsOf(k int) iter.Seq[domain.Partition] {
	return func(func(domain.Partition) bool) {}
}

// At returns partition i of the run, 0 ≤ i < Partitions, in run order.
func (p Plan) At(i int64) domain.Partition { return domain.Partition{} }
