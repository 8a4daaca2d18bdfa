// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

// Package ledger is the algebra of what has been done: sets over the key space
// of a job, their text form and their counts.
//
// It keeps no partition numbers, so that a job can be extended, shrunk or cut
// differently and keep what it has done. It knows nothing of runs and records.
package ledger

import (
	"iter"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/domain"
)

// Set is an immutable set of keys. The zero value is the empty set of any
// domain.
type Set struct{}

// Full is every key of d.
func Full(d domain.Domain) Set { return Set{} }

// Of is the set of the keys of some partitions of d.
func Of(d domain.Domain, ps iter.Seq[domain.Partition]) Set { return Set{} }

// Parse reads the text form of a set over d. An error names the byte position.
func Parse(d domain.Domain, text string) (Set, error) { return Set{}, nil }

// Text is the form that people read and Parse takes: `[1,1000000)
// [2000000,3000000)`, instants in RFC 3339, values as a JSON array.
func (s Set) Text(d domain.Domain) string { return "" }

// Union returns the keys of either.
func (s Set) Union(o Set) Set { return s }

// Minus returns the keys of s that o lacks.
func (s Set) Minus(o Set) Set { return s }

// Intersect returns the keys of both.
func (s Set) Intersect(o Set) Set { return s }

// Empty tells whether there are no keys.
func (s Set) Empty() bool { return true }

// Equal tells whether both hold the same keys.
func (s Set) Equal(o Set) bool { return true }

// Contains tells whether every key of o is in s.
func (s Set) Contains(o Set) bool { return true }

// Count is the number of partitions that the grid of d cuts s into.
func (s Set) Count(d domain.Domain) int64 { return 0 }

// Partitions yields the pieces that the grid of d cuts s into, ascending.
func (s Set) Partitions(d domain.Domain) iter.Seq[domain.Partition] {
	return func(func(domain.Partition) bool) {}
}
