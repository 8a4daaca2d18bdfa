// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package job_test

import (
	"strings"
	"testing"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/diag"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/job"
)

// A pod that is protected and may hang is worth a warning, at the attribute that
// has it protected.
func TestProtectedPodsWithoutDeadline(t *testing.T) {
	for text, at := range map[string]string{
		``:                              "",
		`anchor = { mode = "protect" }`: "anchor",
		`anchor = { mode = "all" }`:     "anchor",
		`anchor = {}`:                   "anchor",
		`anchor = { mode = "off" }`:     "",
		`anchor = { mode = "release" }`: "",
		`spot = { provider = "gke" }`:   "spot",
		`spot = { provider = "gke", fallback = "on_demand" }`:                      "spot",
		`spot = { provider = "gke", mode = "off" }`:                                "",
		`spot = { provider = "gke", mode = "require" }`:                            "",
		"spot = { provider = \"gke\", mode = \"require\" }\nanchor = {}":           "",
		"spot = { provider = \"gke\", mode = \"require\" }\nanchor={mode=\"all\"}": "anchor",
		"spot = { provider = \"gke\" }\nanchor = { mode = \"off\" }":               "",
	} {
		for _, deadline := range []string{"", "\n deadline = \"1h\"\n"} {
			src := strings.Replace(small, "runner {", text+"\n  runner {"+deadline, 1)
			_, diags := job.Decode(body(t, src))
			want := at
			if deadline != "" {
				want = ""
			}
			got := ""
			for _, d := range diags {
				if diag.CodeOf(d) != diag.CodeAnchorPins {
					t.Fatalf("%s: %v", text, d)
				}
				got = diag.FormatPath(diag.PathOf(d))
			}
			if got != want || len(diags) > 1 {
				t.Errorf("%s%s: a warning at %q, want %q", text, deadline, got, want)
			}
		}
	}
}
