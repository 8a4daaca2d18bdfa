// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

// Package cluster is the Kubernetes backend behind one small interface, Backend.
//
// Client is the Backend of a real cluster. Connect makes it from a Config, which
// always names the cluster explicitly: no kubeconfig is used by default, and a
// backfill cannot run in the wrong cluster by accident. WithRetry adds retries of
// transient failures.
//
// Every error is an *Error. Its Reason is one of a few constants, and its Summary
// and Detail are messages for the user, with the next step. Messages never contain
// credentials: neither those of the Config nor the output of a credential plugin.
//
// A call may have taken effect although its response was lost. All calls can
// therefore be repeated: callers choose the names, updates carry a resourceVersion,
// and patches and deletions are idempotent.
//
// The package knows nothing about jobs and does no discovery: its kinds are
// constants, and jobs can be planned before Argo is installed.
package cluster

import (
	"context"

	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/manifest"
)

// Kind is a kind of object.
type Kind string

// The kinds of object.
const (
	ConfigMap        Kind = "ConfigMap"
	Workflow         Kind = "Workflow"
	WorkflowTemplate Kind = "WorkflowTemplate"
	Pod              Kind = "Pod" // only listed
)

// Backend reads and writes objects. Errors are of type *Error and satisfy the
// Is… functions of this package.
type Backend interface {
	Get(ctx context.Context, kind Kind, namespace, name string) (manifest.Object, error)
	// List returns all objects that match a label selector, reading pages.
	List(ctx context.Context, kind Kind, namespace, selector string) ([]manifest.Object, error)
	// Create adds an object. It may be retried after a lost response: then the
	// caller gets "already exists" for its own object.
	Create(ctx context.Context, o manifest.Object) (manifest.Object, error)
	// Update replaces an object. It fails with a conflict if the object's
	// resourceVersion is not current. After a lost response, the conflict may
	// be with the caller's own write.
	Update(ctx context.Context, o manifest.Object) (manifest.Object, error)
	// Patch applies a JSON merge patch.
	Patch(ctx context.Context, kind Kind, namespace, name string, patch []byte) (manifest.Object, error)
	// Delete removes an object. If uid is not empty and does not match, the
	// error is a conflict. Owned objects are deleted in the background.
	Delete(ctx context.Context, kind Kind, namespace, name, uid string) error
}

// resources are the API resources of the kinds.
// See internal/decisions/0028-no-discovery.md.
var resources = map[Kind]schema.GroupVersionResource{
	ConfigMap:        {Version: "v1", Resource: "configmaps"},
	Workflow:         {Group: "argoproj.io", Version: "v1alpha1", Resource: "workflows"},
	WorkflowTemplate: {Group: "argoproj.io", Version: "v1alpha1", Resource: "workflowtemplates"},
	Pod:              {Version: "v1", Resource: "pods"},
}

// Resource returns the API resource of a kind. It panics for an unknown kind.
func Resource(kind Kind) schema.GroupVersionResource {
	r, ok := resources[kind]
	if !ok {
		panic("cluster: unknown kind " + string(kind))
	}
	return r
}
