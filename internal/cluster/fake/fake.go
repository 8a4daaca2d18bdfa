// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

// Package fake is a cluster in memory for tests: object versions, conflicts,
// label selectors, merge patches, finalizers and ownership, as the API server
// has them.
//
// It runs no controller; tests play Argo themselves through the same calls.
package fake

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"sort"
	"strconv"
	"sync"
	"time"

	jsonpatch "gopkg.in/evanphx/json-patch.v4"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/cluster"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/manifest"
)

// Cluster is the whole cluster. The zero value is not usable; see New.
type Cluster struct {
	// Before is called ahead of every request; an error is the answer and the
	// request is not carried out.
	Before func(cluster.Call) error
	// After is called when a request has succeeded; an error replaces the
	// answer although the request was carried out.
	After func(cluster.Call) error
	// Missing lists kinds that are not installed.
	Missing map[cluster.Kind]bool
	// Frozen stops the clock: all objects are created in the same second.
	Frozen bool
	// Descending has every new UID sort before those that exist.
	Descending bool

	mu      sync.Mutex
	objects map[key]manifest.Object
	version int64
	uids    int64
	now     time.Time
	calls   []cluster.Call
}

type key struct {
	kind            cluster.Kind
	namespace, name string
}

// New returns an empty cluster whose clock starts at now and moves by one
// second with each write.
func New(now time.Time) *Cluster {
	return &Cluster{objects: map[key]manifest.Object{}, now: now}
}

// Calls returns every request so far.
func (c *Cluster) Calls() []cluster.Call {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]cluster.Call(nil), c.calls...)
}

// ResetCalls forgets the requests so far.
func (c *Cluster) ResetCalls() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.calls = nil
}

// Objects returns copies of everything stored, by kind, namespace and name.
// It does not count as a request.
func (c *Cluster) Objects() []manifest.Object {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.match(func(key, manifest.Object) bool { return true })
}

func (c *Cluster) match(keep func(key, manifest.Object) bool) []manifest.Object {
	var keys []key
	for k, o := range c.objects {
		if keep(k, o) {
			keys = append(keys, k)
		}
	}
	sort.Slice(keys, func(i, j int) bool {
		a, b := keys[i], keys[j]
		if a.kind != b.kind {
			return a.kind < b.kind
		}
		if a.namespace != b.namespace {
			return a.namespace < b.namespace
		}
		return a.name < b.name
	})
	found := make([]manifest.Object, len(keys))
	for i, k := range keys {
		found[i] = c.objects[k].DeepCopy()
	}
	return found
}

// serve runs one request under the lock between the hooks.
func (c *Cluster) serve(ctx context.Context, call cluster.Call, do func() error) error {
	if err := ctx.Err(); err != nil {
		return cluster.NewError(cluster.Canceled, call, "", err)
	}
	c.mu.Lock()
	c.calls = append(c.calls, call)
	before, after := c.Before, c.After
	c.mu.Unlock()
	if before != nil {
		if err := before(call); err != nil {
			return err
		}
	}
	c.mu.Lock()
	err := do()
	if c.Missing[call.Kind] {
		err = cluster.NewError(cluster.NoSuchKind, call, "", nil)
	}
	c.mu.Unlock()
	if err != nil {
		return err
	}
	if after != nil {
		return after(call)
	}
	return nil
}

// Get implements cluster.Backend.
func (c *Cluster) Get(ctx context.Context, kind cluster.Kind, namespace, name string) (got manifest.Object, err error) {
	call := cluster.Call{Verb: "get", Kind: kind, Namespace: namespace, Name: name}
	err = c.serve(ctx, call, func() error {
		o, ok := c.objects[key{kind, namespace, name}]
		if !ok {
			return cluster.NewError(cluster.NotFound, call, "", nil)
		}
		got = o.DeepCopy()
		return nil
	})
	return only(got, err)
}

// List implements cluster.Backend.
func (c *Cluster) List(ctx context.Context, kind cluster.Kind, namespace, selector string) (found []manifest.Object,
	err error) {
	call := cluster.Call{Verb: "list", Kind: kind, Namespace: namespace, Name: selector}
	wanted, parseErr := labels.Parse(selector)
	err = c.serve(ctx, call, func() error {
		if parseErr != nil {
			return cluster.NewError(cluster.Refused, call, "", parseErr)
		}
		found = c.match(func(k key, o manifest.Object) bool {
			return k.kind == kind && k.namespace == namespace && wanted.Matches(labelsOf(o))
		})
		return nil
	})
	if err != nil {
		return nil, err
	}
	return found, nil
}

// labelSet are the labels of an object as they are kept: lists look at many objects.
type labelSet map[string]any

func labelsOf(o manifest.Object) labelSet {
	found, _, _ := unstructured.NestedFieldNoCopy(o.Object, "metadata", "labels")
	set, _ := found.(map[string]any)
	return set
}

// Has implements labels.Labels.
func (s labelSet) Has(label string) bool { _, ok := s[label]; return ok }

// Get implements labels.Labels.
func (s labelSet) Get(label string) string { value, _ := s[label].(string); return value }

// Lookup implements labels.Labels.
func (s labelSet) Lookup(label string) (string, bool) { return s.Get(label), s.Has(label) }

// Create implements cluster.Backend.
func (c *Cluster) Create(ctx context.Context, in manifest.Object) (got manifest.Object, err error) {
	k := keyOf(in)
	call := cluster.Call{Verb: "create", Kind: k.kind, Namespace: k.namespace, Name: k.name}
	err = c.serve(ctx, call, func() error {
		if _, ok := c.objects[k]; ok {
			return cluster.NewError(cluster.AlreadyExists, call, "", nil)
		}
		o := in.DeepCopy()
		c.uids++
		n := c.uids
		if c.Descending {
			n = 999_999_999_999 - n
		}
		o.SetUID(types.UID(fmt.Sprintf("00000000-0000-4000-8000-%012d", n)))
		o.SetGeneration(1)
		c.stamp(o)
		o.SetCreationTimestamp(metav1.NewTime(c.now))
		c.objects[k] = o
		got = o.DeepCopy()
		return nil
	})
	return only(got, err)
}

// Update implements cluster.Backend.
func (c *Cluster) Update(ctx context.Context, in manifest.Object) (got manifest.Object, err error) {
	k := keyOf(in)
	call := cluster.Call{Verb: "update", Kind: k.kind, Namespace: k.namespace, Name: k.name}
	err = c.serve(ctx, call, func() error {
		old, ok := c.objects[k]
		if !ok {
			return cluster.NewError(cluster.NotFound, call, "", nil)
		}
		if v := in.GetResourceVersion(); v != "" && v != old.GetResourceVersion() {
			return cluster.NewError(cluster.Conflict, call, "", errors.New("the object has been modified"))
		}
		if u := in.GetUID(); u != "" && u != old.GetUID() {
			return cluster.NewError(cluster.Conflict, call, "", errors.New("the UID in the precondition does not match"))
		}
		got = c.replace(k, old, in.DeepCopy())
		return nil
	})
	return only(got, err)
}

// Patch implements cluster.Backend.
func (c *Cluster) Patch(ctx context.Context, kind cluster.Kind, namespace, name string,
	patch []byte) (got manifest.Object, err error) {
	k := key{kind, namespace, name}
	call := cluster.Call{Verb: "patch", Kind: kind, Namespace: namespace, Name: name}
	err = c.serve(ctx, call, func() error {
		old, ok := c.objects[k]
		if !ok {
			return cluster.NewError(cluster.NotFound, call, "", nil)
		}
		merged, err := merge(old, patch)
		if err != nil {
			return cluster.NewError(cluster.Refused, call, "", err)
		}
		if merged.GetResourceVersion() != old.GetResourceVersion() {
			return cluster.NewError(cluster.Conflict, call, "", errors.New("the object has been modified"))
		}
		got = c.replace(k, old, merged)
		return nil
	})
	return only(got, err)
}

// Delete implements cluster.Backend.
func (c *Cluster) Delete(ctx context.Context, kind cluster.Kind, namespace, name, uid string) error {
	k := key{kind, namespace, name}
	call := cluster.Call{Verb: "delete", Kind: kind, Namespace: namespace, Name: name}
	return c.serve(ctx, call, func() error {
		old, ok := c.objects[k]
		if !ok {
			return cluster.NewError(cluster.NotFound, call, "", nil)
		}
		if uid != "" && uid != string(old.GetUID()) {
			return cluster.NewError(cluster.Conflict, call, "", errors.New("the UID in the precondition does not match"))
		}
		c.discard(k, old)
		return nil
	})
}

// discard deletes an object, or marks one that finalizers hold.
func (c *Cluster) discard(k key, o manifest.Object) {
	if len(o.GetFinalizers()) == 0 {
		c.remove(k, o)
		return
	}
	if o.GetDeletionTimestamp() == nil {
		c.stamp(o)
		now := metav1.NewTime(c.now)
		o.SetDeletionTimestamp(&now)
	}
}

// replace stores next in place of old, keeping what only the server writes.
func (c *Cluster) replace(k key, old, next manifest.Object) manifest.Object {
	next.SetUID(old.GetUID())
	next.SetCreationTimestamp(old.GetCreationTimestamp())
	next.SetDeletionTimestamp(old.GetDeletionTimestamp())
	next.SetGeneration(old.GetGeneration())
	next.SetResourceVersion(old.GetResourceVersion())
	if reflect.DeepEqual(old.Object, next.Object) {
		return old.DeepCopy()
	}
	if !reflect.DeepEqual(content(old), content(next)) {
		next.SetGeneration(old.GetGeneration() + 1)
	}
	c.stamp(next)
	if next.GetDeletionTimestamp() != nil && len(next.GetFinalizers()) == 0 {
		c.remove(k, old)
		return next.DeepCopy()
	}
	c.objects[k] = next
	return next.DeepCopy()
}

// content is all but metadata: custom resources without a status subresource
// count every change in it as a new generation.
func content(o manifest.Object) map[string]any {
	all := map[string]any{}
	for name, v := range o.Object {
		if name != "metadata" {
			all[name] = v
		}
	}
	return all
}

// remove deletes an object and what it owns.
func (c *Cluster) remove(k key, o manifest.Object) {
	delete(c.objects, k)
	c.stamp(o)
	for owned, child := range c.objects {
		for _, owner := range child.GetOwnerReferences() {
			if owner.UID == o.GetUID() && owned.namespace == k.namespace {
				c.discard(owned, child)
				break
			}
		}
	}
}

func (c *Cluster) stamp(o manifest.Object) {
	c.version++
	if !c.Frozen {
		c.now = c.now.Add(time.Second)
	}
	o.SetResourceVersion(strconv.FormatInt(c.version, 10))
}

func merge(old manifest.Object, patch []byte) (manifest.Object, error) {
	before, err := json.Marshal(old.Object)
	if err != nil {
		return nil, err
	}
	after, err := jsonpatch.MergePatch(before, patch)
	if err != nil {
		return nil, err
	}
	next := &unstructured.Unstructured{}
	return next, next.UnmarshalJSON(after)
}

func keyOf(o manifest.Object) key {
	return key{cluster.Kind(o.GetKind()), o.GetNamespace(), o.GetName()}
}

// only drops the object of a failed call: the caller never saw it.
func only(o manifest.Object, err error) (manifest.Object, error) {
	if err != nil {
		return nil, err
	}
	return o, nil
}
