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

// defaultTimeouts is how long the operations may take when `timeouts` does not
// say.
var defaultTimeouts = map[string]time.Duration{
	"create": 10 * time.Minute,
	"read":   5 * time.Minute,
	"update": 20 * time.Minute,
	"delete": 20 * time.Minute,
}

func timeoutsAttribute(ctx context.Context) schema.Attribute {
	text := func(doing, operation string) string {
		return fmt.Sprintf("How long %s may take, for example `30m`. Defaults to `%s`.", doing, defaultTimeouts[operation])
	}
	attribute := timeouts.Attributes(ctx, timeouts.Opts{
		Create: true, CreateDescription: text("creating the job and submitting its first run", "create"),
		Read: true, ReadDescription: text("reading the job", "read"),
		Update: true, UpdateDescription: text("ending the active run and submitting the next one", "update"),
		Delete: true, DeleteDescription: text("stopping the job and removing its objects", "delete"),
	})
	if nested, ok := attribute.(schema.SingleNestedAttribute); ok {
		nested.MarkdownDescription = "How long operations may take. None of them waits for partitions: creating and updating only submit."
		return nested
	}
	return attribute
}

// bounded gives an operation on a resource its deadline. The schema has checked
// the duration, so what cannot be read is the default.
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
