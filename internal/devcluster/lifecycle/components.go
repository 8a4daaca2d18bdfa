// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package lifecycle

import (
	"net"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/devcluster/controlplane"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/devcluster/supervise"
)

// stopOrder says who ends before whom, and how long each may take. The node
// agent goes first, while the API server can still be told what became of its
// pods; etcd goes last.
var stopOrder = []struct {
	names []string
	grace time.Duration
}{
	{[]string{controlplane.NodeAgent}, 20 * time.Second},
	{[]string{controlplane.ArgoController, controlplane.Scheduler, controlplane.ControllerManager}, 5 * time.Second},
	{[]string{controlplane.APIServer}, 10 * time.Second},
	{[]string{controlplane.Etcd}, 10 * time.Second},
}

// stopLimit bounds an orderly stop of everything.
const stopLimit = 60 * time.Second

// spec is how a component is started: this binary again, under another name.
func (s *supervisor) spec(name string) supervise.Spec {
	l, ports := s.layout, s.state.Ports
	var args, env []string
	switch name {
	case controlplane.Etcd:
		args = controlplane.EtcdArgs(l, ports)
	case controlplane.APIServer:
		args = controlplane.APIServerArgs(l, ports)
	case controlplane.ControllerManager:
		args = controlplane.ControllerManagerArgs(l, ports, s.options.NodeGrace)
	case controlplane.Scheduler:
		args = controlplane.SchedulerArgs(l, ports)
	case controlplane.ArgoController:
		args = controlplane.ArgoArgs(l, ports, s.options.ArgoVersion, s.options.Argo)
		env = controlplane.ArgoEnv(s.options.Argo, s.options.TaskResults)
	case controlplane.NodeAgent:
		args = s.nodeAgentArgs()
	}
	if s.options.Tuned {
		more, memory := controlplane.Tuned(name)
		args, env = append(args, more...), append(env, memory...)
	}
	return supervise.Spec{
		Name: name,
		Path: s.executable,
		Args: append([]string{"component", name}, args...),
		Env:  append(baseEnv(os.Environ()), env...),
		Dir:  l.Root,
		Log:  l.Log(name),
	}
}

func (s *supervisor) nodeAgentArgs() []string {
	files := s.layout.NodeFiles()
	o := s.options
	return []string{
		"-kubeconfig=" + files.Kubeconfig,
		"-state=" + s.layout.NodeState(),
		"-hide=" + s.layout.Root, // keys, tokens and the administrator's kubeconfig
		"-runtime=" + o.Runtime,
		"-simulation=" + s.layout.Simulation(),
		"-profile=" + o.Profile,
		"-on-demand=" + strconv.Itoa(o.OnDemand),
		"-spot=" + strconv.Itoa(o.Spot),
		"-on-demand-max=" + strconv.Itoa(o.OnDemandMax),
		"-spot-max=" + strconv.Itoa(o.SpotMax),
		"-node-delay=" + o.NodeDelay.String(),
		"-node-grace=" + o.NodeGrace.String(),
		"-cpu=" + o.CPU,
		"-memory=" + o.Memory,
		"-pods=" + o.Pods,
		"-watch-memory=" + strconv.FormatBool(o.WatchMemory),
		"-argoexec=" + o.Assets.Executable,
		"-api-server=" + net.JoinHostPort(controlplane.Host, strconv.Itoa(s.state.Ports[controlplane.PortAPIServer])),
		"-ca=" + files.CA,
		"-serving-cert=" + files.Cert,
		"-serving-key=" + files.Key,
		"-client-ca=" + files.ClientCA,
	}
}

// inherited are the variables that components keep. Everything else stays
// out: etcd, Kubernetes and Argo read settings of their own from the
// environment, and whoever starts a cluster may have some set for another.
var inherited = []string{"PATH", "HOME", "USER", "LANG", "TZ", "TMPDIR", "GODEBUG", "GOCOVERDIR", "GOMAXPROCS"}

func baseEnv(environ []string) []string {
	var kept []string
	for _, entry := range environ {
		name, _, _ := strings.Cut(entry, "=")
		if slices.Contains(inherited, name) {
			kept = append(kept, entry)
		}
	}
	return kept
}
