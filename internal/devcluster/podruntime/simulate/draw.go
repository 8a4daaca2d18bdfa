// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package simulate

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math"
	"time"
)

// fraction is a number in [0, 1) that follows from the seed, a purpose and a name: the first 53 bits of the SHA-256 of
// "SEED PURPOSE NAME".
func (b *Behaviour) fraction(purpose, name string) float64 {
	sum := sha256.Sum256(fmt.Appendf(nil, "%d %s %s", b.Seed, purpose, name))
	return float64(binary.BigEndian.Uint64(sum[:8])>>11) / (1 << 53)
}

// duration is how long the pod of an attempt runs: the median times a log-normal factor.
func (b *Behaviour) duration(attempt string) time.Duration {
	// Box and Muller's way to a normal number from two uniform ones.
	radius := math.Sqrt(-2 * math.Log(1-b.fraction("radius", attempt)))
	normal := radius * math.Cos(2*math.Pi*b.fraction("angle", attempt))
	return time.Duration(float64(b.Median) * math.Exp(math.Log(b.Spread)*normal))
}

// failure is the cause by which the pod of an attempt fails; false when it succeeds. What befalls
// a key for good does not depend on the attempt.
func (b *Behaviour) failure(key, attempt string) (Cause, bool) {
	if cause, fails := pick(b.Always, b.fraction("always", key)); fails {
		return cause, true
	}
	return pick(b.Attempt, b.fraction("attempt", attempt))
}

// pick divides [0, 1) between the causes by their shares.
func pick(shares [causes]float64, at float64) (Cause, bool) {
	for cause, share := range shares {
		if at < share {
			return Cause(cause), true
		}
		at -= share
	}
	return 0, false
}
