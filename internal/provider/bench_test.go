// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

//go:build unix

package provider

import (
	"syscall"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/cluster/fake"
)

// BenchmarkJobOfANoOpPlan is what the provider does for each job of a plan without
// changes: check, upgrade, read and plan it.
func BenchmarkJobOfANoOpPlan(b *testing.B) {
	c := fake.New(start)
	tf := newTerraform(b, object{}, environment(nil), WithBackend(c), edges(func() {}))
	tf.apply(orders())
	playArgo(b, c, "orders-r1", "Succeeded", 4, nil)
	tf.refresh()
	compared := tf.server.(*escapingServer).frameworkServer.(compared)
	config := encode(b, tf.ty, valueOf(b, tf.ty, orders()))
	raw := []byte(jsonOf(tf.state))
	for name, s := range map[string]tfprotov6.ProviderServer{"ours": compared.server, "framework": compared.framework} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			began := processorTime(b)
			defer func() {
				b.ReportMetric(float64((processorTime(b)-began).Microseconds())/1000/float64(b.N), "cpu-ms/op")
			}()
			for b.Loop() {
				ctx := b.Context()
				must := func(diags []*tfprotov6.Diagnostic, err error) {
					if err != nil || len(errorsOf(diags)) > 0 {
						b.Fatal(err, diags)
					}
				}
				v, err := s.ValidateResourceConfig(ctx, &tfprotov6.ValidateResourceConfigRequest{TypeName: jobType, Config: config})
				must(v.Diagnostics, err)
				u, err := s.UpgradeResourceState(ctx, &tfprotov6.UpgradeResourceStateRequest{
					TypeName: jobType, RawState: &tfprotov6.RawState{JSON: raw},
				})
				must(u.Diagnostics, err)
				r, err := s.ReadResource(ctx, &tfprotov6.ReadResourceRequest{
					TypeName: jobType, CurrentState: u.UpgradedState, Private: tf.private, CurrentIdentity: tf.identity,
				})
				must(r.Diagnostics, err)
				p, err := s.PlanResourceChange(ctx, &tfprotov6.PlanResourceChangeRequest{
					TypeName:         jobType,
					PriorState:       r.NewState,
					ProposedNewState: r.NewState,
					Config:           config,
					PriorPrivate:     r.Private,
					PriorIdentity:    r.NewIdentity,
				})
				must(p.Diagnostics, err)
			}
		})
	}
}

// processorTime is what this process has taken.
func processorTime(tb testing.TB) time.Duration {
	tb.Helper()
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		tb.Fatal(err)
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}
