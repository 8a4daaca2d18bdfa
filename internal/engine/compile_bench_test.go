// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package engine_test

import (
	"context"
	"fmt"
	"syscall"
	"testing"
	"time"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/compile"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/lang"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/ledger"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/manifest"
)

// BenchmarkCompile does what the command compile does: it reads a job file of n
// partitions and writes its objects, node-id collisions excluded. What that
// exclusion takes of it is BenchmarkCollisions of package argo.
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
			bytes, begin := 0, processorTime(b)
			b.ReportAllocs()
			for b.Loop() {
				m, diags := lang.Load(context.Background(), []lang.Source{{Name: "orders.backfill.hcl", Bytes: src}}, lang.Inputs{})
				if diags.HasErrors() {
					b.Fatal(diags)
				}
				c, diags := compile.Value(m.Bodies[0].Value, ledger.Set{}, 1)
				if diags.HasErrors() {
					b.Fatal(diags)
				}
				text, err := manifest.Encode(c.Objects(), "yaml")
				if err != nil {
					b.Fatal(err)
				}
				bytes = len(text)
			}
			b.ReportMetric(float64(bytes), "output-bytes")
			b.ReportMetric(float64((processorTime(b)-begin).Microseconds())/1000/float64(b.N), "cpu-ms/op")
		})
	}
}

// BenchmarkCompileModule does the same for a module of 1,000 jobs.
func BenchmarkCompileModule(b *testing.B) {
	src := []byte(`locals { ids = { for i in range(1000) : format("%04d", i) => i } }
job "x" {
  for_each = local.ids
  partition { range = { start = 0, end = 1000 + each.value, size = 10 } }
  runner {
    image     = "registry.example.com/app:1"
    command   = ["x", "--from=${partition.start}", each.key]
    env       = { A = "1", B = partition.key }
    resources = { cpu = "1", memory = "1Gi" }
  }
}`)
	begin := processorTime(b)
	for b.Loop() {
		m, diags := lang.Load(context.Background(), []lang.Source{{Name: "a.hcl", Bytes: src}}, lang.Inputs{})
		if diags.HasErrors() || len(m.Bodies) != 1000 {
			b.Fatal(diags)
		}
		var objects []manifest.Object
		for _, body := range m.Bodies {
			c, diags := compile.Value(body.Value, ledger.Set{}, 1)
			if diags.HasErrors() {
				b.Fatal(diags)
			}
			objects = append(objects, c.Objects()...)
		}
		if _, err := manifest.Encode(objects, "yaml"); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64((processorTime(b)-begin).Microseconds())/1000/float64(b.N), "cpu-ms/op")
}

// processorTime is what the process has used of processors, which other
// processes of the machine do not lengthen.
func processorTime(b *testing.B) time.Duration {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		b.Fatal(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}
