// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package argo

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// MaxMessage bounds the message of a failure, in bytes.
const MaxMessage = 256

// Clip shortens a text to that many bytes without cutting a character.
func Clip(text string, most int) string {
	const mark = "…"
	text = strings.ToValidUTF8(text, "?")
	if len(text) <= most {
		return text
	}
	end := most - len(mark)
	for !utf8.RuneStart(text[end]) {
		end--
	}
	return text[:end] + mark
}

// Decimal writes a number as arguments have it.
func Decimal(n int64) string { return strconv.FormatInt(n, 10) }
