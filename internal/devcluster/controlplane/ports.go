// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package controlplane

import (
	"fmt"
	"math/rand/v2"
	"net"
	"strconv"
)

// The keys of Ports.
const (
	PortEtcd              = "etcd"
	PortEtcdPeer          = "etcd-peer"
	PortAPIServer         = "kube-apiserver"
	PortControllerManager = "kube-controller-manager"
	PortScheduler         = "kube-scheduler"
	PortArgo              = "argo-controller"
)

var portNames = []string{PortEtcd, PortEtcdPeer, PortAPIServer, PortControllerManager, PortScheduler, PortArgo}

// Ports below the range that Linux hands out to outgoing connections by
// default (net.ipv4.ip_local_port_range, 32768 up), so that no connection can
// take a port between its choice and its use.
const (
	firstPort = 20000
	lastPort  = 31999
)

// ChoosePorts returns a free loopback port for every listener. Ports of an
// earlier start are used again where they are free, so that kubeconfigs copied
// elsewhere stay valid; the rest is drawn at random, which keeps clusters that
// start at the same time apart.
func ChoosePorts(earlier map[string]int) (map[string]int, error) {
	chosen := make(map[string]int, len(portNames))
	taken := make(map[int]bool, len(portNames))
	for _, name := range portNames {
		port := earlier[name]
		if port == 0 || taken[port] || !free(port) {
			var err error
			port, err = drawPort(taken)
			if err != nil {
				return nil, err
			}
		}
		chosen[name] = port
		taken[port] = true
	}
	return chosen, nil
}

func drawPort(taken map[int]bool) (int, error) {
	const attempts = 500
	for range attempts {
		port := firstPort + rand.IntN(lastPort-firstPort+1)
		if !taken[port] && free(port) {
			return port, nil
		}
	}
	return 0, fmt.Errorf("found no free port between %d and %d on %s", firstPort, lastPort, Host)
}

func free(port int) bool {
	listener, err := net.Listen("tcp", address(port))
	if err != nil {
		return false
	}
	return listener.Close() == nil
}

func address(port int) string { return net.JoinHostPort(Host, strconv.Itoa(port)) }
