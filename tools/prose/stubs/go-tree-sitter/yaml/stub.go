// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

// Package yaml stands in for a parser written in C.
package yaml

import sitter "github.com/smacker/go-tree-sitter"

// GetLanguage returns no language.
func GetLanguage() *sitter.Language { return nil }
