// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package record

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/domain"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/ledger"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/manifest"
)

// maxUnpacked bounds what a packed text may unfold to.
const maxUnpacked = 64 << 20

// Decode reads a ConfigMap. An object that is not a record of ours is
// ErrForeign; a record that is damaged is an error that says where.
func Decode(o manifest.Object) (Record, error) {
	c, job, err := open(o)
	if err != nil {
		return Record{}, err
	}
	r := Record{
		Namespace: o.GetNamespace(), Name: job,
		UID: string(o.GetUID()), ResourceVersion: o.GetResourceVersion(), Created: o.GetCreationTimestamp().Time,
	}
	for _, step := range []func(*Record) error{c.declaration, c.ledger, c.history} {
		if err := step(&r); err != nil {
			return Record{}, err
		}
	}
	return r, nil
}

// stored is the data of a ConfigMap.
type stored struct {
	text, binary map[string]string
}

// open tells our records from other ConfigMaps.
func open(o manifest.Object) (stored, string, error) {
	job := o.GetLabels()[LabelJob]
	text, _, err := unstructured.NestedStringMap(o.Object, "data")
	switch {
	case o.GetKind() != "ConfigMap" || job == "" || o.GetName() != Name(job) || err != nil || text[keyFormat] == "":
		return stored{}, "", fmt.Errorf("%s %q is %w", o.GetKind(), o.GetName(), ErrForeign)
	case text[keyFormat] != format:
		return stored{}, "", fmt.Errorf("%w: it is of format %q, and this version knows format %q", ErrNewer, text[keyFormat], format)
	}
	binary, _, err := unstructured.NestedStringMap(o.Object, "binaryData")
	if err != nil {
		return stored{}, "", invalid("binaryData holds something else than text")
	}
	return stored{text, binary}, job, nil
}

// get returns what put stored.
func (s stored) get(key string) (string, error) {
	encoded, ok := s.binary[key+packed]
	if !ok {
		return s.text[key], nil
	}
	data, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil {
		return "", invalid("%s is no base64: %w", key+packed, err)
	}
	r, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		return "", invalid("%s is no gzip: %w", key+packed, err)
	}
	unpacked, err := io.ReadAll(io.LimitReader(r, maxUnpacked+1))
	if err != nil {
		return "", invalid("%s does not unpack: %w", key+packed, err)
	}
	if len(unpacked) > maxUnpacked {
		return "", invalid("%s unpacks to more than %d bytes", key+packed, maxUnpacked)
	}
	return string(unpacked), nil
}

func (s stored) declaration(r *Record) error {
	declared, err := s.get(keyJob)
	if err != nil {
		return err
	}
	if !json.Valid([]byte(declared)) {
		return invalid("%s is no JSON", keyJob)
	}
	r.Job = []byte(declared)
	r.Owner, r.Target, r.Reason, r.Canary = s.text[keyOwner], s.text[keyTarget], s.text[keyReason], s.text[keyCanary]
	if policy := s.text[keyPolicy]; policy != "" {
		if !json.Valid([]byte(policy)) {
			return invalid("%s is no JSON", keyPolicy)
		}
		r.Policy = []byte(policy)
	}
	if gate := s.text[keyGate]; gate != "" {
		if err := json.Unmarshal([]byte(gate), &r.Gate); err != nil {
			return invalid("%s: %w", keyGate, err)
		}
	}
	if err := s.reservation(r); err != nil {
		return err
	}
	space, err := s.get(keyDomain)
	if err != nil {
		return err
	}
	r.Domain, err = decodeDomain([]byte(space))
	if err != nil {
		return invalid("%s: %w", keyDomain, err)
	}
	return s.bounds(r)
}

func (s stored) bounds(r *Record) error {
	r.Grown = s.text[keyGrown] != ""
	text := s.text[keyBounds]
	if text == "" {
		return nil
	}
	var found []int64
	if err := json.Unmarshal([]byte(text), &found); err != nil {
		return invalid("%s: %w", keyBounds, err)
	}
	if len(found) != 2 || found[0] >= found[1] {
		return invalid("%s does not hold a start and an end after it", keyBounds)
	}
	r.Bounds = &domain.Interval{Start: found[0], End: found[1]}
	return nil
}

func (s stored) reservation(r *Record) error {
	text, err := s.get(keyReserved)
	if err != nil || text == "" {
		return err
	}
	var kept storedReservation
	if err := json.Unmarshal([]byte(text), &kept); err != nil {
		return invalid("%s: %w", keyReserved, err)
	}
	space, err := decodeDomain(kept.Domain)
	if err != nil {
		return invalid("%s: %w", keyReserved, err)
	}
	r.Reserved = &Reservation{space, kept.Target}
	return nil
}

func (s stored) ledger(r *Record) error {
	for key, set := range map[string]*ledger.Set{keyDone: &r.Done, keyFailed: &r.Failed} {
		text, err := s.get(key)
		if err != nil {
			return err
		}
		if *set, err = ledger.Parse(r.Domain, text); err != nil {
			return invalid("%s: %w", key, err)
		}
	}
	if text := s.text[keyFailures]; text != "" {
		if err := json.Unmarshal([]byte(text), &r.Failures); err != nil {
			return invalid("%s: %w", keyFailures, err)
		}
	}
	r.Failures = cutFailures(r.Failures)
	return nil
}

func (s stored) history(r *Record) error {
	var err error
	if r.NextRun, err = strconv.Atoi(s.text[keyNextRun]); err != nil || r.NextRun < 1 {
		return invalid("%s is %q and should be a number from 1", keyNextRun, s.text[keyNextRun])
	}
	var runs []storedRun
	if text := s.text[keyRuns]; text != "" {
		if err := json.Unmarshal([]byte(text), &runs); err != nil {
			return invalid("%s: %w", keyRuns, err)
		}
	}
	last := 0
	for _, run := range runs {
		if run.Number <= last || run.Number >= r.NextRun {
			return invalid("%s: run %d does not lie between run %d and the next run, %d", keyRuns, run.Number, last, r.NextRun)
		}
		last = run.Number
		entry, err := decodeRun(run)
		if err != nil {
			return err
		}
		r.Runs = append(r.Runs, entry)
	}
	r.Runs = r.Runs[max(0, len(r.Runs)-MaxRuns):]
	return nil
}

func decodeRun(s storedRun) (Run, error) {
	r := Run{Number: s.Number, Template: s.Template, Intervals: s.Intervals, Partitions: s.Partitions, Outcome: s.Outcome, Claim: s.Claim, Canary: s.Canary, Until: s.Until, MaxParallel: s.Parallel, SpecHash: s.SpecHash, Retiring: s.Retiring}
	r.SetupError, r.TeardownError, r.Asks, r.Message = s.SetupError, s.TeardownError, s.Asks, s.Message
	var err error
	if r.Start, err = instant(s.Start); err == nil {
		r.End, err = instant(s.End)
	}
	if err != nil {
		return Run{}, invalid("%s: run %d: %w", keyRuns, s.Number, err)
	}
	if s.Domain != nil {
		space, err := decodeDomain(s.Domain)
		if err != nil {
			return Run{}, invalid("%s: run %d: %w", keyRuns, s.Number, err)
		}
		r.Domain = &space
	}
	return r, nil
}

func instant(text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	t, err := time.Parse(time.RFC3339, text)
	return t.UTC(), err
}
