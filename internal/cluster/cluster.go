// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

// Package cluster is the Kubernetes backend behind one small interface.
//
// It maps API errors to a few kinds and retries what may be retried; it knows
// nothing of jobs, and does no discovery: the kinds it can name are constants.
package cluster

import (
	"context"

	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/manifest"
)

// Kind names a kind of object this program handles.
type Kind string

// The kinds of object.
const (
	ConfigMap        Kind = "ConfigMap"
	Workflow         Kind = "Workflow"
	WorkflowTemplate Kind = "WorkflowTemplate"
)

// Backend reads and writes objects. Errors are of type *Error and satisfy the
// Is… functions of this package.
type Backend interface {
	Get(ctx context.Context, kind Kind, namespace, name string) (manifest.Object, error)
	// List returns all objects that match a label selector, reading pages.
	List(ctx context.Context, kind Kind, namespace, selector string) ([]manifest.Object, error)
	// Create adds an object. It may be tried again after an answer was lost:
	// then the caller meets its own object as "already exists".
	Create(ctx context.Context, o manifest.Object) (manifest.Object, error)
	// Update replaces an object; it fails with a conflict when the object's
	// resourceVersion is not the current one. After a lost answer the conflict
	// may be with the caller's own write.
	Update(ctx context.Context, o manifest.Object) (manifest.Object, error)
	// Patch applies a JSON merge patch.
	Patch(ctx context.Context, kind Kind, namespace, name string, patch []byte) (manifest.Object, error)
	// Delete removes an object; uid, when not empty, must match, else the error
	// is a conflict. What the object owns goes in the background.
	Delete(ctx context.Context, kind Kind, namespace, name, uid string) error
}

// resources are the API resources of the kinds; being constants, they need no
// discovery, and jobs can be planned before Argo is installed.
var resources = map[Kind]schema.GroupVersionResource{
	ConfigMap:        {Version: "v1", Resource: "configmaps"},
	Workflow:         {Group: "argoproj.io", Version: "v1alpha1", Resource: "workflows"},
	WorkflowTemplate: {Group: "argoproj.io", Version: "v1alpha1", Resource: "workflowtemplates"},
}

// Resource returns the API resource of a kind; it panics for a kind that is
// not one of the constants of this package.
func Resource(kind Kind) schema.GroupVersionResource {
	r, ok := resources[kind]
	if !ok {
		panic("cluster: unknown kind " + string(kind))
	}
	return r
}
