// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package simulate

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestParse(t *testing.T) {
	got, err := Parse("seed=7, median=2s,spread=1.3,oom=0.01,always-exit=0.005,exit-code=9,pull=3s,start=200ms,quiet=true")
	want := Behaviour{
		Seed:     7,
		Median:   2 * time.Second,
		Spread:   1.3,
		ExitCode: 9,
		Pull:     3 * time.Second,
		Start:    200 * time.Millisecond,
		Quiet:    true,
	}
	want.Attempt[OOM], want.Always[Exit] = 0.01, 0.005
	if err != nil || got != want {
		t.Errorf("got %+v, %v", got, err)
	}
	if got, err := Parse(""); err != nil || got != Default() {
		t.Errorf("an empty text gives %+v, %v", got, err)
	}
}

func TestParseSaysWhatIsWrong(t *testing.T) {
	for text, want := range map[string]string{
		"medain=2s":                    "there is no setting",
		"median=2":                     "median=2:",
		"median=-2s":                   "negative",
		"spread=0.5":                   "1 or more",
		"spread=NaN":                   "1 or more",
		"exit-code=0":                  "exit-code=0",
		"exit=-0.1":                    "negative",
		"always-exit=0.6,always-oom=1": "add up",
	} {
		if _, err := Parse(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
}

func TestDrawsFollowTheShares(t *testing.T) {
	b, err := Parse("seed=3,median=10s,spread=1.5,exit=0.1,shutdown=0.05,always-oom=0.02")
	if err != nil {
		t.Fatal(err)
	}
	const n = 20000
	counts := map[Cause]int{}
	var times []time.Duration
	within := 0
	for i := range n {
		name := fmt.Sprintf("run[0].p(%d:%d)(0)", i, i)
		if cause, fails := b.failure(fmt.Sprint(i), name); fails {
			counts[cause]++
		}
		d := b.duration(name)
		times = append(times, d)
		if d > b.Median*2/3 && d < b.Median*3/2 {
			within++
		}
	}
	for cause, share := range map[Cause]float64{Exit: 0.1 * 0.98, Shutdown: 0.05 * 0.98, OOM: 0.02, Deadline: 0} {
		// Five standard deviations.
		if off := math.Abs(float64(counts[cause]) - n*share); off > 5*math.Sqrt(n*share) {
			t.Errorf("%d of %d fail by %s, want a share of %v", counts[cause], n, causeNames[cause], share)
		}
	}
	slices.Sort(times)
	if m := times[n/2]; m < 98*b.Median/100 || m > 102*b.Median/100 {
		t.Errorf("the median is %s", m)
	}
	if share := float64(within) / n; math.Abs(share-0.683) > 0.02 {
		t.Errorf("%v lie within the spread, want two thirds", share)
	}
}

func TestWhatAlwaysFailsDependsOnTheKeyAlone(t *testing.T) {
	b, err := Parse("seed=3,always-exit=0.2")
	if err != nil {
		t.Fatal(err)
	}
	doomed := 0
	for i := range 1000 {
		_, first := b.failure(fmt.Sprint(i), "r1[0].p(0:0)(0)")
		_, later := b.failure(fmt.Sprint(i), "r2[0].p(5:5)(3)")
		if first != later {
			t.Fatalf("key %d: %v, then %v", i, first, later)
		}
		if first {
			doomed++
		}
	}
	if doomed < 130 || doomed > 270 {
		t.Errorf("%d of 1000 keys always fail, want some 200", doomed)
	}
}

// The formula is what tests outside of this module compute with.
func TestDrawIsTheDocumentedOne(t *testing.T) {
	b := Behaviour{Seed: 42}
	// printf '42 always 1000--2000' | sha256sum
	if got := b.fraction("always", "1000--2000"); math.Abs(got-0.25600209127362716) > 1e-12 {
		t.Errorf("got %v", got)
	}
}
