// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package read

import (
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/manifest"
)

// node and list are JSON values under construction. Numbers are int64, as
// unstructured objects want them.
type (
	node = map[string]any
	list = []any
)

func newObject(apiVersion, kind, namespace, name string, labels map[string]string, annotations node) manifest.Object {
	metadata := node{"name": name, "namespace": namespace, "labels": toAny(labels)}
	if len(annotations) > 0 {
		metadata["annotations"] = annotations
	}
	return &unstructured.Unstructured{Object: node{"apiVersion": apiVersion, "kind": kind, "metadata": metadata}}
}

func toAny(m map[string]string) node {
	out := make(node, len(m))
	for k, v := range m {
		out[k] = v
	}
	return out
}
