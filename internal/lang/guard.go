// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package lang

import (
	"bytes"
	"fmt"
	"strconv"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/diag"
)

// The parsers are recursive, and Go aborts the program if a stack grows too large.
// Nesting is therefore counted before the parsers run.
const (
	maxNesting      = 200    // brackets within brackets
	maxUnary        = 200    // ! and - in a row
	maxConditionals = 10_000 // ? in a file; a chain of them nests
	// Numbers are exact: as text, 1e999999999 would have a billion digits.
	maxExponent = 400
)

// guardNative reports the first place in a native file that is nested too deeply.
func guardNative(s Source) *hcl.Diagnostic {
	tokens, _ := hclsyntax.LexConfig(s.Bytes, s.Name, hcl.InitialPos)
	return guardTokens(tokens)
}

func guardTokens(tokens hclsyntax.Tokens) *hcl.Diagnostic {
	depth, unary, conditionals := 0, 0, 0
	for _, t := range tokens {
		switch t.Type {
		case hclsyntax.TokenOBrace, hclsyntax.TokenOBrack, hclsyntax.TokenOParen,
			hclsyntax.TokenTemplateInterp, hclsyntax.TokenTemplateControl,
			hclsyntax.TokenOQuote, hclsyntax.TokenOHeredoc:
			depth++
		case hclsyntax.TokenCBrace, hclsyntax.TokenCBrack, hclsyntax.TokenCParen,
			hclsyntax.TokenTemplateSeqEnd, hclsyntax.TokenCQuote, hclsyntax.TokenCHeredoc:
			depth--
		case hclsyntax.TokenQuestion:
			conditionals++
		case hclsyntax.TokenNumberLit, hclsyntax.TokenQuotedLit, hclsyntax.TokenStringLit:
			// HCL converts text that looks like a number where it needs one.
			if looksLikeNumber(t.Bytes) && hugeExponent(t.Bytes) {
				return hugeNumber(t.Range)
			}
		}
		if t.Type == hclsyntax.TokenBang || t.Type == hclsyntax.TokenMinus {
			unary++
		} else {
			unary = 0
		}
		if depth > maxNesting || unary > maxUnary || conditionals > maxConditionals {
			return tooDeep(t.Range)
		}
	}
	return nil
}

// guardJSON is guardNative for JSON.
func guardJSON(s Source) *hcl.Diagnostic {
	depth, inString := 0, false
	for i := 0; i < len(s.Bytes); i++ {
		switch c := s.Bytes[i]; {
		case inString && c == '\\':
			i++
		case c == '"':
			inString = !inString
		case inString:
		case c == 'e' || c == 'E':
			if hugeExponent(s.Bytes[i:min(i+16, len(s.Bytes))]) {
				return hugeNumber(positionOf(s.Name, s.Bytes, i))
			}
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

// hasHugeNumber is true if a number in v is greater than a literal can be.
func hasHugeNumber(v cty.Value) bool {
	found := false
	_ = cty.Walk(v, func(_ cty.Path, v cty.Value) (bool, error) {
		if v.Type() == cty.Number && v.IsKnown() && !v.IsNull() {
			v, _ = v.Unmark()
			const bitsPerDigit = 4
			exponent := v.AsBigFloat().MantExp(nil)
			found = found || exponent > bitsPerDigit*maxExponent || exponent < -bitsPerDigit*maxExponent
		}
		return !found, nil
	})
	return found
}

func tooDeep(rng hcl.Range) *hcl.Diagnostic {
	return diag.InSource(diag.CodeNesting, rng, fmt.Sprintf(
		"More than %d brackets or operators are nested here. Split the expression with local values.", maxNesting))
}
