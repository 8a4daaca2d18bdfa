// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package simulate

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Behaviour says how leaf pods behave.
type Behaviour struct {
	Seed uint64
	// Median is half of the pods' running time. Two thirds of them take between Median / Spread and Median · Spread; a
	// Spread of 1 gives all the same time.
	Median time.Duration
	Spread float64
	// Attempt are the shares of pods that fail, by cause; Always those of keys whose every pod fails.
	Attempt, Always [causes]float64
	// ExitCode is that of application failures.
	ExitCode int
	// Pull is how long the first pod of an image waits on a node, and Start how long every pod waits before it runs.
	Pull, Start time.Duration
	// Quiet leaves out the status that says that a pod runs: it costs as much as the last one, and nothing waits for it.
	Quiet bool
}

// Cause is why a pod fails.
type Cause int

// The causes, in the order in which draws try them.
const (
	Exit     Cause = iota // the application ends with an exit code
	OOM                   // it takes more memory than it may
	Deadline              // it takes longer than it may
	Eviction              // the node is short of resources
	Shutdown              // the node is taken back
	Image                 // no image is to be had, and the pod is evicted in the end
	causes
)

var causeNames = [causes]string{"exit", "oom", "deadline", "eviction", "shutdown", "image"}

// Default is the behaviour of what a text leaves out.
func Default() Behaviour {
	return Behaviour{Seed: 1, Median: 10 * time.Second, Spread: 1.5, ExitCode: 1}
}

// Parse reads a behaviour such as "seed=7,median=2s,spread=1.3,exit=0.02,always-exit=0.005". Of each cause (exit, oom,
// deadline, eviction, shutdown, image), CAUSE is the share of pods that fail by it and always-CAUSE the share of keys.
func Parse(text string) (Behaviour, error) {
	b := Default()
	fields := b.fields()
	for setting := range strings.SplitSeq(text, ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(setting), "=")
		if name == "" {
			continue
		}
		field, ok := fields[name]
		if !ok {
			return b, fmt.Errorf(
				"simulation: there is no setting %q; there are seed, median, spread, start, pull, quiet, exit-code, and CAUSE "+
					"and always-CAUSE for the causes %s",
				name,
				strings.Join(causeNames[:], ", "),
			)
		}
		if err := field(value); err != nil {
			return b, fmt.Errorf("simulation: %s=%s: %w", name, value, err)
		}
	}
	return b, b.check()
}

// fields sets the settings by name.
func (b *Behaviour) fields() map[string]func(string) error {
	fields := map[string]func(string) error{
		"seed":      set(&b.Seed, func(s string) (uint64, error) { return strconv.ParseUint(s, 10, 64) }),
		"median":    set(&b.Median, time.ParseDuration),
		"spread":    set(&b.Spread, parseFloat),
		"start":     set(&b.Start, time.ParseDuration),
		"pull":      set(&b.Pull, time.ParseDuration),
		"quiet":     set(&b.Quiet, strconv.ParseBool),
		"exit-code": set(&b.ExitCode, strconv.Atoi),
	}
	for cause, name := range causeNames {
		fields[name] = set(&b.Attempt[cause], parseFloat)
		fields["always-"+name] = set(&b.Always[cause], parseFloat)
	}
	return fields
}

func set[T any](to *T, parse func(string) (T, error)) func(string) error {
	return func(text string) (err error) {
		*to, err = parse(text)
		return err
	}
}

func parseFloat(text string) (float64, error) { return strconv.ParseFloat(text, 64) }

func (b *Behaviour) check() error {
	if b.Median < 0 || b.Start < 0 || b.Pull < 0 {
		return fmt.Errorf("simulation: times cannot be negative (median=%s, start=%s, pull=%s)", b.Median, b.Start, b.Pull)
	}
	if !(b.Spread >= 1) {
		return fmt.Errorf("simulation: spread=%v must be 1 or more", b.Spread)
	}
	if b.ExitCode < 1 || b.ExitCode > 255 {
		return fmt.Errorf("simulation: exit-code=%d must be between 1 and 255", b.ExitCode)
	}
	for what, shares := range map[string][causes]float64{"pods": b.Attempt, "keys": b.Always} {
		sum := 0.0
		for cause, share := range shares {
			if !(share >= 0) {
				return fmt.Errorf("simulation: the share %v of %s that fail by %s is negative", share, what, causeNames[cause])
			}
			sum += share
		}
		if sum > 1 {
			return fmt.Errorf("simulation: the shares of %s that fail add up to %v, which is more than all", what, sum)
		}
	}
	return nil
}
