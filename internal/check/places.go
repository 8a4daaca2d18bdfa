// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package check

import (
	"fmt"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/diag"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/job"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/plan"
)

// Places checks that a shard of the run can start beside the run: with a single place,
// which the run takes, none ever could.
func Places(j *job.Job, p plan.Plan, spec plan.RunSpec) hcl.Diagnostics {
	if j.Controller.MaxWorkflows != 1 {
		return nil
	}
	shards, advice := fmt.Sprintf("%d shards", p.ShardCount()), fmt.Sprintf("raise shard_size (now %d), such that one "+
		"shard holds all partitions", p.ShardSize)
	switch {
	case spec.Query != nil && spec.Query.Only:
		return nil
	case spec.Query != nil:
		shards, advice = "shards, because it finds its keys by a query", "declare the bounds instead of the query"
	case p.ShardCount() < 2:
		return nil
	}
	return hcl.Diagnostics{diag.At(diag.CodeNoPlace, cty.GetAttrPath("controller").GetAttr("max_workflows"), fmt.Sprintf(
		"controller.max_workflows is 1, and the run has %s: the run itself takes that place, so no shard could ever "+
			"start. Have the controller process more Workflows at once and raise max_workflows, or %s.", shards, advice))}
}
