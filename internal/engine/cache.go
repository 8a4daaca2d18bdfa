// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package engine

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

// A shelf is worth its list when more than one of its objects is asked for.
const readsBeforeList = 1

// shelf serves reads of many objects of one kind and namespace: the first from
// a request of its own, all others from one list. It is for refreshes alone:
// whoever is about to write reads what he writes to. An object is served once;
// who asks again wants to know what is new.
type shelf struct {
	kind     cluster.Kind
	selector string

	mu     sync.Mutex
	spaces map[string]*space
}

type space struct {
	mu      sync.Mutex // held while the list is fetched, so that one fetches and all use it
	served  map[string]bool
	listed  bool
	at      time.Time // when the refresh began
	last    time.Time // when it last asked
	objects map[string]manifest.Object
}

// newShelves are those of records and of the Workflows of runs. Data
// ConfigMaps carry the label of a run, and children that of a shard.
func newShelves() (records, runs *shelf) {
	records = &shelf{kind: cluster.ConfigMap, selector: argo.LabelJob + ",!" + argo.LabelRun, spaces: map[string]*space{}}
	runs = &shelf{kind: cluster.Workflow, selector: argo.LabelJob + ",!" + argo.LabelShard, spaces: map[string]*space{}}
	return records, runs
}

func (s *shelf) space(namespace string) *space {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.spaces[namespace] == nil {
		s.spaces[namespace] = &space{objects: map[string]manifest.Object{}}
	}
	return s.spaces[namespace]
}

// get returns an object that was read at most maxAge ago.
func (s *shelf) get(ctx context.Context, e *Engine, namespace, name string) (manifest.Object, error) {
	sp := s.space(namespace)
	sp.mu.Lock()
	defer sp.mu.Unlock()
	now := e.now()
	if now.Sub(sp.last) > maxPause || now.Sub(sp.at) > maxAge || sp.served[name] {
		sp.served, sp.listed, sp.objects = nil, false, map[string]manifest.Object{}
	}
	if len(sp.served) == 0 {
		sp.at, sp.served = now, map[string]bool{}
	}
	sp.served[name], sp.last = true, now
	if !sp.listed && len(sp.served) > readsBeforeList {
		all, err := e.backend.List(ctx, s.kind, namespace, s.selector)
		if err != nil {
			return nil, err
		}
		for _, o := range all {
			sp.objects[o.GetName()] = o
		}
		sp.listed = true
	}
	if o := sp.objects[name]; sp.listed && o != nil {
		return o, nil
	}
	// Not in the list: created since, without our labels, or gone. Ask.
	return e.backend.Get(ctx, s.kind, namespace, name)
}

// put replaces what the shelf holds by what was just written.
func (s *shelf) put(namespace, name string, o manifest.Object) {
	sp := s.space(namespace)
	sp.mu.Lock()
	defer sp.mu.Unlock()
	sp.objects[name] = o
}

// drop forgets everything: the engine is about to write.
func (s *shelf) drop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.spaces = map[string]*space{}
}

func (e *Engine) dropShelves() {
	e.records.drop()
	e.runs.drop()
}

// reader is how a look reads objects: fresh, or from the shelves.
type reader func(ctx context.Context, kind cluster.Kind, namespace, name string) (manifest.Object, error)

func (e *Engine) cached(ctx context.Context, kind cluster.Kind, namespace, name string) (manifest.Object, error) {
	switch kind {
	case cluster.ConfigMap:
		return e.records.get(ctx, e, namespace, name)
	case cluster.Workflow:
		return e.runs.get(ctx, e, namespace, name)
	}
	return e.backend.Get(ctx, kind, namespace, name)
}
