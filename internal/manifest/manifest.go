// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

// Package manifest holds Kubernetes objects as values: a fixed order,
// deterministic YAML and JSON, and digests.
//
// It knows no kind of object in particular and talks to no cluster.
package manifest

import (
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// Object is a Kubernetes object as plain JSON values.
type Object = *unstructured.Unstructured

// Encode writes objects as a YAML stream ("yaml") or a v1 List ("json"),
// byte-identical for equal objects.
func Encode(objects []Object, format string) ([]byte, error) { return nil, nil }

// Digest is a short, stable hash (10 characters of [a-z0-9]) of any JSON value.
func Digest(v any) (string, error) { return "", nil }
