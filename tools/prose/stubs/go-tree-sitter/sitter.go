// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

// Package sitter stands in for go-tree-sitter when Vale is built. The real one
// holds parsers written in C, with which Vale finds the comments in source
// code. Vale checks only Markdown here, and this repository builds without a C
// compiler. Parsing anything fails.
package sitter

import (
	"context"
	"errors"
)

type (
	Language    struct{}
	Tree        struct{}
	Parser      struct{}
	Query       struct{}
	QueryCursor struct{}
	Node        struct{}
	Point       struct{ Row, Column uint32 }
	QueryMatch  struct{ Captures []QueryCapture }

	QueryCapture struct {
		Index uint32
		Node  *Node
	}
)

var errStub = errors.New("this Vale is built for Markdown alone and cannot read source code")

func NewParser() *Parser                                                  { return &Parser{} }
func NewQueryCursor() *QueryCursor                                        { return &QueryCursor{} }
func NewQuery([]byte, *Language) (*Query, error)                          { return nil, errStub }
func (*Parser) SetLanguage(*Language)                                     {}
func (*Parser) ParseCtx(context.Context, *Tree, []byte) (*Tree, error)    { return nil, errStub }
func (*Tree) RootNode() *Node                                             { return nil }
func (*QueryCursor) Exec(*Query, *Node)                                   {}
func (*QueryCursor) NextMatch() (*QueryMatch, bool)                       { return nil, false }
func (*QueryCursor) FilterPredicates(m *QueryMatch, _ []byte) *QueryMatch { return m }
func (*Query) CaptureNameForId(uint32) string                             { return "" }
func (*Node) Content([]byte) string                                       { return "" }
func (*Node) StartPoint() Point                                           { return Point{} }
