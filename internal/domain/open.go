// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package domain

import "iter"

// Open is an axis with unknown bounds. The meaning of its positions is known, but it
// has no cells and lines.
type Open struct {
	Of Kind // Integer or Instant
	// Format is the format of instants for runners, see Windows.
	Format string
}

// NewOpen is the domain of one open axis.
func NewOpen(axis Open) Domain { return Domain{Dimensions: []Dimension{{Axis: axis}}} }

func (o Open) sealed() {}

// Kind is the meaning of the positions.
func (o Open) Kind() Kind { return o.Of }

// Count is 0.
func (o Open) Count() int64 { return 0 }

// Cell returns nothing: there are no cells.
func (o Open) Cell(int64) Part { return Part{} }

// Split yields nothing.
func (o Open) Split(int64, int64) iter.Seq[Part] { return func(func(Part) bool) {} }

func (o Open) check() []*Error { return nil }

func (o Open) ready() Axis { return o }

func (o Open) keyOf(Part) string { return "" }

func (o Open) partOf(string) (Part, bool) { return Part{}, false }

func (o Open) longestKey() int { return 0 }

func (o Open) facts(Part) []Fact { return []Fact{{"start", ""}, {"end", ""}} }

// Bounded is true if the bounds of a domain are known.
func (d Domain) Bounded() bool {
	for _, dim := range d.Dimensions {
		if _, open := dim.Axis.(Open); open {
			return false
		}
	}
	return true
}

// FactNames lists the names of the facts that a runner gets, in the order of Facts.
func (d Domain) FactNames() []string {
	p := Partition{Parts: make([]Part, len(d.Dimensions))}
	if d.Bounded() && len(d.Dimensions) > 0 {
		p = d.At(0)
	}
	var out []string
	for _, f := range d.Facts(p) {
		out = append(out, f.Name)
	}
	return out
}
