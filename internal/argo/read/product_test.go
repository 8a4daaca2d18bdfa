// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package read

import (
	"strings"
	"testing"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/argo/argotest"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/domain"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/ledger"
)

// A run may outlive the declaration that it was cut by; its indexes mean
// nothing in another grid.
func TestReadRefusesAnotherGrid(t *testing.T) {
	of := func(items ...string) domain.Domain {
		return argotest.MustDomain(t,
			domain.Dimension{Name: "country", Axis: domain.Values{Items: items}},
			domain.Dimension{Name: "ids", Axis: domain.Range{End: 20, Size: 10}})
	}
	d := of("de", "at")
	j := argotest.Sample(d)
	objects := compile(t, j, argotest.PlanOf(j, ledger.Full(d)))
	c, run := argotest.NewController(t, objects...)
	c.Run(run)
	if _, err := outcomeOf(
		of("de", "at", "ch"),
		observed(t, c, objects, run, false),
	); err == nil ||
		!strings.Contains(err.Error(), `"count0" has the value "2"`) {
		t.Errorf("Read says %v", err)
	}
}
