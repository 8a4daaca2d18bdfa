// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

// Package record is the durable truth of a job: the content of its ConfigMap
// `<job>-backfill` as typed values, and back.
//
// It is pure; package engine reads and writes the object.
package record

import (
	"time"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/domain"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/ledger"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/manifest"
)

// Record is what a job has declared and achieved.
type Record struct {
	Namespace, Name string
	// Job is the canonical declaration (job.Canonical).
	Job    []byte
	Domain domain.Domain
	// Owner is the random token of the Terraform state that manages the job;
	// "" after import or when the command line made it.
	Owner          string
	Done           ledger.Set
	Failed         ledger.Set
	Failures       []Failure // the first 100
	NextRun        int       // number of the next run, from 1
	Runs           []Run     // the last 20, oldest first
	Target, Reason string

	UID, ResourceVersion string // of the ConfigMap it was read from
}

// Failure is a partition that failed for good.
type Failure struct {
	Key, Start, End string
	Attempts        int
	Message         string
}

// Run is one entry of the history.
type Run struct {
	Number     int
	Template   string
	Intervals  string // up to 4 kB, then ""
	Partitions int64
	Start, End time.Time
	// Outcome is "" while the run is not merged, else Succeeded, Failed,
	// Stopped or Lost.
	Outcome string
}

// Encode returns the ConfigMap of a record.
func Encode(r Record) (manifest.Object, error) { return nil, nil }

// Decode reads a ConfigMap; an object that is not a record of ours is an
// error that says so.
func Decode(o manifest.Object) (Record, error) { return Record{}, nil }
