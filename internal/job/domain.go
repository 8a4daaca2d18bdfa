// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package job

import (
	"errors"
	"fmt"

	"github.com/zclconf/go-cty/cty"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/diag"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/domain"
)

// Maximum number of partitions of a domain, and the largest explicit list. The
// items are stored in the job's record, which is one ConfigMap.
const (
	MaxPartitions = 1_000_000
	MaxValues     = 10_000
	MaxValueBytes = 256_000
)

// axis is one described axis and the attributes that describe it.
type axis struct {
	axis domain.Axis
	at   at
	// items are the elements of a list, for problems of one of them.
	items []at
	// known is true if no part is unknown or wrong.
	known bool
}

// domain reads the partition block. ok is false if there are errors or unknown
// parts.
func (d *decoder) domain(p at) (dom domain.Domain, ok bool) {
	if !p.set() {
		return dom, false
	}
	kind, ok := d.kind(p, "partition", diag.CodeNoDomain, diag.CodeTwoDomains, "range", "time", "values", "query",
		"dimensions")
	if !ok {
		return dom, false
	}
	if kind == "query" {
		return d.query(p.attr(kind))
	}
	if kind == "dimensions" {
		return d.product(p)
	}
	a, ok := d.axis(p.attr(kind))
	if !ok {
		return dom, false
	}
	return d.build(p, []domain.Dimension{{Axis: a.axis}}, []axis{a})
}

// build makes the domain and maps problems of package domain to attributes.
func (d *decoder) build(p at, dims []domain.Dimension, axes []axis) (domain.Domain, bool) {
	dom, err := domain.New(dims...)
	var problems domain.Errors
	if errors.As(err, &problems) {
		for _, e := range problems {
			d.domainProblem(p, axes, e)
		}
		return domain.Domain{}, false
	}
	if err != nil {
		d.report(diag.CodeInternal, p.path, "The partitions cannot be computed: %s.", err)
		return domain.Domain{}, false
	}
	for _, a := range axes {
		if !a.known {
			return dom, false
		}
	}
	return dom, d.sizes(p, axes, dom)
}

// kind finds the one attribute that is set, of several that exclude each other.
func (d *decoder) kind(p at, what, codeNone, codeTwo string, kinds ...string) (string, bool) {
	var given []at
	for _, k := range kinds {
		switch a := p.attr(k); {
		case !a.value.IsKnown():
			return "", false
		case !a.value.IsNull():
			given = append(given, a)
		}
	}
	if len(given) == 0 {
		d.report(codeNone, p.path, "The %s has no keys. Set %s in it.", what, orList(kinds))
		return "", false
	}
	if len(given) > 1 {
		d.report(codeTwo, given[1].path, "The %s has both %q and %q. Remove one of the two.", what, given[0].name(),
			given[1].name())
		return "", false
	}
	return given[0].name(), true
}

func (d *decoder) axis(a at) (axis, bool) {
	switch a.name() {
	case "values":
		return d.values(a)
	case "time":
		return d.timeWindows(a)
	}
	return d.integerRange(a)
}

// product reads dimensions. It replaces an unknown or wrong dimension with a
// placeholder, to check the others.
func (d *decoder) product(p at) (domain.Domain, bool) {
	list := p.attr("dimensions")
	if !list.set() {
		return domain.Domain{}, false
	}
	var dims []domain.Dimension
	var axes []axis
	known := true
	for i, e := range list.elements() {
		name, a, whole := d.dimension(e, i)
		known = known && whole
		dims, axes = append(dims, domain.Dimension{Name: name, Axis: a.axis}), append(axes, a)
	}
	dom, ok := d.build(p, dims, axes)
	return dom, ok && known
}

// dimension reads the i-th dimension. It is false for a placeholder.
func (d *decoder) dimension(e at, i int) (name string, a axis, known bool) {
	name, a, known = fmt.Sprintf("dimension_%d", i), axis{axis: anyAxis, at: e}, true
	if !e.set() {
		return name, a, false
	}
	if d.usable(e.attr("name")) {
		name = e.attr("name").text()
	} else {
		known = false
	}
	kind, one := d.kind(e, "dimension", diag.CodeNoDomain, diag.CodeTwoDomains, "range", "time", "values")
	if !one {
		return name, a, false
	}
	if found, ok := d.axis(e.attr(kind)); ok {
		return name, found, known
	}
	return name, a, false
}

// anyAxis is the placeholder for an unknown axis.
var anyAxis = domain.Range{Start: 0, End: 1, Size: 1}

// shape is a domain whose partitions offer the same references as those of the
// partition block, with any bounds; empty while they are unknown.
func shape(p at) domain.Domain {
	form := func(a at, kinds ...string) (string, domain.Axis) {
		given := ""
		for _, k := range kinds {
			if v := a.attr(k).value; v.IsKnown() && v.IsNull() {
				continue
			}
			if given != "" {
				return "", nil
			}
			given = k
		}
		if given == "values" {
			return given, domain.Values{Items: []string{"x"}}
		}
		return given, anyAxis
	}
	if !p.set() {
		return domain.Domain{}
	}
	kind, one := form(p, "range", "time", "values", "query", "dimensions")
	dims := []domain.Dimension{{Axis: one}}
	if kind == "dimensions" {
		dims = nil
		for _, e := range p.attr(kind).elements() {
			if !e.set() || !e.attr("name").set() {
				return domain.Domain{}
			}
			kind, one = form(e, "range", "time", "values")
			if kind == "" {
				return domain.Domain{}
			}
			dims = append(dims, domain.Dimension{Name: e.attr("name").text(), Axis: one})
		}
	}
	if kind == "" {
		return domain.Domain{}
	}
	dom, err := domain.New(dims...)
	if err != nil {
		return domain.Domain{}
	}
	return dom
}

func (d *decoder) integerRange(r at) (axis, bool) {
	points, bounds := r.attr("boundaries"), []at{r.attr("start"), r.attr("end"), r.attr("size")}
	if !points.value.IsKnown() {
		return axis{}, false
	}
	if points.set() {
		for _, b := range bounds {
			if b.set() {
				d.report(diag.CodeTwoDomains, b.path, "The range has both %q and \"boundaries\". The boundaries already define "+
					"the start, the cut points and the end. Remove one of the two.", b.name())
				return axis{}, false
			}
		}
		return d.boundaries(points)
	}
	for _, b := range bounds {
		if b.value.IsNull() {
			d.report(diag.CodeMissingAttr, b.path, "%q is required in a range without boundaries. Set it.", b.name())
		}
	}
	start, end, size := bounds[0], bounds[1], bounds[2]
	if !d.usable(start) || !d.usable(end) {
		d.alone(axis{axis: domain.Range{Start: -1, End: 0, Size: size.integer(1)}, at: r})
		return axis{}, false
	}
	out := domain.Range{Start: start.integer(0), End: end.integer(0), Size: 1}
	if d.usable(size) {
		out.Size = size.integer(1)
	}
	return axis{axis: out, at: r, known: d.usable(size)}, true
}

// alone runs the checks that do not depend on unknown or wrong bounds. It
// replaces these with valid placeholders, and drops problems of the placeholders.
func (d *decoder) alone(a axis) {
	_, err := domain.New(domain.Dimension{Axis: a.axis})
	var problems domain.Errors
	if !errors.As(err, &problems) {
		return
	}
	for _, e := range problems {
		if ofItem := e.Item >= 0 && e.Item < len(a.items); ofItem || d.usable(a.at.attr(e.Field)) && e.Field != "exclude" {
			d.domainProblem(a.at, []axis{a}, e)
		}
	}
}

func (d *decoder) boundaries(l at) (axis, bool) {
	out := axis{at: l, known: true}
	var points []int64
	for _, e := range l.elements() {
		if !d.usable(e) {
			out.known = false
			continue // the others ascend all the same
		}
		points = append(points, e.integer(0))
		out.items = append(out.items, e)
	}
	if len(points) < 2 && !out.known {
		return axis{}, false
	}
	out.axis = domain.Boundaries{Points: points}
	return out, true
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

// sizes checks the limits of the record and of one run.
func (d *decoder) sizes(p at, axes []axis, dom domain.Domain) bool {
	ok := true
	for _, a := range axes {
		ok = d.listSize(a) && ok
	}
	count := dom.Count()
	if !ok || count <= MaxPartitions {
		return ok
	}
	if len(axes) == 1 {
		if r, plain := axes[0].axis.(domain.Range); plain {
			least := (r.End-r.Start-1)/MaxPartitions + 1
			d.report(diag.CodeTooMany, axes[0].at.attr("size").path, "A size of %d splits [%d, %d) into %d partitions; a run "+
				"can have at most %d. Choose a size of at least %d.", r.Size, r.Start, r.End, count, MaxPartitions, least)
			return false
		}
		p = axes[0].at
	} else {
		p = p.attr("dimensions")
	}
	d.report(diag.CodeTooMany, p.path, "The job has %d partitions; a run can have at most %d. Choose larger "+
		"partitions.", count, MaxPartitions)
	return false
}

func (d *decoder) listSize(a axis) bool {
	count, bytes := len(a.items), 0
	switch x := a.axis.(type) {
	case domain.Values:
		for _, s := range x.Items {
			bytes += len(s)
		}
	case domain.Boundaries:
	default:
		return true
	}
	if count > MaxValues || bytes > MaxValueBytes {
		d.report(diag.CodeValuesSize, a.at.path, "The list has %d values with %d bytes in total. The job's record holds "+
			"at most %d values and %d bytes. Use a range, or split the job.", count, bytes, MaxValues, MaxValueBytes)
		return false
	}
	return true
}

// domainCodes are the codes of problems of package domain, by attribute.
var domainCodes = map[string]string{
	"start": diag.CodeRange, "end": diag.CodeRange, "size": diag.CodeRange, "boundaries": diag.CodeRange,
	"values": diag.CodeValues,
	"every":  diag.CodeTime, "timezone": diag.CodeTime, "format": diag.CodeTime, "exclude": diag.CodeTime,
	"name": diag.CodeDimensions, "dimensions": diag.CodeDimensions,
}

// domainProblem reports a problem of package domain at its attribute.
func (d *decoder) domainProblem(p at, axes []axis, e *domain.Error) {
	code := domainCodes[e.Field]
	if code == "" {
		code = diag.CodeRange
	}
	path := d.problemPath(p, axes, e)
	if !d.bad[diag.FormatPath(path)] {
		d.report(code, path, "%s", e.Message)
	}
}

func (d *decoder) problemPath(p at, axes []axis, e *domain.Error) cty.Path {
	if code := domainCodes[e.Field]; code == diag.CodeDimensions {
		list := p.attr("dimensions")
		if elements := list.elements(); e.Item >= 0 && e.Item < len(elements) {
			return elements[e.Item].attr("name").path
		}
		return list.path
	}
	a := axes[e.Position]
	if e.Item >= 0 && e.Item < len(a.items) {
		return a.items[e.Item].path
	}
	if ty := a.at.value.Type(); ty.IsObjectType() && ty.HasAttribute(e.Field) {
		return a.at.attr(e.Field).path
	}
	return a.at.path
}

// name is the last step of a path that ends in an attribute.
func (a at) name() string {
	s, _ := a.path[len(a.path)-1].(cty.GetAttrStep)
	return s.Name
}
