// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package domain

import (
	"fmt"
	"strings"
)

// Error is one problem of a key space. Its fields identify the attribute.
type Error struct {
	// Dimension is the name of the dimension, empty in a domain of one and for
	// errors about the list of dimensions as a whole.
	Dimension string
	// Position is the position of the dimension; names may be repeated by mistake.
	Position int
	// Field is the wrong attribute: start, end, size, boundaries, every,
	// timezone, format, exclude, values, name or dimensions.
	Field string
	// Item is the position in a list attribute, or -1.
	Item int
	// Message is one or more sentences with the values and the next step.
	Message string
}

// Error returns the message with its attribute.
func (e *Error) Error() string {
	place := e.Field
	if e.Item >= 0 {
		place = fmt.Sprintf("%s[%d]", place, e.Item)
	}
	if e.Dimension != "" {
		place = e.Dimension + "." + place
	}
	return place + ": " + e.Message
}

// Errors are all problems that New found, in the order of the dimensions. New never
// returns an empty list.
type Errors []*Error

// Error returns the messages, one per line.
func (es Errors) Error() string {
	lines := make([]string, len(es))
	for i, e := range es {
		lines[i] = e.Error()
	}
	return strings.Join(lines, "\n")
}

// Unwrap lets errors.As find a single *Error.
func (es Errors) Unwrap() []error {
	out := make([]error, len(es))
	for i, e := range es {
		out[i] = e
	}
	return out
}

// fault makes an error about a whole attribute.
func fault(field, format string, args ...any) *Error {
	return &Error{Field: field, Item: -1, Message: fmt.Sprintf(format, args...)}
}

// faultAt makes an error about one item of a list attribute.
func faultAt(field string, item int, format string, args ...any) *Error {
	return &Error{Field: field, Item: item, Message: fmt.Sprintf(format, args...)}
}
