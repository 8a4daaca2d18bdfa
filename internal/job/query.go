// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package job

import (
	"errors"
	"fmt"
	"time"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/diag"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/domain"
)

// Query finds the bounds of the domain at run time.
type Query struct {
	// Generator writes the bounds. Only fields with attributes in the table are set.
	Generator Runner
	// Size splits integers; it is 0 if Every splits time in the calendar of Zone.
	Size   int64
	Every  domain.Step
	Zone   *time.Location
	Format string
	// MaxPartitions limits the number of partitions that a result may have.
	MaxPartitions int64
}

// Results of a query are between these instants. A run contains all offsets of its
// zone in between.
var (
	FirstAnswer = time.Date(1970, 1, 2, 0, 0, 0, 0, time.UTC)
	LastAnswer  = time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC)
)

// Kind is the type of the bounds.
func (q *Query) Kind() domain.Kind {
	if q.Size > 0 {
		return domain.Integer
	}
	return domain.Instant
}

// Axis is the axis between two bounds.
func (q *Query) Axis(b domain.Interval) domain.Axis {
	if q.Size > 0 {
		return domain.Range{Start: b.Start, End: b.End, Size: q.Size}
	}
	return domain.Windows{
		Start: time.Unix(b.Start, 0).In(q.Zone), End: time.Unix(b.End, 0).In(q.Zone),
		Every: q.Every, Zone: q.Zone, Format: q.Format,
	}
}

// Bound is the job with the bounds that its query found.
func (j *Job) Bound(b domain.Interval) (*Job, error) {
	dom, err := domain.New(domain.Dimension{Axis: j.Query.Axis(b)})
	var problems domain.Errors
	if errors.As(err, &problems) {
		return nil, fmt.Errorf("the bounds found by the query do not match \"partition.query\": %s", problems[0].Message)
	}
	if err != nil {
		return nil, err
	}
	if n := dom.Count(); n > MaxPartitions {
		return nil, fmt.Errorf("the bounds found by the query result in %d partitions; a run can have at most %d: choose "+
			"larger partitions", n, MaxPartitions)
	}
	bound := *j
	bound.Domain = dom
	return &bound, nil
}

// Open is the job without bounds.
func (j *Job) Open() *Job {
	open := *j
	open.Domain = j.Query.open()
	return &open
}

func (q *Query) open() domain.Domain {
	return domain.NewOpen(domain.Open{Of: q.Kind(), Format: q.Format})
}

// query checks a query, and returns the domain without bounds.
func (d *decoder) query(q at) (domain.Domain, bool) {
	d.generatorRules(q)
	size, every := q.attr("size"), q.attr("every")
	_, zoned := d.zone(q.attr("timezone"))
	if !size.value.IsKnown() || !every.value.IsKnown() {
		return domain.Domain{}, false
	}
	switch {
	case !size.set() && !every.set():
		d.report(diag.CodeQuery, q.path, "The query does not say how to split the keys. Set \"size\" if the bounds are "+
			"numbers, or \"every\" if they are times.")
	case size.set() && every.set():
		d.report(diag.CodeQuery, every.path, "The query has both \"size\" (for numbers) and \"every\" (for times). Remove "+
			"one of the two.")
	case size.set():
		for _, name := range []string{"timezone", "format"} {
			if a := q.attr(name); a.set() {
				d.report(diag.CodeQuery, a.path, "%q applies to \"every\" only, and the query has \"size\". Remove it.", name)
			}
		}
	default:
		return d.queryOfTime(q, zoned)
	}
	if !d.usable(size) || d.refusedBelow(q.path) {
		return domain.Domain{}, false
	}
	return domain.NewOpen(domain.Open{Of: domain.Integer}), true
}

// queryOfTime checks the windows before their bounds are known, with the earliest
// and the latest possible bounds.
func (d *decoder) queryOfTime(q at, zoned bool) (domain.Domain, bool) {
	zone, _ := d.zone(q.attr("timezone"))
	every, known := d.step(q.attr("every"))
	format := q.attr("format")
	if !zoned || !known || !format.value.IsNull() && !d.usable(format) {
		return domain.Domain{}, false
	}
	midnight := func(t time.Time) time.Time { return fromWall(t, zone) }
	w := domain.Windows{
		Start: midnight(FirstAnswer.AddDate(0, 0, -1)), End: midnight(LastAnswer.AddDate(0, 0, 1)),
		Every: every, Zone: zone, Format: format.textOr(domain.FormatRFC3339),
	}
	_, err := domain.New(domain.Dimension{Axis: w})
	var problems domain.Errors
	if errors.As(err, &problems) {
		at := q.attr(problems[0].Field)
		d.report(diag.CodeQuery, at.path, "%s", problems[0].Message)
		return domain.Domain{}, false
	}
	return domain.NewOpen(domain.Open{Of: domain.Instant, Format: w.Format}), !d.refusedBelow(q.path)
}

// generatorRules checks the rules that span the attributes of the generator.
func (d *decoder) generatorRules(q at) {
	d.commandRules(q, "query")
	for _, name := range []string{"command", "args", "env"} {
		for _, e := range q.attr(name).elements() {
			d.lateText(e, referencesOfAll)
		}
	}
	d.environmentRules(q)
	d.resourceRules(q.attr("resources"))
	d.tolerationRules(q.attr("tolerations"))
}

func buildQuery(q at) *Query {
	if !q.set() {
		return nil
	}
	requests, limits := resourceMaps(q.attr("resources"))
	out := &Query{
		Generator: Runner{
			Image: q.attr("image").text(), Command: buildCommand(q), Args: texts(q.attr("args")),
			WorkingDir: q.attr("working_dir").text(),
			Requests:   requests, Limits: limits, Deadline: q.attr("deadline").duration(0),
			ServiceAccount: q.attr("service_account").text(),
			PullSecrets:    plainTexts(q.attr("image_pull_secrets")),
			Security:       buildSecurity(q.attr("security_context")),
			NodeSelector:   stringMap(q.attr("node_selector")),
			Tolerations:    buildTolerations(q.attr("tolerations")),
			PriorityClass:  q.attr("priority_class").text(),
			Annotations:    stringMap(q.attr("annotations")),
		},
		Size: q.attr("size").integer(0), MaxPartitions: q.attr("max_partitions").integer(defaultMaxPartitions),
	}
	buildEnvironment(q, &out.Generator)
	if every := q.attr("every"); every.set() {
		d := &decoder{}
		out.Every, _ = d.step(every)
		out.Zone, _ = d.zone(q.attr("timezone"))
		out.Format = q.attr("format").textOr(domain.FormatRFC3339)
	}
	return out
}

const defaultMaxPartitions = 100_000
