// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package lower

import (
	"fmt"
	"slices"
	"strings"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/argo"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/domain"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/manifest"
)

// data lowers the partitions that are written out: a ConfigMap for the run's
// own, and one for each such shard of its children. Values that pass through
// here reach the container untouched: neither Argo nor the kubelet looks into
// what a configMapKeyRef yields.
func (r run) data() []manifest.Object {
	own := slices.Clone(r.plan.Canary)
	var labels map[string]string
	var objects []manifest.Object
	for k := range r.plan.ShardCount() {
		if !r.written(r.plan.Shard(k)) {
			continue
		}
		partitions := slices.Collect(r.plan.PartitionsOf(k))
		if !r.launches() {
			own = append(own, partitions...)
			labels = labelOf(k)
			continue
		}
		data := argo.DataOf(r.plan.Domain, partitions)
		objects = append(objects, r.configMap(argo.DataName(r.name, k), labelOf(k), data))
	}
	if len(own) > 0 {
		first := r.configMap(r.dataName(), labels, argo.DataOf(r.plan.Domain, own))
		objects = append([]manifest.Object{first}, objects...)
	}
	return objects
}

// dataName is the ConfigMap of the partitions that the run itself processes.
func (r run) dataName() string {
	if r.launches() {
		return argo.CanaryDataName(r.name)
	}
	return argo.DataName(r.name, 0)
}

func labelOf(k int) map[string]string { return map[string]string{argo.LabelShard: fmt.Sprint(k)} }

func (r run) configMap(name string, labels map[string]string, data node) manifest.Object {
	o := newObject("v1", "ConfigMap", r.job.Namespace, name, merged(r.labels(), labels), nil)
	o.Object["data"] = data
	// Kubelets do not watch what cannot change.
	o.Object["immutable"] = true
	return o
}

// items lowers the values and boundaries of a product, one ConfigMap for each
// dimension that has them.
func (r run) items() []manifest.Object {
	var objects []manifest.Object
	d := r.plan.Domain
	if !r.formula.Applies || len(d.Dimensions) < 2 {
		return nil
	}
	for k, dim := range d.Dimensions {
		switch dim.Axis.(type) {
		case domain.Values, domain.Boundaries:
		default:
			continue
		}
		p, entries := d.At(0), node{}
		for i := range dim.Axis.Count() {
			p.Parts[k] = dim.Axis.Cell(i)
			for _, fact := range d.Facts(p) {
				if name, ours := strings.CutPrefix(fact.Name, dim.Name+"."); ours && name != "index" {
					entries[decimal(i)+"."+name] = fact.Text
				}
			}
		}
		objects = append(objects, r.configMap(argo.ItemsName(r.name, fmt.Sprint(k)), nil, entries))
	}
	return objects
}
