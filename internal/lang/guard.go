// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package lang

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/diag"
)

// The parsers and the evaluator are recursive, and Go aborts the program if a stack
// grows too large. How deep an expression can be is therefore counted before the
// parsers run. See internal/decisions/0041-evaluation-has-a-budget.md.
const (
	maxNesting = 200 // brackets and templates within each other
	maxUnary   = 200 // ! and - in a row
	// maxOperators limits what is in a row in one expression: operators,
	// conditionals, indices and splats. Each is a level of the tree.
	maxOperators = 5000
	// maxTokens limits the memory of the parsers, which is about 500 bytes a token.
	maxTokens = 500_000
	// Numbers are exact: as text, 1e999999999 would have a billion digits.
	maxExponent  = 400
	bitsPerDigit = 4 // more than the 3.32 that it takes
)

// guardNative reports the first place in a native file that is nested too deeply.
func guardNative(s Source) *hcl.Diagnostic {
	tokens, _ := hclsyntax.LexConfig(s.Bytes, s.Name, hcl.InitialPos)
	return guardTokens(tokens)
}

// guardTemplate is guardNative for a template.
func guardTemplate(s Source) *hcl.Diagnostic {
	tokens, _ := hclsyntax.LexTemplate(s.Bytes, s.Name, hcl.InitialPos)
	return guardTokens(tokens)
}

// level is one open bracket, quote or template.
type level struct {
	open      hclsyntax.TokenType
	operators int // in a row in the expression at this place
	// lines is true where a line ends an expression.
	lines bool
	first bool // no token has been seen inside
}

// nesting follows the tokens of a file.
type nesting struct {
	levels     []level
	unary      int
	directives int // %{ if } and %{ for } within each other
	control    bool
}

func guardTokens(tokens hclsyntax.Tokens) *hcl.Diagnostic {
	if len(tokens) > maxTokens {
		return diag.InSource(diag.CodeTooLarge, tokens[maxTokens].Range, fmt.Sprintf(
			"The file has more than %d words and signs. Describe the keys with a range, or pass the data to the runner in "+
				"another way.", maxTokens))
	}
	n := nesting{levels: []level{{lines: true}}}
	for _, t := range tokens {
		switch t.Type {
		case hclsyntax.TokenNumberLit, hclsyntax.TokenQuotedLit, hclsyntax.TokenStringLit:
			// HCL converts text that looks like a number where it needs one.
			if looksLikeNumber(t.Bytes) && (hugeExponent(t.Bytes) || len(t.Bytes) > maxDigits) {
				return hugeNumber(t.Range)
			}
		}
		n.token(t)
		if len(n.levels)+n.directives > maxNesting+1 || n.unary > maxUnary {
			return tooDeep(t.Range)
		}
		if n.operators() > maxOperators {
			return diag.InSource(diag.CodeNesting, t.Range, fmt.Sprintf(
				"More than %d operators are in a row in this expression. Split it with local values.", maxOperators))
		}
	}
	return nil
}

// operators adds up what is in a row at all open places.
func (n *nesting) operators() int {
	sum := 0
	for _, l := range n.levels {
		sum += l.operators
	}
	return sum
}

func (n *nesting) token(t hclsyntax.Token) {
	here := &n.levels[len(n.levels)-1]
	switch t.Type {
	case hclsyntax.TokenComment:
		return
	case hclsyntax.TokenNewline:
		if here.lines {
			here.operators, n.unary = 0, 0
		}
		return
	case hclsyntax.TokenBang, hclsyntax.TokenMinus:
		n.unary++
	default:
		n.unary = 0
	}
	if here.first {
		// Lines do not end an expression inside of { for … }.
		here.first, here.lines = false, here.lines && !isWord(t, "for")
	}
	switch t.Type {
	case hclsyntax.TokenOBrace, hclsyntax.TokenOBrack, hclsyntax.TokenOParen, hclsyntax.TokenTemplateInterp,
		hclsyntax.TokenTemplateControl, hclsyntax.TokenOQuote, hclsyntax.TokenOHeredoc:
		here.operators++ // an index, or a call
		brace := t.Type == hclsyntax.TokenOBrace
		n.levels = append(n.levels, level{open: t.Type, lines: brace, first: brace})
		n.control = t.Type == hclsyntax.TokenTemplateControl
		return
	case hclsyntax.TokenCBrace, hclsyntax.TokenCBrack, hclsyntax.TokenCParen, hclsyntax.TokenTemplateSeqEnd,
		hclsyntax.TokenCQuote, hclsyntax.TokenCHeredoc:
		n.close()
	case hclsyntax.TokenComma, hclsyntax.TokenEqual, hclsyntax.TokenEOF:
		here.operators = 0
	case hclsyntax.TokenIdent:
		if n.control {
			n.directive(string(t.Bytes))
		}
	case hclsyntax.TokenQuotedLit, hclsyntax.TokenStringLit, hclsyntax.TokenNumberLit, hclsyntax.TokenDot:
	default:
		here.operators++
	}
	n.control = false
}

// close leaves the innermost place. The parts of a template are beside each other.
func (n *nesting) close() {
	if len(n.levels) == 1 {
		return // not valid, as the parser will say
	}
	n.levels = n.levels[:len(n.levels)-1]
	here := &n.levels[len(n.levels)-1]
	switch here.open {
	case hclsyntax.TokenOQuote, hclsyntax.TokenOHeredoc:
		here.operators = 0
	}
}

func (n *nesting) directive(word string) {
	switch word {
	case "if", "for":
		n.directives++
	case "endif", "endfor":
		n.directives = max(0, n.directives-1)
	}
}

func isWord(t hclsyntax.Token, word string) bool {
	return t.Type == hclsyntax.TokenIdent && string(t.Bytes) == word
}

// guardJSON is guardNative for JSON.
func guardJSON(s Source) *hcl.Diagnostic {
	depth, open := 0, -1 // open is where the string begins
	for i := 0; i < len(s.Bytes); i++ {
		switch c := s.Bytes[i]; {
		case open >= 0 && c == '\\':
			i++
		case c == '"' && open >= 0:
			if d := guardJSONString(s, open, i+1); d != nil {
				return d
			}
			open = -1
		case c == '"':
			open = i
		case open >= 0:
		case c == '-' || '0' <= c && c <= '9':
			end := i + 1
			for end < len(s.Bytes) && looksLikeNumber(s.Bytes[end:end+1]) {
				end++
			}
			if end-i > maxDigits || hugeExponent(s.Bytes[i:end]) {
				return hugeNumber(positionOf(s.Name, s.Bytes, i))
			}
			i = end - 1
		case c == '{' || c == '[':
			depth++
		case c == '}' || c == ']':
			depth--
		}
		if depth > maxNesting {
			return tooDeep(positionOf(s.Name, s.Bytes, i))
		}
	}
	return nil
}

// guardJSONString guards the template that a string is.
func guardJSONString(s Source, start, end int) *hcl.Diagnostic {
	var text string
	if !bytes.ContainsAny(s.Bytes[start:end], "{") || json.Unmarshal(s.Bytes[start:end], &text) != nil {
		return nil //nolint:nilerr // the parser reports it
	}
	if d := guardTemplate(Source{Name: s.Name, Bytes: []byte(text)}); d != nil {
		place := positionOf(s.Name, s.Bytes, start)
		d.Subject = &place
		return d
	}
	return nil
}

func looksLikeNumber(text []byte) bool {
	return len(bytes.Trim(text, "0123456789.eE+-")) == 0
}

// hugeExponent is true if a number, or the part of a number starting at its e, has
// an exponent greater than maxExponent.
func hugeExponent(number []byte) bool {
	e := bytes.IndexAny(number, "eE")
	if e < 0 {
		return false
	}
	digits := bytes.TrimLeft(number[e+1:], "+-0")
	n := 0
	for n < len(digits) && '0' <= digits[n] && digits[n] <= '9' {
		n++
	}
	exponent, err := strconv.Atoi(string(digits[:n]))
	return n > 0 && (err != nil || exponent > maxExponent)
}

func hugeNumber(rng hcl.Range) *hcl.Diagnostic {
	return diag.InSource(diag.CodeHugeNumber, rng, fmt.Sprintf(
		"The exponent of this number is greater than %d. Whole numbers in a job have at most 64 bits.", maxExponent))
}

func tooDeep(rng hcl.Range) *hcl.Diagnostic {
	return diag.InSource(diag.CodeNesting, rng, fmt.Sprintf(
		"More than %d brackets or operators are nested here. Split the expression with local values.", maxNesting))
}
