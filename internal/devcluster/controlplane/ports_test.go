// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package controlplane

import (
	"net"
	"strings"
	"testing"
	"time"
)

func TestChoosePortsKeepsFreeOnesOnly(t *testing.T) {
	first, err := ChoosePorts(nil)
	if err != nil {
		t.Fatal(err)
	}
	seen := map[int]bool{}
	for _, name := range portNames {
		port := first[name]
		if port < firstPort || port > lastPort || seen[port] {
			t.Errorf("%s got port %d of %v", name, port, first)
		}
		seen[port] = true
	}
	// Where another program was quicker, the port is just as taken.
	if taken, err := net.Listen("tcp", address(first[PortAPIServer])); err == nil {
		defer taken.Close()
	}
	second, err := ChoosePorts(first)
	if err != nil {
		t.Fatal(err)
	}
	if second[PortAPIServer] == first[PortAPIServer] {
		t.Error("chose a port that is taken")
	}
	if second[PortEtcd] != first[PortEtcd] {
		t.Error("did not keep a port that is free")
	}
}

func TestChoosePortsDoesNotShare(t *testing.T) {
	earlier := map[string]int{PortEtcd: 20007, PortScheduler: 20007}
	chosen, err := ChoosePorts(earlier)
	if err != nil {
		t.Fatal(err)
	}
	if chosen[PortEtcd] == chosen[PortScheduler] {
		t.Errorf("one port for two listeners: %v", chosen)
	}
}

// Everything that takes an address must be told loopback: the defaults are
// often every interface.
func TestArgumentsListenOnLoopbackOnly(t *testing.T) {
	l := Layout{Root: "/state"}
	ports := map[string]int{
		PortEtcd:              1,
		PortEtcdPeer:          2,
		PortAPIServer:         3,
		PortControllerManager: 4,
		PortScheduler:         5,
		PortArgo:              6,
	}
	for name, test := range map[string]struct {
		args []string
		want []string
	}{
		Etcd:              {EtcdArgs(l, ports), []string{"--listen-client-urls=https://127.0.0.1:1", "--listen-peer-urls=https://127.0.0.1:2", "--client-cert-auth=true", "--peer-client-cert-auth=true"}},
		APIServer:         {APIServerArgs(l, ports), []string{"--bind-address=127.0.0.1", "--secure-port=3", "--authorization-mode=RBAC", "--anonymous-auth=false"}},
		ControllerManager: {ControllerManagerArgs(l, ports, time.Minute), []string{"--bind-address=127.0.0.1", "--secure-port=4"}},
		Scheduler:         {SchedulerArgs(l, ports), []string{"--bind-address=127.0.0.1", "--secure-port=5"}},
		ArgoController:    {ArgoArgs(l, ports, "v1.2.3", ArgoPace{QPS: 7, Burst: 9}), []string{"-qps=7", "-burst=9", "-health-address=127.0.0.1:6", "-executor-image=quay.io/argoproj/argoexec:v1.2.3"}},
	} {
		joined := "\n" + strings.Join(test.args, "\n") + "\n"
		for _, want := range test.want {
			if !strings.Contains(joined, "\n"+want+"\n") {
				t.Errorf("%s lacks %s:%s", name, want, joined)
			}
		}
		if strings.Contains(joined, "0.0.0.0") {
			t.Errorf("%s names every interface:%s", name, joined)
		}
	}
}

func TestArgoEnv(t *testing.T) {
	got := strings.Join(ArgoEnv(ArgoPace{Requeue: 1500 * time.Millisecond, MaxWorkflow: 300000}, time.Minute), " ")
	if got != "LEADER_ELECTION_DISABLE=true DEFAULT_REQUEUE_TIME=1.5s MAX_WORKFLOW_SIZE=300000 "+
		"INFORMER_WRITE_BACK=true TASK_RESULT_TIMEOUT_DURATION=1m0s" {
		t.Error(got)
	}
}
