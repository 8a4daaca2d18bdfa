// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/devcluster/consolidate"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/devcluster/controlplane"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/devcluster/disruption"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/devcluster/interrupt"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/devcluster/nodeagent"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/devcluster/nodeagent/pool"
)

// client is an administrator's client of the cluster in the state directory.
func (g *globals) client() (kubernetes.Interface, error) {
	root, err := filepath.Abs(g.State)
	if err != nil {
		return nil, fmt.Errorf("resolve the state directory: %w", err)
	}
	kubeconfig := controlplane.Layout{Root: root}.Kubeconfig()
	if _, err := os.Stat(kubeconfig); err != nil {
		return nil, fmt.Errorf(
			"no cluster was started in %s; run devcluster up, or name another directory with --state",
			root,
		)
	}
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		return nil, fmt.Errorf("read the kubeconfig: %w", err)
	}
	config.QPS = -1 // the API server is our own and sheds load by itself
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return nil, fmt.Errorf("make a client: %w", err)
	}
	return client, nil
}

type reclaimCommand struct {
	Node   string         `arg:"" help:"Name of the node."`
	Notice *time.Duration `help:"How long its pods have (default: as the cloud profile has it)." placeholder:"15s"`
	Hard   bool           `help:"Without notice: the machine is gone, and Kubernetes has to find out."`
	Wait   bool           `help:"Return when the node is gone." default:"true" negatable:""`
}

// Run takes a node back.
func (c *reclaimCommand) Run(g *globals) error {
	ctx, stop := interruptible()
	defer stop()
	client, err := g.client()
	if err != nil {
		return err
	}
	how := nodeagent.Reclaim{Hard: c.Hard}
	if c.Notice != nil {
		how.Notice = nodeagent.Notice(*c.Notice)
	}
	if err := interrupt.Reclaim(ctx, client, c.Node, how); err != nil || !c.Wait {
		return err
	}
	return interrupt.AwaitGone(ctx, client, c.Node)
}

type stormCommand struct {
	Seed   uint64         `help:"Which storm: the same seed strikes in the same way." default:"1"`
	Every  time.Duration  `help:"Mean time between two reclaims." default:"5s"`
	Hard   float64        `help:"Share of reclaims without notice." default:"0.25"`
	Notice *time.Duration `help:"Notice of the others (default: as the cloud profile has it)." placeholder:"15s"`
	Pool   string         `help:"Whose nodes." enum:"spot,on-demand" default:"spot"`
	For    time.Duration  `help:"How long it lasts; without limit by default." placeholder:"10m"`
}

// Run reclaims nodes until it is over or interrupted, one line each.
func (c *stormCommand) Run(g *globals) error {
	ctx, stop := interruptible()
	defer stop()
	if c.For > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, c.For)
		defer cancel()
	}
	client, err := g.client()
	if err != nil {
		return err
	}
	begin := time.Now()
	storm := interrupt.Storm{Seed: c.Seed, Every: c.Every, Hard: c.Hard, Notice: c.Notice, Pool: c.Pool}
	return storm.Run(ctx, client, func(node string, strike interrupt.Strike) {
		kind := "soft"
		if strike.Hard {
			kind = "hard"
		}
		fmt.Printf("%.1fs\t%s\t%s\n", time.Since(begin).Seconds(), node, kind)
	})
}

type evictCommand struct {
	Pod       string `arg:"" help:"Name of the pod."`
	Namespace string `help:"Its namespace." short:"n" default:"default"`
}

// Run evicts a pod unless a disruption budget is against it.
func (c *evictCommand) Run(g *globals) error {
	ctx, stop := interruptible()
	defer stop()
	client, err := g.client()
	if err != nil {
		return err
	}
	return interrupt.Evict(ctx, client, c.Namespace, c.Pod)
}

type poolCommand struct {
	Name  string         `arg:"" help:"Which pool." enum:"spot,on-demand"`
	Size  *int           `help:"How many machines it should have."`
	Max   *int           `help:"How far it grows for pods that find no node; not at all when that is less than its size."`
	Delay *time.Duration `help:"Time from ordering a machine to its node."`
	Stock string         `help:"Whether the cloud has such machines: in, or out." enum:"in,out,unchanged" default:"unchanged"`
}

// Run changes a pool and prints what it is then.
func (c *poolCommand) Run(g *globals) error {
	ctx, stop := interruptible()
	defer stop()
	client, err := g.client()
	if err != nil {
		return err
	}
	spec, err := nodeagent.ChangePool(ctx, client, c.Name, func(s *pool.Spec) {
		if c.Size != nil {
			s.Size = *c.Size
		}
		if c.Max != nil {
			s.Max = *c.Max
		}
		if c.Delay != nil {
			s.Delay = pool.Duration(*c.Delay)
		}
		if c.Stock != "unchanged" {
			s.OutOfStock = c.Stock == "out"
		}
	})
	if err != nil {
		return err
	}
	fmt.Println(spec)
	return nil
}

type consolidateCommand struct {
	Rules     string        `help:"Whose rules." enum:"cluster-autoscaler,karpenter" default:"cluster-autoscaler"`
	After     time.Duration `help:"How long a node must not have been needed." default:"1m"`
	Interval  time.Duration `help:"Time between two looks at the cluster." default:"2s"`
	For       time.Duration `help:"How long it lasts; without limit by default." placeholder:"10m"`
	Threshold float64       `help:"The cluster autoscaler's utilisation below which a node may go." default:"0.5"`
	// The defaults of the program keep every node with a pod of Argo.
	IgnoreLocalStorage     bool `help:"As the cluster autoscaler with --skip-nodes-with-local-storage=false."`
	AllowCustomControllers bool `help:"As the cluster autoscaler with --skip-nodes-with-custom-controller-pods=false."`
	OnlyEmpty              bool `help:"As Karpenter with consolidationPolicy WhenEmpty."`
}

// Run removes nodes until it is over or interrupted, one line for each thing done.
func (c *consolidateCommand) Run(g *globals) error {
	ctx, stop := interruptible()
	defer stop()
	if c.For > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, c.For)
		defer cancel()
	}
	client, err := g.client()
	if err != nil {
		return err
	}
	begin := time.Now()
	rules := disruption.DefaultClusterAutoscaler()
	rules.Threshold = c.Threshold
	rules.SkipLocalStorage, rules.SkipCustomController = !c.IgnoreLocalStorage, !c.AllowCustomControllers
	loop := consolidate.Loop{
		Client: client, Rules: rules, Taint: consolidate.ClusterAutoscalerTaint, After: c.After, Interval: c.Interval,
		Tell: func(action, node, detail string) {
			fmt.Printf("%.1fs\t%s\t%s\t%s\n", time.Since(begin).Seconds(), action, node, detail)
		},
	}
	if c.Rules == "karpenter" {
		loop.Rules, loop.Taint, loop.Calm = disruption.Karpenter{OnlyEmpty: c.OnlyEmpty}, consolidate.KarpenterTaint, true
	}
	return loop.Run(ctx)
}
