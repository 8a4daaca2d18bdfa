// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package state

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/domain"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/ledger"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/plan"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/text"
)

// format is the version of the document. The codec writes this one, reads this
// one and the one before, and refuses newer ones.
const format = "2"

// The parts of a document.
const (
	partFormat      = "format"
	partWriter      = "writer"
	partDeclaration = "declaration.json"
	partPolicy      = "policy.json"
	partOwner       = "owner"
	partDone        = "done"
	partFailed      = "failed"
	partFailures    = "failures.json"
	partRuns        = "runs.json"
	partSubmitted   = "submitted.json" // of the active run
	partProgress    = "progress.json"
	partReserved    = "reserved.json"
)

// document is a state as named texts, each of which a person can read. It is what
// both serializations hold. Parts without content are left out.
// See internal/decisions/0003-one-state-one-codec.md.
type document map[string]string

// ErrForeign is the error of an object that is not a record of ours.
var ErrForeign = errors.New("not a record of a backfill job")

// NewerError is the error of a document that a later version of this program
// wrote.
type NewerError struct{ Format, Writer string }

func (e *NewerError) Error() string {
	by := "a newer version of this program"
	if e.Writer != "" {
		by = "version " + e.Writer + " of this program"
	}
	return fmt.Sprintf("its format is %s, written by %s, and this version reads formats 1 to %s", e.Format, by, format)
}

// progress is where a job is between its runs, in JSON.
type progress struct {
	NextRun  int              `json:"next_run"`
	Canary   string           `json:"canary,omitempty"`
	Gate     *Gate            `json:"gate,omitempty"`
	Bounds   *domain.Interval `json:"bounds,omitempty"`
	Grown    bool             `json:"grown,omitempty"`
	Creating bool             `json:"creating,omitempty"`
}

// runJSON is a Run in JSON, without what only an active run has.
type runJSON struct {
	Number        int     `json:"number"`
	Template      string  `json:"template,omitempty"`
	Intervals     string  `json:"intervals,omitempty"`
	Partitions    int64   `json:"partitions"`
	Start         string  `json:"start,omitempty"`
	End           string  `json:"end,omitempty"`
	Outcome       Outcome `json:"outcome,omitempty"`
	Message       string  `json:"message,omitempty"`
	Tries         string  `json:"canary,omitempty"`
	Claim         string  `json:"claim,omitempty"`
	SpecHash      string  `json:"spec_hash,omitempty"`
	Retiring      bool    `json:"retiring,omitempty"`
	Lingers       bool    `json:"lingers,omitempty"`
	SetupError    string  `json:"setup_error,omitempty"`
	TeardownError string  `json:"teardown_error,omitempty"`
}

// specJSON is what only an active run has, in JSON.
type specJSON struct {
	Declaration string          `json:"declaration,omitempty"`
	Domain      json.RawMessage `json:"domain,omitempty"` // absent: that of the state
	Covers      string          `json:"covers,omitempty"`
	Order       plan.Order      `json:"order,omitempty"`
	ShardSize   int             `json:"shard_size,omitempty"`
	Canary      *plan.Canary    `json:"canary,omitempty"`
	Waves       *plan.Waves     `json:"waves,omitempty"`
	Budget      *plan.Budget    `json:"budget,omitempty"`
	First       int             `json:"first,omitempty"`
	Until       int             `json:"until,omitempty"`
	MaxParallel int             `json:"max_parallel,omitempty"`
	Query       *plan.QuerySpec `json:"query,omitempty"`
}

// reservationJSON is a Reservation in JSON.
type reservationJSON struct {
	Target string          `json:"target"`
	Domain json.RawMessage `json:"domain"`
}

// encoder writes parts and remembers the first error.
type encoder struct {
	document
	err error
}

func (e *encoder) put(part string, v any) {
	data, err := json.Marshal(v)
	if err != nil && e.err == nil {
		e.err = fmt.Errorf("writing %s: %w", part, err)
	}
	e.document[part] = string(data)
}

// encode writes everything that a state holds, cut to the limits of this package.
func (s *State) encode() (document, error) {
	e := &encoder{document: document{
		partFormat:      format,
		partDeclaration: s.Declaration.text,
		partDone:        s.Done.Text(s.Domain()),
		partFailed:      s.Failed.Text(s.Domain()),
	}}
	for part, text := range map[string]string{partWriter: s.Writer, partOwner: s.Owner} {
		if text != "" {
			e.document[part] = text
		}
	}
	if text := s.Policy.recorded(); text != "" {
		e.document[partPolicy] = text
	}
	p := progress{NextRun: s.NextRun, Canary: s.Canary, Bounds: s.Bounds, Grown: s.Grown, Creating: s.Creating}
	if s.Gate != (Gate{}) {
		p.Gate = &s.Gate
	}
	e.put(partProgress, p)
	e.put(partFailures, cutFailures(s.Failures))
	e.runs(s)
	if s.Reserved != nil {
		space, err := encodeDomain(s.Reserved.Domain)
		if err != nil {
			return nil, err
		}
		e.put(partReserved, reservationJSON{s.Reserved.Target, space})
	}
	return e.document, e.err
}

func (e *encoder) runs(s *State) {
	runs := []runJSON{}
	for _, r := range s.Runs[max(0, len(s.Runs)-MaxRuns):] {
		runs = append(runs, runJSON{
			Number:        r.Number,
			Template:      r.Template,
			Intervals:     r.Intervals,
			Partitions:    r.Partitions,
			Start:         stamp(r.Start),
			End:           stamp(r.End),
			Outcome:       r.Outcome,
			Message:       text.Cut(r.Message, MaxMessageBytes),
			Tries:         r.Tries,
			Claim:         r.Claim,
			SpecHash:      r.SpecHash,
			Retiring:      r.Retiring,
			Lingers:       r.Lingers,
			SetupError:    text.Cut(r.SetupError, MaxMessageBytes),
			TeardownError: text.Cut(r.TeardownError, MaxMessageBytes),
		})
	}
	e.put(partRuns, runs)
	if active := s.Active(); active != nil {
		spec, err := active.spec(s)
		if err != nil && e.err == nil {
			e.err = fmt.Errorf("run %d: %w", active.Number, err)
		}
		e.put(partSubmitted, spec)
	}
}

func (r *Run) spec(s *State) (specJSON, error) {
	out := specJSON{
		Order:       r.Order,
		ShardSize:   r.ShardSize,
		Budget:      r.Budget,
		First:       r.First,
		Until:       r.Until,
		MaxParallel: r.MaxParallel,
		Query:       r.Query,
	}
	if r.Declaration != nil {
		out.Declaration = r.Declaration.text
	}
	if r.Canary.Partitions > 0 || len(r.Canary.Keys) > 0 {
		out.Canary = &r.Canary
	}
	if r.Waves != (plan.Waves{}) {
		out.Waves = &r.Waves
	}
	space, err := encodeDomain(r.Domain)
	if err != nil {
		return out, err
	}
	own, err := encodeDomain(s.Domain())
	if err != nil {
		return out, err
	}
	if string(space) != string(own) {
		out.Domain = space
	}
	out.Covers = r.Covers.Text(r.Domain)
	return out, nil
}

// recorded is the JSON of what is kept of a policy; "" for the default.
func (p Policy) recorded() string {
	text, err := json.Marshal(p)
	if err != nil || string(text) == "{}" {
		return "" // strings and bools always have a JSON form
	}
	return string(text)
}

// decode reads a document of either format.
func (d document) decode(namespace, name string) (*State, error) {
	s := &State{Namespace: namespace, Name: name, Writer: d[partWriter], Owner: d[partOwner]}
	switch d[partFormat] {
	case format:
	case formatOne:
		converted, err := d.fromFormatOne()
		if err != nil {
			return nil, err
		}
		d = converted
	default:
		return nil, &NewerError{d[partFormat], d[partWriter]}
	}
	for _, step := range []func(*State) error{d.declaration, d.ledger, d.history, d.submitted, d.reservation} {
		if err := step(s); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// read reads a part, when it is there.
func (d document) read(part string, into any) error {
	text := d[part]
	if text == "" {
		return nil
	}
	if err := json.Unmarshal([]byte(text), into); err != nil {
		return invalid("%s: %w", part, err)
	}
	return nil
}

func (d document) declaration(s *State) error {
	declared, err := ParseDeclaration(d[partDeclaration])
	if err != nil {
		return invalid("%s: %w", partDeclaration, err)
	}
	if err := d.read(partPolicy, &s.Policy); err != nil {
		return err
	}
	var p progress
	if err := d.read(partProgress, &p); err != nil {
		return err
	}
	if p.NextRun < 1 {
		return invalid("%s: the next run is %d and should be a number from 1", partProgress, p.NextRun)
	}
	if b := p.Bounds; b != nil && b.Start >= b.End {
		return invalid("%s does not hold a start and an end after it", partProgress)
	}
	s.NextRun, s.Canary, s.Grown, s.Creating = p.NextRun, p.Canary, p.Grown, p.Creating
	if p.Gate != nil {
		s.Gate = *p.Gate
	}
	if err := s.Declare(declared, p.Bounds); err != nil {
		return invalid("%s: %w", partProgress, err)
	}
	return nil
}

func (d document) ledger(s *State) error {
	for part, set := range map[string]*ledger.Set{partDone: &s.Done, partFailed: &s.Failed} {
		var err error
		if *set, err = ledger.Parse(s.Domain(), d[part]); err != nil {
			return invalid("%s: %w", part, err)
		}
	}
	if err := d.read(partFailures, &s.Failures); err != nil {
		return err
	}
	s.Failures = cutFailures(s.Failures)
	return nil
}

func (d document) history(s *State) error {
	var runs []runJSON
	if err := d.read(partRuns, &runs); err != nil {
		return err
	}
	last := 0
	for _, r := range runs {
		if r.Number <= last || r.Number >= s.NextRun {
			return invalid("%s: run %d does not lie between run %d and the next run, %d",
				partRuns, r.Number, last, s.NextRun)
		}
		last = r.Number
		run, err := r.run()
		if err != nil {
			return invalid("%s: run %d: %w", partRuns, r.Number, err)
		}
		s.Runs = append(s.Runs, run)
	}
	s.Runs = s.Runs[max(0, len(s.Runs)-MaxRuns):]
	return nil
}

func (j runJSON) run() (Run, error) {
	r := Run{
		RunSpec:       plan.RunSpec{Number: j.Number, Template: j.Template},
		Intervals:     j.Intervals,
		Partitions:    j.Partitions,
		Outcome:       j.Outcome,
		Message:       j.Message,
		Tries:         j.Tries,
		Claim:         j.Claim,
		SpecHash:      j.SpecHash,
		Retiring:      j.Retiring,
		Lingers:       j.Lingers,
		SetupError:    j.SetupError,
		TeardownError: j.TeardownError,
	}
	var err error
	if r.Start, err = instant(j.Start); err == nil {
		r.End, err = instant(j.End)
	}
	return r, err
}

// submitted reads what only an active run has.
func (d document) submitted(s *State) error {
	active := s.Active()
	if active == nil {
		return nil
	}
	var j specJSON
	err := d.read(partSubmitted, &j)
	if err != nil {
		return err
	}
	if err := j.into(active, s); err != nil {
		return invalid("%s: %w", partSubmitted, err)
	}
	return nil
}

func (j specJSON) into(r *Run, s *State) error {
	var err error
	r.Domain = s.Domain()
	if j.Domain != nil {
		if r.Domain, err = decodeDomain(j.Domain); err != nil {
			return err
		}
	}
	if j.Declaration != "" {
		declared, err := ParseDeclaration(j.Declaration)
		if err != nil {
			return err
		}
		r.Declaration = &declared
	}
	if r.Covers, err = ledger.Parse(r.Domain, j.Covers); err != nil {
		return fmt.Errorf("covers: %w", err)
	}
	if j.Canary != nil {
		r.Canary = *j.Canary
	}
	if j.Waves != nil {
		r.Waves = *j.Waves
	}
	if j.ShardSize < 0 || j.First < 0 || j.Until < 0 || j.MaxParallel < 0 || j.Query != nil && j.Query.MaxPartitions < 0 {
		return errors.New("a number is negative")
	}
	r.Order, r.ShardSize, r.Budget, r.Query = j.Order, j.ShardSize, j.Budget, j.Query
	r.First, r.Until, r.MaxParallel = j.First, j.Until, j.MaxParallel
	return nil
}

func (d document) reservation(s *State) error {
	if d[partReserved] == "" {
		return nil
	}
	var j reservationJSON
	if err := d.read(partReserved, &j); err != nil {
		return err
	}
	space, err := decodeDomain(j.Domain)
	if err != nil {
		return invalid("%s: %w", partReserved, err)
	}
	s.Reserved = &Reservation{space, j.Target}
	return nil
}

// cutFailures keeps the first failures, as many as the limits of this package let
// a record hold.
func cutFailures(all []Failure) []Failure {
	kept, size := []Failure{}, 0
	for _, f := range all[:min(len(all), MaxFailures)] {
		f.Message = text.Cut(f.Message, MaxMessageBytes)
		f.Details = append([]Attempt(nil), f.Details[max(0, len(f.Details)-MaxAttempts):]...)
		for k := range f.Details {
			f.Details[k].Message = text.Cut(f.Details[k].Message, MaxAttemptBytes)
		}
		data, err := json.Marshal(f)
		if size += len(data); err != nil || size > MaxFailureBytes {
			break // texts and numbers always have a JSON form
		}
		kept = append(kept, f)
	}
	return kept
}

func stamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Truncate(time.Second).Format(time.RFC3339)
}

func instant(text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	t, err := time.Parse(time.RFC3339, text)
	return t.UTC(), err
}

func invalid(format string, args ...any) error {
	return fmt.Errorf(format, args...)
}

// EncodePrivate is a state as Terraform keeps it beside the attributes that users
// see. The owner is not part of it: a state may look at jobs that it does not own.
func EncodePrivate(s *State) ([]byte, error) {
	short := *s
	short.Failures = s.Failures[:min(len(s.Failures), MaxRemembered)]
	d, err := short.encode()
	if err != nil {
		return nil, err
	}
	delete(d, partOwner)
	return json.Marshal(d)
}

// DecodePrivate reads what EncodePrivate wrote.
func DecodePrivate(namespace, name string, data []byte) (*State, error) {
	var d document
	if err := json.Unmarshal(data, &d); err != nil {
		return nil, fmt.Errorf("it is not JSON: %w", err)
	}
	return d.decode(namespace, name)
}

// number reads a number of format 1, which kept each in a text of its own.
func number(text string) int {
	n, err := strconv.Atoi(text)
	if err != nil {
		return 0
	}
	return n
}
