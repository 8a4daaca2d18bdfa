// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package nodeagent

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/cache"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/devcluster/nodeagent/pool"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/devcluster/placement"
)

// The ConfigMap that holds the pools, each under its name in its text form. Who changes it has the cloud change.
const (
	PoolsNamespace = metav1.NamespaceSystem
	PoolsName      = "node-pools"
)

// follow writes the pools down and watches what concerns machines: the pools, the nodes, and pods
// without a node. Everything that a person or a program wants of the cloud reaches it through
// these objects.
func (f *fleet) follow() error {
	if err := f.publishPools(); err != nil {
		return err
	}
	nodes := informers.NewSharedInformerFactoryWithOptions(
		f.client,
		0,
		selecting(func(o *metav1.ListOptions) { o.LabelSelector = agentLabel }),
	)
	pools := informers.NewSharedInformerFactoryWithOptions(f.client, 0, informers.WithNamespace(PoolsNamespace),
		selecting(func(o *metav1.ListOptions) {
			o.FieldSelector = fields.OneTermEqualSelector("metadata.name", PoolsName).String()
		}))
	pods := informers.NewSharedInformerFactoryWithOptions(f.client, 0,
		selecting(func(o *metav1.ListOptions) {
			o.FieldSelector = fields.OneTermEqualSelector("spec.nodeName", "").String()
		}))

	nodeInformer, poolInformer := nodes.Core().V1().Nodes().Informer(), pools.Core().V1().ConfigMaps().Informer()
	lister, podInformer := pods.Core().V1().Pods().Lister(), pods.Core().V1().Pods().Informer()
	f.waiting = func() []*corev1.Pod {
		all, _ := lister.List(labels.Everything())
		return slices.DeleteFunc(all, func(pod *corev1.Pod) bool { return !unschedulable(pod) })
	}
	_, err := nodeInformer.AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc:    func(object any) { f.observeNode(object) },
		UpdateFunc: func(_, object any) { f.observeNode(object) },
		DeleteFunc: func(object any) { f.nodeDeleted(object) },
	})
	if err != nil {
		return err
	}
	_, err = poolInformer.AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc:    func(object any) { f.observePools(object) },
		UpdateFunc: func(_, object any) { f.observePools(object) },
	})
	if err != nil {
		return err
	}
	for _, factory := range []informers.SharedInformerFactory{nodes, pools, pods} {
		factory.Start(f.ctx.Done())
	}
	if !cache.WaitForCacheSync(f.ctx.Done(), nodeInformer.HasSynced, poolInformer.HasSynced, podInformer.HasSynced) {
		return errors.New("the nodes could not be listed")
	}
	return nil
}

func selecting(tweak func(*metav1.ListOptions)) informers.SharedInformerOption {
	return informers.WithTweakListOptions(tweak)
}

func unschedulable(pod *corev1.Pod) bool {
	return slices.ContainsFunc(pod.Status.Conditions, func(c corev1.PodCondition) bool {
		return c.Type == corev1.PodScheduled && c.Status == corev1.ConditionFalse && c.Reason == corev1.PodReasonUnschedulable
	})
}

func (f *fleet) observeNode(object any) {
	node, ok := object.(*corev1.Node)
	if ok && node.Annotations[ReclaimAnnotation] != "" {
		f.reclaim(node)
	}
}

// nodeDeleted turns the machine of a node off that somebody has deleted: a cloud's autoscaler gives machines back so.
func (f *fleet) nodeDeleted(object any) {
	if missed, ok := object.(cache.DeletedFinalStateUnknown); ok {
		object = missed.Obj
	}
	if node, ok := object.(*corev1.Node); ok {
		f.powerOff(node.Name)
	}
}

func (f *fleet) observePools(object any) {
	config, ok := object.(*corev1.ConfigMap)
	if !ok {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, name := range poolNames {
		spec, err := pool.Parse(config.Data[name])
		if err != nil {
			slog.Error("a pool stays as it was", "pool", name, "error", err)
			continue
		}
		f.pools[name] = spec
	}
}

// publishPools writes the pools as they are from the start.
func (f *fleet) publishPools() error {
	f.mu.Lock()
	config := &corev1.ConfigMap{
		ObjectMeta: metav1.ObjectMeta{Name: PoolsName, Namespace: PoolsNamespace},
		Data:       map[string]string{},
	}
	for name, spec := range f.pools {
		config.Data[name] = spec.String()
	}
	f.mu.Unlock()
	maps := f.client.CoreV1().ConfigMaps(PoolsNamespace)
	_, err := maps.Update(f.ctx, config, metav1.UpdateOptions{})
	if apierrors.IsNotFound(err) {
		_, err = maps.Create(f.ctx, config, metav1.CreateOptions{})
	}
	return err
}

// grow raises the size of pools whose machines would take pods that wait for a node: the first pool that may.
func (f *fleet) grow() {
	waiting := f.waiting()
	if len(waiting) == 0 {
		return
	}
	f.mu.Lock()
	grown := false
	for _, name := range poolNames {
		spec := f.pools[name]
		count, placed := placement.Machines(f.template(name, f.next[name]), waiting)
		onTheirWay := max(0, spec.Size-f.pods.machines.count(name))
		size := spec.Grow(count - onTheirWay)
		if spec.OutOfStock || size == spec.Size && count > onTheirWay {
			continue // this pool cannot help; the next may
		}
		waiting = slices.DeleteFunc(waiting, func(pod *corev1.Pod) bool { return placed[pod] })
		if size > spec.Size {
			slog.Info("a pool grows", "pool", name, "from", spec.Size, "to", size)
			spec.Size, grown = size, true
			f.pools[name] = spec
		}
	}
	f.mu.Unlock()
	if grown {
		f.pods.persist(f.publishPools)
	}
}

// ChangePool changes a pool by the objects that the agent follows, and returns what it is then.
func ChangePool(
	ctx context.Context,
	client kubernetes.Interface,
	name string,
	change func(*pool.Spec),
) (pool.Spec, error) {
	maps := client.CoreV1().ConfigMaps(PoolsNamespace)
	for {
		config, err := maps.Get(ctx, PoolsName, metav1.GetOptions{})
		if err != nil {
			return pool.Spec{}, fmt.Errorf("read the node pools: %w", err)
		}
		spec, err := pool.Parse(config.Data[name])
		if err != nil {
			return pool.Spec{}, fmt.Errorf("pool %s: %w", name, err)
		}
		change(&spec)
		if _, err := pool.Parse(spec.String()); err != nil {
			return pool.Spec{}, err
		}
		config.Data[name] = spec.String()
		_, err = maps.Update(ctx, config, metav1.UpdateOptions{})
		if !apierrors.IsConflict(err) {
			return spec, err
		}
	}
}
