// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package observe

import (
	"context"
	"sync"
	"time"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/argo"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/cluster"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/manifest"
)

// A list serves one refresh, however slow that is: it is over after a pause. No
// object is used that is older than maxAge.
const (
	maxPause = 5 * time.Second
	maxAge   = 5 * time.Minute
)

// A list pays off when more than one of its objects is asked for.
const readsBeforeList = 1

// cache serves reads of many records and runs: the first of a namespace from a
// request of its own, all others from one list. It is for refreshes alone. An
// object is served once: whoever asks again wants to know what is new.
type cache struct {
	backend   cluster.Backend
	now       func() time.Time
	selectors map[cluster.Kind]string

	mu      sync.Mutex
	refresh map[cacheKey]*refresh
}

type cacheKey struct {
	kind      cluster.Kind
	namespace string
}

// refresh is one refresh of the objects of one kind and namespace.
type refresh struct {
	mu      sync.Mutex // held while the list is fetched, so that one fetches and all use it
	served  map[string]bool
	listed  bool
	began   time.Time
	last    time.Time // when it last asked
	objects map[string]manifest.Object
}

func newCache(b cluster.Backend, now func() time.Time) *cache {
	return &cache{
		backend: b, now: now, refresh: map[cacheKey]*refresh{},
		// Data ConfigMaps carry the label of a run, and children that of a shard.
		selectors: map[cluster.Kind]string{
			cluster.ConfigMap: argo.JobsAlone,
			cluster.Workflow:  argo.RunsOfAll,
		},
	}
}

func (c *cache) of(kind cluster.Kind, namespace string) *refresh {
	c.mu.Lock()
	defer c.mu.Unlock()
	key := cacheKey{kind, namespace}
	if c.refresh[key] == nil {
		c.refresh[key] = &refresh{objects: map[string]manifest.Object{}}
	}
	return c.refresh[key]
}

// get returns an object that was read at most maxAge ago.
func (c *cache) get(ctx context.Context, kind cluster.Kind, namespace, name string) (manifest.Object, error) {
	selector, ok := c.selectors[kind]
	if !ok {
		return c.backend.Get(ctx, kind, namespace, name)
	}
	r := c.of(kind, namespace)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.serve(name, c.now())
	if !r.listed && len(r.served) > readsBeforeList {
		all, err := c.backend.List(ctx, kind, namespace, selector)
		if err != nil {
			return nil, err
		}
		for _, o := range all {
			r.objects[o.GetName()] = o
		}
		r.listed = true
	}
	if o := r.objects[name]; r.listed && o != nil {
		return o, nil
	}
	// Not in the list: created since, without our labels, or gone. Ask.
	return c.backend.Get(ctx, kind, namespace, name)
}

// serve notes that an object is asked for, and begins a new refresh when the one
// before is over.
func (r *refresh) serve(name string, now time.Time) {
	if now.Sub(r.last) > maxPause || now.Sub(r.began) > maxAge || r.served[name] {
		r.served, r.listed, r.objects = nil, false, map[string]manifest.Object{}
	}
	if len(r.served) == 0 {
		r.began, r.served = now, map[string]bool{}
	}
	r.served[name], r.last = true, now
}

// Written replaces what the cache holds by what was just written.
func (c *cache) Written(o manifest.Object) {
	r := c.of(cluster.Kind(o.GetKind()), o.GetNamespace())
	r.mu.Lock()
	defer r.mu.Unlock()
	r.objects[o.GetName()] = o
}

// Forget drops everything: somebody is about to write.
func (c *cache) Forget() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.refresh = map[cacheKey]*refresh{}
}
