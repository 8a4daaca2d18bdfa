// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package jobschema

import "encoding/json"

// JSONSchema is the table as a JSON Schema (draft 2020-12) of job files in
// HCL's JSON form, for editors. It is indented and ends with a newline.
func JSONSchema() ([]byte, error) {
	defaults, body := bodySchema(Job()), bodySchema(Job())
	properties, _ := body["properties"].(map[string]any)
	properties["for_each"] = map[string]any{
		"anyOf":       []any{map[string]any{"type": "object"}, map[string]any{"$ref": "#/$defs/expression"}},
		"description": "A map or a set of strings: one job for each element.",
	}
	schema := map[string]any{
		"$schema":              "https://json-schema.org/draft/2020-12/schema",
		"title":                "Backfill job file",
		"type":                 "object",
		"additionalProperties": false,
		"properties": map[string]any{
			"variable": map[string]any{
				"type":                 "object",
				"description":          "Variables by name.",
				"additionalProperties": variableSchema(),
			},
			"locals": map[string]any{
				"type":        "object",
				"description": "Named values.",
			},
			"defaults": describedSchema(defaults, "Values for attributes that a job does not set."),
			"job": map[string]any{
				"type":                 "object",
				"description":          "Jobs by name.",
				"additionalProperties": body,
			},
		},
		"$defs": map[string]any{
			"expression": map[string]any{
				"type":        "string",
				"pattern":     `\$\{`,
				"description": "An expression, such as ${var.size}.",
			},
		},
	}
	data, err := json.MarshalIndent(schema, "", "  ")
	if err != nil {
		return nil, err
	}
	return append(data, '\n'), nil
}

func variableSchema() map[string]any {
	return map[string]any{
		"type":                 "object",
		"additionalProperties": false,
		"properties": map[string]any{
			"type":        map[string]any{"type": "string", "description": "Type constraint, such as number or list(string)."},
			"default":     map[string]any{"description": "Value when none is given."},
			"description": map[string]any{"type": "string"},
			"sensitive":   map[string]any{"type": "boolean"},
			"validation":  listOf(validationSchema()),
		},
	}
}

func validationSchema() map[string]any {
	return map[string]any{
		"type":                 "object",
		"additionalProperties": false,
		"required":             []string{"condition", "error_message"},
		"properties": map[string]any{
			"condition":     map[string]any{"$ref": "#/$defs/expression"},
			"error_message": map[string]any{"type": "string"},
		},
	}
}

// listOf is one block or a list of blocks, as in HCL's JSON form.
func listOf(schema map[string]any) map[string]any {
	return map[string]any{"anyOf": []any{schema, map[string]any{"type": "array", "items": schema}}}
}

func describedSchema(schema map[string]any, description string) map[string]any {
	schema["description"] = description
	return schema
}

// bodySchema is objectSchema without required attributes, because the module's
// defaults may set them.
func bodySchema(attrs []Attribute) map[string]any {
	schema := objectSchema(attrs)
	delete(schema, "required")
	return schema
}

func objectSchema(attrs []Attribute) map[string]any {
	properties, required := map[string]any{}, []string{}
	for _, a := range attrs {
		if a.Label || a.Moved != "" {
			continue
		}
		properties[a.Name] = a.schema()
		if a.Required {
			required = append(required, a.Name)
		}
	}
	schema := map[string]any{"type": "object", "additionalProperties": false, "properties": properties}
	if len(required) > 0 {
		schema["required"] = required
	}
	return schema
}

// schema is the schema of an attribute's value. Plain values may be written as
// an expression in a string.
func (a Attribute) schema() map[string]any {
	schema := a.valueSchema()
	if schema["type"] != "string" || len(a.Enum) > 0 {
		schema = map[string]any{"anyOf": []any{schema, map[string]any{"$ref": "#/$defs/expression"}}}
	}
	schema["description"] = a.Doc
	if a.Default != "" {
		schema["default"] = a.defaultValue()
	}
	return schema
}

func (a Attribute) valueSchema() map[string]any {
	text := map[string]any{"type": "string"}
	if len(a.Enum) > 0 {
		text["enum"] = a.Enum
	}
	integer := map[string]any{"type": "integer"}
	switch a.Kind {
	case Int:
		if a.Bounds != nil {
			integer["minimum"], integer["maximum"] = a.Bounds.Min, a.Bounds.Max
		}
		return integer
	case Bool:
		return map[string]any{"type": "boolean"}
	case StringList:
		return map[string]any{"type": "array", "items": text}
	case IntList:
		return map[string]any{"type": "array", "items": integer}
	case StringMap:
		return map[string]any{"type": "object", "additionalProperties": text}
	case Object:
		return bodySchema(a.Attributes)
	case ObjectList:
		return map[string]any{"type": "array", "items": objectSchema(a.Attributes)}
	case ObjectMap:
		return map[string]any{"type": "object", "additionalProperties": objectSchema(a.Attributes)}
	case Dynamic:
		return map[string]any{}
	}
	return text
}

// defaultValue is the default as JSON; defaults of numbers and booleans are not
// quoted.
func (a Attribute) defaultValue() any {
	if a.Kind == Int || a.Kind == Bool {
		return json.RawMessage(a.Default)
	}
	return a.Default
}
