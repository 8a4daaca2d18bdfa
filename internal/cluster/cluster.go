// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

// Package cluster is the Kubernetes backend behind one small interface.
//
// It maps API errors to a few kinds and retries what may be retried; it knows
// nothing of jobs, and does no discovery: the kinds it can name are constants.
package cluster

import (
	"context"

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

// Backend reads and writes objects. Errors satisfy the Is… functions of this
// package.
type Backend interface {
	Get(ctx context.Context, kind Kind, namespace, name string) (manifest.Object, error)
	// List returns all objects that match a label selector, reading pages.
	List(ctx context.Context, kind Kind, namespace, selector string) ([]manifest.Object, error)
	Create(ctx context.Context, o manifest.Object) (manifest.Object, error)
	// Update replaces an object; it fails with a conflict when the object's
	// resourceVersion is not the current one.
	Update(ctx context.Context, o manifest.Object) (manifest.Object, error)
	// Patch applies a JSON merge patch.
	Patch(ctx context.Context, kind Kind, namespace, name string, patch []byte) (manifest.Object, error)
	// Delete removes an object; uid, when not empty, must match.
	Delete(ctx context.Context, kind Kind, namespace, name, uid string) error
}
