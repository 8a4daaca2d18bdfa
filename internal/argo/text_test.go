// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package argo

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/text"
)

func TestMessagesAreClipped(t *testing.T) {
	for _, s := range []string{
		"", "short", strings.Repeat("x", 256), strings.Repeat("x", 257), strings.Repeat("🦊", 100), "\xff\xfe",
	} {
		got := text.Shorten(s, MaxMessage)
		if len(got) > 256 || !json.Valid([]byte(fmt.Sprintf("%q", got))) || strings.ContainsRune(got, '�') {
			t.Errorf("clip(%q) = %q", s, got)
		}
		if len(s) <= 256 && s != "\xff\xfe" && got != s {
			t.Errorf("clip(%q) = %q", s, got)
		}
	}
}
