// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package record

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/domain"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/ledger"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/manifest"
)

func space(t testing.TB, dims ...domain.Dimension) domain.Domain {
	t.Helper()
	d, err := domain.New(dims...)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func integers(t testing.TB, start, end, size int64) domain.Domain {
	return space(t, domain.Dimension{Axis: domain.Range{Start: start, End: end, Size: size}})
}

func example(t testing.TB, d domain.Domain) Record {
	other := integers(t, 0, 50, 5)
	cells := slices.Collect(d.All())
	return Record{
		Namespace: "data", Name: "orders", Job: []byte(`{"name":"orders"}`), Domain: d, Owner: "token",
		Done: ledger.Of(d, slices.Values(cells[:2])), Failed: ledger.Of(d, slices.Values(cells[2:3])),
		Failures: []Failure{{Key: "k", Start: "1", End: "2", Attempts: 5, Message: "exit code 1", Details: []Attempt{
			{Number: 3, Node: "n", Capacity: "spot", Cause: "application", ExitCode: new(int), Message: "m", Started: "2026-01-01T00:00:00Z", Finished: "2026-01-01T00:00:01Z"},
			{Number: 4, Cause: "unknown"},
		}}},
		NextRun: 3,
		Runs: []Run{
			{Number: 1, Template: "orders-abc", Intervals: "[0,10)", Partitions: 1, Start: time.Unix(1e9, 0).UTC(), End: time.Unix(1e9+60, 0).UTC(), Outcome: Failed, Retiring: true, Domain: &other},
			{Number: 2, Template: "orders-abc", Partitions: 7, Start: time.Unix(1e9+90, 0).UTC(), Claim: "c2", Canary: "orders-abc x", Until: 3, MaxParallel: 9, SpecHash: "0123abcd"},
		},
		Target: "db/orders", Reason: "why", Canary: "orders-abd y", Gate: Gate{Next: 3, Approved: 2, Void: new(int)}, Policy: []byte(`{"revision":"2"}`), Reserved: &Reservation{other, "db/items"}, Grown: true,
	}
}

// stored passes a record through the JSON that the API server keeps.
func throughServer(t testing.TB, r Record) manifest.Object {
	t.Helper()
	o, err := Encode(r)
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

func TestRoundTrip(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	windows := domain.Windows{
		Start: time.Date(2026, 3, 1, 0, 0, 0, 0, berlin), End: time.Date(2026, 4, 1, 0, 0, 0, 0, berlin),
		Every: domain.Step{N: 1, Unit: domain.Day}, Zone: berlin, Format: domain.FormatDate,
		Exclude: []domain.Interval{{Start: time.Date(2026, 3, 5, 0, 0, 0, 0, berlin).Unix(), End: time.Date(2026, 3, 7, 0, 0, 0, 0, berlin).Unix()}},
	}
	countries := domain.Values{Items: []string{"de", "fr", "a b/c", "é"}}
	tests := map[string]domain.Domain{
		"range":      integers(t, -100, 95, 10),
		"boundaries": space(t, domain.Dimension{Axis: domain.Boundaries{Points: []int64{0, 5, 100, 1000}}}),
		"windows":    space(t, domain.Dimension{Axis: windows}),
		"values":     space(t, domain.Dimension{Axis: countries}),
		"product":    space(t, domain.Dimension{Name: "country", Axis: countries}, domain.Dimension{Name: "day", Axis: windows}),
	}
	for name, d := range tests {
		t.Run(name, func(t *testing.T) {
			want := example(t, d)
			got, err := Decode(throughServer(t, want))
			if err != nil {
				t.Fatal(err)
			}
			if !got.Done.Equal(want.Done) || !got.Failed.Equal(want.Failed) {
				t.Errorf("ledger: got %s and %s", got.Done.Text(d), got.Failed.Text(d))
			}
			if a, b := slices.Collect(got.Domain.All()), slices.Collect(d.All()); !reflect.DeepEqual(a, b) {
				t.Errorf("domain: got %v, want %v", a, b)
			}
			if got.Runs[0].Domain.Count() != 10 {
				t.Errorf("the first run's domain has %d cells, want 10", got.Runs[0].Domain.Count())
			}
			for _, r := range []*Record{&got, &want} {
				r.Domain, r.Done, r.Failed, r.Runs[0].Domain, r.Reserved.Domain = domain.Domain{}, ledger.Set{}, ledger.Set{}, nil, domain.Domain{}
			}
			if !reflect.DeepEqual(got, want) {
				t.Errorf("got  %+v\nwant %+v", got, want)
			}
		})
	}
}

func TestLargeLedgersFit(t *testing.T) {
	const limit = 1 << 20
	for _, n := range []int64{100_000, 1_000_000} {
		d := integers(t, 0, n*1000, 1000)
		scattered := func(yield func(domain.Partition) bool) {
			for i := int64(0); i < n; i += 97 {
				if !yield(d.At(i + i%7)) {
					return
				}
			}
		}
		r := example(t, integers(t, 0, 100, 10))
		r.Domain, r.Failed = d, ledger.Of(d, scattered)
		r.Done = ledger.Full(d).Minus(r.Failed)
		r.Runs[0].Intervals = r.Failed.Text(d)
		o := throughServer(t, r)
		data, _ := json.Marshal(o.Object)
		t.Logf("%d partitions, 1%% failed: %d bytes", n, len(data))
		if want := map[int64]int{100_000: 100_000, 1_000_000: limit}[n]; len(data) > want {
			t.Errorf("%d partitions: %d bytes, more than %d", n, len(data), want)
		}
		got, err := Decode(o)
		if err != nil {
			t.Fatal(err)
		}
		if !got.Done.Equal(r.Done) || !got.Failed.Equal(r.Failed) {
			t.Errorf("%d partitions: the ledger came back changed", n)
		}
		if got.Runs[0].Intervals != "" {
			t.Errorf("%d partitions: %d bytes of intervals are kept", n, len(got.Runs[0].Intervals))
		}
	}
}

func TestPackedLedger(t *testing.T) {
	d := integers(t, 0, 3_000_000, 10)
	r := example(t, d)
	r.Failed = ledger.Of(d, func(yield func(domain.Partition) bool) {
		for i, step := int64(0), int64(1); i < 300_000; i, step = i+2+step%3, (step*7+3)%11 {
			if !yield(d.At(i)) {
				return
			}
		}
	})
	o := throughServer(t, r)
	if _, readable, _ := unstructured.NestedString(o.Object, "data", keyFailed); readable {
		t.Error("a long ledger is kept as text")
	}
	got, err := Decode(o)
	if err != nil {
		t.Fatal(err)
	}
	if !got.Failed.Equal(r.Failed) || !got.Done.Equal(r.Done) {
		t.Error("the ledger came back changed")
	}
}

func TestLimits(t *testing.T) {
	r := example(t, integers(t, 0, 100, 10))
	for i := range 200 {
		f := Failure{Key: fmt.Sprint(i), Message: strings.Repeat("é", 300) + fmt.Sprint(i)}
		for n := range 200 {
			f.Details = append(f.Details, Attempt{Number: n, Node: strings.Repeat("n", 63), Cause: "unknown", Message: strings.Repeat("é", 300)})
		}
		r.Failures = append(r.Failures, f)
	}
	for range 30 {
		r.Claim(Run{Template: "orders-abc", Intervals: strings.Repeat("x", MaxIntervalBytes+1)})
	}
	got, err := Decode(throughServer(t, r))
	if err != nil {
		t.Fatal(err)
	}
	if len(got.Failures) != MaxFailures || len(got.Failures[1].Message) != MaxMessageBytes {
		t.Errorf("%d failures, message of %d bytes", len(got.Failures), len(got.Failures[1].Message))
	}
	details := got.Failures[1].Details
	if len(details) != MaxAttempts || details[4].Number != 199 || len(details[4].Message) != MaxAttemptBytes {
		t.Errorf("%d attempts, the last one %+v", len(details), details[len(details)-1])
	}
	text, err := json.Marshal(throughServer(t, r).Object)
	if err != nil {
		t.Fatal(err)
	}
	if len(text) > 400_000 {
		t.Errorf("a record of many failures has %d bytes", len(text))
	}
	if len(got.Runs) != MaxRuns || got.Latest().Number != 32 || got.NextRun != 33 || got.Latest().Intervals != "" {
		t.Errorf("%d runs, the latest is %+v, the next %d", len(got.Runs), got.Latest(), got.NextRun)
	}
}

func TestDecodeRefuses(t *testing.T) {
	tests := map[string]struct {
		damage  func(manifest.Object)
		foreign bool
		text    string
	}{
		"another kind":      {func(o manifest.Object) { o.SetKind("Secret") }, true, ""},
		"no label":          {func(o manifest.Object) { o.SetLabels(nil) }, true, ""},
		"another job":       {func(o manifest.Object) { o.SetLabels(map[string]string{LabelJob: "x"}) }, true, ""},
		"no format":         {set(keyFormat, ""), true, ""},
		"newer format":      {set(keyFormat, "2"), false, "another version of this program wrote the record"},
		"job is no JSON":    {set(keyJob, "{"), false, "job.json"},
		"domain":            {set(keyDomain, `[{"range":{"start":1,"end":1,"size":1}}]`), false, "domain.json"},
		"domain of no axis": {set(keyDomain, `[{}]`), false, "0 axes"},
		"ledger":            {set(keyDone, "[1,2"), false, "done: at byte 0"},
		"next run":          {set(keyNextRun, "zero"), false, "next-run"},
		"runs reversed":     {set(keyRuns, `[{"number":2},{"number":1}]`), false, "run 1"},
		"runs ahead":        {set(keyRuns, `[{"number":3}]`), false, "run 3"},
		"bad time":          {set(keyRuns, `[{"number":1,"start":"soon"}]`), false, "run 1"},
		"not packed": {func(o manifest.Object) {
			o.Object["binaryData"] = map[string]any{keyDone + packed: "AAAA"}
		}, false, "gzip"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			o := throughServer(t, example(t, integers(t, 0, 100, 10)))
			test.damage(o)
			_, err := Decode(o)
			if err == nil || errors.Is(err, ErrForeign) != test.foreign || !strings.Contains(err.Error(), test.text) {
				t.Errorf("got %v", err)
			}
		})
	}
}

func set(key, value string) func(manifest.Object) {
	return func(o manifest.Object) { _ = unstructured.SetNestedField(o.Object, value, "data", key) }
}

func FuzzDecode(f *testing.F) {
	o, err := Encode(example(f, integers(f, 0, 100, 10)))
	if err != nil {
		f.Fatal(err)
	}
	seed, err := json.Marshal(o.Object)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(seed)
	f.Fuzz(func(t *testing.T, data []byte) {
		in := &unstructured.Unstructured{}
		if in.UnmarshalJSON(data) != nil {
			t.Skip()
		}
		r, err := Decode(in)
		if err != nil {
			return
		}
		again, err := Encode(r)
		if err != nil {
			t.Fatalf("what was decoded does not encode: %v", err)
		}
		if _, err := Decode(again); err != nil {
			t.Fatalf("what was encoded does not decode: %v", err)
		}
	})
}

// A million partitions of which one in a hundred failed, at places that look
// random, whatever they are of: the record stays far below what etcd takes.
func TestAMillionScatteredOutcomesFit(t *testing.T) {
	hours := domain.Windows{
		Start: time.Date(1970, 1, 1, 0, 0, 0, 0, time.UTC), Every: domain.Step{N: 1, Unit: domain.Hour}, Zone: time.UTC, Format: domain.FormatRFC3339,
	}
	hours.End = hours.Start.Add(1_000_000 * time.Hour)
	days := hours
	days.Every.Unit, days.Format = domain.Day, domain.FormatDate
	days.End = days.Start.AddDate(0, 0, 1000)
	var customers domain.Values
	for i := range 1000 {
		customers.Items = append(customers.Items, fmt.Sprintf("customer-%05d", i))
	}
	named := func(name string, axis domain.Axis) domain.Dimension { return domain.Dimension{Name: name, Axis: axis} }
	for name, d := range map[string]domain.Domain{
		"range":             integers(t, 0, 1_000_000_000, 1000),
		"hours":             space(t, domain.Dimension{Axis: hours}),
		"days times values": space(t, named("day", days), named("customer", customers)),
		"values times days": space(t, named("customer", customers), named("day", days)),
	} {
		t.Run(name, func(t *testing.T) {
			r := example(t, integers(t, 0, 100, 10))
			r.Domain, r.Runs[0].Domain = d, nil
			r.Failed = ledger.Of(d, func(yield func(domain.Partition) bool) {
				state := uint64(1)
				for i := range d.Count() {
					state = state*6364136223846793005 + 1442695040888963407
					if state>>32%100 == 0 && !yield(d.At(i)) {
						return
					}
				}
			})
			if n := r.Failed.Count(d); n < 9000 || n > 11000 {
				t.Fatalf("%d failed", n)
			}
			r.Done = ledger.Full(d).Minus(r.Failed)
			o := throughServer(t, r)
			data, _ := json.Marshal(o.Object)
			t.Logf("%d bytes", len(data))
			if len(data) > 1<<18 {
				t.Errorf("the record has %d bytes", len(data))
			}
			got, err := Decode(o)
			if err != nil {
				t.Fatal(err)
			}
			if !got.Done.Equal(r.Done) || !got.Failed.Equal(r.Failed) {
				t.Error("the ledger came back changed")
			}
		})
	}
}
