// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package record

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strconv"
	"time"
	"unicode/utf8"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/manifest"
)

// format is the version of the layout; Decode refuses others.
const format = "1"

// The keys of the ConfigMap. What can be large moves to binaryData, gzipped,
// under the key with the suffix packed.
const (
	keyFormat   = "format"
	keyJob      = "job.json"
	keyDomain   = "domain.json"
	keyBounds   = "bounds.json"
	keyGrown    = "grown"
	keyOwner    = "owner"
	keyDone     = "done"
	keyFailed   = "failed"
	keyFailures = "failures.json"
	keyNextRun  = "next-run"
	keyRuns     = "runs.json"
	keyTarget   = "target"
	keyReason   = "reason"
	keyPolicy   = "policy.json"
	keyCanary   = "canary"
	keyGate     = "gate.json"
	keyReserved = "reserved.json"
	packed      = ".gz"
)

// Readable text is kept up to these lengths: a ConfigMap holds 1 MiB in all.
const (
	readableLedger = 200_000
	readableDomain = 64_000
	readableJob    = 300_000
)

// storedRun is a Run in JSON.
type storedRun struct {
	Number        int             `json:"number"`
	Template      string          `json:"template,omitempty"`
	Intervals     string          `json:"intervals,omitempty"`
	Partitions    int64           `json:"partitions"`
	Start         string          `json:"start,omitempty"`
	End           string          `json:"end,omitempty"`
	Outcome       string          `json:"outcome,omitempty"`
	Asks          bool            `json:"asks,omitempty"`
	Message       string          `json:"message,omitempty"`
	Canary        string          `json:"canary,omitempty"`
	Until         int             `json:"until,omitempty"`
	Parallel      int             `json:"max_parallel,omitempty"`
	SpecHash      string          `json:"spec_hash,omitempty"`
	Claim         string          `json:"claim,omitempty"`
	Retiring      bool            `json:"retiring,omitempty"`
	SetupError    string          `json:"setup_error,omitempty"`
	TeardownError string          `json:"teardown_error,omitempty"`
	Domain        json.RawMessage `json:"domain,omitempty"`
}

// Encode returns the ConfigMap of a record: everything that a Record holds,
// cut to the limits of this package.
func Encode(r Record) (manifest.Object, error) {
	runs, err := encodeRuns(r.Runs)
	if err != nil {
		return nil, err
	}
	failures, err := json.Marshal(cutFailures(r.Failures))
	if err != nil {
		return nil, err
	}
	space, err := encodeDomain(r.Domain)
	if err != nil {
		return nil, err
	}
	c := content{text: map[string]any{
		keyFormat: format, keyOwner: r.Owner, keyFailures: string(failures), keyNextRun: strconv.Itoa(r.NextRun),
		keyRuns: string(runs), keyTarget: r.Target, keyReason: r.Reason,
	}, binary: map[string]any{}}
	if len(r.Policy) > 0 {
		c.text[keyPolicy] = string(r.Policy)
	}
	if r.Bounds != nil {
		bounds, err := json.Marshal([]int64{r.Bounds.Start, r.Bounds.End})
		if err != nil {
			return nil, err
		}
		c.text[keyBounds] = string(bounds)
	}
	if r.Grown {
		c.text[keyGrown] = "true"
	}
	if r.Canary != "" {
		c.text[keyCanary] = r.Canary
	}
	if r.Gate != (Gate{}) {
		gate, err := json.Marshal(r.Gate)
		if err != nil {
			return nil, err
		}
		c.text[keyGate] = string(gate)
	}
	if r.Reserved != nil {
		reserved, err := encodeReservation(*r.Reserved)
		if err != nil {
			return nil, err
		}
		c.put(readableDomain, part{keyReserved, string(reserved)})
	}
	c.put(readableDomain, part{keyDomain, string(space)})
	c.put(readableJob, part{keyJob, string(r.Job)})
	c.put(readableLedger, part{keyDone, r.Done.Text(r.Domain)}, part{keyFailed, r.Failed.Text(r.Domain)})
	if c.err != nil {
		return nil, c.err
	}
	return c.object(r)
}

// content collects the data of a ConfigMap.
type content struct {
	text, binary map[string]any
	err          error
}

type part struct{ key, text string }

// put stores parts as text when they are short enough together, else packed.
func (c *content) put(readable int, parts ...part) {
	total := 0
	for _, p := range parts {
		total += len(p.text)
	}
	for _, p := range parts {
		if total <= readable {
			c.text[p.key] = p.text
			continue
		}
		data, err := pack(p.text)
		if err != nil {
			c.err = err
		}
		c.binary[p.key+packed] = base64.StdEncoding.EncodeToString(data)
	}
}

func pack(text string) ([]byte, error) {
	var b bytes.Buffer
	w, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
	if err != nil {
		return nil, err
	}
	if _, err := w.Write([]byte(text)); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

func (c *content) object(r Record) (manifest.Object, error) {
	labels := map[string]any{LabelJob: r.Name}
	targets := map[string]string{LabelTargetHash: r.Target}
	if r.Reserved != nil {
		targets[LabelReservedHash] = r.Reserved.Target
	}
	for label, target := range targets {
		hash, err := TargetHash(target)
		if err != nil {
			return nil, err
		}
		if hash != "" {
			labels[label] = hash
		}
	}
	o := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "v1", "kind": "ConfigMap",
		"metadata": map[string]any{"name": Name(r.Name), "namespace": r.Namespace, "labels": labels},
		"data":     c.text,
	}}
	if len(c.binary) > 0 {
		o.Object["binaryData"] = c.binary
	}
	if r.ResourceVersion != "" {
		o.SetResourceVersion(r.ResourceVersion)
	}
	return o, nil
}

// storedReservation is a Reservation in JSON.
type storedReservation struct {
	Target string          `json:"target"`
	Domain json.RawMessage `json:"domain"`
}

func encodeReservation(r Reservation) ([]byte, error) {
	space, err := encodeDomain(r.Domain)
	if err != nil {
		return nil, err
	}
	return json.Marshal(storedReservation{r.Target, space})
}

func cutFailures(all []Failure) []Failure {
	kept := append([]Failure{}, all[:min(len(all), MaxFailures)]...)
	for i := range kept {
		kept[i].Message = cut(kept[i].Message, MaxMessageBytes)
		details := kept[i].Details
		kept[i].Details = append([]Attempt(nil), details[max(0, len(details)-MaxAttempts):]...)
		for k := range kept[i].Details {
			kept[i].Details[k].Message = cut(kept[i].Details[k].Message, MaxAttemptBytes)
		}
	}
	return kept
}

// cut shortens a message to whole characters.
func cut(message string, most int) string {
	if len(message) <= most {
		return message
	}
	end := most
	for end > 0 && !utf8.RuneStart(message[end]) {
		end--
	}
	return message[:end]
}

func encodeRuns(runs []Run) ([]byte, error) {
	stored := make([]storedRun, 0, len(runs))
	for _, r := range runs[max(0, len(runs)-MaxRuns):] {
		s := storedRun{
			Number: r.Number, Template: r.Template, Intervals: r.Intervals, Partitions: r.Partitions,
			Start: stamp(r.Start), End: stamp(r.End), Outcome: r.Outcome, Claim: r.Claim, Canary: r.Canary, Until: r.Until, Parallel: r.MaxParallel, SpecHash: r.SpecHash, Retiring: r.Retiring,
			SetupError: cut(r.SetupError, MaxMessageBytes), TeardownError: cut(r.TeardownError, MaxMessageBytes), Asks: r.Asks, Message: cut(r.Message, MaxMessageBytes),
		}
		if len(s.Intervals) > MaxIntervalBytes {
			s.Intervals = ""
		}
		if r.Domain != nil {
			space, err := encodeDomain(*r.Domain)
			if err != nil {
				return nil, fmt.Errorf("run %d: %w", r.Number, err)
			}
			s.Domain = space
		}
		stored = append(stored, s)
	}
	return json.Marshal(stored)
}

func stamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Truncate(time.Second).Format(time.RFC3339)
}
