// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

// Package domain is the key space of a job and the grid that cuts it into
// partitions: integer ranges, calendar windows, explicit values, and products
// of them.
//
// It is pure: it knows neither which keys are done (package ledger) nor in
// what order and grouping they run (package plan).
package domain

import (
	"errors"
	"iter"
	"time"
)

// Kind tells what the positions of an axis mean.
type Kind int

// The kinds of axis.
const (
	// Integer positions are the keys themselves.
	Integer Kind = iota
	// Instant positions are Unix seconds.
	Instant
	// Value axes have no positions; their cells are named by text.
	Value
)

// Axis is one direction of a key space with its grid. Exactly one of the
// concrete types Range, Boundaries, Windows and Values implements it.
type Axis interface {
	Kind() Kind
	// Count is the number of grid cells.
	Count() int64
	// Cell returns the grid cell at an ascending position 0 ≤ i < Count.
	Cell(i int64) Part
	// Split cuts [start, end) at the grid's lines, ascending. It panics for
	// an axis of kind Value.
	Split(start, end int64) iter.Seq[Part]
	sealed()
}

// Range cuts [Start, End) every Size integers; the last cell may be shorter.
type Range struct{ Start, End, Size int64 }

// Boundaries cuts between explicit ascending points.
type Boundaries struct{ Points []int64 }

// Unit is a calendar or clock step of a Windows axis.
type Unit int

// The units of a step; hours and minutes are elapsed time, the others follow
// the calendar of the zone.
const (
	Minute Unit = iota
	Hour
	Day
	Week
	Month
	Year
)

// Step is a multiple of a unit, such as 15 minutes or 2 months.
type Step struct {
	N    int
	Unit Unit
}

// Interval is a half-open interval [Start, End) of positions.
type Interval struct{ Start, End int64 }

// Windows cuts [Start, End) every Step in the calendar of Zone, leaving out
// Exclude. Format is how bounds are handed to the runner: date, rfc3339, unix
// or unix_ms.
type Windows struct {
	Start, End time.Time
	Every      Step
	Zone       *time.Location
	Format     string
	Exclude    []Interval
}

// Values is an explicit list; its order is presentation only.
type Values struct{ Items []string }

// Dimension is an axis with its name; the name is empty in a domain of one.
type Dimension struct {
	Name string
	Axis Axis
}

// Domain is a key space: one unnamed dimension, or the product of 2 to 4 named
// ones, of which the last varies fastest.
type Domain struct{ Dimensions []Dimension }

// Part is one dimension's share of a partition. Start and End are positions,
// [Start, End), and Cell the position of the surrounding grid cell; for an
// axis of kind Value only Text is set (and Cell).
type Part struct {
	Start, End int64
	Text       string
	Cell       int64
}

// Partition is one piece of work: a whole grid cell, or the part of one that
// was left to do.
type Partition struct {
	// Index is the ascending position of the surrounding grid cell.
	Index int64
	Parts []Part
}

// Fact is one value that a runner gets about its partition, for example
// {"start", "1000000"} or {"country.key", "de"}; Name is the reference below
// `partition.`.
type Fact struct{ Name, Text string }

var errTODO = errors.New("not written yet")

// New checks the dimensions and returns their domain.
func New(dims ...Dimension) (Domain, error) { return Domain{Dimensions: dims}, errTODO }

// Count is the number of grid cells.
func (d Domain) Count() int64 { return 0 }

// At returns the whole grid cell at an ascending position.
func (d Domain) At(i int64) Partition { return Partition{} }

// All yields every grid cell, ascending.
func (d Domain) All() iter.Seq[Partition] { return func(func(Partition) bool) {} }

// Key is the partition's name, fit for a file name; two different partitions
// of one domain never share a key.
func (d Domain) Key(p Partition) string { return "" }

// Bounds returns the start and end of a part of dimension i as people read
// them in plans and errors (integers, or RFC 3339 with the zone's offset).
func (d Domain) Bounds(i int, p Part) (start, end string) { return "", "" }

// Facts lists what a runner is told of p, in a fixed order: start, end, key
// and index (values: key and index; products: per dimension).
func (d Domain) Facts(p Partition) []Fact { return nil }
