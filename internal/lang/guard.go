// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package lang

import (
	"fmt"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/diag"
)

// The parsers below are recursive, and Go ends the whole program when a stack
// grows too large. So what nests is counted before they are called.
const (
	maxNesting      = 200    // brackets within brackets
	maxUnary        = 200    // ! and - in a row
	maxConditionals = 10_000 // ? in a file; a chain of them nests
)

// guardNative reports the first place that nests too deep in a native file.
func guardNative(s Source) *hcl.Diagnostic {
	tokens, _ := hclsyntax.LexConfig(s.Bytes, s.Name, hcl.InitialPos)
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

func tooDeep(rng hcl.Range) *hcl.Diagnostic {
	return diag.InSource(diag.CodeNesting, rng, fmt.Sprintf(
		"More than %d brackets or operators are nested here. Split the expression with variables.", maxNesting))
}
