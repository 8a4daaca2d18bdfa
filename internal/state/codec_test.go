// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package state

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/domain"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/ledger"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/manifest"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/plan"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// partitions are the domains that a state can have, as declared.
var partitions = map[string]string{
	"range":      `{"range":{"start":-100,"end":95,"size":10}}`,
	"boundaries": `{"range":{"boundaries":[0,5,100,1000]}}`,
	"windows": `{"time":{"start":"2026-03-01","end":"2026-04-01","every":"1d","timezone":"Europe/Berlin","format":"date",` +
		`"exclude":[{"start":"2026-03-05","end":"2026-03-07"}]}}`,
	"values": `{"values":["de","fr","a b/c","é"]}`,
	"product": `{"dimensions":[{"name":"country","values":["de","fr"]},` +
		`{"name":"day","time":{"start":"2026-03-28","end":"2026-04-01","every":"1d","timezone":"Europe/Berlin"}}]}`,
	"query": `{"query":{"image":"example.com/sql:1","command":["bounds"],"size":5}}`,
}

func declare(t testing.TB, partition string) Declaration {
	t.Helper()
	d, err := ParseDeclaration(
		`{"name":"orders","namespace":"data","reason":"why","target":"db/orders","partition":` + partition +
			`,"runner":{"image":"example.com/orders:1","command":["run"]}}`,
	)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func integers(t testing.TB, start, end, size int64) domain.Domain {
	t.Helper()
	d, err := domain.New(domain.Dimension{Axis: domain.Range{Start: start, End: end, Size: size}})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// example is a state in which everything is set.
func example(t testing.TB, declared Declaration, bounds *domain.Interval) *State {
	t.Helper()
	before := declare(t, `{"range":{"start":0,"end":50,"size":5}}`)
	other := before.Job().Domain
	one, void, yes := 1, 1, true
	s := &State{
		Namespace: "data", Name: "orders", Owner: "token", Grown: true, Creating: true, Writer: "0.1.0",
		Policy:  Policy{Revision: "2", Paused: &yes, ApprovedWave: &one, OverrideLimits: []string{"max_partitions"}},
		NextRun: 3, Canary: "orders-abd y", Gate: Gate{Next: 3, Approved: 2, Void: &void, Paused: true},
		Reserved: &Reservation{other, "db/items"},
	}
	if err := s.Declare(declared, bounds); err != nil {
		t.Fatal(err)
	}
	cells := slices.Collect(s.Domain().All())
	s.Done = ledger.Of(s.Domain(), slices.Values(cells[:min(2, len(cells))]))
	s.Failed = ledger.Of(s.Domain(), slices.Values(cells[min(2, len(cells)):min(3, len(cells))]))
	s.Failures = []Failure{{
		Key: "k", Start: "1", End: "2", Attempts: 5, Message: "exit code 1",
		Details: []Attempt{
			{
				Number: 3, Node: "n", Capacity: "spot", Cause: "application", ExitCode: new(int), Message: "m",
				Started: "2026-01-01T00:00:00Z", Finished: "2026-01-01T00:00:01Z",
			},
			{Number: 4, Cause: "unknown"},
		},
	}}
	spec := plan.RunSpec{
		Number: 2, Template: "orders-abc", Domain: other, Covers: ledger.Full(other), Order: plan.NewestFirst, ShardSize: 7,
		Canary: plan.Canary{Keys: []string{"0--5"}}, Waves: plan.Waves{Shards: 1, Growth: 2, Max: 9},
		Budget: &plan.Budget{MaxFailed: 3, MaxRatio: -1}, First: 2, Until: 3, MaxParallel: 9,
		Query: &plan.QuerySpec{Only: true, MaxPartitions: 100},
	}
	s.Runs = []Run{
		{
			RunSpec: plan.RunSpec{Number: 1, Template: "orders-abc"}, Intervals: "[0,10)", Partitions: 1,
			Start: time.Unix(1e9, 0).UTC(), End: time.Unix(1e9+60, 0).UTC(), Outcome: Failed, Retiring: true,
			Message: "why", SetupError: "setup", TeardownError: "teardown",
		},
		{
			RunSpec: spec, Declaration: &before, Partitions: 7, Start: time.Unix(1e9+90, 0).UTC(), Claim: "c2",
			Tries: "orders-abc x", SpecHash: "0123abcd",
		},
	}
	return s
}

// throughServer passes a record through the JSON that the API server keeps.
func throughServer(t testing.TB, s *State) manifest.Object {
	t.Helper()
	o, err := EncodeRecord(s)
	if err != nil {
		t.Fatal(err)
	}
	data, err := json.Marshal(o.Object)
	if err != nil {
		t.Fatal(err)
	}
	back := &unstructured.Unstructured{}
	if err := back.UnmarshalJSON(data); err != nil {
		t.Fatal(err)
	}
	return back
}

// Both serializations give back what was written, whatever the domain; the
// private one leaves the owner out.
func TestRoundTrip(t *testing.T) {
	for name, partition := range partitions {
		t.Run(name, func(t *testing.T) {
			var bounds *domain.Interval
			if name == "query" {
				bounds = &domain.Interval{Start: 100, End: 152}
			}
			want := example(t, declare(t, partition), bounds)
			fromRecord, err := DecodeRecord(throughServer(t, want))
			if err != nil {
				t.Fatal(err)
			}
			same(t, fromRecord, want)
			data, err := EncodePrivate(want)
			if err != nil {
				t.Fatal(err)
			}
			private, err := DecodePrivate("data", "orders", data)
			if err != nil {
				t.Fatal(err)
			}
			if private.Owner != "" {
				t.Errorf("private state names the owner %q", private.Owner)
			}
			private.Owner = want.Owner
			same(t, private, want)
		})
	}
}

func same(t *testing.T, got, want *State) {
	t.Helper()
	d := want.Domain()
	if !got.Done.Equal(want.Done) || !got.Failed.Equal(want.Failed) {
		t.Errorf("ledger: got %s and %s", got.Done.Text(d), got.Failed.Text(d))
	}
	if a, b := slices.Collect(got.Domain().All()), slices.Collect(d.All()); !reflect.DeepEqual(a, b) {
		t.Errorf("domain: got %v, want %v", a, b)
	}
	a, b := got.Latest(), want.Latest()
	if !a.Covers.Equal(b.Covers) || !plan.SameGrid(a.Domain, b.Domain) || a.Declaration.Text() != b.Declaration.Text() {
		t.Errorf("the active run came back as %+v", a)
	}
	plain := func(s *State) State {
		c := *s.Clone()
		c.Done, c.Failed, c.Declaration, c.bound, c.Reserved = ledger.Set{}, ledger.Set{}, Declaration{
			text: s.Declaration.text,
		}, nil, nil
		latest := c.Latest()
		latest.Covers, latest.Domain, latest.Declaration = ledger.Set{}, domain.Domain{}, nil
		return c
	}
	if x, y := plain(got), plain(want); !reflect.DeepEqual(x, y) {
		t.Errorf("got  %+v\nwant %+v", x, y)
	}
	if got.Reserved.Target != want.Reserved.Target || !plan.SameGrid(got.Reserved.Domain, want.Reserved.Domain) {
		t.Errorf("reserved: %+v", got.Reserved)
	}
}

// The bytes of both serializations change on purpose alone: records are read by
// every later version.
func TestGoldenSerializations(t *testing.T) {
	for name, partition := range partitions {
		var bounds *domain.Interval
		if name == "query" {
			bounds = &domain.Interval{Start: 100, End: 152}
		}
		s := example(t, declare(t, partition), bounds)
		o, err := EncodeRecord(s)
		if err != nil {
			t.Fatal(err)
		}
		record, err := json.MarshalIndent(o.Object, "", "  ")
		if err != nil {
			t.Fatal(err)
		}
		private, err := EncodePrivate(s)
		if err != nil {
			t.Fatal(err)
		}
		for file, got := range map[string][]byte{name + ".record.json": record, name + ".private.json": private} {
			path := filepath.Join("testdata", "format2", file)
			if *update {
				if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(path, append(got, '\n'), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if string(want) != string(got)+"\n" {
				t.Errorf("%s differs (run with -update to accept):\n%s", path, got)
			}
		}
	}
}

func TestLargeLedgersFit(t *testing.T) {
	for n, most := range map[int64]int{100_000: 100_000, 1_000_000: 1 << 20} {
		s := example(t, declare(t, fmt.Sprintf(`{"range":{"start":0,"end":%d,"size":1000}}`, n*1000)), nil)
		d := s.Domain()
		s.Failed = ledger.Of(d, func(yield func(domain.Partition) bool) {
			for i := int64(0); i < n; i += 97 {
				if !yield(d.At(i + i%7)) {
					return
				}
			}
		})
		s.Done = ledger.Full(d).Minus(s.Failed)
		o := throughServer(t, s)
		data, _ := json.Marshal(o.Object)
		t.Logf("%d partitions, 1%% failed: %d bytes", n, len(data))
		if len(data) > most {
			t.Errorf("%d partitions: %d bytes, more than %d", n, len(data), most)
		}
		got, err := DecodeRecord(o)
		if err != nil {
			t.Fatal(err)
		}
		if !got.Done.Equal(s.Done) || !got.Failed.Equal(s.Failed) {
			t.Errorf("%d partitions: the ledger came back changed", n)
		}
	}
}

// What a run covers is kept whole, also where it is long, and its text in the
// history up to a bound.
func TestScatteredRunsAreKeptWhole(t *testing.T) {
	s := example(t, declare(t, `{"range":{"start":0,"end":3000000,"size":10}}`), nil)
	d := s.Domain()
	spec := plan.RunSpec{Domain: d, Template: "orders-abc", ShardSize: 500, Order: plan.OldestFirst}
	spec.Covers = ledger.Of(d, func(yield func(domain.Partition) bool) {
		for i, step := int64(0), int64(1); i < 300_000; i, step = i+2+step%3, (step*7+3)%11 {
			if !yield(d.At(i)) {
				return
			}
		}
	})
	s.Claim(Submitted(spec, spec.Plan(), time.Time{}))
	s.Failed = spec.Covers
	o := throughServer(t, s)
	for _, part := range []string{partFailed, partSubmitted} {
		if _, readable, _ := unstructured.NestedString(o.Object, "data", part); readable {
			t.Errorf("a long %s is kept as text", part)
		}
	}
	got, err := DecodeRecord(o)
	if err != nil {
		t.Fatal(err)
	}
	if !got.Active().Covers.Equal(spec.Covers) || !got.Failed.Equal(s.Failed) || got.Active().Intervals != "" {
		t.Errorf("what the run covers came back changed; %d bytes of intervals", len(got.Active().Intervals))
	}
}

func TestShortFailuresAreLimitedInNumber(t *testing.T) {
	s := example(t, declare(t, partitions["range"]), nil)
	for i := range MaxFailures + 1 {
		s.Failures = append(s.Failures, Failure{Key: fmt.Sprint(i)})
	}
	got, err := DecodeRecord(throughServer(t, s))
	if err != nil || len(got.Failures) != MaxFailures {
		t.Errorf("%d failures are kept, error %v", len(got.Failures), err)
	}
}

func TestLimits(t *testing.T) {
	s := example(t, declare(t, partitions["range"]), nil)
	for i := range 200 {
		f := Failure{Key: fmt.Sprint(i), Message: strings.Repeat("é", 300) + fmt.Sprint(i)}
		for n := range 200 {
			f.Details = append(f.Details, Attempt{
				Number: n, Node: strings.Repeat("n", 63), Cause: "unknown", Message: strings.Repeat("é", 300),
			})
		}
		s.Failures = append(s.Failures, f)
	}
	d := integers(t, 0, 10, 1)
	for range 30 {
		s.Claim(Run{RunSpec: plan.RunSpec{Template: "orders-abc", Domain: d}})
		s.Latest().Recorded(Stopped)
	}
	got, err := DecodeRecord(throughServer(t, s))
	if err != nil {
		t.Fatal(err)
	}
	kept, err := json.Marshal(got.Failures)
	if err != nil || len(kept) > MaxFailureBytes || len(kept)+len(kept)/len(got.Failures)+1 < MaxFailureBytes {
		t.Errorf("%d failures have %d bytes, of at most %d (%v)", len(got.Failures), len(kept), MaxFailureBytes, err)
	}
	if len(got.Failures[1].Message) != MaxMessageBytes {
		t.Errorf("a message has %d bytes", len(got.Failures[1].Message))
	}
	details := got.Failures[1].Details
	if len(details) != MaxAttempts || details[4].Number != 199 || len(details[4].Message) != MaxAttemptBytes {
		t.Errorf("%d attempts, the last one %+v", len(details), details[len(details)-1])
	}
	data, err := json.Marshal(throughServer(t, s).Object)
	if err != nil {
		t.Fatal(err)
	}
	if len(data) > 400_000 {
		t.Errorf("a record of many failures has %d bytes", len(data))
	}
	if len(got.Runs) != MaxRuns || got.Latest().Number != 32 || got.NextRun != 33 {
		t.Errorf("%d runs, the latest is %+v, the next %d", len(got.Runs), got.Latest(), got.NextRun)
	}
}

func TestDecodeRefuses(t *testing.T) {
	tests := map[string]struct {
		damage  func(manifest.Object)
		foreign bool
		text    string
	}{
		"another kind":    {func(o manifest.Object) { o.SetKind("Secret") }, true, ""},
		"no label":        {func(o manifest.Object) { o.SetLabels(nil) }, true, ""},
		"another job":     {func(o manifest.Object) { o.SetLabels(map[string]string{LabelJob: "x"}) }, true, ""},
		"no format":       {set(partFormat, ""), true, ""},
		"job is not JSON": {set(partDeclaration, "{"), false, partDeclaration},
		"newer attribute": {set(partDeclaration, `{"name":"orders","later":1}`), false, `"later"`},
		"ledger":          {set(partDone, "[1,2"), false, "done: at byte 0"},
		"next run":        {set(partProgress, `{"next_run":0}`), false, "next run"},
		"no bounds":       {set(partProgress, `{"next_run":3,"bounds":{"Start":2,"End":1}}`), false, "start and an end"},
		"runs reversed":   {set(partRuns, `[{"number":2},{"number":1}]`), false, "run 1"},
		"runs ahead":      {set(partRuns, `[{"number":3}]`), false, "run 3"},
		"bad time":        {set(partRuns, `[{"number":1,"start":"soon"}]`), false, "run 1"},
		"covers":          {set(partSubmitted, `{"covers":"[1,2"}`), false, partSubmitted},
		"grid":            {set(partSubmitted, `{"domain":[{"range":{"start":1,"end":1,"size":1}}]}`), false, partSubmitted},
		"axes":            {set(partReserved, `{"domain":[{}]}`), false, "0 axes"},
		"not packed": {func(o manifest.Object) {
			o.Object["binaryData"] = map[string]any{partDone + packed: "AAAA"}
		}, false, "gzip"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			o := throughServer(t, example(t, declare(t, partitions["range"]), nil))
			test.damage(o)
			_, err := DecodeRecord(o)
			if err == nil || errors.Is(err, ErrForeign) != test.foreign || !strings.Contains(err.Error(), test.text) {
				t.Errorf("got %v", err)
			}
		})
	}
}

// A later format is refused, and the message says which program reads it.
func TestALaterFormatNamesItsWriter(t *testing.T) {
	o := throughServer(t, example(t, declare(t, partitions["range"]), nil))
	set(partFormat, "3")(o)
	set(partWriter, "9.8.7")(o)
	_, err := DecodeRecord(o)
	var newer *NewerError
	if !errors.As(err, &newer) || !strings.Contains(err.Error(), "version 9.8.7") {
		t.Errorf("got %v", err)
	}
	if _, err := DecodePrivate("data", "orders", []byte(`{"format":"3","writer":"9.8.7"}`)); !errors.As(err, &newer) {
		t.Errorf("private state: %v", err)
	}
}

func set(part, value string) func(manifest.Object) {
	return func(o manifest.Object) { _ = unstructured.SetNestedField(o.Object, value, "data", part) }
}

func FuzzDecode(f *testing.F) {
	for _, partition := range partitions {
		o, err := EncodeRecord(example(f, declare(f, partition), nil))
		if err != nil {
			f.Fatal(err)
		}
		seed, err := json.Marshal(o.Object)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		in := &unstructured.Unstructured{}
		if in.UnmarshalJSON(data) != nil {
			t.Skip()
		}
		s, err := DecodeRecord(in)
		if err != nil {
			return
		}
		again, err := EncodeRecord(s)
		if err != nil {
			t.Fatalf("what was decoded does not encode: %v", err)
		}
		if _, err := DecodeRecord(again); err != nil {
			t.Fatalf("what was encoded does not decode: %v", err)
		}
	})
}

// A million partitions of which one in a hundred failed, at places that look
// random, whatever their keys are: the record stays far below what etcd takes.
func TestAMillionScatteredOutcomesFit(t *testing.T) {
	var customers []string
	for i := range 1000 {
		customers = append(customers, fmt.Sprintf("%q", fmt.Sprintf("customer-%05d", i)))
	}
	values := `"values":[` + strings.Join(customers, ",") + `]`
	days := `"time":{"start":"1970-01-01","end":"1972-09-27","every":"1d"}`
	for name, partition := range map[string]string{
		"range":             `{"range":{"start":0,"end":1000000000,"size":1000}}`,
		"hours":             `{"time":{"start":"1970-01-01T00:00:00Z","end":"2084-01-29T16:00:00Z","every":"1h"}}`,
		"days times values": `{"dimensions":[{"name":"day",` + days + `},{"name":"customer",` + values + `}]}`,
		"values times days": `{"dimensions":[{"name":"customer",` + values + `},{"name":"day",` + days + `}]}`,
	} {
		t.Run(name, func(t *testing.T) {
			s := example(t, declare(t, partition), nil)
			d := s.Domain()
			if d.Count() != 1_000_000 {
				t.Fatalf("%d partitions", d.Count())
			}
			s.Failed = ledger.Of(d, func(yield func(domain.Partition) bool) {
				random := uint64(1)
				for i := range d.Count() {
					random = random*6364136223846793005 + 1442695040888963407
					if random>>32%100 == 0 && !yield(d.At(i)) {
						return
					}
				}
			})
			if n := s.Failed.Count(d); n < 9000 || n > 11000 {
				t.Fatalf("%d failed", n)
			}
			s.Done = ledger.Full(d).Minus(s.Failed)
			o := throughServer(t, s)
			data, _ := json.Marshal(o.Object)
			t.Logf("%d bytes", len(data))
			if len(data) > 1<<18 {
				t.Errorf("the record has %d bytes", len(data))
			}
			got, err := DecodeRecord(o)
			if err != nil {
				t.Fatal(err)
			}
			if !got.Done.Equal(s.Done) || !got.Failed.Equal(s.Failed) {
				t.Error("the ledger came back changed")
			}
		})
	}
}
