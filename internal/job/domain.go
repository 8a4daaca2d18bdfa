// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package job

import (
	"errors"

	"github.com/zclconf/go-cty/cty"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/diag"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/domain"
)

// The most partitions of a domain, and the largest explicit list: its items
// are kept in the job's record, and the record in one ConfigMap.
const (
	MaxPartitions = 1_000_000
	MaxValues     = 10_000
	MaxValueBytes = 256_000
)

// axis is one described axis and the attributes that describe it.
type axis struct {
	axis domain.Axis
	at   at
	// items maps the items of a list that are known to their elements.
	items []at
	// known tells that no part was unknown or wrong.
	known bool
}

// domainKinds are the attributes of a partition of which exactly one is set.
var domainKinds = []string{"range", "values"}

// domain reads the partition block. ok is false when there is no domain to
// speak of: errors, or unknown parts.
func (d *decoder) domain(p at) (dom domain.Domain, ok bool) {
	if !p.set() {
		return dom, false
	}
	a, ok := d.axis(p)
	if !ok {
		return dom, false
	}
	dom, err := domain.New(domain.Dimension{Axis: a.axis})
	var problems domain.Errors
	if errors.As(err, &problems) {
		for _, e := range problems {
			d.domainProblem(a, e)
		}
		return dom, false
	}
	if err != nil {
		d.report(diag.CodeInternal, p.path, "The partitions could not be computed: %s.", err)
		return dom, false
	}
	if a.known {
		d.domainSize(a, dom)
	}
	return dom, a.known
}

// axis picks the one way in which the domain is described.
func (d *decoder) axis(p at) (axis, bool) {
	var given []at
	for _, k := range domainKinds {
		switch a := p.attr(k); {
		case !a.value.IsKnown():
			return axis{}, false
		case !a.value.IsNull():
			given = append(given, a)
		}
	}
	if len(given) == 0 {
		d.report(diag.CodeNoDomain, p.path, "The partition says nothing about what is to be processed. Set %s in it.", orList(domainKinds))
		return axis{}, false
	}
	if len(given) > 1 {
		d.report(diag.CodeTwoDomains, given[1].path, "The partition has both %q and %q. Keep the one that describes the keys.", given[0].name(), given[1].name())
		return axis{}, false
	}
	switch given[0].name() {
	case "values":
		return d.values(given[0])
	default:
		return d.integerRange(given[0])
	}
}

func (d *decoder) integerRange(r at) (axis, bool) {
	start, end, size := r.attr("start"), r.attr("end"), r.attr("size")
	if !d.usable(start) || !d.usable(end) {
		return axis{}, false
	}
	out := domain.Range{Start: start.integer(0), End: end.integer(0), Size: 1}
	if d.usable(size) {
		out.Size = size.integer(1)
	}
	return axis{axis: out, at: r, known: d.usable(size)}, true
}

func (d *decoder) values(l at) (axis, bool) {
	out := axis{at: l, known: true}
	var items []string
	for _, e := range l.elements() {
		if !d.usable(e) {
			out.known = false
			continue
		}
		items = append(items, e.text())
		out.items = append(out.items, e)
	}
	if len(items) == 0 && !out.known {
		return axis{}, false
	}
	out.axis = domain.Values{Items: items}
	return out, true
}

// domainSize checks what the record and one run can hold.
func (d *decoder) domainSize(a axis, dom domain.Domain) {
	if v, ok := a.axis.(domain.Values); ok {
		bytes := 0
		for _, s := range v.Items {
			bytes += len(s)
		}
		if len(v.Items) > MaxValues || bytes > MaxValueBytes {
			d.report(diag.CodeValuesSize, a.at.path, "The list has %d values of together %d bytes. At most %d values of %d bytes fit in the job's record. Use a range, or split the job.", len(v.Items), bytes, MaxValues, MaxValueBytes)
		}
	}
	count := dom.Count()
	if count <= MaxPartitions {
		return
	}
	if r, ok := a.axis.(domain.Range); ok {
		least := (r.End-r.Start-1)/MaxPartitions + 1
		d.report(diag.CodeTooMany, a.at.attr("size").path, "A size of %d cuts [%d, %d) in %d partitions, and one run has at most %d. Choose a size of at least %d.", r.Size, r.Start, r.End, count, MaxPartitions, least)
		return
	}
	d.report(diag.CodeTooMany, a.at.path, "There are %d partitions, and one run has at most %d. Choose larger partitions.", count, MaxPartitions)
}

// domainCodes gives what package domain finds a code by the attribute at fault.
var domainCodes = map[string]string{
	"start": diag.CodeRange, "end": diag.CodeRange, "size": diag.CodeRange,
	"values": diag.CodeValues,
}

// domainProblem puts what package domain found on the attribute it concerns.
func (d *decoder) domainProblem(a axis, e *domain.Error) {
	code := domainCodes[e.Field]
	if code == "" {
		code = diag.CodeRange
	}
	path := a.at.path
	if e.Item >= 0 && e.Item < len(a.items) {
		path = a.items[e.Item].path
	} else if ty := a.at.value.Type(); ty.IsObjectType() && ty.HasAttribute(e.Field) {
		path = a.at.attr(e.Field).path
	}
	if !d.bad[diag.FormatPath(path)] {
		d.report(code, path, "%s", e.Message)
	}
}

// name is the last step of a path that ends in an attribute.
func (a at) name() string {
	s, _ := a.path[len(a.path)-1].(cty.GetAttrStep)
	return s.Name
}
