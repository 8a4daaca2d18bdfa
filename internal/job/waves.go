// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package job

import (
	"errors"
	"math/big"
	"strings"

	"github.com/zclconf/go-cty/cty"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/diag"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/jobschema"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/plan"
)

// maxCanary is the maximum number of keys of a canary; the run lists them.
const maxCanary = 100

func buildCanary(c at) plan.Canary {
	var out plan.Canary
	if !c.set() {
		return out
	}
	for _, e := range c.attr("keys").elements() {
		out.Keys = append(out.Keys, e.text())
	}
	if len(out.Keys) == 0 {
		out.Partitions = int(c.attr("partitions").integer(1))
	}
	return out
}

// manual is true if the rest of the run after a canary or wave needs approval.
func manual(a at) bool { return a.attr("approve").text() == "manual" }

// buildWaves reads how waves grow. A failure budget implies waves, because it is
// checked between them.
func buildWaves(root at) plan.Waves {
	w := root.attr("wave")
	switch {
	case w.set():
		return plan.Waves{
			Shards: int(w.attr("shards").integer(1)),
			Growth: int(w.attr("growth").integer(2)),
			Max:    int(w.attr("max_shards").integer(0)),
		}
	case root.attr("failure_budget").set():
		return plan.Doubling
	}
	return plan.Waves{}
}

func buildBudget(b at) *plan.Budget {
	if !b.set() {
		return nil
	}
	out := plan.Unlimited
	out.MaxFailed = b.attr("max_failed").integer(-1)
	if ratio := b.attr("max_ratio"); ratio.set() {
		if n, err := parseRatio(ratio.text()); err == nil {
			out.MaxRatio = n
		}
	}
	return &out
}

// canaryRules checks the rules that span the attributes of the canary.
func (d *decoder) canaryRules(c at) {
	keys := c.attr("keys")
	if !keys.set() {
		return
	}
	if c.attr("partitions").set() {
		d.report(diag.CodeCanary, keys.path, "The canary has both \"partitions\" and \"keys\". Remove one of the two.")
		return
	}
	switch n := keys.value.LengthInt(); {
	case n == 0:
		d.report(diag.CodeCanary, keys.path, "The canary has no keys. Add at least one, or set \"partitions\" instead.")
	case n > maxCanary:
		d.report(diag.CodeCanary, keys.path, "The canary has %d keys; the maximum is %d. To proceed in larger steps, use "+
			"\"wave\".", n, maxCanary)
	}
	seen := map[string]bool{}
	for _, e := range keys.elements() {
		if !d.usable(e) {
			continue
		}
		if seen[e.text()] {
			d.report(diag.CodeCanary, e.path, "The key %q is listed twice. Remove one.", e.text())
		}
		seen[e.text()] = true
	}
}

// budgetRules reports a budget without limits.
func (d *decoder) budgetRules(b at) {
	if !b.set() || !b.value.IsWhollyKnown() {
		return
	}
	if !b.attr("max_failed").set() && !b.attr("max_ratio").set() {
		d.report(diag.CodeBudget, b.path, "The failure budget has no limit. Set \"max_failed\", \"max_ratio\" or both.")
	}
}

func (d *decoder) ratio(a jobschema.Attribute, s string, p cty.Path) {
	if _, err := parseRatio(s); err != nil {
		d.report(diag.CodeRatio, p, "%q is %q, which is not a valid ratio: %s. For example: 5%% or 0.05.", a.Name, s, err)
	}
}

// parseRatio reads a share in millionths.
func parseRatio(s string) (int64, error) {
	number, percent := strings.CutSuffix(strings.TrimSpace(s), "%")
	// big.Rat accepts other notations, such as fractions.
	if strings.Trim(number, "0123456789.") != "" || len(number) > 20 {
		return 0, errors.New("it is not a decimal number")
	}
	share, ok := new(big.Rat).SetString(number)
	if !ok {
		return 0, errors.New("it is not a decimal number")
	}
	if percent {
		share.Quo(share, big.NewRat(100, 1))
	}
	millionths := share.Mul(share, big.NewRat(1_000_000, 1))
	if !millionths.IsInt() {
		return 0, errors.New("it is more precise than one millionth")
	}
	if n := millionths.Num(); n.IsInt64() && n.Int64() >= 0 && n.Int64() <= 1_000_000 {
		return n.Int64(), nil
	}
	return 0, errors.New("it must be from 0 to 1")
}
