// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package argo

import (
	"encoding/json"
	"fmt"
	"slices"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/domain"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/manifest"
)

// positionsKey is the entry of a data ConfigMap from which a reader gets the
// partitions back; the facts are for runners alone.
const positionsKey = "positions"

// position is a partition as a data ConfigMap keeps it.
type position struct {
	Index int64          `json:"i"`
	Parts []positionPart `json:"p"`
}

// positionPart is one dimension's share: bounds and cell, or cell and text.
type positionPart struct {
	Start int64   `json:"s,omitempty"`
	End   int64   `json:"e,omitempty"`
	Cell  int64   `json:"c,omitempty"`
	Text  *string `json:"t,omitempty"`
}

// data lowers the partitions that are written out: a ConfigMap for the run's
// own, and one for each such shard of its children. Values that pass through
// here reach the container untouched: neither Argo nor the kubelet looks into
// what a configMapKeyRef yields.
func (r run) data() []manifest.Object {
	own := slices.Clone(r.plan.Canary)
	labels := map[string]string{}
	var objects []manifest.Object
	for k := range r.plan.ShardCount() {
		if !r.written(r.plan.Shard(k)) {
			continue
		}
		partitions := slices.Collect(r.plan.PartitionsOf(k))
		if !r.launches() {
			own = append(own, partitions...)
			labels[LabelShard] = fmt.Sprint(k)
			continue
		}
		objects = append(objects, r.dataOf(DataName(r.job.Name, r.number, k), map[string]string{LabelShard: fmt.Sprint(k)}, partitions))
	}
	if len(own) > 0 {
		objects = append([]manifest.Object{r.dataOf(r.dataName(), labels, own)}, objects...)
	}
	return objects
}

// dataName is the ConfigMap of the partitions that the run itself processes.
func (r run) dataName() string {
	if r.launches() {
		return r.name + "-d-canary"
	}
	return DataName(r.job.Name, r.number, 0)
}

func (r run) dataOf(name string, labels map[string]string, partitions []domain.Partition) manifest.Object {
	entries := node{}
	var positions []position
	for _, p := range partitions {
		prefix := fmt.Sprint(len(positions)) + "."
		for _, fact := range r.plan.Domain.Facts(p) {
			entries[prefix+fact.Name] = fact.Text
		}
		positions = append(positions, toPosition(r.plan.Domain, p))
	}
	entries[positionsKey] = compactJSON(positions)
	o := newObject("v1", "ConfigMap", r.job.Namespace, name, merged(r.labels(), labels), nil)
	o.Object["data"] = entries
	// Kubelets do not watch what cannot change.
	o.Object["immutable"] = true
	return o
}

func toPosition(d domain.Domain, p domain.Partition) position {
	out := position{Index: p.Index, Parts: make([]positionPart, len(p.Parts))}
	for i, part := range p.Parts {
		out.Parts[i] = positionPart{Start: part.Start, End: part.End, Cell: part.Cell}
		if d.Dimensions[i].Axis.Kind() == domain.Value {
			out.Parts[i] = positionPart{Cell: part.Cell, Text: &p.Parts[i].Text}
		}
	}
	return out
}

func (p position) partition() domain.Partition {
	out := domain.Partition{Index: p.Index, Parts: make([]domain.Part, len(p.Parts))}
	for i, part := range p.Parts {
		out.Parts[i] = domain.Part{Start: part.Start, End: part.End, Cell: part.Cell}
		if part.Text != nil {
			out.Parts[i].Text = *part.Text
		}
	}
	return out
}

// partitionsOf reads a data ConfigMap back, in run order.
func partitionsOf(o manifest.Object) ([]domain.Partition, error) {
	data, _ := o.Object["data"].(map[string]any)
	text, _ := data[positionsKey].(string)
	var positions []position
	if err := json.Unmarshal([]byte(text), &positions); err != nil {
		return nil, fmt.Errorf("ConfigMap %s/%s was changed by hand: its entry %q is not a list of partitions (%w). Delete the run and plan again",
			o.GetNamespace(), o.GetName(), positionsKey, err)
	}
	out := make([]domain.Partition, len(positions))
	for i, p := range positions {
		out[i] = p.partition()
	}
	return out, nil
}
