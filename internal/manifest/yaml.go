// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package manifest

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/text"
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
	return text.EscapeQuoted(out.Bytes()), nil
}

// readable is a value with quotes around what must not be written as it is: each text
// of several lines of which the first begins with a tab, and each text that is to be
// escaped. The library writes the former as blocks, which it can read itself, but
// kubectl takes the tab for indentation and refuses the document.
func readable(v any) any {
	switch v := v.(type) {
	case map[string]any:
		if keys := slices.Sorted(maps.Keys(v)); slices.ContainsFunc(keys, isQuoted) {
			return quotedMapping(keys, v)
		}
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
		if isQuoted(v) {
			return quoted(v)
		}
	}
	return v
}

func isQuoted(s string) bool {
	return strings.HasPrefix(s, "\t") && strings.Contains(s, "\n") || !text.Plain(s)
}

func quoted(s string) *yaml.Node {
	return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Style: yaml.DoubleQuotedStyle, Value: s}
}

// quotedMapping is a mapping with quotes around its keys.
func quotedMapping(keys []string, of map[string]any) any {
	out := &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map"}
	for _, key := range keys {
		var value yaml.Node
		if err := value.Encode(readable(of[key])); err != nil {
			return of // the encoder tells of it
		}
		out.Content = append(out.Content, quoted(key), &value)
	}
	return out
}
