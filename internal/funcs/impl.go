// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package funcs

import (
	"crypto/md5"  //nolint:gosec // offered for checksums, and documented as such
	"crypto/sha1" //nolint:gosec // offered for checksums, and documented as such
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"net/url"
	"path"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"
	"github.com/zclconf/go-cty/cty/function"
	"github.com/zclconf/go-cty/cty/function/stdlib"
)

// onTexts makes a function of texts.
func onTexts(result cty.Type, names []string, f func(args []string) (cty.Value, error)) function.Function {
	params := make([]function.Parameter, len(names))
	for i, n := range names {
		params[i] = function.Parameter{Name: n, Type: cty.String}
	}
	return function.New(&function.Spec{
		Params: params,
		Type:   function.StaticReturnType(result),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			texts := make([]string, len(args))
			for i, a := range args {
				texts[i] = a.AsString()
			}
			return f(texts)
		},
	})
}

func predicate(f func(s, other string) bool) function.Function {
	return onTexts(cty.Bool, []string{"text", "other"}, func(a []string) (cty.Value, error) {
		return cty.BoolVal(f(a[0], a[1])), nil
	})
}

var (
	startsWith  = predicate(strings.HasPrefix)
	endsWith    = predicate(strings.HasSuffix)
	strContains = predicate(strings.Contains)
)

func textToText(f func(s string) (string, error)) function.Function {
	return onTexts(cty.String, []string{"text"}, func(a []string) (cty.Value, error) {
		s, err := f(a[0])
		return cty.StringVal(s), err
	})
}

func base64Of(sum []byte) (string, error) { return base64.StdEncoding.EncodeToString(sum), nil }

func hexOf(sum []byte) (string, error) { return hex.EncodeToString(sum), nil }

var (
	//nolint:gosec // a checksum
	md5Hash = textToText(func(s string) (string, error) { h := md5.Sum([]byte(s)); return hexOf(h[:]) })
	//nolint:gosec // a checksum
	sha1Hash     = textToText(func(s string) (string, error) { h := sha1.Sum([]byte(s)); return hexOf(h[:]) })
	sha256Hash   = textToText(func(s string) (string, error) { h := sha256.Sum256([]byte(s)); return hexOf(h[:]) })
	sha512Hash   = textToText(func(s string) (string, error) { h := sha512.Sum512([]byte(s)); return hexOf(h[:]) })
	base64SHA256 = textToText(func(s string) (string, error) { h := sha256.Sum256([]byte(s)); return base64Of(h[:]) })
	base64SHA512 = textToText(func(s string) (string, error) { h := sha512.Sum512([]byte(s)); return base64Of(h[:]) })
	baseName     = textToText(func(s string) (string, error) { return path.Base(s), nil })
	dirName      = textToText(func(s string) (string, error) { return path.Dir(s), nil })
	urlEncode    = textToText(func(s string) (string, error) { return url.QueryEscape(s), nil })
	base64Encode = textToText(func(s string) (string, error) { return base64.StdEncoding.EncodeToString([]byte(s)), nil })
	base64Decode = textToText(func(s string) (string, error) {
		b, err := base64.StdEncoding.DecodeString(s)
		if err != nil {
			return "", errors.New("the text is not Base64")
		}
		if !utf8.Valid(b) {
			return "", errors.New("the decoded bytes are not UTF-8 text")
		}
		return string(b), nil
	})
)

// replace replaces a text, or the matches of a regular expression between slashes.
var replace = function.New(&function.Spec{
	Params: []function.Parameter{{Name: "text", Type: cty.String}, {Name: "search", Type: cty.String},
		{Name: "replacement", Type: cty.String}},
	Type: function.StaticReturnType(cty.String),
	Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
		search := args[1].AsString()
		if isPattern(search) {
			return stdlib.RegexReplace(args[0], cty.StringVal(search[1:len(search)-1]), args[2])
		}
		return stdlib.Replace(args[0], args[1], args[2])
	},
})

// maxIndent limits the number of spaces that indent adds to each line.
const maxIndent = 1000

var indent = function.New(&function.Spec{
	Params: []function.Parameter{{Name: "spaces", Type: cty.Number}, {Name: "text", Type: cty.String}},
	Type:   function.StaticReturnType(cty.String),
	Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
		n, exact := args[0].AsBigFloat().Int64()
		if exact != 0 || n < 0 || n > maxIndent {
			return cty.NilVal, function.NewArgErrorf(0, "must be a whole number from 0 to %d", maxIndent)
		}
		return stdlib.Indent(args[0], args[1])
	},
})

// collection is a parameter that takes any list, tuple or set.
var collection = function.Parameter{Name: "list", Type: cty.DynamicPseudoType}

// elements lists the members of a collection.
func elements(v cty.Value) ([]cty.Value, error) {
	ty := v.Type()
	if !ty.IsListType() && !ty.IsTupleType() && !ty.IsSetType() {
		return nil, function.NewArgErrorf(0, "must be a list or a set")
	}
	return v.AsValueSlice(), nil
}

func logical(neutral bool) function.Function {
	return function.New(&function.Spec{
		Params: []function.Parameter{collection},
		Type:   function.StaticReturnType(cty.Bool),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			members, err := elements(args[0])
			if err != nil {
				return cty.NilVal, err
			}
			unknown := false
			for _, m := range members {
				b, err := convert.Convert(m, cty.Bool)
				switch {
				case err != nil || b.IsNull():
					return cty.NilVal, function.NewArgErrorf(0, "every element must be true or false")
				case !b.IsKnown():
					unknown = true
				case b.True() != neutral:
					return cty.BoolVal(!neutral), nil
				}
			}
			if unknown {
				return cty.UnknownVal(cty.Bool), nil
			}
			return cty.BoolVal(neutral), nil
		},
	})
}

var allTrue, anyTrue = logical(true), logical(false)

var index = function.New(&function.Spec{
	Params: []function.Parameter{collection, {Name: "value", Type: cty.DynamicPseudoType}},
	Type:   function.StaticReturnType(cty.Number),
	Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
		members, err := elements(args[0])
		if err != nil {
			return cty.NilVal, err
		}
		for i, m := range members {
			equal, err := stdlib.Equal(m, args[1])
			switch {
			case err != nil:
				return cty.NilVal, err
			case !equal.IsKnown():
				return cty.UnknownVal(cty.Number), nil
			case equal.True():
				return cty.NumberIntVal(int64(i)), nil
			}
		}
		return cty.NilVal, function.NewArgErrorf(1, "is not in the list")
	},
})

var length = function.New(&function.Spec{
	Params: []function.Parameter{{Name: "value", Type: cty.DynamicPseudoType, AllowUnknown: true, AllowDynamicType: true}},
	Type:   function.StaticReturnType(cty.Number),
	Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
		v := args[0]
		switch ty := v.Type(); {
		case ty == cty.DynamicPseudoType:
			return cty.UnknownVal(cty.Number), nil
		case ty == cty.String:
			return stdlib.Strlen(v)
		case ty.IsObjectType():
			return cty.NumberIntVal(int64(len(ty.AttributeTypes()))), nil
		}
		return stdlib.Length(v)
	},
})

var one = function.New(&function.Spec{
	Params: []function.Parameter{collection},
	Type: func(args []cty.Value) (cty.Type, error) {
		ty := args[0].Type()
		switch {
		case ty.IsListType(), ty.IsSetType():
			return ty.ElementType(), nil
		case ty.IsTupleType() && ty.Length() == 1:
			return ty.TupleElementType(0), nil
		case ty.IsTupleType() && ty.Length() == 0:
			return cty.DynamicPseudoType, nil
		}
		return cty.NilType, function.NewArgErrorf(0, "must be a list or set with at most one element")
	},
	Impl: func(args []cty.Value, want cty.Type) (cty.Value, error) {
		members, err := elements(args[0])
		switch {
		case err != nil:
			return cty.NilVal, err
		case len(members) > 1:
			return cty.NilVal, function.NewArgErrorf(0, "must be a list or set with at most one element")
		case len(members) == 0:
			return cty.NullVal(want), nil
		}
		return members[0], nil
	},
})

var sum = function.New(&function.Spec{
	Params: []function.Parameter{collection},
	Type:   function.StaticReturnType(cty.Number),
	Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
		members, err := elements(args[0])
		if err != nil {
			return cty.NilVal, err
		}
		total := cty.Zero
		for _, m := range members {
			n, err := convert.Convert(m, cty.Number)
			if err != nil || n.IsNull() {
				return cty.NilVal, function.NewArgErrorf(0, "every element must be a number")
			}
			total = total.Add(n)
		}
		return total, nil
	},
})

// maxProduct limits the number of combinations of setproduct.
const maxProduct = 100_000

// setProduct is the function of stdlib with a limit: a few long lists have more
// combinations than fit in memory.
var setProduct = function.New(&function.Spec{
	VarParam: &function.Parameter{Name: "lists", Type: cty.DynamicPseudoType},
	Type: func(args []cty.Value) (cty.Type, error) {
		count := 1
		for i, a := range args {
			if !a.IsKnown() || !a.CanIterateElements() {
				continue
			}
			count *= a.LengthInt()
			if count > maxProduct {
				return cty.NilType, function.NewArgErrorf(i, "the lists have more than %d combinations", maxProduct)
			}
		}
		return stdlib.SetProductFunc.ReturnTypeForValues(args)
	},
	Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) { return stdlib.SetProduct(args...) },
})

var timeCmp = onTexts(cty.Number, []string{"a", "b"}, func(a []string) (cty.Value, error) {
	var t [2]time.Time
	for i, s := range a {
		var err error
		if t[i], err = time.Parse(time.RFC3339, s); err != nil {
			return cty.NilVal, function.NewArgError(i, fmt.Errorf("%q is not an RFC 3339 time such as 2026-03-29T10:00:00Z", s))
		}
	}
	return cty.NumberIntVal(int64(t[0].Compare(t[1]))), nil
})
