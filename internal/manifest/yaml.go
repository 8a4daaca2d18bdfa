// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package manifest

import (
	"bytes"
	"fmt"
	"strings"

	"go.yaml.in/yaml/v3"
)

// encodeYAML writes one document for each object. The encoder keeps all events
// of what it has written until it ends, so each document has one of its own.
//
// The writer of kubectl's library, sigs.k8s.io/yaml, folds long lines and
// refuses some characters; this one does neither, and puts into quotes whatever
// older YAML would read as something else than text.
// See internal/decisions/0031-yaml-by-a-library.md.
func encodeYAML(objects []Object) ([]byte, error) {
	var out bytes.Buffer
	out.Grow(usualSize * len(objects))
	for i, o := range objects {
		if i > 0 {
			out.WriteString("---\n")
		}
		encoder := yaml.NewEncoder(&out)
		encoder.SetIndent(2)
		if err := encoder.Encode(readable(o.Object)); err != nil {
			return nil, fmt.Errorf("writing %s as YAML: %w", describe(o), err)
		}
		if err := encoder.Close(); err != nil {
			return nil, fmt.Errorf("ending %s as YAML: %w", describe(o), err)
		}
	}
	return out.Bytes(), nil
}

// readable is a value with quotes around each text of several lines of which the
// first begins with a tab. The library writes those as blocks, which it can read
// itself, but kubectl takes the tab for indentation and refuses the document.
func readable(v any) any {
	switch v := v.(type) {
	case map[string]any:
		out := make(map[string]any, len(v))
		for key, value := range v {
			out[key] = readable(value)
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, item := range v {
			out[i] = readable(item)
		}
		return out
	case string:
		if strings.HasPrefix(v, "\t") && strings.Contains(v, "\n") {
			return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Style: yaml.DoubleQuotedStyle, Value: v}
		}
	}
	return v
}
