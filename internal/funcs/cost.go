// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package funcs

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"regexp"
	"regexp/syntax"
	"slices"
	"strconv"
	"strings"

	"github.com/zclconf/go-cty/cty"
)

// Cost is an upper bound of what a call takes, beyond looking at its arguments once.
type Cost struct {
	Text  int64 // bytes of text that the result may have
	Steps int64 // elements that are made or compared
}

// CostOf returns the cost of a call before it is made. Most functions return less
// than they are given: for them it is zero. It returns an error for calls that are
// refused whatever is left. Arguments may be of any type, marked, null or unknown.
func CostOf(name string, args []cty.Value) (Cost, error) {
	if f := costs[name]; f != nil {
		return f(args)
	}
	return Cost{}, nil
}

var costs = map[string]func([]cty.Value) (Cost, error){
	"format":          func(args []cty.Value) (Cost, error) { return formatCost(args, 1), nil },
	"formatlist":      formatListCost,
	"join":            joinCost,
	"replace":         replaceCost,
	"regex":           func(args []cty.Value) (Cost, error) { return patternCost(textAt(args, 0), textAt(args, 1)) },
	"regexall":        func(args []cty.Value) (Cost, error) { return patternCost(textAt(args, 0), textAt(args, 1)) },
	"indent":          indentCost,
	"parseint":        parseIntCost,
	"tonumber":        parseIntCost,
	"jsonencode":      func(args []cty.Value) (Cost, error) { return encodeCost(args, 6), nil },
	"yamlencode":      func(args []cty.Value) (Cost, error) { return encodeCost(args, 12), nil },
	"jsondecode":      jsonCost,
	"yamldecode":      yamlCost,
	"csvdecode":       func(args []cty.Value) (Cost, error) { return Cost{Steps: int64(len(textAt(args, 0)) / 2)}, nil },
	"setproduct":      productCost,
	"matchkeys":       matchKeysCost,
	"coalesce":        unifyingCost,
	"concat":          concatCost,
	"setunion":        setCost,
	"setsubtract":     setCost,
	"distinct":        setCost,
	"contains":        func(args []cty.Value) (Cost, error) { return compareCost(args), nil },
	"index":           func(args []cty.Value) (Cost, error) { return compareCost(args), nil },
	"setintersection": setCost,
}

// plainAt is an argument without marks, or a null if there is nothing to measure.
func plainAt(args []cty.Value, i int) cty.Value {
	if i >= len(args) {
		return cty.NullVal(cty.DynamicPseudoType)
	}
	v, _ := args[i].Unmark()
	if !v.IsKnown() {
		return cty.NullVal(cty.DynamicPseudoType)
	}
	return v
}

func textAt(args []cty.Value, i int) string {
	v := plainAt(args, i)
	if v.IsNull() || v.Type() != cty.String {
		return ""
	}
	return v.AsString()
}

func lengthAt(args []cty.Value, i int) int64 {
	v := plainAt(args, i)
	if v.IsNull() || !v.CanIterateElements() {
		return 1
	}
	return int64(v.LengthInt())
}

// unlimited measures all of a value that has already been found to be small enough.
var unlimited = Size{Elements: math.MaxInt64, Text: math.MaxInt64, Depth: math.MaxInt64}

// sizes measures all arguments together.
func sizes(args []cty.Value) Size {
	var all Size
	for _, a := range args {
		s := Measure(a, unlimited)
		all.Elements, all.Text, all.Depth = all.Elements+s.Elements, all.Text+s.Text, max(all.Depth, s.Depth)
	}
	return all
}

// bytesOfNumber is more than a number of the language takes as text.
const bytesOfNumber = 420

var widths = regexp.MustCompile(`[0-9]+`)

// formatCost assumes that every verb writes the largest argument at the greatest
// width.
func formatCost(args []cty.Value, times int64) Cost {
	pattern := textAt(args, 0)
	verbs, widest := int64(strings.Count(pattern, "%")), int64(0)
	for _, digits := range widths.FindAllString(pattern, -1) {
		n, err := strconv.ParseInt(digits, 10, 32)
		if err != nil {
			n = math.MaxInt32
		}
		widest = max(widest, n)
	}
	largest := int64(bytesOfNumber)
	for _, a := range args[min(1, len(args)):] {
		largest = max(largest, encodeCost([]cty.Value{a}, 6).Text)
	}
	return Cost{Text: saturated(times, saturated(verbs, widest+largest)+int64(len(pattern)))}
}

// formatListCost is formatCost for the longest list, whose elements are the
// arguments.
func formatListCost(args []cty.Value) (Cost, error) {
	longest := int64(1)
	for i := range args {
		longest = max(longest, lengthAt(args, i))
	}
	c := formatCost(args[:min(1, len(args))], longest)
	for _, a := range args[min(1, len(args)):] {
		element := encodeCost([]cty.Value{a}, 6).Text
		if v := plainAt([]cty.Value{a}, 0); v.Type() == cty.String || v.IsNull() {
			element = saturated(element, longest)
		}
		c.Text += saturated(element, int64(strings.Count(textAt(args, 0), "%")))
	}
	return c, nil
}

// saturated multiplies without overflow.
func saturated(a, b int64) int64 {
	if a > 0 && b > math.MaxInt32*int64(math.MaxInt16)/a {
		return math.MaxInt32 * int64(math.MaxInt16)
	}
	return a * b
}

func joinCost(args []cty.Value) (Cost, error) {
	count := int64(0)
	for i := range args {
		count += lengthAt(args, i)
	}
	return Cost{Text: saturated(int64(len(textAt(args, 0))), count)}, nil
}

func replaceCost(args []cty.Value) (Cost, error) {
	text, search, replacement := textAt(args, 0), textAt(args, 1), textAt(args, 2)
	if !isPattern(search) {
		return Cost{Text: saturated(int64(strings.Count(text, search)), int64(len(replacement))) + int64(len(text))}, nil
	}
	c, err := patternCost(search[1:len(search)-1], text)
	// How often it matches is known later: see replace. A reference to a group
	// repeats at most the whole text.
	c.Text = saturated(int64(strings.Count(replacement, "$")+1), int64(len(text)))
	return c, err
}

// isPattern is true for the text between slashes that replace takes as a regular
// expression.
func isPattern(search string) bool {
	return len(search) > 1 && strings.HasPrefix(search, "/") && strings.HasSuffix(search, "/")
}

// Limits of regular expressions. Repetitions within each other multiply.
const (
	maxPattern      = 4096
	maxInstructions = 20_000
	// matchesPerStep is how often in a step a character meets an instruction.
	matchesPerStep = 50
)

// patternCost is that of finding one match.
func patternCost(pattern, text string) (Cost, error) {
	if len(pattern) > maxPattern {
		return Cost{}, fmt.Errorf("the regular expression has more than %d bytes", maxPattern)
	}
	parsed, err := syntax.Parse(pattern, syntax.Perl)
	if err != nil {
		return Cost{}, nil //nolint:nilerr // the function itself reports it
	}
	program, err := syntax.Compile(parsed.Simplify())
	if err != nil {
		return Cost{}, nil //nolint:nilerr // the function itself reports it
	}
	n := int64(len(program.Inst))
	if n > maxInstructions {
		return Cost{}, fmt.Errorf("the regular expression is too complex: its repetitions expand to %d instructions, and "+
			"the maximum is %d", n, maxInstructions)
	}
	return Cost{Steps: n + saturated(n, int64(len(text)))/matchesPerStep}, nil
}

func indentCost(args []cty.Value) (Cost, error) {
	return Cost{Text: saturated(int64(strings.Count(textAt(args, 1), "\n")+1), maxIndent) / 8}, nil
}

// maxDigits limits the text of a number. Reading it takes time that grows with the
// square of its length.
const maxDigits = 1000

func parseIntCost(args []cty.Value) (Cost, error) {
	if len(textAt(args, 0)) > maxDigits {
		return Cost{}, errDigits
	}
	return Cost{}, nil
}

var errDigits = fmt.Errorf("a text of more than %d bytes is not a number", maxDigits)

// encodeCost assumes that every byte is escaped, and every line indented.
func encodeCost(args []cty.Value, growth int64) Cost {
	s := sizes(args)
	return Cost{Text: saturated(s.Text, min(growth, 6)) + saturated(s.Elements, growth+2*min(s.Depth, 64))}
}

// maxLevels limits lists and objects within each other in text that is decoded.
const maxLevels = 200

func jsonCost(args []cty.Value) (Cost, error) {
	text := textAt(args, 0)
	decoder := json.NewDecoder(strings.NewReader(text))
	decoder.UseNumber()
	level, tokens := 0, int64(0)
	for {
		token, err := decoder.Token()
		if err != nil {
			if err == io.EOF {
				break
			}
			return Cost{Steps: tokens}, nil // the function itself reports it
		}
		tokens++
		switch t := token.(type) {
		case json.Delim:
			if t == '{' || t == '[' {
				level++
			} else {
				level--
			}
		case json.Number:
			if len(t) > maxDigits || hugeNumber(t.String()) {
				return Cost{}, errHugeNumber
			}
		}
		if level > maxLevels {
			return Cost{}, errLevels
		}
	}
	return Cost{Steps: 2 * tokens}, nil
}

var (
	errHugeNumber = fmt.Errorf("the text contains a number that is too large")
	errLevels     = fmt.Errorf("more than %d lists or objects are nested in the text", maxLevels)
)

// hugeNumber is true for an exponent of more than three digits.
func hugeNumber(number string) bool {
	at := strings.IndexAny(number, "eE")
	return at >= 0 && len(bytes.TrimLeft([]byte(number[at+1:]), "+-0")) > 3
}

// productCost includes that of finding the type of a tuple's elements.
func productCost(args []cty.Value) (Cost, error) {
	count, c := int64(1), Cost{}
	for i, a := range args {
		count = saturated(count, lengthAt(args, i))
		if a.Type().IsTupleType() {
			c.Steps += unifying(a.Type())
		}
	}
	c.Steps += saturated(count, int64(len(args)+1))
	return c, nil
}

// matchKeysCost is that of comparing each key with all that are wanted.
func matchKeysCost(args []cty.Value) (Cost, error) {
	keys := sizes(args[min(1, len(args)):min(2, len(args))])
	return Cost{Steps: saturated(keys.Elements+keys.Text/bytesPerComparison, lengthAt(args, 2))}, nil
}

// bytesPerComparison is how many bytes are compared in the time of a step.
const bytesPerComparison = 1024

// unifyingCost is that of finding the type that all arguments have in common.
func unifyingCost(args []cty.Value) (Cost, error) {
	return Cost{Steps: unifying(typesOf(args)...)}, nil
}

// CostOfDefaults is how many steps it takes HCL to replace missing attributes within
// a value: it finds the type that the elements of each list have in common.
func CostOfDefaults(v cty.Value) int64 {
	ty := v.Type()
	if !v.IsKnown() || v.IsNull() || ty.IsPrimitiveType() || ty.IsCapsuleType() {
		return 0
	}
	v, _ = v.Unmark()
	steps, size := int64(0), int64(0)
	for it := v.ElementIterator(); it.Next(); {
		_, e := it.Element()
		steps += 1 + CostOfDefaults(e)
		size += sizeOfType(e.Type())
	}
	if ty.IsCollectionType() {
		steps += stepsToUnify(size)
	}
	return steps
}

// concatCost leaves out tuples, which keep the types of their elements.
func concatCost(args []cty.Value) (Cost, error) {
	args = slices.DeleteFunc(slices.Clone(args), func(a cty.Value) bool { return a.Type().IsTupleType() })
	return unifyingCost(args)
}

// compareCost is that of comparing each element of a list with a value.
func compareCost(args []cty.Value) Cost {
	return Cost{Steps: sizes(args).Elements}
}

// setCost is that of making sets, and of finding the type of their elements.
func setCost(args []cty.Value) (Cost, error) {
	c, err := unifyingCost(args)
	for i := range args {
		v := plainAt(args, i)
		if !v.IsNull() && isList(v.Type()) {
			c.Steps += collisions(v.AsValueSlice())
		}
	}
	return c, err
}

// collisions is how often elements are compared when they become a set: those with
// equal hashes one by one, and whoever chooses the elements can choose them so. It
// stops counting where the number is refused anyway.
func collisions(elements []cty.Value) int64 {
	const enough = 2_000_000
	steps := int64(0)
	different := map[int][]cty.Value{}
	for _, e := range elements {
		e, _ = e.UnmarkDeep()
		hash := e.Hash()
		steps++
		if !slices.ContainsFunc(different[hash], func(other cty.Value) bool { steps++; return e.RawEquals(other) }) {
			different[hash] = append(different[hash], e)
		}
		if steps > enough {
			break
		}
	}
	return steps
}

// CostOfMatches is the cost of a call that finds all matches of a regular
// expression, which is known only once they have been found. Each match may look
// ahead as far as the end of the text, so finding them all can take time that grows
// with the square of its length. goOn is asked between matches.
func CostOfMatches(name string, args []cty.Value, goOn func() bool) (c Cost, finished bool) {
	pattern, text, replacement := textAt(args, 0), textAt(args, 1), ""
	switch {
	case name == "replace" && isPattern(textAt(args, 1)):
		search := textAt(args, 1)
		text, pattern, replacement = textAt(args, 0), search[1:len(search)-1], textAt(args, 2)
	case name != "regexall":
		return Cost{}, true
	}
	expression, err := regexp.Compile(pattern)
	if err != nil {
		return Cost{}, true
	}
	type stopped struct{}
	defer func() {
		if r := recover(); r != nil {
			if _, ours := r.(stopped); !ours {
				panic(r)
			}
			finished = false
		}
	}()
	expression.ReplaceAllStringFunc(text, func(string) string {
		if c.Steps += int64(1 + expression.NumSubexp()); !goOn() {
			panic(stopped{})
		}
		c.Text += int64(len(replacement))
		return ""
	})
	return c, true
}
