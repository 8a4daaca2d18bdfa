// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package jobschema

import (
	"encoding/json"
	"strings"
	"testing"
)

// Every attribute of the table, at any depth, is in every view.
func TestViewsHoldTheWholeTable(t *testing.T) {
	data, err := JSONSchema()
	if err != nil {
		t.Fatal(err)
	}
	var schema struct {
		Properties struct {
			Job struct{ AdditionalProperties map[string]any }
		}
	}
	if err := json.Unmarshal(data, &schema); err != nil {
		t.Fatal(err)
	}
	reference := Reference()
	var walk func(path string, attrs []Attribute, node map[string]any)
	walk = func(path string, attrs []Attribute, node map[string]any) {
		properties, _ := node["properties"].(map[string]any)
		for _, a := range attrs {
			if a.Label || a.Moved != "" {
				continue
			}
			child, ok := properties[a.Name].(map[string]any)
			if !ok {
				t.Errorf("%s.%s is not in the JSON Schema", path, a.Name)
				continue
			}
			if !strings.Contains(reference, "- `"+a.Name+"`: "+a.Doc) {
				t.Errorf("%s.%s is not in the reference", path, a.Name)
			}
			if len(a.Attributes) == 0 {
				continue
			}
			nested, _ := child["anyOf"].([]any)[0].(map[string]any)
			switch a.Kind {
			case ObjectList:
				nested, _ = nested["items"].(map[string]any)
			case ObjectMap:
				nested, _ = nested["additionalProperties"].(map[string]any)
			}
			walk(path+"."+a.Name, a.Attributes, nested)
		}
	}
	walk("job", Job(), schema.Properties.Job.AdditionalProperties)
}

func TestEveryClassHasAnEffect(t *testing.T) {
	explained := map[EditClass]bool{}
	for _, e := range effects {
		explained[e.class] = e.effect != ""
	}
	var walk func(attrs []Attribute)
	walk = func(attrs []Attribute) {
		for _, a := range attrs {
			if !explained[a.Class] {
				t.Errorf("%s has the class %q, which the reference does not explain", a.Name, a.Class)
			}
			walk(a.Attributes)
		}
	}
	walk(Job())
}
