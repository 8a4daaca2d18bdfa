// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package nodeagent

import (
	"context"
	"sync"

	corev1 "k8s.io/api/core/v1"
)

// machine is what stands behind a node: as long as it is on, the node shows signs of life and pods run there.
type machine struct {
	node *corev1.Node
	pool string
	// off ends the node's signs of life.
	off context.CancelFunc
	// going tells that its end was announced; refuses, that its kubelet shuts down and takes no pods.
	going, refuses bool
}

// machines are those that are on, by the names of their nodes. Once one is off, its node and pods are nobody's here, as
// on a real machine without power.
type machines struct {
	mu sync.Mutex
	on map[string]*machine
}

func newMachines() *machines { return &machines{on: map[string]*machine{}} }

func (m *machines) add(one *machine) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.on[one.node.Name] = one
}

// remove returns nil when the machine is off already.
func (m *machines) remove(node string) *machine {
	m.mu.Lock()
	defer m.mu.Unlock()
	was := m.on[node]
	delete(m.on, node)
	return was
}

// find tells about the machine of a node. refuses concerns new pods.
func (m *machines) find(node string) (of *corev1.Node, refuses, on bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	found, on := m.on[node]
	if !on {
		return nil, false, false
	}
	return found.node, found.refuses, true
}

// announce marks the end of a machine; it returns false when that was announced before, or the machine is off.
func (m *machines) announce(node string, refuses bool) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	found, on := m.on[node]
	if !on || found.going {
		return false
	}
	found.going, found.refuses = true, refuses
	return true
}

// count is the number of a pool's machines that will stay.
func (m *machines) count(pool string) int {
	m.mu.Lock()
	defer m.mu.Unlock()
	n := 0
	for _, one := range m.on {
		if one.pool == pool && !one.going {
			n++
		}
	}
	return n
}
