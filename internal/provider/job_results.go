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

// resultAttributes are the computed attributes of the resource.
func resultAttributes() map[string]schema.Attribute {
	text := func(doc string) schema.StringAttribute {
		return schema.StringAttribute{Computed: true, MarkdownDescription: doc}
	}
	number := func(doc string) schema.Int64Attribute {
		return schema.Int64Attribute{Computed: true, MarkdownDescription: doc}
	}
	return map[string]schema.Attribute{
		"id": text("`namespace/name` of the job."),
		"phase": text("`Pending`, `Running`, `Paused`, `Stopping`, `AwaitingApproval`, `Complete`, `Incomplete` " +
			"(no active run; some keys remain, none failed) or `Failed` (no active run; some keys failed, or the last run's " +
			"setup failed, or it found no bounds)."),
		"progress":        text("`done/total` partitions of the whole domain; `0/?` while its bounds are unknown."),
		"partition_count": number("Number of partitions in the whole domain; null while its bounds are unknown."),
		"shard_count":     number("Number of shards in the whole domain."),
		"first_partition": text("Key of the first partition, ascending."),
		"last_partition":  text("Key of the last partition, ascending."),
		"done":            text("Keys that are done, as half-open intervals; null if longer than 16 kB."),
		"failed":          text("Keys that failed, as half-open intervals; null if longer than 16 kB."),
		"remaining":       text("Keys that are not done, as half-open intervals; null if longer than 16 kB."),
		"done_count":      number("Number of partitions that are done."),
		"failed_count":    number("Number of partitions that failed."),
		"remaining_count": number("Number of partitions that are not done."),
		"run":             text("Name of the latest run, an Argo Workflow."),
		"template": text("Name of the immutable WorkflowTemplate of the runner. A different runner has a different " +
			"name."),
		"failed_partitions": schema.ListNestedAttribute{
			Computed:            true,
			MarkdownDescription: "The first 100 failed partitions.",
			NestedObject: schema.NestedAttributeObject{Attributes: map[string]schema.Attribute{
				"key":      text("Key of the partition."),
				"start":    text("Start of the partition; null for values."),
				"end":      text("End of the partition, exclusive; null for values."),
				"attempts": number("Number of attempts."),
				"message":  text("Message of the last failed attempt, up to 256 bytes."),
				"attempt_details": schema.ListNestedAttribute{
					Computed:            true,
					MarkdownDescription: "The last five attempts, ascending.",
					NestedObject: schema.NestedAttributeObject{Attributes: map[string]schema.Attribute{
						"attempt": number("Number of the attempt, counted from 0."),
						"node":    text("Node of the attempt; null if it was not scheduled."),
						"capacity": text("`spot` or `on_demand` if the attempt had to run on such a node; null if it could run on " +
							"either."),
						"cause": text("Why it ended: `application` (the runner failed), `oom`, `interruption` (the node or pod " +
							"was removed), `deadline`, `image` (the image could not be pulled) or `unknown` (another error reported by " +
							"Argo)."),
						"exit_code":   number("Exit code of the runner; null if unknown."),
						"message":     text("Message from Argo, up to 128 bytes."),
						"started_at":  text("Creation time of the pod, in RFC 3339."),
						"finished_at": text("End time, in RFC 3339; null if unknown."),
					}},
				},
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
				"It keeps its planned value after apply, until the next refresh.",
			Attributes: map[string]schema.Attribute{
				"because":    text("Why a run is needed, in one sentence."),
				"partitions": number("Number of partitions that will run; null if the run queries the bounds."),
				"intervals":  text("Keys that will run, as half-open intervals; null if longer than 16 kB."),
				"template":   text("Name of the WorkflowTemplate of the run."),
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

// driftOf is the attribute drift. In plans it is empty, because the apply repairs
// the drift.
func driftOf(sentences []string) tftypes.Value {
	list := []tftypes.Value{}
	for _, sentence := range sentences {
		list = append(list, text(sentence))
	}
	return tftypes.NewValue(driftType, list)
}

// values are some top-level attributes of the resource.
type values map[string]tftypes.Value

// orNull is a text, or null if it is empty.
func orNull(s string) tftypes.Value {
	if s == "" {
		return tftypes.NewValue(tftypes.String, nil)
	}
	return tftypes.NewValue(tftypes.String, s)
}

func text(s string) tftypes.Value { return tftypes.NewValue(tftypes.String, s) }

func number(n int64) tftypes.Value { return tftypes.NewValue(tftypes.Number, n) }

// setText is the text of a set of keys: empty if there are no keys, null if it is too
// long.
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
			"partition_count": noNumber(), "shard_count": noNumber(), "first_partition": orNull(""),
			"last_partition": orNull(""),
			"template":       orNull(p.Template), "next_run": nextRun(p.Next),
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

// noNumber is an unknown number.
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

// observedNames are the attributes that observed sets. They are unknown while an
// update is planned.
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
