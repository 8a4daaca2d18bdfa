// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package expr

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/argoproj/argo-workflows/v3/util/template"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"pgregory.net/rapid"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/argo"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/argo/argotest"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/domain"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/job"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/ledger"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/plan"
)

// TestExpressionsAndGoAgree evaluates every expression of this package with Argo's
// own code, and compares it with what stands beside it in Go.
func TestExpressionsAndGoAgree(t *testing.T) {
	for name, property := range map[string]func(*rapid.T){
		"partitions": partitionsAgree,
		"queries":    queriesAgree,
		"offsets":    offsetsAgree,
		"scales":     scalesAgree,
	} {
		t.Run(name, func(t *testing.T) { rapid.Check(t, property) })
	}
}

// values are what expressions may read, as Argo names it.
type values map[string]string

func (v values) evaluate(t *rapid.T, text string) string {
	quoted, err := json.Marshal(text)
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]any{}
	for name, value := range v {
		all[name] = value
	}
	replaced, err := template.Replace(string(quoted), all, true)
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	var out string
	if err := json.Unmarshal([]byte(replaced), &out); err != nil {
		t.Fatal(err)
	}
	return out
}

// with adds arguments of a Workflow.
func (v values) with(args ...argo.Arg) values {
	for _, arg := range args {
		v["workflow.parameters."+arg.Name] = arg.Value
	}
	return v
}

// arguments are those of a Workflow as they are observed.
func arguments(args ...argo.Arg) argo.Arguments {
	var params []any
	for _, arg := range args {
		params = append(params, map[string]any{"name": arg.Name, "value": arg.Value})
	}
	spec := map[string]any{"arguments": map[string]any{"parameters": params}}
	return argo.ArgumentsOf(&unstructured.Unstructured{Object: map[string]any{"spec": spec}})
}

// partitionsAgree draws a grid and one of its partitions.
func partitionsAgree(t *rapid.T) {
	d := drawGrid(t)
	f := FormulaOf(d)
	if !f.Applies {
		t.Skip("no formula serves it")
	}
	order := rapid.SampledFrom([]plan.Order{plan.OldestFirst, plan.NewestFirst}).Draw(t, "order")
	p := plan.Make(plan.Input{Domain: d, Remaining: ledger.Full(d), Order: order, ShardSize: 500})
	segment := rapid.SampledFrom(p.Segments).Draw(t, "segment")
	i := rapid.Int64Range(0, segment.Count-1).Draw(t, "i")
	args := append(f.Grid[:len(f.Grid):len(f.Grid)], f.Segment(segment)...)
	lines, err := LinesOf(arguments(args...))
	if err != nil {
		t.Fatal(err)
	}
	one, err := SegmentOf(arguments(args...), lines)
	if err != nil {
		t.Fatal(err)
	}
	partition := one.Partition(i)
	if len(d.Dimensions) > 1 {
		if err := CheckProduct(arguments(args...), d); err != nil {
			t.Fatal(err)
		}
		partition = d.At(partition.Index)
	}
	want := map[string]string{}
	for _, fact := range d.Facts(partition) {
		want[FactVar(fact.Name)] = fact.Text
	}
	v := values{"inputs.parameters." + argo.InI: argo.Decimal(i)}.with(args...)
	for _, variable := range f.Facts {
		variable, _ := variable.(node)
		name, _ := variable["name"].(string)
		text, computed := variable["value"].(string)
		if !computed || !strings.Contains(text, "{{") {
			continue // of labels, ConfigMaps and other variables
		}
		if got := v.evaluate(t, text); got != want[name] {
			t.Fatalf("%v: %s of partition %d is %q, and in Go %q", d, name, i, got, want[name])
		}
	}
	if got := v.evaluate(t, argo.Tag("%s ? 'yes' : 'no'", f.Proof)); got != "yes" {
		t.Fatalf("%v: partition %d is proven: %s", d, i, got)
	}
}

func drawGrid(t *rapid.T) domain.Domain {
	var axis domain.Axis
	switch rapid.SampledFrom([]string{"range", "windows", "product"}).Draw(t, "kind") {
	case "product":
		return argotest.DrawProduct(t)
	case "windows":
		axis = argotest.DrawWindows(t)
	default:
		start := rapid.Int64Range(-1<<62, 1<<61).Draw(t, "start")
		size := rapid.Int64Range(1, 1<<40).Draw(t, "size")
		axis = domain.Range{Start: start, End: start + rapid.Int64Range(1, 40*size).Draw(t, "length"), Size: size}
	}
	d, err := domain.New(domain.Dimension{Axis: axis})
	if err != nil {
		t.Skip(err)
	}
	return d
}

func drawQuery(t *rapid.T) Query {
	j := job.Query{Size: rapid.Int64Range(1, 1000).Draw(t, "size")}
	if rapid.Bool().Draw(t, "instants") {
		unit := rapid.SampledFrom(
			[]domain.Unit{domain.Minute, domain.Hour, domain.Day, domain.Week, domain.Month, domain.Year},
		)
		zone := rapid.SampledFrom([]string{"UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe"}).Draw(t, "zone")
		at, err := time.LoadLocation(zone)
		if err != nil {
			t.Fatal(err)
		}
		format := rapid.SampledFrom([]string{domain.FormatRFC3339, domain.FormatDate, domain.FormatUnix}).Draw(t, "format")
		j = job.Query{
			Every:  domain.Step{N: rapid.IntRange(1, 3).Draw(t, "n"), Unit: unit.Draw(t, "unit")},
			Zone:   at,
			Format: format,
		}
	}
	order := rapid.SampledFrom([]plan.Order{plan.OldestFirst, plan.NewestFirst}).Draw(t, "order")
	q, err := NewQuery(&j, rapid.Int64Range(1, 60).Draw(t, "most"), order)
	if err != nil {
		t.Fatal(err)
	}
	return q
}

// queriesAgree draws what a generator writes, bounds and other text.
func queriesAgree(t *rapid.T) {
	q := drawQuery(t)
	observed, err := QueryOf(arguments(q.Args()...))
	if err != nil {
		t.Fatal(err)
	}
	bound := func(name string) string {
		if !q.OfInstants() {
			return fmt.Sprint(rapid.Int64Range(-2000, 2000).Draw(t, name))
		}
		at := time.Unix(rapid.Int64Range(-400_000, 40_000_000).Draw(t, name), 0).UTC()
		if rapid.Bool().Draw(t, "of a day") {
			at = at.Truncate(24 * time.Hour)
		}
		return fmt.Sprintf("%q", at.Format(time.RFC3339))
	}
	text := fmt.Sprintf(`{"start": %s, "end": %s}`, bound("start"), bound("end"))
	if rapid.IntRange(0, 9).Draw(t, "damage") == 0 {
		at := rapid.IntRange(0, len(text)-1).Draw(t, "at")
		text = text[:at] + rapid.SampledFrom([]string{"", "x", "0", `"`, "{", "}"}).Draw(t, "with") + text[at+1:]
	}
	v := values{"steps.ask.outputs.parameters." + argo.OutResult: text}.with(q.Args()...)
	verdict := v.evaluate(t, q.Checked("ask", "fine"))
	found, problem := observed.Bounds(text)
	if fine := verdict == "fine"; fine != (problem == "") {
		t.Fatalf("%s: %q, and in Go %q", text, verdict, problem)
	}
	if problem != "" {
		return
	}
	got := []string{
		v.evaluate(t, q.Value("ask", "lo")),
		v.evaluate(t, q.Value("ask", "hi")),
		v.evaluate(t, q.Value("ask", "total")),
	}
	want := []string{argo.Decimal(found.Bounds.Start), argo.Decimal(found.Bounds.End), argo.Decimal(found.Total)}
	if strings.Join(got, " ") != strings.Join(want, " ") {
		t.Fatalf("%s: %v, and in Go %v", text, got, want)
	}
}

// offsetsAgree demands that the offsets between two bounds are all that matters
// there.
func offsetsAgree(t *rapid.T) {
	q := drawQuery(t)
	whole, err := gridOf(arguments(q.Args()...))
	if err != nil || whole.even() {
		t.Skip(err)
	}
	lo := rapid.Int64Range(90_000, 3_000_000_000).Draw(t, "lo")
	hi := lo + rapid.Int64Range(1, 100_000_000).Draw(t, "length")
	v := values{
		"inputs.parameters." + argo.InLo: argo.Decimal(lo),
		"inputs.parameters." + argo.InHi: argo.Decimal(hi),
	}.with(q.Args()...)
	clock := v.evaluate(t, argo.Tag("%s", OffsetsBetween()))
	some, err := gridOf(arguments(append(q.Args(), argo.Arg{Name: argo.ArgClock, Value: clock})...))
	if err != nil {
		t.Fatal(err)
	}
	at := rapid.Int64Range(lo-2*86400, hi+2*86400).Draw(t, "at")
	if got, want := some.offsetAt(at), whole.offsetAt(at); got != want {
		t.Fatalf("the offset at %d is %d in %q, not %d", at, got, clock, want)
	}
}

// scalesAgree compares the pods of a child when it is made with those that it is
// given when the run is under way.
func scalesAgree(t *rapid.T) {
	pods, launchers := rapid.Int64Range(1, 5000).Draw(t, "pods"), rapid.Int64Range(1, 25).Draw(t, "launchers")
	width := rapid.Int64Range(1, 300).Draw(t, "width")
	v := values{"inputs.parameters." + argo.InWidth: argo.Decimal(width)}.with(
		argo.Arg{Name: argo.ArgParallelism, Value: argo.Decimal(pods)},
		argo.Arg{Name: argo.ArgLaunchers, Value: argo.Decimal(launchers)})
	params := []any{map[string]any{"name": argo.ArgWidth, "value": argo.Decimal(width)}}
	child := &unstructured.Unstructured{Object: map[string]any{
		"spec": map[string]any{"arguments": map[string]any{"parameters": params}},
	}}
	want := argo.Scale{Run: launchers, Pods: pods}.ForChild(child, 1)
	if got := v.evaluate(t, argo.ParallelismOfChild()); got != argo.Decimal(want) {
		t.Fatalf("%s pods, and in Go %d", got, want)
	}
}
