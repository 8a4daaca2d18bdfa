// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package pool

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

func at(seconds int) time.Time { return time.Unix(int64(seconds), 0) }

func TestNext(t *testing.T) {
	for name, tt := range map[string]struct {
		spec       Spec
		orders     Orders
		have, now  int
		left, come int
	}{
		"a missing machine is " +
			"ordered": {spec: Spec{Size: 2, Delay: Duration(5 * time.Second)}, have: 1, left: 1},
		"it comes after the " +
			"delay": {spec: Spec{Size: 2, Delay: Duration(5 * time.Second)}, orders: Orders{at(0)}, have: 1, now: 5, come: 1},
		"and not before":                 {spec: Spec{Size: 2, Delay: Duration(5 * time.Second)}, orders: Orders{at(0)}, have: 1, now: 4, left: 1},
		"without delay it comes at once": {spec: Spec{Size: 3}, have: 1, come: 2},
		"nothing comes out of " +
			"stock": {spec: Spec{Size: 3, OutOfStock: true}, orders: Orders{at(0)}, have: 1, now: 9},
		"a full pool orders none":         {spec: Spec{Size: 1}, have: 1},
		"more than enough are left alone": {spec: Spec{Size: 1}, have: 4},
		"a lowered size cancels " +
			"orders": {spec: Spec{Size: 1, Delay: Duration(time.Minute)}, orders: Orders{at(0), at(0)}, have: 1, now: 1},
		"a lowered size sends back what would come": {spec: Spec{Size: 1}, orders: Orders{at(0)}, have: 1, now: 1},
	} {
		left, come := tt.spec.Next(tt.orders, tt.have, at(tt.now))
		if len(left) != tt.left || come != tt.come {
			t.Errorf("%s: %d on their way and %d come, want %d and %d", name, len(left), come, tt.left, tt.come)
		}
	}
}

func TestGrow(t *testing.T) {
	for name, tt := range map[string]struct {
		spec       Spec
		more, want int
	}{
		"up to max":         {Spec{Size: 2, Max: 4}, 5, 4},
		"as needed":         {Spec{Size: 2, Max: 9}, 3, 5},
		"not without max":   {Spec{Size: 2}, 3, 2},
		"not out of stock":  {Spec{Size: 2, Max: 9, OutOfStock: true}, 3, 2},
		"never below size":  {Spec{Size: 5, Max: 3}, 1, 5},
		"not for no reason": {Spec{Size: 2, Max: 9}, 0, 2},
	} {
		if got := tt.spec.Grow(tt.more); got != tt.want {
			t.Errorf("%s: %d, want %d", name, got, tt.want)
		}
	}
}

func TestTextForm(t *testing.T) {
	want := Spec{Size: 3, Max: 7, Delay: Duration(90 * time.Second), OutOfStock: true}
	got, err := Parse(want.String())
	if err != nil || got != want {
		t.Errorf("%s became %+v, %v", want, got, err)
	}
	for _, text := range []string{"", `{"size":-1}`, `{"size":1,"delay":"soon"}`} {
		if got, err := Parse(text); err == nil {
			t.Errorf("%q became %+v", text, got)
		}
	}
}

// However a pool's size and stock change, and whatever it loses, it never has more than it was
// asked for at the time, and with stock it has all of it when the longest delay is over.
func TestPoolsReachTheirSize(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var orders Orders
		have, now := 0, 0
		spec := Spec{Delay: Duration(time.Duration(rapid.IntRange(0, 5).Draw(t, "delay")) * time.Second)}
		for range rapid.IntRange(1, 30).Draw(t, "steps") {
			spec.Size, spec.OutOfStock = rapid.IntRange(0, 6).Draw(t, "size"), rapid.Bool().Draw(t, "out")
			have -= rapid.IntRange(0, have).Draw(t, "lost")
			before, come := have, 0
			orders, come = spec.Next(orders, have, at(now))
			have += come
			if come > 0 && have > spec.Size {
				t.Fatalf("%d came to %d, but only %d are wanted", come, before, spec.Size)
			}
			now += rapid.IntRange(0, 2).Draw(t, "seconds")
		}
		spec.OutOfStock = false
		for range 2 {
			var come int
			orders, come = spec.Next(orders, have, at(now))
			have += come
			now += 5
		}
		if have < spec.Size {
			t.Fatalf("%d of %d machines after the delay", have, spec.Size)
		}
	})
}
