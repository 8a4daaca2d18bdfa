// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package jobschema

import "github.com/zclconf/go-cty/cty"

// Merge sets the attributes that a job does not set from the module's defaults:
// nested objects attribute by attribute, maps key by key, lists and plain values
// as a whole. Values of the job take precedence.
func Merge(attrs []Attribute, job, defaults Decoded) Decoded {
	origin := &Origin{self: job.Origin.self, head: job.Origin.head, children: map[any]*Origin{}}
	return Decoded{Value: mergeObject(attrs, job, defaults, origin), Origin: origin}
}

func mergeObject(attrs []Attribute, job, defaults Decoded, origin *Origin) cty.Value {
	values := map[string]cty.Value{}
	for _, a := range attrs {
		merged := mergeOne(a, job.attr(a.Name), defaults.attr(a.Name))
		values[a.Name] = merged.Value
		if merged.Origin != nil {
			origin.children[a.Name] = merged.Origin
		}
	}
	return cty.ObjectVal(values)
}

func mergeOne(a Attribute, job, defaults Decoded) Decoded {
	switch {
	case a.Label:
		return job
	case job.Value.IsKnown() && job.Value.IsNull():
		return defaults
	case !mergeable(job.Value), !mergeable(defaults.Value):
		return job
	}
	switch a.Kind {
	case Object:
		origin := newOrigin(job.Origin.self, job.Origin.head)
		return Decoded{Value: mergeObject(a.Attributes, job, defaults, origin), Origin: origin}
	case StringMap, ObjectMap:
		return mergeMap(a, job, defaults)
	}
	return job
}

func mergeable(v cty.Value) bool { return v.IsKnown() && !v.IsNull() }

func mergeMap(a Attribute, job, defaults Decoded) Decoded {
	values := map[string]cty.Value{}
	origin := newOrigin(job.Origin.self, job.Origin.head)
	for _, source := range []Decoded{defaults, job} {
		for it := source.Value.ElementIterator(); it.Next(); {
			k, v := it.Element()
			key := k.AsString()
			values[key] = v
			origin.children[key] = source.Origin.children[key]
			if origin.children[key] == nil {
				origin.children[key] = source.Origin
			}
		}
	}
	if len(values) == 0 {
		return Decoded{Value: cty.MapValEmpty(a.Element().Type()), Origin: origin}
	}
	return Decoded{Value: cty.MapVal(values), Origin: origin}
}

// attr steps into an attribute of a known object.
func (d Decoded) attr(name string) Decoded {
	return Decoded{Value: d.Value.GetAttr(name), Origin: d.Origin.children[name]}
}
