// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package domain

import "strings"

// joint separates the parts of a product's key.
const joint = "__"

// longestFileName is the limit of common file systems, in bytes.
const longestFileName = 255

// Key is the partition's name, usable as a file name. Different partitions of a
// domain have different keys.
//
//   - A whole window of a day or longer is named by the date of its start,
//     2026-03-29; a whole window of minutes or hours by its start with the
//     offset, 2026-10-25T02:00+0200, so that the two 02:00 of the day when
//     clocks go back differ.
//   - Integers, and whatever is less than a whole window, are named by their
//     bounds: 1000000--2000000.
//   - A value is percent-encoded outside of [A-Za-z0-9._-].
//   - The parts of a product are joined by two underscores; in its values,
//     underscores that could be taken for a joint are encoded too.
func (d Domain) Key(p Partition) string {
	if len(d.Dimensions) == 1 {
		return d.Dimensions[0].Axis.keyOf(p.Parts[0])
	}
	keys := make([]string, len(d.Dimensions))
	for i := range d.Dimensions {
		keys[i] = d.partKey(i, p.Parts[i])
	}
	return strings.Join(keys, joint)
}

// partKey is the key of one part within the partition's key.
func (d Domain) partKey(i int, p Part) string {
	axis := d.Dimensions[i].Axis
	key := axis.keyOf(p)
	if axis.Kind() == Value && len(d.Dimensions) > 1 {
		return hideJoints(key)
	}
	return key
}

// hideJoints encodes the underscores at the edges of a key and those next to another
// one. Joined keys can then be split in only one way.
func hideJoints(key string) string {
	if !strings.Contains(key, joint) && !strings.HasPrefix(key, "_") && !strings.HasSuffix(key, "_") {
		return key
	}
	var b strings.Builder
	for i := range len(key) {
		edge := i == 0 || i == len(key)-1
		if key[i] == '_' && (edge || key[i-1] == '_' || key[i+1] == '_') {
			b.WriteString("%5F")
		} else {
			b.WriteByte(key[i])
		}
	}
	return b.String()
}

// Find returns the partition with a key, a whole grid cell or a part of one; ok is
// false if the domain has no such partition.
func (d Domain) Find(key string) (p Partition, ok bool) {
	keys := []string{key}
	if len(d.Dimensions) > 1 {
		keys = strings.Split(key, joint)
	}
	if len(keys) != len(d.Dimensions) {
		return Partition{}, false
	}
	parts := make([]Part, len(keys))
	for i, k := range keys {
		if parts[i], ok = d.Dimensions[i].Axis.partOf(k); !ok {
			return Partition{}, false
		}
	}
	p = d.Partition(parts)
	return p, d.Key(p) == key // a key has one spelling
}
