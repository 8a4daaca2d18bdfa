// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package profile

import (
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/util/validation"
)

func TestProfilesAreUsable(t *testing.T) {
	for _, name := range Names() {
		t.Run(name, func(t *testing.T) {
			p, err := Find(name)
			if err != nil {
				t.Fatal(err)
			}
			if len(p.Zones) == 0 || p.Spot.Notice <= 0 || p.Spot.Notice >= p.OnDemand.Notice {
				t.Errorf("incomplete: %+v", p)
			}
			for _, capacity := range []Capacity{OnDemand, Spot} {
				for key, value := range p.NodeLabels(capacity, 7) {
					problems := append(validation.IsQualifiedName(key), validation.IsValidLabelValue(value)...)
					if len(problems) > 0 {
						t.Errorf("label %s=%s: %s", key, value, strings.Join(problems, "; "))
					}
				}
			}
			// What tells the two apart is what jobs select by.
			distinct := false
			for key, value := range p.Spot.Labels {
				distinct = distinct || p.OnDemand.Labels[key] != value
			}
			if !distinct {
				t.Error("no label tells spot from on-demand")
			}
		})
	}
}

func TestUnknownProfileNamesTheKnown(t *testing.T) {
	_, err := Find("moon")
	if err == nil || !strings.Contains(err.Error(), "gke") {
		t.Errorf("got %v", err)
	}
}
