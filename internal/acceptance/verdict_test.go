// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package acceptance

import "fmt"

// equal is an error that names what differs from what was wanted.
func equal(what, want, got string) error {
	if want == got {
		return nil
	}
	return fmt.Errorf("%s: want %s, got %s", what, want, got)
}
