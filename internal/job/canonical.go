// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package job

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/big"

	"github.com/zclconf/go-cty/cty"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/jobschema"
)

// Canonical is the declaration as the record stores it: JSON of v without nulls,
// with sorted keys, byte-identical for equal declarations. Whole numbers are
// written without an exponent. It fails if part of v is unknown, or if a number
// is not a 64-bit integer.
func Canonical(v cty.Value) ([]byte, error) {
	if !v.IsWhollyKnown() {
		return nil, errors.New("the declaration has unknown parts")
	}
	plain, err := toPlain(v)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(plain); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

// toPlain converts a value for encoding/json, which sorts maps.
func toPlain(v cty.Value) (any, error) {
	ty := v.Type()
	switch {
	case v.IsNull():
		return nil, nil
	case ty == cty.String:
		return v.AsString(), nil
	case ty == cty.Bool:
		return v.True(), nil
	case ty == cty.Number:
		i, exact := v.AsBigFloat().Int64()
		if exact != big.Exact {
			return nil, errors.New("a number is not whole or does not fit in 64 bits")
		}
		return i, nil
	case ty.IsObjectType(), ty.IsMapType():
		out := map[string]any{}
		for it := v.ElementIterator(); it.Next(); {
			k, e := it.Element()
			if e.IsNull() && ty.IsObjectType() {
				continue
			}
			p, err := toPlain(e)
			if err != nil {
				return nil, err
			}
			out[k.AsString()] = p
		}
		return out, nil
	case ty.IsListType(), ty.IsTupleType(), ty.IsSetType():
		out := []any{}
		for it := v.ElementIterator(); it.Next(); {
			_, e := it.Element()
			p, err := toPlain(e)
			if err != nil {
				return nil, err
			}
			out = append(out, p)
		}
		return out, nil
	}
	return nil, fmt.Errorf("a declaration cannot contain %s", ty.FriendlyName())
}

// ParseCanonical reads what Canonical wrote, to a value of the table's type.
// It rejects attributes that the table lacks: a record of a newer version must not
// be read without them.
func ParseCanonical(data []byte) (cty.Value, error) {
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber()
	var plain any
	if err := dec.Decode(&plain); err != nil {
		return cty.NilVal, fmt.Errorf("the recorded declaration is not JSON: %w", err)
	}
	if _, err := dec.Token(); err != io.EOF {
		return cty.NilVal, errors.New("the recorded declaration has trailing data")
	}
	return fromPlainObject(jobschema.Job(), plain, "")
}

func fromPlainObject(attrs []jobschema.Attribute, plain any, where string) (cty.Value, error) {
	m, ok := plain.(map[string]any)
	if !ok {
		return cty.NilVal, fmt.Errorf("the recorded declaration has no object at %q", where)
	}
	values := map[string]cty.Value{}
	for _, a := range attrs {
		values[a.Name] = cty.NullVal(a.Type())
	}
	for _, name := range sortedAny(m) {
		a, ok := jobschema.Find(attrs, name)
		if !ok {
			return cty.NilVal, fmt.Errorf("the recorded declaration has an attribute %q, which this version does not know",
				where+name)
		}
		v, err := fromPlain(a, m[name], where+name)
		if err != nil {
			return cty.NilVal, err
		}
		values[name] = v
	}
	return cty.ObjectVal(values), nil
}

func fromPlain(a jobschema.Attribute, plain any, where string) (cty.Value, error) {
	if plain == nil {
		return cty.NullVal(a.Type()), nil
	}
	switch a.Kind {
	case jobschema.Dynamic:
		return fromAny(plain)
	case jobschema.Object:
		return fromPlainObject(a.Attributes, plain, where+".")
	case jobschema.StringList, jobschema.IntList, jobschema.ObjectList:
		return fromPlainList(a, plain, where)
	case jobschema.StringMap, jobschema.ObjectMap:
		return fromPlainMap(a, plain, where)
	case jobschema.String:
		if s, ok := plain.(string); ok {
			return cty.StringVal(s), nil
		}
	case jobschema.Bool:
		if b, ok := plain.(bool); ok {
			return cty.BoolVal(b), nil
		}
	case jobschema.Int:
		if n, ok := plain.(json.Number); ok {
			i, err := n.Int64()
			if err != nil {
				return cty.NilVal, fmt.Errorf("the recorded declaration has %q at %q, which is not a 64-bit whole number", n, where)
			}
			return cty.NumberIntVal(i), nil
		}
	}
	return cty.NilVal, fmt.Errorf("the recorded declaration has a %T at %q", plain, where)
}

// fromAny reads a value of any type.
func fromAny(plain any) (cty.Value, error) {
	switch p := plain.(type) {
	case string:
		return cty.StringVal(p), nil
	case bool:
		return cty.BoolVal(p), nil
	case json.Number:
		i, err := p.Int64()
		return cty.NumberIntVal(i), err
	case []any:
		values := []cty.Value{}
		for _, e := range p {
			v, err := fromAny(e)
			if err != nil {
				return cty.NilVal, err
			}
			values = append(values, v)
		}
		return cty.TupleVal(values), nil
	case map[string]any:
		values := map[string]cty.Value{}
		for k, e := range p {
			v, err := fromAny(e)
			if err != nil {
				return cty.NilVal, err
			}
			if !v.IsNull() {
				values[k] = v
			}
		}
		return cty.ObjectVal(values), nil
	}
	return cty.NullVal(cty.DynamicPseudoType), nil
}

func fromPlainList(a jobschema.Attribute, plain any, where string) (cty.Value, error) {
	list, ok := plain.([]any)
	if !ok {
		return cty.NilVal, fmt.Errorf("the recorded declaration has no list at %q", where)
	}
	element := a.Element()
	var values []cty.Value
	for i, p := range list {
		v, err := fromPlain(element, p, fmt.Sprintf("%s[%d]", where, i))
		if err != nil {
			return cty.NilVal, err
		}
		values = append(values, v)
	}
	if len(values) == 0 {
		return cty.ListValEmpty(element.Type()), nil
	}
	return cty.ListVal(values), nil
}

func fromPlainMap(a jobschema.Attribute, plain any, where string) (cty.Value, error) {
	m, ok := plain.(map[string]any)
	if !ok {
		return cty.NilVal, fmt.Errorf("the recorded declaration has no map at %q", where)
	}
	element := a.Element()
	values := map[string]cty.Value{}
	for _, k := range sortedAny(m) {
		v, err := fromPlain(element, m[k], fmt.Sprintf("%s[%q]", where, k))
		if err != nil {
			return cty.NilVal, err
		}
		values[k] = v
	}
	if len(values) == 0 {
		return cty.MapValEmpty(element.Type()), nil
	}
	return cty.MapVal(values), nil
}
