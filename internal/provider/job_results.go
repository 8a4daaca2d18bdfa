// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"fmt"
	"math/big"

	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/engine"
)

// resultAttributes are what the resource computes.
func resultAttributes() map[string]schema.Attribute {
	text := func(doc string) schema.StringAttribute {
		return schema.StringAttribute{Computed: true, MarkdownDescription: doc}
	}
	number := func(doc string) schema.Int64Attribute {
		return schema.Int64Attribute{Computed: true, MarkdownDescription: doc}
	}
	return map[string]schema.Attribute{
		"id":              text("`namespace/name` of the job."),
		"phase":           text("`Pending`, `Running`, `Paused`, `Stopping`, `AwaitingApproval`, `Complete`, `Incomplete` (no run active, keys left, none failed) or `Failed` (no run active; some failed, or the last run's setup did, or it found no bounds)."),
		"progress":        text("`done/total` over the whole domain, in partitions; `0/?` while its bounds are not known."),
		"partition_count": number("Partitions of the whole domain; null while its bounds are not known."),
		"shard_count":     number("Shards of the whole domain."),
		"first_partition": text("Key of the first partition, ascending."),
		"last_partition":  text("Key of the last partition, ascending."),
		"done":            text("Keys that are done, as half-open intervals; null when longer than 16 kB."),
		"failed":          text("Keys that failed for good, as half-open intervals; null when longer than 16 kB."),
		"remaining":       text("Keys that are not done, as half-open intervals; null when longer than 16 kB."),
		"done_count":      number("Partitions that are done."),
		"failed_count":    number("Partitions that failed for good."),
		"remaining_count": number("Partitions that are not done."),
		"run":             text("Name of the latest run, an Argo Workflow."),
		"template":        text("Name of the immutable WorkflowTemplate made from the runner; another name means another runner."),
		"failed_partitions": schema.ListNestedAttribute{
			Computed:            true,
			MarkdownDescription: "The first 100 partitions that failed for good.",
			NestedObject: schema.NestedAttributeObject{Attributes: map[string]schema.Attribute{
				"key":      text("Key of the partition."),
				"start":    text("Its start; null for values."),
				"end":      text("Its end, which is not part of it; null for values."),
				"attempts": number("How often it was tried."),
				"message":  text("Why the last attempt failed, up to 256 bytes."),
				"attempt_details": schema.ListNestedAttribute{
					Computed:            true,
					MarkdownDescription: "Its last five attempts, ascending.",
					NestedObject: schema.NestedAttributeObject{Attributes: map[string]schema.Attribute{
						"attempt":     number("Number of the attempt, from 0."),
						"node":        text("Node that it was on; null when it was on none."),
						"capacity":    text("`spot` or `on_demand` where the attempt had to run on such a node, null where it could run on either."),
						"cause":       text("What ended it: `application` (the runner failed), `oom`, `interruption` (its node or pod was taken away), `deadline`, `image` (it could not be pulled) or `unknown` (Argo reports an error of its own)."),
						"exit_code":   number("Exit code of the runner; null when it is not known."),
						"message":     text("What Argo says of it, up to 128 bytes."),
						"started_at":  text("When its pod was made, RFC 3339."),
						"finished_at": text("When it ended, RFC 3339; null when that is not known."),
					}},
				},
			}},
		},
		"drift": schema.ListAttribute{
			Computed: true, ElementType: types.StringType,
			MarkdownDescription: "One sentence for each thing in the cluster that somebody changed by hand since it was written; the next apply puts it back.",
		},
		"next_run": schema.SingleNestedAttribute{
			Computed: true,
			MarkdownDescription: "What the apply of this plan submits; null when there is nothing to run. " +
				"It keeps its planned value after the apply, and the next refresh clears it.",
			Attributes: map[string]schema.Attribute{
				"because":    text("Why there is something to run, in one sentence."),
				"partitions": number("Partitions that will run; null when the run asks for the bounds."),
				"intervals":  text("Keys that will run, as half-open intervals; null when longer than 16 kB."),
				"template":   text("Template that they will run with."),
			},
		},
	}
}

// The types of the nested results.
var (
	attemptType = tftypes.Object{AttributeTypes: map[string]tftypes.Type{
		"attempt": tftypes.Number, "node": tftypes.String, "capacity": tftypes.String, "cause": tftypes.String,
		"exit_code": tftypes.Number, "message": tftypes.String, "started_at": tftypes.String, "finished_at": tftypes.String,
	}}
	attemptsType        = tftypes.List{ElementType: attemptType}
	failedPartitionType = tftypes.Object{AttributeTypes: map[string]tftypes.Type{
		"key": tftypes.String, "start": tftypes.String, "end": tftypes.String,
		"attempts": tftypes.Number, "message": tftypes.String, "attempt_details": attemptsType,
	}}
	nextRunType = tftypes.Object{AttributeTypes: map[string]tftypes.Type{
		"because": tftypes.String, "partitions": tftypes.Number,
		"intervals": tftypes.String, "template": tftypes.String,
	}}
)

var driftType = tftypes.List{ElementType: tftypes.String}

// driftOf is the attribute drift. Plans hold none: whatever there is will have
// been put back.
func driftOf(sentences []string) tftypes.Value {
	list := []tftypes.Value{}
	for _, sentence := range sentences {
		list = append(list, text(sentence))
	}
	return tftypes.NewValue(driftType, list)
}

// values are some top-level attributes of the resource.
type values map[string]tftypes.Value

// orNull is a text, or null where there is none.
func orNull(s string) tftypes.Value {
	if s == "" {
		return tftypes.NewValue(tftypes.String, nil)
	}
	return tftypes.NewValue(tftypes.String, s)
}

func text(s string) tftypes.Value { return tftypes.NewValue(tftypes.String, s) }

func number(n int64) tftypes.Value { return tftypes.NewValue(tftypes.Number, n) }

// setText is the text of a set of keys: known to be empty when it holds none,
// null when it is too long to be shown.
func setText(s string, count int64) tftypes.Value {
	if s == "" && count > 0 {
		return tftypes.NewValue(tftypes.String, nil)
	}
	return text(s)
}

// previewed are the results that are known without a cluster.
func previewed(p *engine.Preview) values {
	if p.Open {
		return values{
			"partition_count": noNumber(), "shard_count": noNumber(), "first_partition": orNull(""), "last_partition": orNull(""),
			"template": orNull(p.Template), "next_run": nextRun(p.Next),
		}
	}
	return values{
		"partition_count": number(p.PartitionCount),
		"shard_count":     number(p.ShardCount),
		"first_partition": orNull(p.FirstPartition),
		"last_partition":  orNull(p.LastPartition),
		"template":        orNull(p.Template),
		"next_run":        nextRun(p.Next),
	}
}

// noNumber is a number that nobody knows yet.
func noNumber() tftypes.Value { return tftypes.NewValue(tftypes.Number, nil) }

func partitionsOf(n *engine.NextRun) tftypes.Value {
	if n.Asks {
		return noNumber()
	}
	return number(n.Partitions)
}

func nextRun(n *engine.NextRun) tftypes.Value {
	if n == nil {
		return tftypes.NewValue(nextRunType, nil)
	}
	return tftypes.NewValue(nextRunType, values{
		"because":    text(n.Because),
		"partitions": partitionsOf(n),
		"intervals":  orNull(n.Intervals),
		"template":   text(n.Template),
	}.raw())
}

// observed are the results that only the cluster knows.
func observed(o *engine.Observation) values {
	failed := []tftypes.Value{}
	for _, f := range o.FailedPartitions {
		failed = append(failed, tftypes.NewValue(failedPartitionType, values{
			"key":      text(f.Key),
			"start":    orNull(f.Start),
			"end":      orNull(f.End),
			"attempts": number(int64(f.Attempts)),
			"message":  text(f.Message),

			"attempt_details": attemptDetails(f.Details),
		}.raw()))
	}
	remaining, left := number(o.RemainingCount), setText(o.RemainingText, o.RemainingCount)
	if !o.Domain.Bounded() {
		remaining, left = noNumber(), orNull("")
	}
	return values{
		"phase":             text(string(o.Phase)),
		"progress":          text(o.Progress()),
		"done":              setText(o.DoneText, o.DoneCount),
		"failed":            setText(o.FailedText, o.FailedCount),
		"remaining":         left,
		"done_count":        number(o.DoneCount),
		"failed_count":      number(o.FailedCount),
		"remaining_count":   remaining,
		"run":               orNull(o.Run),
		"failed_partitions": tftypes.NewValue(tftypes.List{ElementType: failedPartitionType}, failed),
	}
}

func attemptDetails(all []engine.Attempt) tftypes.Value {
	list := []tftypes.Value{}
	for _, a := range all {
		code := tftypes.NewValue(tftypes.Number, nil)
		if a.ExitCode != nil {
			code = number(int64(*a.ExitCode))
		}
		list = append(list, tftypes.NewValue(attemptType, values{
			"attempt": number(int64(a.Number)), "node": orNull(a.Node), "capacity": orNull(a.Capacity), "cause": text(a.Cause),
			"exit_code": code, "message": text(a.Message), "started_at": orNull(a.Started), "finished_at": orNull(a.Finished),
		}.raw()))
	}
	return tftypes.NewValue(attemptsType, list)
}

// observedNames are the attributes that observed sets: an update does not know
// them before it is applied.
func observedNames() values { return observed(&engine.Observation{}) }

// only are some of the values.
func (v values) only(names ...string) values {
	out := values{}
	for _, name := range names {
		out[name] = v[name]
	}
	return out
}

func (v values) raw() map[string]tftypes.Value { return v }

// merge returns an object of the resource's type with some attributes
// replaced.
func (v values) merge(object tftypes.Value) (tftypes.Value, error) {
	attributes, err := attributesOf(object)
	if err != nil {
		return tftypes.Value{}, err
	}
	for name, value := range v {
		attributes[name] = value
	}
	return tftypes.NewValue(object.Type(), attributes), nil
}

// intOf is a number attribute; 0 when null or unknown.
func intOf(v tftypes.Value) int64 {
	var f big.Float
	if !v.IsKnown() || v.IsNull() || v.As(&f) != nil {
		return 0
	}
	n, _ := f.Int64()
	return n
}

// attributesOf returns a copy of the attributes of an object.
func attributesOf(object tftypes.Value) (map[string]tftypes.Value, error) {
	attributes := map[string]tftypes.Value{}
	if err := object.As(&attributes); err != nil {
		return nil, fmt.Errorf("reading a Terraform object: %w", err)
	}
	copied := make(map[string]tftypes.Value, len(attributes))
	for name, value := range attributes {
		copied[name] = value
	}
	return copied, nil
}
