// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package text

import (
	"bytes"
	"encoding/json"
	"io"
)

// WriteJSON writes a value as JSON and a line break, escaped as EscapeJSON does it.
// It is read by people, kubectl and jq, never by browsers, so < and > stay. An
// indent puts each member on a line of its own.
func WriteJSON(w io.Writer, v any, indent string) error {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", indent)
	if err := encoder.Encode(v); err != nil {
		return err
	}
	_, err := w.Write(EscapeJSON(b.Bytes()))
	return err
}
