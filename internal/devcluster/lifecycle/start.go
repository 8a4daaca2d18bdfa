// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package lifecycle

import (
	"context"
	"fmt"
	"strings"
	"time"

	"k8s.io/client-go/tools/clientcmd"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/devcluster/bootstrap"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/devcluster/controlplane"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/devcluster/supervise"
)

// startLimit bounds the wait for one component. A warm start takes two or three
// seconds for the slowest; a busy or cold machine may take many times that.
const startLimit = 2 * time.Minute

const probePause = 50 * time.Millisecond

// start brings the components up in the order of their needs: etcd, the API
// server, then everything that is a client of it.
func (s *supervisor) start(ctx context.Context) error {
	ports, err := controlplane.ChoosePorts(s.state.Ports)
	if err != nil {
		return err
	}
	s.update(func(state *supervise.State) { state.Ports = ports })
	if err := controlplane.WriteCredentials(s.layout, ports[controlplane.PortAPIServer], time.Now()); err != nil {
		return err
	}

	s.progress("Starting etcd ...")
	if err := s.launch(controlplane.Etcd); err != nil {
		return err
	}
	if err := s.await(ctx, controlplane.Etcd, controlplane.EtcdProbe(s.layout, ports)); err != nil {
		return err
	}
	s.progress("Starting the API server ...")
	if err := s.launch(controlplane.APIServer); err != nil {
		return err
	}
	if err := s.await(ctx, controlplane.APIServer, controlplane.APIServerProbe(s.layout)); err != nil {
		return err
	}
	return s.startClients(ctx, ports)
}

func (s *supervisor) startClients(ctx context.Context, ports map[string]int) error {
	s.progress("Starting the controller manager and the scheduler ...")
	for _, name := range []string{controlplane.ControllerManager, controlplane.Scheduler} {
		if err := s.launch(name); err != nil {
			return err
		}
	}
	s.progress("Installing Argo's resources (" + s.options.CRDs + " CRDs) and roles ...")
	if err := s.bootstrap(ctx); err != nil {
		return err
	}
	s.progress("Starting the Argo controller and the node agent ...")
	nodes := s.options.OnDemand + s.options.Spot
	if err := s.launch(controlplane.ArgoController); err != nil {
		return err
	}
	if nodes > 0 {
		if err := s.launch(controlplane.NodeAgent); err != nil {
			return err
		}
	}
	for _, wait := range []struct {
		name  string
		probe controlplane.Probe
	}{
		{controlplane.ArgoController, controlplane.ArgoProbe(ports)},
		{controlplane.NodeAgent, controlplane.NodesProbe(s.layout, nodes)},
		{controlplane.ControllerManager, controlplane.HealthzProbe(s.layout, ports[controlplane.PortControllerManager])},
		{controlplane.ControllerManager, controlplane.NamespaceProbe(s.layout)},
		{controlplane.Scheduler, controlplane.HealthzProbe(s.layout, ports[controlplane.PortScheduler])},
	} {
		if err := s.await(ctx, wait.name, wait.probe); err != nil {
			return err
		}
	}
	return nil
}

func (s *supervisor) bootstrap(ctx context.Context) error {
	config, err := clientcmd.BuildConfigFromFlags("", s.layout.Kubeconfig())
	if err != nil {
		return fmt.Errorf("read the kubeconfig: %w", err)
	}
	crds := s.options.Assets.MinimalCRDs
	if s.options.CRDs == "full" {
		crds = s.options.Assets.FullCRDs
	}
	ctx, cancel := context.WithTimeout(ctx, startLimit)
	defer cancel()
	return bootstrap.Apply(ctx, config, bootstrap.Sources{CRDs: crds, ControllerRBAC: s.options.Assets.ControllerRBAC})
}

// await waits until a component works. It gives up when any component has
// ended, whichever is waited for: without one the others will not come up.
func (s *supervisor) await(ctx context.Context, name string, probe controlplane.Probe) error {
	deadline := time.Now().Add(startLimit)
	for {
		if err := s.ended(); err != nil {
			return err
		}
		err := probe(ctx)
		if err == nil {
			return nil
		}
		if ctx.Err() != nil {
			return fmt.Errorf("stopped while waiting for %s: %w", name, context.Cause(ctx))
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("%s does not work after %s: %w\n%s", name, startLimit, err, logTail(s.layout.Log(name), 0))
		}
		time.Sleep(probePause)
	}
}

// ended describes a component that has ended, or returns nil.
func (s *supervisor) ended() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, child := range s.state.Children {
		process := s.processes[child.Name]
		select {
		case <-process.Done():
			return fmt.Errorf("%s ended while the cluster was starting (%s)\n%s",
				child.Name, process.Outcome(), logTail(process.Log, process.LogOffset))
		default:
		}
	}
	return nil
}

// logTail is the end of a log in words, for a person to read.
func logTail(path string, offset int64) string {
	const lines = 15
	last, err := supervise.Tail(path, offset, lines)
	if err != nil || len(last) == 0 {
		return "Its log is empty: " + path
	}
	return fmt.Sprintf("Its last log lines:\n  %s\nThe whole log: %s", strings.Join(last, "\n  "), path)
}
