// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package nodeagent

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/devcluster/nodeagent/pool"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/devcluster/profile"
)

// fleet is the cloud behind the nodes: it brings machines and takes them away.
type fleet struct {
	ctx      context.Context
	client   kubernetes.Interface
	cloud    profile.Profile
	capacity corev1.ResourceList
	port     int32
	interval time.Duration // between a node's signs of life
	pods     *pods
	waiting  func() []*corev1.Pod // pods that found no node
	workers  sync.WaitGroup

	mu    sync.Mutex
	pools map[string]pool.Spec
	// orders are machines on their way, next the number of each pool's next machine.
	orders map[string]pool.Orders
	next   map[string]int
}

func newFleet(ctx context.Context, client kubernetes.Interface, cfg *Config, port int32, pods *pods) (*fleet, error) {
	cloud, err := cfg.profile()
	if err != nil {
		return nil, err
	}
	capacity, err := cfg.capacity()
	if err != nil {
		return nil, err
	}
	return &fleet{
		ctx:      ctx,
		client:   client,
		cloud:    cloud,
		capacity: capacity,
		port:     port,
		interval: signsOfLife(cfg.NodeGrace),
		pods:     pods,
		waiting:  func() []*corev1.Pod { return nil },
		pools:    cfg.pools(),
		orders:   map[string]pool.Orders{},
		next:     map[string]int{},
	}, nil
}

// poolNames are the pools, those that are tried first for a waiting pod first.
var poolNames = []string{string(profile.Spot), string(profile.OnDemand)}

// open brings the machines that the pools have from the start, which takes no time, and returns
// when all are ready. Nodes of an earlier agent keep their names.
func (f *fleet) open() error {
	existing, err := f.client.CoreV1().Nodes().List(f.ctx, metav1.ListOptions{LabelSelector: agentLabel})
	if err != nil {
		return fmt.Errorf("list the nodes: %w", err)
	}
	nodes := f.firstNodes(existing.Items)
	if err := removeOtherNodes(f.ctx, f.client, existing.Items, nodes); err != nil {
		return err
	}
	for _, node := range nodes {
		if err := f.register(node); err != nil {
			return err
		}
	}
	slog.Info("node agent ready", "nodes", len(nodes))
	return nil
}

func (f *fleet) firstNodes(existing []corev1.Node) []*corev1.Node {
	f.mu.Lock()
	defer f.mu.Unlock()
	var nodes []*corev1.Node
	for _, name := range []string{string(profile.OnDemand), string(profile.Spot)} {
		numbers := numbersOf(name, existing)
		for i := range f.pools[name].Size {
			if i < len(numbers) {
				f.next[name] = numbers[i]
			}
			nodes = append(nodes, f.newNode(name))
		}
	}
	return nodes
}

// numbersOf are the numbers in the names of a pool's nodes, ascending.
func numbersOf(poolName string, nodes []corev1.Node) []int {
	var numbers []int
	for i := range nodes {
		text, ours := strings.CutPrefix(nodes[i].Name, poolName+"-")
		if number, err := strconv.Atoi(text); ours && err == nil {
			numbers = append(numbers, number)
		}
	}
	slices.Sort(numbers)
	return numbers
}

// newNode is the node of a pool's next machine; f.mu must be held. Names are never given twice, so that nobody takes a
// node for its predecessor.
func (f *fleet) newNode(poolName string) *corev1.Node {
	number := f.next[poolName]
	f.next[poolName]++
	node := f.template(poolName, number)
	node.Name = fmt.Sprintf("%s-%d", poolName, number)
	node.Labels[corev1.LabelHostname] = node.Name
	return node
}

// template is a node of a pool, which needs its name.
func (f *fleet) template(poolName string, number int) *corev1.Node {
	capacity := profile.Capacity(poolName)
	node := buildNode("", f.capacity, f.port)
	for key, value := range f.cloud.NodeLabels(capacity, number) {
		node.Labels[key] = value
	}
	node.Labels[PoolLabel] = poolName
	node.Spec.Taints = f.cloud.NodeTaints(capacity)
	return node
}

// register turns a machine on and returns when its node is known to the API server.
func (f *fleet) register(node *corev1.Node) error {
	ctx, off := context.WithCancel(f.ctx)
	// Before the node is registered: pods may be bound to it at once.
	f.pods.machines.add(&machine{node: node, pool: node.Labels[PoolLabel], off: off})
	f.pods.observeAll(node.Name)
	controller, err := maintainNode(ctx, f.client, node, f.interval)
	if err != nil {
		off()
		return err
	}
	select {
	case <-controller.Ready():
		return nil
	case <-controller.Done():
		err = controller.Err()
	case <-f.ctx.Done():
		err = context.Cause(f.ctx)
	}
	off()
	f.pods.machines.remove(node.Name)
	return fmt.Errorf("register node %s: %w", node.Name, err)
}

// run follows the pools until the agent ends.
func (f *fleet) run() {
	tick := time.NewTicker(poolInterval)
	defer tick.Stop()
	for {
		select {
		case <-f.ctx.Done():
			f.workers.Wait()
			return
		case <-tick.C:
			f.fill(time.Now())
		}
	}
}

// poolInterval is how often pools look after their machines.
const poolInterval = 500 * time.Millisecond

// fill orders what pools lack, and turns on what has come.
func (f *fleet) fill(now time.Time) {
	f.grow()
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, name := range poolNames {
		left, come := f.pools[name].Next(f.orders[name], f.pods.machines.count(name), now)
		f.orders[name] = left
		for range come {
			node := f.newNode(name)
			if err := f.register(node); err != nil {
				slog.Error("a machine does not come up", "node", node.Name, "error", err)
			}
		}
	}
}

// powerOff ends a machine: its processes die, and its node shows no more signs of life.
func (f *fleet) powerOff(node string) {
	was := f.pods.machines.remove(node)
	if was == nil {
		return
	}
	was.off()
	f.pods.powerOff(node)
}

// deleteNode removes the object of a node whose machine is gone, as a cloud's controller does, and its lease.
func (f *fleet) deleteNode(name string) {
	f.pods.persist(func() error { return f.client.CoreV1().Nodes().Delete(f.ctx, name, metav1.DeleteOptions{}) })
	f.pods.persist(func() error {
		return f.client.CoordinationV1().Leases(corev1.NamespaceNodeLease).Delete(f.ctx, name, metav1.DeleteOptions{})
	})
}
