// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"context"
	"fmt"
	"time"

	"github.com/hashicorp/terraform-plugin-framework-timeouts/resource/timeouts"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
)

// defaultTimeouts are the default timeouts of the operations.
var defaultTimeouts = map[string]time.Duration{
	"create": 10 * time.Minute,
	"read":   5 * time.Minute,
	"update": 20 * time.Minute,
	"delete": 20 * time.Minute,
}

func timeoutsAttribute(ctx context.Context) schema.Attribute {
	text := func(doing, operation string) string {
		return fmt.Sprintf("Maximum time for %s, for example `30m`. Defaults to `%s`.", doing, defaultTimeouts[operation])
	}
	attribute := timeouts.Attributes(ctx, timeouts.Opts{
		Create: true, CreateDescription: text("creating the job and submitting its first run", "create"),
		Read: true, ReadDescription: text("reading the job", "read"),
		Update: true, UpdateDescription: text("ending the active run and submitting the next one", "update"),
		Delete: true, DeleteDescription: text("stopping the job and removing its objects", "delete"),
	})
	if nested, ok := attribute.(schema.SingleNestedAttribute); ok {
		nested.MarkdownDescription = "Timeouts of operations. No operation waits for partitions: create and update only " +
			"submit a run."
		return nested
	}
	return attribute
}

// bounded sets the deadline of an operation on a resource. The schema has checked the
// duration; if it cannot be parsed, the default applies.
func bounded(ctx context.Context, object tftypes.Value, operation string) (context.Context, context.CancelFunc) {
	limit := defaultTimeouts[operation]
	if attributes, err := attributesOf(object); err == nil {
		written, err := attributesOf(attributes["timeouts"])
		if d, problem := time.ParseDuration(stringOf(written[operation])); err == nil && problem == nil {
			limit = d
		}
	}
	return context.WithTimeout(ctx, limit)
}
