// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"encoding/json"
	"strings"

	"github.com/hashicorp/hcl/v2"
	tfdiag "github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/argo"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/observe"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/state"
)

// Keys of the private state. It holds what plans need and what would be too
// long, or of no interest, in the state that users see.
const (
	privateState = "state" // the job as last seen, by the codec of package state
	privatePhase = "phase" // its phase then: after an apply the attribute is the planned one
	privateOwner = "owner" // the token by which this state owns the job
	privateMoved = "moved" // the Workflow whose state was moved here, until the next read
)

// Keys of the first format, see state.OldPrivate.
const (
	oldDeclaration = "job"
	oldLedger      = "ledger"
	oldPolicy      = "policy"
)

// privateValues are the private state of a resource, each of them JSON.
type privateValues map[string][]byte

// recall returns what the state remembers of a job. After an import or a move it
// remembers a name alone.
func recall(raw tftypes.Value, private privateValues, diags *tfdiag.Diagnostics) *state.Observation {
	attributes, namespace, name := jobOf(raw)
	phase := state.Phase(private.noted(privatePhase, "phase", diags))
	if phase == "" {
		phase = state.Phase(stringOf(attributes["phase"]))
	}
	s := &state.State{Namespace: namespace, Name: name}
	var err error
	switch {
	case private[privateState] != nil:
		s, err = state.DecodePrivate(namespace, name, private[privateState])
	case private[oldDeclaration] != nil:
		old := state.OldPrivate{
			Declaration: private[oldDeclaration],
			Ledger:      private[oldLedger],
			Policy:      private[oldPolicy],
			Run:         argo.RunNumber(name, stringOf(attributes["run"])),
			Phase:       phase,
		}
		s, err = old.Decode(namespace, name)
	}
	if err != nil {
		diags.Append(atAttributes(hcl.Diagnostics{observe.DamagedState(err)})...)
		return nil
	}
	return &state.Observation{State: *s, Phase: phase, Drift: stringsOf(attributes["drift"])}
}

// remember keeps what the next plan needs.
func remember(private privateValues, o *state.Observation, diags *tfdiag.Diagnostics) {
	data, err := state.EncodePrivate(&o.State)
	if err != nil {
		internalError(diags, "writing private state", err)
		return
	}
	private[privateState] = data
	private.note(privatePhase, "phase", string(o.Phase))
	for _, old := range []string{oldDeclaration, oldLedger, oldPolicy} {
		delete(private, old)
	}
}

// note keeps one text under a name of its own.
func (p privateValues) note(key, name, kept string) {
	p[key], _ = json.Marshal(map[string]string{name: kept}) // texts can be written
}

// noted is a text that was kept, or "".
func (p privateValues) noted(key, name string, diags *tfdiag.Diagnostics) string {
	var kept map[string]string
	if len(p[key]) > 0 {
		if err := json.Unmarshal(p[key], &kept); err != nil {
			internalError(diags, "reading private state", err)
		}
	}
	return kept[name]
}

// jobOf reads the attributes of a state, and which job it is about.
func jobOf(raw tftypes.Value) (attributes values, namespace, name string) {
	attributes = attributesOf(raw)
	namespace, name, _ = strings.Cut(stringOf(attributes["id"]), "/")
	return attributes, namespace, name
}
