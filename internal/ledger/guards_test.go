// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package ledger_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/domain"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/ledger"
)

// A few bytes of a text in cells stand for many names. A text of 5 kB must not take
// hundreds of megabytes to find out that it is damaged.
func TestShortTextDoesNotStandForMillionsOfNames(t *testing.T) {
	var items []string
	for i := range 10_000 {
		items = append(items, fmt.Sprint("v", i))
	}
	d := domain.Domain{Dimensions: []domain.Dimension{
		{Name: "id", Axis: domain.Range{Start: 0, End: 1000, Size: 1}}, {Name: "what", Axis: domain.Values{Items: items}},
	}}
	head, _, _ := strings.Cut(ledger.Full(d).Text(d), ": ")
	for rows, want := range map[int]bool{400: true, 401: false} {
		text := head + ": "
		for i := range rows {
			if i > 0 {
				text += "; "
			}
			text += fmt.Sprint(i, " x 0-9999")
		}
		_, err := ledger.Parse(d, text)
		told := err != nil && strings.Contains(err.Error(), "the text contains more than 4000000 values")
		if !want && !told || told == want {
			t.Errorf("%d bytes for %d names: %v", len(text), rows*len(items), err)
		}
	}
}

// What touches is one stretch, however it came together: sets that were not merged
// would differ from equal ones, and the ledger would grow with every partition.
func TestWhatTouchesIsOneStretch(t *testing.T) {
	numbers := domain.Domain{Dimensions: []domain.Dimension{{Name: "id", Axis: domain.Range{Start: 0, End: 60, Size: 5}}}}
	product := domain.Domain{Dimensions: []domain.Dimension{
		numbers.Dimensions[0], {Name: "country", Axis: domain.Values{Items: []string{"de", "fr"}}},
	}}
	for name, test := range map[string]struct {
		d    domain.Domain
		want string
	}{
		"numbers": {numbers, "[0,60)"},
		"product": {product, `[0,60) x ["de","fr"]`},
	} {
		all := slices.Collect(ledger.Full(test.d).Partitions(test.d))
		one := func(i int) ledger.Set { return ledger.Of(test.d, slices.Values(all[i:i+1])) }
		var up, odd ledger.Set
		for i := range all {
			up = up.Union(one(i))
		}
		for _, half := range []int{0, 1} {
			for i := half; i < len(all); i += 2 {
				odd = odd.Union(one(i))
			}
		}
		var texts []string
		for i := range all {
			texts = append(texts, one(i).Text(test.d))
		}
		between := map[int]string{1: " ", 2: "; "}[len(test.d.Dimensions)]
		read, err := ledger.Parse(test.d, strings.Join(texts, between))
		if err != nil {
			t.Fatal(err)
		}
		for how, set := range map[string]ledger.Set{
			"united in turn": up, "united by halves": odd, "made at once": ledger.Of(test.d, slices.Values(all)), "read": read,
			"less, and again": up.Minus(one(3)).Union(one(3)),
		} {
			if got := set.Text(test.d); got != test.want || !set.Equal(ledger.Full(test.d)) {
				t.Errorf("%s, %s: %s, equal to all %t", name, how, got, set.Equal(ledger.Full(test.d)))
			}
			if stretches := len(slices.Collect(set.Intervals())); stretches > 1 {
				t.Errorf("%s, %s: %d stretches", name, how, stretches)
			}
		}
	}
}
