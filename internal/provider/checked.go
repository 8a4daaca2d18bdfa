// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"sync"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
)

// mostChecked bounds the declarations that are kept. Terraform has checked ten
// that it has not planned yet, unless it was told to do more at a time, and
// forgotten ones are read again.
const mostChecked = 64

// declarations hands what was checked to the plan, which Terraform asks for next
// with the same bytes, so that a job is compiled once for both.
type declarations struct {
	mu   sync.Mutex
	kept map[string]*declaration // by configuration as sent
}

func (c *declarations) keep(wire *tfprotov6.DynamicValue, d *declaration) {
	if len(wire.MsgPack) == 0 {
		return // sent as JSON, by which it is not kept
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.kept == nil || len(c.kept) >= mostChecked {
		c.kept = map[string]*declaration{}
	}
	c.kept[string(wire.MsgPack)] = d
}

// take is nil for what was not kept. A declaration is taken once, because a plan
// completes it.
func (c *declarations) take(wire *tfprotov6.DynamicValue) *declaration {
	c.mu.Lock()
	defer c.mu.Unlock()
	d := c.kept[string(wire.MsgPack)]
	delete(c.kept, string(wire.MsgPack))
	return d
}
