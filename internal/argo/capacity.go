// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package argo

import (
	"strconv"
	"strings"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/manifest"
)

// The kinds of nodes that an attempt must run on.
const (
	CapacitySpot     = "spot"
	CapacityOnDemand = "on_demand"
	CapacityAny      = "" // either
)

// AnnotationCapacity of a run says on which nodes attempts run: "spot", or
// "spot<4" and "any<4" when attempts from number 4 on run on demand.
const AnnotationCapacity = "backfill.dev/capacity"

// CapacityText is the annotation's value, for attempts that must run on spot
// nodes, or need not, before they run on demand; onDemandFrom is 0 when none does.
// It is "" when there is nothing to say.
func CapacityText(mustSpot bool, onDemandFrom int) string {
	until := ""
	if onDemandFrom > 0 {
		until = "<" + strconv.Itoa(onDemandFrom)
	}
	switch {
	case mustSpot:
		return CapacitySpot + until
	case until != "":
		return "any" + until
	}
	return ""
}

// CapacityOf reads from a run on which nodes an attempt must be. Labels of the
// nodes themselves would need rights on them, and tell nothing of nodes gone.
func CapacityOf(run manifest.Object) func(attempt int) string {
	before, until, changes := strings.Cut(run.GetAnnotations()[AnnotationCapacity], "<")
	first, err := strconv.Atoi(until)
	if before != CapacitySpot {
		before = CapacityAny
	}
	return func(attempt int) string {
		if changes && err == nil && attempt >= first {
			return CapacityOnDemand
		}
		return before
	}
}
