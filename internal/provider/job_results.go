// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"fmt"

	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/decide"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/state"
)

func textResult(doc string) schema.StringAttribute {
	return schema.StringAttribute{Computed: true, MarkdownDescription: doc}
}

func countResult(doc string) schema.Int64Attribute {
	return schema.Int64Attribute{Computed: true, MarkdownDescription: doc}
}

// maxFailed is how many failed partitions the job lists. Plans show a list in
// full, so it has to be short.
const maxFailed = state.MaxRemembered

// resultAttributes are the computed attributes of the resource.
func resultAttributes() map[string]schema.Attribute {
	return map[string]schema.Attribute{
		"id": textResult("`namespace/name` of the job."),
		"phase": textResult("`Pending`, `Running`, `Paused`, `Stopping`, `AwaitingApproval`, `Complete`, `Incomplete` " +
			"(no active run; some keys remain, none failed) or `Failed` (no active run; some keys failed, or the last run's " +
			"setup failed, or it found no bounds)."),
		"progress":        textResult("`done/total` partitions of the whole domain; `0/?` while its bounds are unknown."),
		"partition_count": countResult("Number of partitions in the whole domain; null while its bounds are unknown."),
		"shard_count":     countResult("Number of shards in the whole domain."),
		"first_partition": textResult("Key of the first partition, ascending."),
		"last_partition":  textResult("Key of the last partition, ascending."),
		"done":            textResult("Keys that are done, as half-open intervals; null if longer than 16 kB."),
		"failed":          textResult("Keys that failed, as half-open intervals; null if longer than 16 kB."),
		"remaining":       textResult("Keys that are not done, as half-open intervals; null if longer than 16 kB."),
		"done_count":      countResult("Number of partitions that are done."),
		"failed_count":    countResult("Number of partitions that failed."),
		"remaining_count": countResult("Number of partitions that are not done."),
		"run":             textResult("Name of the latest run, an Argo Workflow."),
		"template": textResult("Name of the immutable WorkflowTemplate of the runner. A different runner has a different " +
			"name."),
		"failed_partitions": schema.ListNestedAttribute{
			Computed: true,
			MarkdownDescription: fmt.Sprintf("The first %d failed partitions. The data source `backfill_partitions` lists all "+
				"of them, with their attempts.", maxFailed),
			NestedObject: schema.NestedAttributeObject{Attributes: map[string]schema.Attribute{
				"key":      textResult("Key of the partition."),
				"attempts": countResult("Number of attempts; null if it is not recorded."),
				"message":  textResult("Message of the last failed attempt, up to 256 bytes."),
			}},
		},
		"drift": schema.ListAttribute{
			Computed: true, ElementType: types.StringType,
			MarkdownDescription: "One sentence for each object in the cluster that was changed by hand. The next apply " +
				"restores these objects.",
		},
		"next_run": schema.SingleNestedAttribute{
			Computed: true,
			MarkdownDescription: "The run that the apply of this plan submits; null if there is nothing to run. " +
				"Like all results, it keeps its planned value after apply, until the next refresh.",
			Attributes: map[string]schema.Attribute{
				"because":    textResult("Why a run is needed, in one sentence."),
				"partitions": countResult("Number of partitions that will run; null if the run queries the bounds."),
				"intervals":  textResult("Keys that will run, as half-open intervals; null if longer than 16 kB."),
				"template":   textResult("Name of the WorkflowTemplate of the run."),
			},
		},
	}
}

// previewed are the results that are known without a cluster. While bounds are not
// known there are no partitions to tell of.
func previewed(p *decide.Preview) values {
	out := values{
		"partition_count": noNumber(),
		"shard_count":     noNumber(),
		"first_partition": orNull(""),
		"last_partition":  orNull(""),
		"template":        orNull(p.Template),
		"next_run":        nextRun(p.Next),
	}
	if p.Outlined {
		out["template"] = unknownOf(tftypes.String)
		if p.Next != nil {
			open := values{"template": unknownOf(tftypes.String)}
			if !p.Worded {
				open["because"] = unknownOf(tftypes.String)
			}
			out["next_run"] = with(out["next_run"], open)
		}
	}
	if !p.Open {
		out["partition_count"], out["shard_count"] = number(p.PartitionCount), number(p.ShardCount)
		out["first_partition"], out["last_partition"] = orNull(p.FirstPartition), orNull(p.LastPartition)
	}
	return out
}

func nextRun(n *decide.NextRun) tftypes.Value {
	if n == nil {
		return tftypes.NewValue(nextRun(&decide.NextRun{}).Type(), nil)
	}
	partitions := number(n.Partitions)
	if n.FindsBounds {
		partitions = noNumber()
	}
	return objectOf(values{
		"because":    told(n.Because),
		"partitions": partitions,
		"intervals":  orNull(n.Intervals),
		"template":   text(n.Template),
	})
}

// observed are the results that only the cluster knows.
func observed(o *state.Observation) values {
	remaining, left := number(o.RemainingCount()), setText(o.RemainingText(), o.RemainingCount())
	if !o.Domain().Bounded() {
		remaining, left = noNumber(), orNull("")
	}
	return values{
		"phase":             text(string(o.Phase)),
		"progress":          text(o.Progress()),
		"done":              setText(o.DoneText(), o.DoneCount()),
		"failed":            setText(o.FailedText(), o.FailedCount()),
		"remaining":         left,
		"done_count":        number(o.DoneCount()),
		"failed_count":      number(o.FailedCount()),
		"remaining_count":   remaining,
		"run":               orNull(o.LatestRun()),
		"failed_partitions": listOf(o.FailedPartitions(maxFailed), failedPartition),
	}
}

// setText is the text of a set of keys: empty if there are no keys, null if it is too
// long.
func setText(s string, count int64) tftypes.Value {
	if count > 0 {
		return orNull(s)
	}
	return text(s)
}

func failedPartition(f state.Failure) tftypes.Value {
	attempts := number(f.Attempts)
	if f.Attempts == 0 {
		attempts = noNumber()
	}
	return objectOf(values{"key": text(f.Key), "attempts": attempts, "message": told(f.Message)})
}
