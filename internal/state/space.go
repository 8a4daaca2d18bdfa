// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package state

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/domain"
)

// storedDimension is a dimension in JSON; exactly one axis is set.
type storedDimension struct {
	Name       string         `json:"name,omitempty"`
	Range      *storedRange   `json:"range,omitempty"`
	Boundaries []int64        `json:"boundaries,omitempty"`
	Windows    *storedWindows `json:"windows,omitempty"`
	Values     []string       `json:"values,omitempty"`
	Open       *storedOpen    `json:"open,omitempty"`
}

// storedOpen is an axis whose bounds are not known yet.
type storedOpen struct {
	Kind   string `json:"kind"`
	Format string `json:"format,omitempty"`
}

type storedRange struct {
	Start int64 `json:"start"`
	End   int64 `json:"end"`
	Size  int64 `json:"size"`
}

type storedWindows struct {
	Start    string     `json:"start"`
	End      string     `json:"end"`
	Every    int        `json:"every"`
	Unit     string     `json:"unit"`
	Timezone string     `json:"timezone"`
	Format   string     `json:"format,omitempty"`
	Exclude  [][2]int64 `json:"exclude,omitempty"` // Unix seconds
}

// units are the names of steps, by the order of domain's constants.
var units = []string{"minute", "hour", "day", "week", "month", "year"}

func encodeDomain(d domain.Domain) (json.RawMessage, error) {
	out := make([]storedDimension, 0, len(d.Dimensions))
	for _, dim := range d.Dimensions {
		s := storedDimension{Name: dim.Name}
		switch axis := dim.Axis.(type) {
		case domain.Range:
			s.Range = &storedRange{axis.Start, axis.End, axis.Size}
		case domain.Boundaries:
			s.Boundaries = axis.Points
		case domain.Windows:
			s.Windows = encodeWindows(axis)
		case domain.Values:
			s.Values = axis.Items
		case domain.Open:
			s.Open = &storedOpen{axis.Of.String(), axis.Format}
		default:
			return nil, fmt.Errorf("an axis of type %T cannot be stored", axis)
		}
		out = append(out, s)
	}
	return json.Marshal(out)
}

func encodeWindows(w domain.Windows) *storedWindows {
	s := &storedWindows{
		Start: w.Start.In(w.Zone).Format(time.RFC3339), End: w.End.In(w.Zone).Format(time.RFC3339),
		Every: w.Every.N, Unit: units[w.Every.Unit], Timezone: w.Zone.String(), Format: w.Format,
	}
	for _, e := range w.Exclude {
		s.Exclude = append(s.Exclude, [2]int64{e.Start, e.End})
	}
	return s
}

func decodeDomain(data []byte) (domain.Domain, error) {
	var in []storedDimension
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&in); err != nil {
		return domain.Domain{}, err
	}
	dims := make([]domain.Dimension, len(in))
	for i, s := range in {
		axis, err := s.axis()
		if err != nil {
			return domain.Domain{}, err
		}
		dims[i] = domain.Dimension{Name: s.Name, Axis: axis}
	}
	return domain.New(dims...)
}

func (s storedDimension) axis() (domain.Axis, error) {
	var found []domain.Axis
	if s.Range != nil {
		found = append(found, domain.Range{Start: s.Range.Start, End: s.Range.End, Size: s.Range.Size})
	}
	if s.Boundaries != nil {
		found = append(found, domain.Boundaries{Points: s.Boundaries})
	}
	if s.Windows != nil {
		w, err := s.Windows.axis()
		if err != nil {
			return nil, err
		}
		found = append(found, w)
	}
	if s.Values != nil {
		found = append(found, domain.Values{Items: s.Values})
	}
	if s.Open != nil {
		axis := domain.Open{Of: domain.Integer, Format: s.Open.Format}
		if s.Open.Kind == domain.Instant.String() {
			axis.Of = domain.Instant
		}
		found = append(found, axis)
	}
	if len(found) != 1 {
		return nil, fmt.Errorf("dimension %q has %d axes instead of one", s.Name, len(found))
	}
	return found[0], nil
}

func (s storedWindows) axis() (domain.Axis, error) {
	if s.Timezone == "" || s.Timezone == "Local" {
		return nil, errors.New("the time zone is missing")
	}
	zone, err := time.LoadLocation(s.Timezone)
	if err != nil {
		return nil, err
	}
	start, err := time.Parse(time.RFC3339, s.Start)
	if err != nil {
		return nil, err
	}
	end, err := time.Parse(time.RFC3339, s.End)
	if err != nil {
		return nil, err
	}
	w := domain.Windows{Start: start.In(zone), End: end.In(zone), Zone: zone, Format: s.Format}
	for i, unit := range units {
		if unit == s.Unit {
			w.Every = domain.Step{N: s.Every, Unit: domain.Unit(i)}
		}
	}
	for _, e := range s.Exclude {
		w.Exclude = append(w.Exclude, domain.Interval{Start: e[0], End: e[1]})
	}
	return w, nil
}
