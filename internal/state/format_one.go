// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package state

import (
	"encoding/json"
	"fmt"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/domain"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/ledger"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/plan"
)

// formatOne is the first format. It kept no RunSpec: of an active run only what
// its Workflow tells by itself is known.
const formatOne = "1"

// Parts that only format 1 has.
const (
	oldDeclaration = "job.json"
	oldDomain      = "domain.json"
	oldBounds      = "bounds.json"
	oldGrown       = "grown"
	oldNextRun     = "next-run"
	oldCanary      = "canary"
	oldGate        = "gate.json"
)

// oldRun is what a run of format 1 has besides runJSON.
type oldRun struct {
	runJSON
	Asks        bool            `json:"asks,omitempty"`
	Until       int             `json:"until,omitempty"`
	MaxParallel int             `json:"max_parallel,omitempty"`
	Domain      json.RawMessage `json:"domain,omitempty"`
}

// oldGateJSON is a Gate of format 1.
type oldGateJSON struct {
	Gate
	Held bool `json:"held,omitempty"`
}

// fromFormatOne rewrites a document of format 1.
func (d document) fromFormatOne() (document, error) {
	e := &encoder{document: document{
		partFormat:      format,
		partDeclaration: d[oldDeclaration],
		partOwner:       d[partOwner],
		partPolicy:      d[partPolicy],
		partDone:        d[partDone],
		partFailed:      d[partFailed],
		partFailures:    d[partFailures],
		partReserved:    d[partReserved],
	}}
	p := progress{NextRun: number(d[oldNextRun]), Canary: d[oldCanary], Grown: d[oldGrown] != ""}
	if err := d.oldBounds(&p); err != nil {
		return nil, err
	}
	var gate oldGateJSON
	if err := d.read(oldGate, &gate); err != nil {
		return nil, err
	}
	gate.Paused = gate.Held
	p.Gate = &gate.Gate
	active, err := d.oldRuns(e)
	if err != nil {
		return nil, err
	}
	// A creation of format 1 left no note of its end.
	p.Creating = active && p.NextRun == 2
	e.put(partProgress, p)
	return e.document, e.err
}

func (d document) oldBounds(p *progress) error {
	var found []int64
	if err := d.read(oldBounds, &found); err != nil {
		return err
	}
	switch len(found) {
	case 0:
		return nil
	case 2:
		p.Bounds = &domain.Interval{Start: found[0], End: found[1]}
		return nil
	}
	return invalid("%s does not hold a start and an end after it", oldBounds)
}

// oldRuns rewrites the runs, and tells whether the latest one is active.
func (d document) oldRuns(e *encoder) (active bool, err error) {
	var old []oldRun
	if err := d.read(partRuns, &old); err != nil {
		return false, err
	}
	runs := []runJSON{}
	for _, r := range old {
		if r.Outcome == "Asked" {
			r.Outcome = BoundsFound
		}
		runs = append(runs, r.runJSON)
	}
	e.put(partRuns, runs)
	if len(old) == 0 || old[len(old)-1].Outcome != Active {
		return false, nil
	}
	latest := old[len(old)-1]
	spec := specJSON{Domain: latest.Domain, Until: latest.Until, MaxParallel: latest.MaxParallel}
	if latest.Asks {
		spec.Query = &plan.QuerySpec{}
	}
	if covers, err := d.oldCovers(latest); err == nil {
		spec.Covers = covers
	}
	e.put(partSubmitted, spec)
	return true, nil
}

// oldCovers is what a run of format 1 was to process, where its record says so.
func (d document) oldCovers(r oldRun) (string, error) {
	text := r.Domain
	if text == nil {
		text = json.RawMessage(d[oldDomain])
	}
	space, err := decodeDomain(text)
	if err != nil {
		return "", fmt.Errorf("reading the domain of run %d: %w", r.Number, err)
	}
	set, err := ledger.Parse(space, r.Intervals)
	if err != nil {
		return "", fmt.Errorf("reading the intervals of run %d: %w", r.Number, err)
	}
	return set.Text(space), nil
}

// OldPrivate is the private state of format 1, by its keys.
type OldPrivate struct {
	Declaration, Ledger, Policy []byte
	// Run is the name of the latest run, and Phase its job's: they were kept in
	// attributes alone.
	Run   int
	Phase Phase
}

// oldLedger is the key "ledger".
type oldLedger struct {
	Done       string           `json:"done"`
	Failed     string           `json:"failed"`
	Ending     Outcome          `json:"ending"`
	SetupError string           `json:"setup_error"`
	Canary     string           `json:"canary"`
	Gate       oldGateJSON      `json:"gate"`
	Bounds     *domain.Interval `json:"bounds"`
	Message    string           `json:"message"`
}

// Decode reads it as a state.
func (o OldPrivate) Decode(namespace, name string) (*State, error) {
	var kept oldLedger
	if len(o.Ledger) > 0 {
		if err := json.Unmarshal(o.Ledger, &kept); err != nil {
			return nil, invalid("ledger: %w", err)
		}
	}
	if kept.Ending == "Asked" {
		kept.Ending = BoundsFound
	}
	kept.Gate.Paused = kept.Gate.Held
	e := &encoder{document: document{
		partFormat:      format,
		partDeclaration: string(o.Declaration),
		partPolicy:      string(o.Policy),
		partDone:        kept.Done,
		partFailed:      kept.Failed,
	}}
	e.put(partProgress, progress{
		NextRun: o.Run + 1,
		Canary:  kept.Canary,
		Gate:    &kept.Gate.Gate,
		Bounds:  kept.Bounds,
	})
	if o.Run > 0 {
		e.put(partRuns, []runJSON{{
			Number: o.Run, Outcome: kept.Ending, SetupError: kept.SetupError, Message: kept.Message,
		}})
	}
	if e.err != nil {
		return nil, e.err
	}
	return e.document.decode(namespace, name)
}
