// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package interrupt

import (
	"context"
	"fmt"
	"iter"
	"math/rand/v2"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/devcluster/nodeagent"
)

// Storm is a series of reclaims that follows from its seed.
type Storm struct {
	Seed uint64
	// Every is the mean time between two strikes.
	Every time.Duration
	// Hard is the share of strikes without notice.
	Hard float64
	// Notice of the others; the profile's own when it is nil.
	Notice *time.Duration
	// Pool is whose nodes are struck.
	Pool string
}

// Strike is one reclaim.
type Strike struct {
	// Wait is the time since the strike before.
	Wait time.Duration
	Hard bool
	// pick chooses among the nodes that there are by then.
	pick float64
}

// Strikes never end.
func (s Storm) Strikes() iter.Seq[Strike] {
	random := rand.New(rand.NewPCG(s.Seed, 0))
	return func(yield func(Strike) bool) {
		for {
			// Between half and one and a half of the mean.
			wait := time.Duration((0.5 + random.Float64()) * float64(s.Every))
			if !yield(Strike{Wait: wait, Hard: random.Float64() < s.Hard, pick: random.Float64()}) {
				return
			}
		}
	}
}

// Victim is the node that a strike hits, or "" when there is none.
func (s Strike) Victim(nodes []string) string {
	if len(nodes) == 0 {
		return ""
	}
	return slices.Sorted(slices.Values(nodes))[int(s.pick*float64(len(nodes)))]
}

// Run strikes until ctx is done, and tells each strike.
func (s Storm) Run(ctx context.Context, client kubernetes.Interface, tell func(node string, strike Strike)) error {
	for strike := range s.Strikes() {
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(strike.Wait):
		}
		nodes, err := client.CoreV1().Nodes().List(ctx, metav1.ListOptions{LabelSelector: nodeagent.PoolLabel + "=" + s.Pool})
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return fmt.Errorf("list the nodes: %w", err)
		}
		victim := strike.Victim(standing(nodes.Items))
		if victim == "" {
			continue
		}
		if err := Reclaim(ctx, client, victim, s.how(strike)); err != nil && ctx.Err() == nil {
			return err
		}
		tell(victim, strike)
	}
	return nil
}

func (s Storm) how(strike Strike) nodeagent.Reclaim {
	how := nodeagent.Reclaim{Hard: strike.Hard}
	if s.Notice != nil && !strike.Hard {
		how.Notice = nodeagent.Notice(*s.Notice)
	}
	return how
}

// standing are the names of the nodes that no strike has hit.
func standing(nodes []corev1.Node) []string {
	var names []string
	for i := range nodes {
		if nodes[i].Annotations[nodeagent.ReclaimAnnotation] == "" {
			names = append(names, nodes[i].Name)
		}
	}
	return names
}
