// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

// Package bootstrap fills a new API server with what a cluster for backfills
// holds from the start: Argo's CRDs and roles, its configuration, the service
// accounts of backfills, and the node agent's role.
//
// Everything is applied server-side and may be applied again. The package
// starts nothing and installs no controller.
package bootstrap

import (
	"context"
	"embed"
	"fmt"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"
)

//go:embed manifests/*.yaml
var manifests embed.FS

// fieldManager owns the fields that this package sets.
const fieldManager = "devcluster"

// argoNamespace is where Argo's controller has its configuration.
const argoNamespace = "argo"

// Sources are directories of Argo's own manifests.
type Sources struct {
	// CRDs holds the custom resource definitions.
	CRDs string
	// ControllerRBAC holds the roles and bindings of the controller.
	ControllerRBAC string
}

// Apply brings the objects into the cluster and returns when Argo's resources
// are served. config must belong to an administrator.
func Apply(ctx context.Context, config *rest.Config, sources Sources) error {
	config = rest.CopyConfig(config)
	config.QPS, config.Burst = 200, 200
	client, err := dynamic.NewForConfig(config)
	if err != nil {
		return fmt.Errorf("make a client: %w", err)
	}
	crds, err := readDir(sources.CRDs)
	if err != nil {
		return err
	}
	objects, err := ownObjects()
	if err != nil {
		return err
	}
	roles, err := readDir(sources.ControllerRBAC)
	if err != nil {
		return err
	}
	for _, role := range roles {
		completeNamespace(role)
	}
	a := applier{client}
	if err := a.all(ctx, crds); err != nil {
		return err
	}
	if err := a.all(ctx, append(objects, roles...)); err != nil {
		return err
	}
	return a.waitEstablished(ctx, crds)
}

// ownObjects are the embedded manifests, in the order in which they can be
// applied: a namespace comes before what it holds.
func ownObjects() ([]*unstructured.Unstructured, error) {
	var objects []*unstructured.Unstructured
	for _, name := range []string{"argo.yaml", "jobs.yaml", "node-agent.yaml"} {
		raw, err := manifests.ReadFile("manifests/" + name)
		if err != nil {
			return nil, fmt.Errorf("read an embedded manifest: %w", err)
		}
		parsed, err := parse(raw)
		if err != nil {
			return nil, fmt.Errorf("parse %s: %w", name, err)
		}
		objects = append(objects, parsed...)
	}
	return objects, nil
}

// completeNamespace does for Argo's role manifests what kustomize does in
// Argo's own installation: namespaced objects and the service accounts named as
// subjects get the controller's namespace.
func completeNamespace(object *unstructured.Unstructured) {
	switch object.GetKind() {
	case "Role", "RoleBinding":
		object.SetNamespace(argoNamespace)
	}
	subjects, found, _ := unstructured.NestedSlice(object.Object, "subjects")
	if !found {
		return
	}
	for _, s := range subjects {
		if subject, ok := s.(map[string]any); ok && subject["kind"] == "ServiceAccount" {
			subject["namespace"] = argoNamespace
		}
	}
	object.Object["subjects"] = subjects
}

// resources maps the kinds that occur here to their resources, so that nothing
// has to be discovered.
var resources = map[string]string{
	"ClusterRole":              "clusterroles",
	"ClusterRoleBinding":       "clusterrolebindings",
	"ConfigMap":                "configmaps",
	"CustomResourceDefinition": "customresourcedefinitions",
	"Namespace":                "namespaces",
	"Role":                     "roles",
	"RoleBinding":              "rolebindings",
	"ServiceAccount":           "serviceaccounts",
}

func resourceOf(object *unstructured.Unstructured) (schema.GroupVersionResource, error) {
	resource, ok := resources[object.GetKind()]
	if !ok {
		return schema.GroupVersionResource{}, fmt.Errorf("do not know the resource of kind %q", object.GetKind())
	}
	return object.GroupVersionKind().GroupVersion().WithResource(resource), nil
}

type applier struct{ client dynamic.Interface }

func (a applier) all(ctx context.Context, objects []*unstructured.Unstructured) error {
	for _, object := range objects {
		if err := a.one(ctx, object); err != nil {
			return fmt.Errorf("apply %s %s: %w", object.GetKind(), object.GetName(), err)
		}
	}
	return nil
}

// one applies an object. A young API server refuses some objects for a moment,
// while it makes its own; that is waited for.
func (a applier) one(ctx context.Context, object *unstructured.Unstructured) error {
	gvr, err := resourceOf(object)
	if err != nil {
		return err
	}
	client := a.client.Resource(gvr).Namespace(object.GetNamespace())
	options := metav1.ApplyOptions{FieldManager: fieldManager, Force: true}
	for {
		_, err = client.Apply(ctx, object.GetName(), object, options)
		if err == nil || !transient(err) {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(retryPause):
		}
	}
}

const retryPause = 100 * time.Millisecond

func transient(err error) bool {
	return apierrors.IsNotFound(err) || apierrors.IsServerTimeout(err) || apierrors.IsTimeout(err) ||
		apierrors.IsTooManyRequests(err) || apierrors.IsServiceUnavailable(err) || apierrors.IsConflict(err)
}

func (a applier) waitEstablished(ctx context.Context, crds []*unstructured.Unstructured) error {
	for _, crd := range crds {
		gvr, err := resourceOf(crd)
		if err != nil {
			return err
		}
		for {
			current, err := a.client.Resource(gvr).Get(ctx, crd.GetName(), metav1.GetOptions{})
			if err != nil {
				return fmt.Errorf("read the CustomResourceDefinition %s: %w", crd.GetName(), err)
			}
			if established(current) {
				break
			}
			select {
			case <-ctx.Done():
				return fmt.Errorf("the CustomResourceDefinition %s is not served in time: %w", crd.GetName(), ctx.Err())
			case <-time.After(retryPause):
			}
		}
	}
	return nil
}

func established(crd *unstructured.Unstructured) bool {
	conditions, _, _ := unstructured.NestedSlice(crd.Object, "status", "conditions")
	for _, c := range conditions {
		condition, ok := c.(map[string]any)
		if ok && condition["type"] == "Established" {
			return condition["status"] == "True"
		}
	}
	return false
}
