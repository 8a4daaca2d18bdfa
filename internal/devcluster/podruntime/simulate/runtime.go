// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package simulate

import (
	"context"
	"fmt"
	"io"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/devcluster/podruntime"
)

// Runtime implements podruntime.Runtime for leaf pods and hands all others to the next runtime.
type Runtime struct {
	source *Source
	next   podruntime.Runtime
	data   dataCache
	images imageCache

	mu   sync.Mutex
	pods map[types.UID]*pod
}

var _ podruntime.Runtime = (*Runtime)(nil)

// New makes a runtime. client reads the ConfigMaps in which partitions' keys may stand.
func New(source *Source, client kubernetes.Interface, next podruntime.Runtime) *Runtime {
	return &Runtime{source: source, next: next, data: dataCache{client: client}, pods: map[types.UID]*pod{}}
}

// Start implements podruntime.Runtime.
func (r *Runtime) Start(spec *corev1.Pod, node *corev1.Node, publish func(corev1.PodStatus)) podruntime.Pod {
	if !isLeaf(spec) {
		return r.next.Start(spec, node, publish)
	}
	now := time.Now()
	behaviour := r.source.Current()
	wait := behaviour.Start + r.images.pull(node.UID, spec, behaviour.Pull, now)
	p := newPod(spec, behaviour, publish, now)
	r.mu.Lock()
	r.pods[spec.UID] = p
	r.mu.Unlock()
	p.after(wait, func() {
		key, err := keyOf(spec, func(configMap, key string) (string, error) {
			return r.data.value(spec.Namespace, configMap, key)
		})
		p.run(key, err)
	})
	return p
}

// Forget implements podruntime.Runtime.
func (r *Runtime) Forget(uid types.UID) {
	r.mu.Lock()
	_, ours := r.pods[uid]
	delete(r.pods, uid)
	r.mu.Unlock()
	if !ours {
		r.next.Forget(uid)
	}
}

// Keep implements podruntime.Runtime.
func (r *Runtime) Keep(pods map[types.UID]bool) { r.next.Keep(pods) }

// Close implements podruntime.Runtime.
func (r *Runtime) Close() {
	r.mu.Lock()
	for _, p := range r.pods {
		p.mute()
		p.Stop(podruntime.Stop{})
	}
	r.mu.Unlock()
	r.next.Close()
}

// Logs implements podruntime.Runtime.
func (r *Runtime) Logs(
	ctx context.Context,
	uid types.UID,
	container string,
	options *corev1.PodLogOptions,
	w io.Writer,
) error {
	r.mu.Lock()
	_, ours := r.pods[uid]
	r.mu.Unlock()
	if !ours {
		return r.next.Logs(ctx, uid, container, options, w)
	}
	_, err := fmt.Fprintln(w, "This container is simulated: nothing ran.")
	return err
}

// dataCache reads ConfigMaps of partitions, which never change.
type dataCache struct {
	client kubernetes.Interface

	mu    sync.Mutex
	named map[string]*corev1.ConfigMap
}

// maxCached bounds the ConfigMaps that are remembered, each of a few hundred kilobytes at most.
const maxCached = 64

// readLimit bounds one read of a ConfigMap.
const readLimit = 10 * time.Second

func (d *dataCache) value(namespace, name, key string) (string, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	object, known := d.named[namespace+"/"+name]
	if !known {
		ctx, cancel := context.WithTimeout(context.Background(), readLimit)
		defer cancel()
		var err error
		if object, err = d.client.CoreV1().ConfigMaps(namespace).Get(ctx, name, metav1.GetOptions{}); err != nil {
			return "", fmt.Errorf("read ConfigMap %s: %w", name, err)
		}
		if d.named == nil || len(d.named) >= maxCached {
			d.named = map[string]*corev1.ConfigMap{}
		}
		d.named[namespace+"/"+name] = object
	}
	value, ok := object.Data[key]
	if !ok {
		return "", fmt.Errorf("couldn't find key %s in ConfigMap %s/%s", key, namespace, name)
	}
	return value, nil
}

// imageCache knows when the images on the nodes have been pulled.
type imageCache struct {
	mu    sync.Mutex
	ready map[imageOnNode]time.Time
}

type imageOnNode struct {
	node  types.UID
	image string
}

// pull is how long a pod waits for its image: nothing once it is there, and the rest of the time
// while another pod has it pulled.
func (c *imageCache) pull(node types.UID, pod *corev1.Pod, takes time.Duration, now time.Time) time.Duration {
	if takes == 0 {
		return 0
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ready == nil {
		c.ready = map[imageOnNode]time.Time{}
	}
	var wait time.Duration
	for i := range pod.Spec.Containers {
		at := imageOnNode{node, pod.Spec.Containers[i].Image}
		if pod.Spec.Containers[i].Name != mainContainer {
			continue // the executor's image is on every node
		}
		if _, known := c.ready[at]; !known {
			c.ready[at] = now.Add(takes)
		}
		wait = max(wait, c.ready[at].Sub(now))
	}
	return wait
}
