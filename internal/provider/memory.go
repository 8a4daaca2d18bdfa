// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"context"
	"encoding/json"

	tfdiag "github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/domain"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/engine"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/ledger"
)

// Keys of the private state. It holds what plans need and what would be too
// long, or of no interest, in the state that users see.
const (
	memoryJob    = "job"    // canonical declaration of the record, as last read
	memoryLedger = "ledger" // ledgerMemory
	memoryOwner  = "owner"  // ownerMemory
	memoryPolicy = "policy" // engine.Policy, as far as the record keeps it
	memoryMoved  = "moved"  // movedMemory, from a move of state until the next read
)

type ledgerMemory struct {
	Done   string `json:"done"`
	Failed string `json:"failed"`
	// How the latest run ended, which canary succeeded last, and where the job
	// stands between its waves.
	Ending     string      `json:"ending,omitempty"`
	SetupError string      `json:"setup_error,omitempty"`
	Canary     string      `json:"canary,omitempty"`
	Gate       engine.Gate `json:"gate"`
	// What the job's query has found, and why its last run found nothing.
	Bounds  *domain.Interval `json:"bounds,omitempty"`
	Message string           `json:"message,omitempty"`
}

type ownerMemory struct {
	Token string `json:"token"`
}

// movedMemory names the Workflow whose state was moved here.
type movedMemory struct {
	Run string `json:"run"`
}

// privateReader and privateWriter are the two sides of private state.
type privateReader interface {
	GetKey(ctx context.Context, key string) ([]byte, tfdiag.Diagnostics)
}

type privateWriter interface {
	SetKey(ctx context.Context, key string, value []byte) tfdiag.Diagnostics
}

type privateStore interface {
	privateReader
	privateWriter
}

// recall returns what the state remembers of a job.
func recall(ctx context.Context, state tftypes.Value, private privateReader) (*engine.Known, tfdiag.Diagnostics) {
	var diags tfdiag.Diagnostics
	attributes, err := attributesOf(state)
	if err != nil {
		internalError(&diags, "reading the state", err)
		return nil, diags
	}
	canonical, more := private.GetKey(ctx, memoryJob)
	diags.Append(more...)
	var kept ledgerMemory
	diags.Append(getJSON(ctx, private, memoryLedger, &kept)...)
	var policy engine.Policy
	diags.Append(getJSON(ctx, private, memoryPolicy, &policy)...)
	return &engine.Known{
		Policy: policy,
		Job:    canonical,
		Done:   kept.Done,
		Failed: kept.Failed,
		Ending: kept.Ending, SetupError: kept.SetupError, Canary: kept.Canary, Gate: kept.Gate, Bounds: kept.Bounds, Message: kept.Message,
		Phase: engine.Phase(stringOf(attributes["phase"])),
		Run:   stringOf(attributes["run"]),
		Drift: stringsOf(attributes["drift"]),
	}, diags
}

func ownerToken(ctx context.Context, private privateReader) (string, tfdiag.Diagnostics) {
	var owner ownerMemory
	diags := getJSON(ctx, private, memoryOwner, &owner)
	return owner.Token, diags
}

// remember keeps what the next plan needs.
func remember(ctx context.Context, private privateWriter, o *engine.Observation) tfdiag.Diagnostics {
	var diags tfdiag.Diagnostics
	diags.Append(private.SetKey(ctx, memoryJob, o.Job)...)
	diags.Append(setJSON(ctx, private, memoryLedger, ledgerTexts(o))...)
	diags.Append(setJSON(ctx, private, memoryPolicy, o.Policy)...)
	return diags
}

func rememberOwner(ctx context.Context, private privateWriter, token string) tfdiag.Diagnostics {
	return setJSON(ctx, private, memoryOwner, ownerMemory{Token: token})
}

// ledgerTexts writes the sets out, also where the observation left them to a
// count because nobody would read them.
func ledgerTexts(o *engine.Observation) ledgerMemory {
	return ledgerMemory{
		Done: inFull(o.DoneText, o.Done, o.Domain), Failed: inFull(o.FailedText, o.Failed, o.Domain),
		Ending: o.Ending, SetupError: o.SetupError, Canary: o.Canary, Gate: o.Gate, Bounds: o.Bounds, Message: o.Message,
	}
}

func inFull(text string, set ledger.Set, d domain.Domain) string {
	if text == "" && !set.Empty() {
		return set.Text(d)
	}
	return text
}

func getJSON(ctx context.Context, private privateReader, key string, into any) tfdiag.Diagnostics {
	data, diags := private.GetKey(ctx, key)
	if len(data) == 0 || diags.HasError() {
		return diags
	}
	if err := json.Unmarshal(data, into); err != nil {
		internalError(&diags, "reading private state", err)
	}
	return diags
}

func setJSON(ctx context.Context, private privateWriter, key string, value any) tfdiag.Diagnostics {
	data, err := json.Marshal(value)
	if err != nil {
		var diags tfdiag.Diagnostics
		internalError(&diags, "writing private state", err)
		return diags
	}
	return private.SetKey(ctx, key, data)
}

// stringOf is a text attribute; "" when null or unknown.
func stringOf(v tftypes.Value) string {
	var s string
	if !v.IsKnown() || v.IsNull() || v.As(&s) != nil {
		return ""
	}
	return s
}

// stringsOf is a list of texts; nil when null or unknown.
func stringsOf(v tftypes.Value) []string {
	var list []tftypes.Value
	if !v.IsKnown() || v.IsNull() || v.As(&list) != nil {
		return nil
	}
	var out []string
	for _, e := range list {
		out = append(out, stringOf(e))
	}
	return out
}

// namespaceOf is a namespace as written, or the default one.
func namespaceOf(v tftypes.Value) string {
	if namespace := stringOf(v); namespace != "" {
		return namespace
	}
	return defaultOf("namespace")
}
