// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

// Package pool is the arithmetic of node pools: how many machines a pool orders now, and when they come. It is pure: it
// reads no clock, and neither machines nor nodes are made here.
package pool

import (
	"encoding/json"
	"fmt"
	"time"
)

// Spec says what a pool should be. It can change at any time.
type Spec struct {
	// Size is how many machines the pool should have; one that is lost is replaced.
	Size int `json:"size"`
	// Max bounds the growth for pods that find no node; at or below Size the pool does not grow by itself.
	Max int `json:"max,omitempty"`
	// Delay is the time from ordering a machine to its node.
	Delay Duration `json:"delay,omitempty"`
	// OutOfStock tells that the cloud has no machine to give: none is ordered, and those ordered do not come.
	OutOfStock bool `json:"out_of_stock,omitempty"`
}

// Parse reads a pool's text form, which is JSON, and checks it.
func Parse(text string) (Spec, error) {
	var s Spec
	if err := json.Unmarshal([]byte(text), &s); err != nil {
		return Spec{}, fmt.Errorf("parse a pool: %w", err)
	}
	if s.Size < 0 || s.Max < 0 || s.Delay < 0 {
		return Spec{}, fmt.Errorf("a pool's size, max and delay cannot be negative: %s", text)
	}
	return s, nil
}

// String is the text form.
func (s Spec) String() string {
	text, _ := json.Marshal(s) // of numbers and texts
	return string(text)
}

// Duration has the text form of time.Duration.
type Duration time.Duration

// MarshalText implements encoding.TextMarshaler.
func (d Duration) MarshalText() ([]byte, error) { return []byte(time.Duration(d).String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (d *Duration) UnmarshalText(text []byte) error {
	parsed, err := time.ParseDuration(string(text))
	*d = Duration(parsed)
	return err
}

// Orders are machines on their way: when each was ordered.
type Orders []time.Time

// Next updates the orders of a pool that has so many machines, and tells how many of those ordered come now.
func (s Spec) Next(orders Orders, have int, now time.Time) (left Orders, come int) {
	if s.OutOfStock {
		return nil, 0
	}
	for _, ordered := range orders {
		if now.Sub(ordered) >= time.Duration(s.Delay) {
			come++
		} else {
			left = append(left, ordered)
		}
	}
	// Size may have been lowered since.
	come = min(come, max(0, s.Size-have))
	left = left[:min(len(left), max(0, s.Size-have-come))]
	for have+come+len(left) < s.Size {
		if s.Delay == 0 {
			come++
		} else {
			left = append(left, now)
		}
	}
	return left, come
}

// Grow is the size of a pool for which that many more machines would be of use.
func (s Spec) Grow(more int) int {
	if s.OutOfStock {
		return s.Size
	}
	return max(s.Size, min(s.Size+more, s.Max))
}
