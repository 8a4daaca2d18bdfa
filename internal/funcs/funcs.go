// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

// Package funcs contains the functions of the job language, each with its
// documentation and a tested example.
//
// They are pure: they always return the same result for the same arguments.
// Functions that read files are in package lang, which knows the module.
// Functions that would read a clock or return random values are rejected with
// advice.
package funcs

import (
	"fmt"
	"slices"
	"strings"

	ctyyaml "github.com/zclconf/go-cty-yaml"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"
	"github.com/zclconf/go-cty/cty/function/stdlib"
)

// Function is one function with its documentation.
type Function struct {
	Name string
	// Group is the heading under which the reference lists it.
	Group       string
	Description string
	// Example is a call in the language, and Result its result, written as an
	// expression.
	Example, Result string
	Impl            function.Function
}

// All lists the functions in documentation order.
func All() []Function {
	return slices.Concat(texts(), collections(), numbers(), encodings(), hashes(), times(), conversions())
}

func texts() []Function {
	const g = "Text"
	return []Function{
		{"basename", g, "Returns the last element of a path.", `basename("in/orders.csv")`, `"orders.csv"`, baseName},
		{"chomp", g, "Removes newlines from the end of a text.", `chomp("a\n")`, `"a"`, stdlib.ChompFunc},
		{"dirname", g, "Returns a path without its last element.", `dirname("in/2026/orders.csv")`, `"in/2026"`, dirName},
		{"endswith", g, "Returns whether a text ends with another.", `endswith("orders.csv", ".csv")`, `true`, endsWith},
		{"format", g, "Formats values with verbs such as %s, %d and %05d.", `format("%s-%03d", "part", 7)`, `"part-007"`,
			stdlib.FormatFunc},
		{"formatlist", g, "Applies format to each element of lists.", `formatlist("db-%s", ["a", "b"])`,
			`["db-a", "db-b"]`, stdlib.FormatListFunc},
		{"indent", g, "Adds spaces at the start of all lines except the first.", `indent(2, "a\nb")`, `"a\n  b"`, indent},
		{"join", g, "Joins texts with a separator.", `join(",", ["a", "b"])`, `"a,b"`, stdlib.JoinFunc},
		{"lower", g, "Converts letters to lower case.", `lower("ABC")`, `"abc"`, stdlib.LowerFunc},
		{"regex", g, "Returns the first match of a regular expression (RE2), with groups as a list or an object.",
			`regex("[0-9]+", "ab12")`, `"12"`, stdlib.RegexFunc},
		{"regexall", g, "Returns all matches of a regular expression.", `regexall("[a-z]", "a1b2")`, `["a", "b"]`,
			stdlib.RegexAllFunc},
		{"replace", g, "Replaces every occurrence of a text, or of a regular expression between slashes.",
			`replace("a-b", "/[^a-z]/", "_")`, `"a_b"`, replace},
		{"split", g, "Splits a text at a separator.", `split(",", "a,b")`, `["a", "b"]`, stdlib.SplitFunc},
		{"startswith", g, "Returns whether a text starts with another.", `startswith("orders", "ord")`, `true`, startsWith},
		{"strcontains", g, "Returns whether a text contains another.", `strcontains("orders", "der")`, `true`, strContains},
		{"strrev", g, "Reverses the characters of a text.", `strrev("abc")`, `"cba"`, stdlib.ReverseFunc},
		{"substr", g, "Returns a part of a text by offset and length in characters.", `substr("orders", 0, 3)`, `"ord"`,
			stdlib.SubstrFunc},
		{"title", g, "Converts the first letter of each word to upper case.", `title("new orders")`, `"New Orders"`,
			stdlib.TitleFunc},
		{"trim", g, "Removes a set of characters from both ends.", `trim("?a?", "?")`, `"a"`, stdlib.TrimFunc},
		{"trimprefix", g, "Removes a text from the start.", `trimprefix("v1.2", "v")`, `"1.2"`, stdlib.TrimPrefixFunc},
		{"trimspace", g, "Removes white space from both ends.", `trimspace(" a ")`, `"a"`, stdlib.TrimSpaceFunc},
		{"trimsuffix", g, "Removes a text from the end.", `trimsuffix("a.csv", ".csv")`, `"a"`, stdlib.TrimSuffixFunc},
		{"upper", g, "Converts letters to upper case.", `upper("abc")`, `"ABC"`, stdlib.UpperFunc},
	}
}

func collections() []Function {
	const g = "Collections"
	return []Function{
		{"alltrue", g, "Returns whether all elements are true.", `alltrue([true, false])`, `false`, allTrue},
		{"anytrue", g, "Returns whether any element is true.", `anytrue([true, false])`, `true`, anyTrue},
		{"chunklist", g, "Splits a list into lists of a given size.", `chunklist(["a", "b", "c"], 2)`,
			`[["a", "b"], ["c"]]`, stdlib.ChunklistFunc},
		{"coalesce", g, "Returns the first argument that is not null and not an empty text.", `coalesce(null, "", "b")`,
			`"b"`, coalesce},
		{"coalescelist", g, "Returns the first list that is not empty.", `coalescelist([], ["b"])`, `["b"]`,
			stdlib.CoalesceListFunc},
		{"compact", g, "Removes empty texts and nulls from a list.", `compact(["a", "", "b"])`, `["a", "b"]`,
			stdlib.CompactFunc},
		{"concat", g, "Concatenates lists.", `concat(["a"], ["b"])`, `["a", "b"]`, stdlib.ConcatFunc},
		{"contains", g, "Returns whether a list contains an element.", `contains(["a", "b"], "a")`, `true`,
			stdlib.ContainsFunc},
		{"distinct", g, "Removes repeated elements.", `distinct(["a", "b", "a"])`, `["a", "b"]`, distinct},
		{"element", g, "Returns an element by position, wrapping around at the end.", `element(["a", "b"], 2)`, `"a"`,
			stdlib.ElementFunc},
		{"flatten", g, "Replaces lists inside a list with their elements.", `flatten([["a"], ["b", "c"]])`,
			`["a", "b", "c"]`, stdlib.FlattenFunc},
		{"index", g, "Returns the position of an element in a list.", `index(["a", "b"], "b")`, `1`, index},
		{"keys", g, "Returns the keys of a map, sorted.", `keys({ b = 1, a = 2 })`, `["a", "b"]`, stdlib.KeysFunc},
		{"length", g, "Counts the elements of a collection or the characters of a text.", `length(["a", "b"])`, `2`, length},
		{"lookup", g, "Returns an element of a map, or a fallback if there is none.", `lookup({ a = "x" }, "b", "none")`,
			`"none"`, stdlib.LookupFunc},
		{"matchkeys", g, "Returns the elements of a list whose keys, at the same position in a second list, are in a " +
			"third list.", `matchkeys(["a", "b", "c"], ["x", "y", "x"], ["x"])`, `["a", "c"]`, matchKeys},
		{"merge", g, "Merges maps. Later maps take precedence.", `merge({ a = 1 }, { a = 2, b = 3 })`, `{ a = 2, b = 3 }`,
			stdlib.MergeFunc},
		{"one", g, "Returns the only element of a collection, or null if it is empty.", `one(["a"])`, `"a"`, one},
		{"range", g, "Returns a list of numbers from a start up to but not including a limit, at most 1,024.", `range(3)`,
			`[0, 1, 2]`, stdlib.RangeFunc},
		{"reverse", g, "Reverses a list.", `reverse(["a", "b"])`, `["b", "a"]`, stdlib.ReverseListFunc},
		{"setintersection", g, "Returns the elements that all sets have in common.",
			`setintersection(["a", "b"], ["b", "c"])`, `toset(["b"])`, stdlib.SetIntersectionFunc},
		{"setproduct", g, "Returns all combinations of elements, at most 100,000.", `setproduct(["a", "b"], ["x"])`,
			`[["a", "x"], ["b", "x"]]`, setProduct},
		{"setsubtract", g, "Returns the elements of the first set that are not in the second.",
			`setsubtract(["a", "b"], ["b"])`, `toset(["a"])`, stdlib.SetSubtractFunc},
		{"setunion", g, "Returns the elements of all sets.", `setunion(["a"], ["b"])`, `toset(["a", "b"])`,
			stdlib.SetUnionFunc},
		{"slice", g, "Returns the elements from one position up to but not including another.",
			`slice(["a", "b", "c"], 1, 2)`, `["b"]`, stdlib.SliceFunc},
		{"sort", g, "Sorts texts by their characters.", `sort(["b", "a"])`, `["a", "b"]`, stdlib.SortFunc},
		{"sum", g, "Adds numbers.", `sum([1, 2, 3])`, `6`, sum},
		{"transpose", g, "Swaps keys and elements of a map of lists.", `transpose({ a = ["x", "y"], b = ["y"] })`,
			`{ x = ["a"], y = ["a", "b"] }`, transpose},
		{"values", g, "Returns the values of a map in the order of its keys.", `values({ b = 1, a = 2 })`, `[2, 1]`,
			stdlib.ValuesFunc},
		{"zipmap", g, "Makes a map from a list of keys and a list of values.", `zipmap(["a", "b"], [1, 2])`,
			`{ a = 1, b = 2 }`, stdlib.ZipmapFunc},
	}
}

func numbers() []Function {
	const g = "Numbers"
	return []Function{
		{"abs", g, "Returns the absolute value of a number.", `abs(-3)`, `3`, stdlib.AbsoluteFunc},
		{"ceil", g, "Rounds up.", `ceil(1.2)`, `2`, stdlib.CeilFunc},
		{"floor", g, "Rounds down.", `floor(1.8)`, `1`, stdlib.FloorFunc},
		{"log", g, "Returns the logarithm of a number to a base.", `log(8, 2)`, `3`, stdlib.LogFunc},
		{"max", g, "Returns the greatest number.", `max(1, 3, 2)`, `3`, stdlib.MaxFunc},
		{"min", g, "Returns the smallest number.", `min(1, 3, 2)`, `1`, stdlib.MinFunc},
		{"parseint", g, "Parses a whole number in a base from 2 to 62.", `parseint("ff", 16)`, `255`, stdlib.ParseIntFunc},
		{"pow", g, "Raises a number to a power.", `pow(2, 10)`, `1024`, stdlib.PowFunc},
		{"signum", g, "Returns -1, 0 or 1 for the sign of a number.", `signum(-13)`, `-1`, stdlib.SignumFunc},
	}
}

func encodings() []Function {
	const g = "Encoding"
	return []Function{
		{"base64decode", g, "Decodes Base64 to text, which must be UTF-8.", `base64decode("w6k=")`, `"é"`, base64Decode},
		{"base64encode", g, "Encodes text as Base64.", `base64encode("é")`, `"w6k="`, base64Encode},
		{"csvdecode", g, "Decodes comma-separated values with a header line to a list of objects.",
			`csvdecode("a,b\n1,2")`, `[{ a = "1", b = "2" }]`, stdlib.CSVDecodeFunc},
		{"jsondecode", g, "Decodes JSON.", `jsondecode("{\"a\": [1]}")`, `{ a = [1] }`, stdlib.JSONDecodeFunc},
		{"jsonencode", g, "Encodes a value as JSON.", `jsonencode({ a = [1] })`, `"{\"a\":[1]}"`, stdlib.JSONEncodeFunc},
		{"urlencode", g, "Encodes text for a URL query.", `urlencode("a b&c")`, `"a+b%26c"`, urlEncode},
		{"yamldecode", g, "Decodes YAML, limited to types that JSON has.", `yamldecode("a: [1]")`, `{ a = [1] }`,
			ctyyaml.YAMLDecodeFunc},
		{"yamlencode", g, "Encodes a value as YAML.", `yamlencode({ a = 1 })`, `"\"a\": 1\n"`, ctyyaml.YAMLEncodeFunc},
	}
}

func hashes() []Function {
	const g = "Hashes"
	return []Function{
		{"base64sha256", g, "Returns the SHA-256 hash in Base64.", `base64sha256("a")`,
			`"ypeBEsobvcr6wjGzmiPcTaeG7/gUfE5yuYB3ha/uSLs="`, base64SHA256},
		{"base64sha512", g, "Returns the SHA-512 hash in Base64.", `substr(base64sha512("a"), 0, 16)`,
			`"H0D8ktokFpR1CXnu"`, base64SHA512},
		{"md5", g, "Returns the MD5 hash in hexadecimal; not for security.", `md5("a")`,
			`"0cc175b9c0f1b6a831c399e269772661"`, md5Hash},
		{"sha1", g, "Returns the SHA-1 hash in hexadecimal; not for security.", `sha1("a")`,
			`"86f7e437faa5a7fce15d1ddcb9eaeaea377667b8"`, sha1Hash},
		{"sha256", g, "Returns the SHA-256 hash in hexadecimal.", `sha256("a")`,
			`"ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb"`, sha256Hash},
		{"sha512", g, "Returns the SHA-512 hash in hexadecimal.", `substr(sha512("a"), 0, 16)`, `"1f40fc92da241694"`,
			sha512Hash},
	}
}

func times() []Function {
	const g = "Dates and times"
	return append([]Function{
		{"formatdate", g, "Formats an RFC 3339 time.", `formatdate("YYYY-MM", "2026-03-29T10:00:00Z")`, `"2026-03"`,
			stdlib.FormatDateFunc},
		{"timeadd", g, "Adds a duration to an RFC 3339 time.", `timeadd("2026-03-29T10:00:00Z", "-24h")`,
			`"2026-03-28T10:00:00Z"`, stdlib.TimeAddFunc},
		{"timecmp", g, "Compares two RFC 3339 times: -1, 0 or 1.",
			`timecmp("2026-01-01T00:00:00Z", "2026-01-01T01:00:00+01:00")`, `0`, timeCmp},
	}, refused()...)
}

// collectionTypes are those of the functions that only convert to a collection.
var collectionTypes = map[string]cty.Type{
	"tolist": cty.List(cty.DynamicPseudoType),
	"tomap":  cty.Map(cty.DynamicPseudoType),
	"toset":  cty.Set(cty.DynamicPseudoType),
}

// Converts returns the type of collection to which a function converts its argument,
// and false for all other functions.
func Converts(name string) (cty.Type, bool) {
	ty, ok := collectionTypes[name]
	return ty, ok
}

func conversions() []Function {
	const g = "Types"
	to := func(ty cty.Type) function.Function { return stdlib.MakeToFunc(ty) }
	return []Function{
		{"can", g, "Returns whether an expression can be evaluated.", `can(tonumber("x"))`, `false`, can},
		{"tobool", g, "Converts to true or false.", `tobool("true")`, `true`, to(cty.Bool)},
		{"tolist", g, "Converts to a list.", `tolist(["a", "b"])[1]`, `"b"`, to(collectionTypes["tolist"])},
		{"tomap", g, "Converts to a map.", `tomap({ a = 1 })["a"]`, `1`, to(collectionTypes["tomap"])},
		{"tonumber", g, "Converts to a number.", `tonumber("12")`, `12`, to(cty.Number)},
		{"toset", g, "Converts to a set, without order and duplicates.", `length(toset(["a", "a"]))`, `1`,
			to(collectionTypes["toset"])},
		{"tostring", g, "Converts to text.", `tostring(12)`, `"12"`, to(cty.String)},
		{"try", g, "Returns the first of several expressions that can be evaluated.", `try(tonumber("x"), 0)`, `0`, try},
	}
}

// refused are functions of Terraform that would return a different result at every
// compilation.
func refused() []Function {
	const asOf = "declare a variable for it and pass the time, for example -var as_of=2026-01-01T00:00:00Z"
	out := []Function{}
	for name, advice := range map[string]string{
		"timestamp": asOf, "plantimestamp": asOf,
		"uuid":   "declare a variable for it and pass the value",
		"bcrypt": "keep the hash in a Secret",
	} {
		out = append(out, Function{
			Name: name, Group: "Dates and times",
			Description: "Not available, because it returns a different value each time, and a job must compile to identical " +
				"bytes: " + advice + ".",
			Impl: refuse(name, advice),
		})
	}
	slices.SortFunc(out, func(a, b Function) int { return strings.Compare(a.Name, b.Name) })
	return out
}

func refuse(name, advice string) function.Function {
	return function.New(&function.Spec{
		VarParam: &function.Parameter{
			Name:             "arguments",
			Type:             cty.DynamicPseudoType,
			AllowNull:        true,
			AllowUnknown:     true,
			AllowDynamicType: true,
			AllowMarked:      true,
		},
		Type: func([]cty.Value) (cty.Type, error) {
			return cty.NilType, fmt.Errorf("%s returns a different value each time, and a job must compile to identical "+
				"bytes; %s", name, advice)
		},
	})
}
