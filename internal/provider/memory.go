// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"context"
	"encoding/json"
	"fmt"

	tfdiag "github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/domain"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/engine"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/job"
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
		Ending: kept.Ending, SetupError: kept.SetupError, Canary: kept.Canary, Gate: kept.Gate,
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
	kept, err := ledgerTexts(o)
	if err != nil {
		internalError(&diags, "reading the record of a job", err)
		return diags
	}
	diags.Append(private.SetKey(ctx, memoryJob, o.Job)...)
	diags.Append(setJSON(ctx, private, memoryLedger, kept)...)
	diags.Append(setJSON(ctx, private, memoryPolicy, o.Policy)...)
	return diags
}

func rememberOwner(ctx context.Context, private privateWriter, token string) tfdiag.Diagnostics {
	return setJSON(ctx, private, memoryOwner, ownerMemory{Token: token})
}

// ledgerTexts writes the sets out, also where the observation left them to a
// count because nobody would read them.
func ledgerTexts(o *engine.Observation) (ledgerMemory, error) {
	kept := ledgerMemory{Done: o.DoneText, Failed: o.FailedText, Ending: o.Ending, SetupError: o.SetupError, Canary: o.Canary, Gate: o.Gate}
	needed := func(text string, set ledger.Set) bool { return text == "" && !set.Empty() }
	if !needed(kept.Done, o.Done) && !needed(kept.Failed, o.Failed) {
		return kept, nil
	}
	d, err := domainOf(o.Job)
	if err != nil {
		return kept, err
	}
	kept.Done, kept.Failed = o.Done.Text(d), o.Failed.Text(d)
	return kept, nil
}

func domainOf(canonical []byte) (domain.Domain, error) {
	value, err := job.ParseCanonical(canonical)
	if err != nil {
		return domain.Domain{}, err
	}
	decoded, diags := job.Decode(value)
	if decoded == nil {
		return domain.Domain{}, fmt.Errorf("the recorded declaration does not hold: %w", diags)
	}
	return decoded.Domain, nil
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
