// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package job

import "slices"

// nodeTerm is one of the alternatives of a required node affinity.
type nodeTerm []nodeExpression

type nodeExpression struct {
	key, operator string
	values        []string
}

// requiredTerms are the alternatives of what a Kubernetes Affinity requires of
// nodes; none if it requires nothing.
func requiredTerms(affinity map[string]any) []nodeTerm {
	nodes, _ := affinity["nodeAffinity"].(map[string]any)
	selector, _ := nodes["requiredDuringSchedulingIgnoredDuringExecution"].(map[string]any)
	list, _ := selector["nodeSelectorTerms"].([]any)
	var out []nodeTerm
	for _, item := range list {
		term, _ := item.(map[string]any)
		expressions, _ := term["matchExpressions"].([]any)
		read := nodeTerm{}
		for _, item := range expressions {
			e, _ := item.(map[string]any)
			one := nodeExpression{}
			one.key, _ = e["key"].(string)
			one.operator, _ = e["operator"].(string)
			values, _ := e["values"].([]any)
			for _, v := range values {
				text, _ := v.(string)
				one.values = append(one.values, text)
			}
			read = append(read, one)
		}
		out = append(out, read)
	}
	return out
}

// demands tells whether a term lets pods only on nodes whose label has the value.
func (t nodeTerm) demands(key, value string) bool {
	return slices.ContainsFunc(t, func(e nodeExpression) bool {
		return e.key == key && e.operator == "In" && len(e.values) > 0 &&
			!slices.ContainsFunc(e.values, func(v string) bool { return v != value })
	})
}

// excludes tells whether a term keeps pods from all nodes that have these labels.
func (t nodeTerm) excludes(labels map[string]string) bool {
	return slices.ContainsFunc(t, func(e nodeExpression) bool {
		value, ours := labels[e.key]
		if !ours {
			return false
		}
		switch e.operator {
		case "In":
			return !slices.Contains(e.values, value)
		case "NotIn":
			return slices.Contains(e.values, value)
		}
		return e.operator == "DoesNotExist"
	})
}

// demandsAny tells whether a term lets pods only on nodes that have one of the labels.
func (t nodeTerm) demandsAny(labels map[string]string) bool {
	for key, value := range labels {
		if t.demands(key, value) {
			return true
		}
	}
	return false
}
