// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

// Package manifest holds Kubernetes objects as values: a fixed order,
// deterministic YAML and JSON, and digests.
//
// It knows no kind of object in particular and talks to no cluster.
package manifest

import (
	"bytes"
	"crypto/sha256"
	"encoding/base32"
	"encoding/json"
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/text"
)

// usualSize is about the size of an object of ours, in bytes.
const usualSize = 8 << 10

// Object is a Kubernetes object as plain JSON values.
type Object = *unstructured.Unstructured

// Encode writes objects as a YAML stream ("yaml") or a v1 List ("json"),
// byte-identical for equal objects: mapping keys are sorted, the order of the
// objects is kept.
func Encode(objects []Object, format string) ([]byte, error) {
	switch format {
	case "yaml":
		return encodeYAML(objects)
	case "json":
		return encodeJSON(objects)
	}
	return nil, fmt.Errorf("manifests can be written as yaml or json, not as %q", format)
}

func encodeJSON(objects []Object) ([]byte, error) {
	items := make([]any, len(objects))
	for i, o := range objects {
		items[i] = o.Object
	}
	list := map[string]any{"apiVersion": "v1", "kind": "List", "items": items}
	var out bytes.Buffer
	if err := text.WriteJSON(&out, list, "  "); err != nil {
		return nil, fmt.Errorf("writing manifests as JSON: %w", err)
	}
	return out.Bytes(), nil
}

// Decode reads what Encode wrote, or any YAML stream or JSON object or List of
// Kubernetes objects. Empty documents are skipped. An error names the document.
func Decode(data []byte) ([]Object, error) {
	var objects []Object
	for i, document := range documents(data) {
		plain := document
		// JSON may hold characters that YAML forbids.
		if !json.Valid(document) {
			var err error
			if plain, err = yaml.YAMLToJSONStrict(document); err != nil {
				return nil, fmt.Errorf("document %d is not YAML: %w", i+1, err)
			}
		}
		if string(bytes.TrimSpace(plain)) == "null" {
			continue
		}
		var o unstructured.Unstructured
		if err := o.UnmarshalJSON(plain); err != nil {
			return nil, fmt.Errorf("document %d is not a Kubernetes object: %w", i+1, err)
		}
		if !o.IsList() {
			objects = append(objects, &o)
			continue
		}
		list, err := o.ToList()
		if err != nil {
			return nil, fmt.Errorf("document %d is not a List of Kubernetes objects: %w", i+1, err)
		}
		for k := range list.Items {
			objects = append(objects, &list.Items[k])
		}
	}
	return objects, nil
}

// documents splits a YAML stream at its `---` lines. Inside block text such a
// line is always indented, so the split is safe for what Encode writes.
func documents(data []byte) [][]byte {
	var parts [][]byte
	var current bytes.Buffer
	for line := range bytes.Lines(data) {
		if mark := bytes.TrimRight(line, "\r\n\t "); string(mark) == "---" {
			parts = append(parts, bytes.Clone(current.Bytes()))
			current.Reset()
			continue
		}
		current.Write(line)
	}
	return append(parts, current.Bytes())
}

// AppendJSON appends a value as encoding/json writes it.
func AppendJSON(out []byte, v any) ([]byte, error) {
	written, err := json.Marshal(v)
	return append(out, written...), err
}

// Digest is a short, stable hash (10 characters of [a-z2-7]) of any JSON value.
// It does not depend on the order of mapping keys.
func Digest(v any) (string, error) {
	written, err := json.Marshal(v)
	if err != nil {
		return "", fmt.Errorf("hashing a value that has no JSON form: %w", err)
	}
	sum := sha256.Sum256(written)
	return strings.ToLower(base32.StdEncoding.EncodeToString(sum[:]))[:10], nil
}

func describe(o Object) string { return o.GetKind() + " " + o.GetName() }
