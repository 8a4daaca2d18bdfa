// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package nodeagent

import (
	"errors"
	"fmt"
	"path/filepath"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/devcluster/nodeagent/pool"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/devcluster/profile"
)

// The runtimes. RuntimeProcess, the default, runs containers as local processes; RuntimeSimulate
// does so with all pods but leaves of workflows, which it simulates.
const (
	RuntimeProcess  = "process"
	RuntimeSimulate = "simulate"
)

// Config of a node agent. All paths are absolute.
type Config struct {
	Kubeconfig string
	// StateDir is a directory of the agent's own, made when missing.
	StateDir string
	// Hide are more paths that containers must not see, such as the cluster's keys; a path may be missing.
	Hide []string
	// Runtime is RuntimeProcess or RuntimeSimulate.
	Runtime string
	// Simulation is the file that says how simulated pods behave; see simulate.Parse.
	Simulation string
	// Profile names a cloud profile.
	Profile string
	// OnDemand and Spot are numbers of nodes: at least 1 together.
	OnDemand, Spot int
	// OnDemandMax and SpotMax are how far the pools grow for pods that find no node; not at all when they are less.
	OnDemandMax, SpotMax int
	// NodeDelay is the time from ordering a machine to its node.
	NodeDelay time.Duration
	// NodeGrace is how long a node may be silent before it counts as lost; its signs of life come several times as often.
	NodeGrace time.Duration
	// CPU, Memory and Pods are the capacity of each node, as quantities.
	CPU, Memory, Pods string
	// WatchMemory has memory limits kept by watching although the kernel could keep them.
	WatchMemory bool
	// Argoexec is the executor that containers find under that name.
	Argoexec string
	// APIServerHost and APIServerPort are where containers find the API server.
	APIServerHost, APIServerPort string
	// CAFile is the CA of the API server. Containers get it from the cluster, so nothing reads it here.
	CAFile string
	// ServingCert and ServingKey are for the agent's HTTPS port, valid for 127.0.0.1.
	ServingCert, ServingKey string
	// ClientCAFile verifies the API server's client certificate.
	ClientCAFile string
}

// Defaults of Config's optional fields.
const (
	defaultProfile = "gke"
	defaultCPU     = "8"
	defaultMemory  = "32Gi"
	defaultPods    = "110"
)

func (c *Config) complete() error {
	for value, fallback := range map[*string]string{
		&c.Runtime: RuntimeProcess, &c.Profile: defaultProfile,
		&c.CPU: defaultCPU, &c.Memory: defaultMemory, &c.Pods: defaultPods,
	} {
		if *value == "" {
			*value = fallback
		}
	}
	if c.Runtime != RuntimeProcess && c.Runtime != RuntimeSimulate {
		return fmt.Errorf("there is no runtime %q; use %s or %s", c.Runtime, RuntimeProcess, RuntimeSimulate)
	}
	if c.OnDemand < 0 || c.Spot < 0 || c.OnDemand+c.Spot == 0 {
		return fmt.Errorf("%d on-demand and %d spot nodes: at least one node is needed", c.OnDemand, c.Spot)
	}
	for name, path := range map[string]string{
		"kubeconfig": c.Kubeconfig, "state directory": c.StateDir, "argoexec": c.Argoexec,
		"serving certificate": c.ServingCert, "serving key": c.ServingKey, "client CA": c.ClientCAFile,
	} {
		if !filepath.IsAbs(path) {
			return fmt.Errorf("the %s must be an absolute path, not %q", name, path)
		}
	}
	if c.APIServerHost == "" || c.APIServerPort == "" {
		return errors.New("the API server's host and port are needed")
	}
	return nil
}

// capacity parses the nodes' resources.
func (c *Config) capacity() (corev1.ResourceList, error) {
	list := corev1.ResourceList{}
	for name, text := range map[corev1.ResourceName]string{
		corev1.ResourceCPU: c.CPU, corev1.ResourceMemory: c.Memory, corev1.ResourcePods: c.Pods,
	} {
		quantity, err := resource.ParseQuantity(text)
		if err != nil || quantity.Sign() <= 0 {
			return nil, fmt.Errorf("node capacity %s = %q is not a positive quantity", name, text)
		}
		list[name] = quantity
	}
	list[corev1.ResourceEphemeralStorage] = resource.MustParse("100Gi")
	return list, nil
}

// pools are as they are from the start, by name.
func (c *Config) pools() map[string]pool.Spec {
	delay := pool.Duration(c.NodeDelay)
	return map[string]pool.Spec{
		string(profile.OnDemand): {Size: c.OnDemand, Max: c.OnDemandMax, Delay: delay},
		string(profile.Spot):     {Size: c.Spot, Max: c.SpotMax, Delay: delay},
	}
}

// profile returns the cloud profile.
func (c *Config) profile() (profile.Profile, error) { return profile.Find(c.Profile) }
