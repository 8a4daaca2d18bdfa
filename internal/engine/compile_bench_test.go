// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package engine_test

import (
	"fmt"
	"testing"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/engine"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/lang"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/ledger"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/manifest"
)

// BenchmarkCompile does what the command compile does: it reads a job file of n
// partitions and writes its objects, node-id collisions excluded. What that
// exclusion takes by itself is BenchmarkSalts of package argo.
func BenchmarkCompile(b *testing.B) {
	for _, n := range []int64{100, 10_000, 1_000_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			src := []byte(fmt.Sprintf(`job "orders" {
  partition {
    range = { start = 0, end = %d, size = 1000 }
  }
  runner {
    image   = "registry.example.com/orders:1"
    command = ["bin/reindex"]
    args    = ["--from=${partition.start}", "--to=${partition.end}"]
  }
}`, n*1000))
			bytes := 0
			b.ReportAllocs()
			for b.Loop() {
				m, diags := lang.Load([]lang.Source{{Name: "orders.backfill.hcl", Bytes: src}}, lang.Inputs{})
				if diags.HasErrors() {
					b.Fatal(diags)
				}
				c, diags := engine.Compile(m.Bodies[0].Value, ledger.Set{}, 1)
				if diags.HasErrors() {
					b.Fatal(diags)
				}
				text, err := manifest.Encode(c.Objects, "yaml")
				if err != nil {
					b.Fatal(err)
				}
				bytes = len(text)
			}
			b.ReportMetric(float64(bytes), "output-bytes")
		})
	}
}
