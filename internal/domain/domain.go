// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

// Package domain is the key space of a job and the grid that splits it into
// partitions: integer ranges, calendar windows, explicit values, and products of
// these.
//
// A Domain has one or more Dimensions, each with an Axis: Range, Boundaries,
// Windows, Values, or Open while the bounds are unknown. New checks the dimensions;
// a Domain that New returned is valid. Its grid cells are the partitions, numbered
// in ascending order; a Partition can also be the part of a cell that is left to do.
//
// Intervals are always half-open, [start, end). Positions of an axis do not depend
// on the grid: an integer is itself, and an instant is in Unix seconds. A set of done
// positions (package ledger) therefore stays valid if the size of partitions
// changes. Windows follow the calendar of their zone, including clock changes.
// Different partitions of a domain always have different keys (Partition.Key).
//
// The package is pure. It does not know which keys are done (package ledger), and in
// what order and groups they run (package plan).
package domain

import (
	"fmt"
	"iter"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Dimension is an axis with its name; the name is empty in a domain of one.
type Dimension struct {
	Name string
	Axis Axis
}

// Domain is a key space: one unnamed dimension, or the product of 2 to 4 named ones.
// The last dimension varies fastest. Make one with New.
type Domain struct{ Dimensions []Dimension }

// Partition is one unit of work: a whole grid cell, or the part of a cell that is
// left to do.
type Partition struct {
	// Index is the ascending position of the surrounding grid cell.
	Index int64
	Parts []Part
}

const (
	minDimensions = 2
	maxDimensions = 4
)

// reserved are the references below `partition.` that are not dimensions.
var reserved = []string{"start", "end", "key", "index"}

var dimensionName = regexp.MustCompile(`^[a-z][a-z0-9_]*$`)

// New checks the dimensions and returns their domain. The error is of type
// Errors.
func New(dims ...Dimension) (Domain, error) {
	errs := checkNames(dims)
	d := Domain{Dimensions: make([]Dimension, len(dims))}
	for i, dim := range dims {
		found := dim.Axis.check()
		for _, e := range found {
			e.Dimension, e.Position = dim.Name, i
		}
		errs = append(errs, found...)
		d.Dimensions[i] = Dimension{Name: dim.Name, Axis: dim.Axis}
		if len(found) == 0 {
			d.Dimensions[i].Axis = dim.Axis.ready()
		}
	}
	if len(errs) == 0 && d.Bounded() {
		errs = d.checkSize()
	}
	if len(errs) > 0 {
		return Domain{}, errs
	}
	return d, nil
}

func checkNames(dims []Dimension) Errors {
	if len(dims) == 1 && dims[0].Name == "" {
		return nil
	}
	if len(dims) < minDimensions || len(dims) > maxDimensions {
		are := fmt.Sprintf("are %d dimensions", len(dims))
		if len(dims) == 1 {
			are = "is 1 dimension"
		}
		return Errors{fault("dimensions", "There %s, but dimensions must have %d to %d elements. For a single one, use "+
			"range, time or values directly.", are, minDimensions, maxDimensions)}
	}
	var errs Errors
	seen := map[string]bool{}
	for i, dim := range dims {
		e := faultAt("dimensions", i, "")
		e.Dimension, e.Position = dim.Name, i
		switch {
		case !dimensionName.MatchString(dim.Name):
			e.Message = "The name " + quote(dim.Name) + " is not valid in a reference. Use a lower-case letter, then " +
				"lower-case letters, digits and underscores."
		case slices.Contains(reserved, dim.Name):
			e.Message = "The name " + quote(dim.Name) + " is reserved for partition." + dim.Name +
				". Choose another name for the dimension."
		case seen[dim.Name]:
			e.Message = "Two dimensions have the name " + quote(dim.Name) + ". Rename one of the two."
		default:
			seen[dim.Name] = true
			continue
		}
		errs = append(errs, e)
	}
	return errs
}

func quote(s string) string { return `"` + s + `"` }

// checkSize rejects products that are too large to count, and keys that are too long
// for a file name.
func (d Domain) checkSize() Errors {
	count, longest := int64(1), len(joint)*(len(d.Dimensions)-1)
	for _, dim := range d.Dimensions {
		n := dim.Axis.Count()
		if count > math.MaxInt64/n {
			return Errors{fault("dimensions", "The dimensions have more than %d combinations. Use larger partitions.",
				int64(math.MaxInt64))}
		}
		count *= n
		longest += dim.Axis.longestKey()
	}
	if longest <= longestFileName {
		return nil
	}
	return Errors{d.tooLong(longest)}
}

// tooLong reports the longest value, because the keys of other axes are short.
func (d Domain) tooLong(longest int) *Error {
	e, most := fault("values", ""), 0
	for k, dim := range d.Dimensions {
		values, _ := dim.Axis.(Values)
		for i, text := range values.Items {
			if n := longestValueKey(text); n > most {
				e.Dimension, e.Position, e.Item, most = dim.Name, k, i, n
			}
		}
	}
	e.Message = fmt.Sprintf("The value is too long: the key of its partition has up to %d bytes, and the maximum of a "+
		"file name is %d. Use a shorter value, such as an identifier, and look up the rest in the runner.", longest,
		longestFileName)
	return e
}

// Count is the number of grid cells.
func (d Domain) Count() int64 {
	count := int64(1)
	for _, dim := range d.Dimensions {
		count *= dim.Axis.Count()
	}
	if len(d.Dimensions) == 0 {
		return 0
	}
	return count
}

// At returns the whole grid cell at an ascending position 0 ≤ i < Count. The
// position is a mixed-radix number whose digits are the cells of the
// dimensions.
func (d Domain) At(i int64) Partition {
	p := Partition{Index: i, Parts: make([]Part, len(d.Dimensions))}
	for k := len(d.Dimensions) - 1; k >= 0; k-- {
		axis := d.Dimensions[k].Axis
		n := axis.Count()
		p.Parts[k] = axis.Cell(i % n)
		i /= n
	}
	return p
}

// All yields every grid cell, ascending.
func (d Domain) All() iter.Seq[Partition] {
	return func(yield func(Partition) bool) {
		for i := range d.Count() {
			if !yield(d.At(i)) {
				return
			}
		}
	}
}

// Partition combines parts, one per dimension, and finds their index.
func (d Domain) Partition(parts []Part) Partition {
	p := Partition{Parts: parts}
	for i, dim := range d.Dimensions {
		p.Index = p.Index*dim.Axis.Count() + parts[i].Cell
	}
	return p
}

// Bounds returns the start and end of a part of dimension i for plans and errors:
// integers, or RFC 3339 with the zone's offset. For a value, both are the value.
func (d Domain) Bounds(i int, p Part) (start, end string) {
	grid, ok := d.Dimensions[i].Axis.(Grid)
	if !ok {
		return p.Text, p.Text
	}
	return grid.Text(p.Start), grid.Text(p.End)
}

// Facts lists the facts about p that a runner gets, in a fixed order: start, end, key
// and index (values: value, key and index). In a product, the facts of every
// dimension come first, with names like "country.key", then key and index of p.
func (d Domain) Facts(p Partition) []Fact {
	var out []Fact
	if len(d.Dimensions) == 1 {
		out = d.Dimensions[0].Axis.facts(p.Parts[0])
	} else {
		for i, dim := range d.Dimensions {
			for _, f := range dim.Axis.facts(p.Parts[i]) {
				out = append(out, Fact{dim.Name + "." + f.Name, f.Text})
			}
			out = append(out,
				Fact{dim.Name + ".key", d.partKey(i, p.Parts[i])},
				Fact{dim.Name + ".index", decimal(p.Parts[i].Cell)})
		}
	}
	return append(out, Fact{"key", d.Key(p)}, Fact{"index", decimal(p.Index)})
}

// SameSpace is true if the positions of both domains have the same meaning: the same
// kinds of axes, with the same names, in the same order. A set over one domain is
// then a set over the other.
func (d Domain) SameSpace(o Domain) bool {
	return slices.EqualFunc(d.Dimensions, o.Dimensions, func(a, b Dimension) bool {
		return a.Name == b.Name && a.Axis.Kind() == b.Axis.Kind()
	})
}

// String describes the domain in a few words, for messages.
func (d Domain) String() string {
	parts := make([]string, len(d.Dimensions))
	for i, dim := range d.Dimensions {
		parts[i] = strings.TrimSpace(dim.Name + " " + dim.Axis.Kind().String())
	}
	return strings.Join(parts, " × ")
}

func decimal(n int64) string { return strconv.FormatInt(n, 10) }
