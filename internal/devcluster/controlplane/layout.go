// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package controlplane

import (
	"fmt"
	"os"
	"path/filepath"
)

// Layout is the directory in which one cluster keeps everything it writes. All
// paths are absolute.
type Layout struct{ Root string }

// NewLayout makes the directories (mode 0700) of a cluster under dir. A
// directory that holds anything else is refused, since the whole of it is
// deleted with the cluster.
func NewLayout(dir string) (Layout, error) {
	root, err := filepath.Abs(dir)
	if err != nil {
		return Layout{}, fmt.Errorf("resolve the state directory %s: %w", dir, err)
	}
	l := Layout{Root: root}
	if entries, err := os.ReadDir(root); err == nil && len(entries) > 0 && !l.Ours() {
		return Layout{}, fmt.Errorf(
			"%s holds files that are not a cluster's; choose a directory that is empty or does not exist",
			root,
		)
	}
	for _, d := range []string{l.Root, l.pki(), l.configs(), l.Logs(), l.NodeState(), l.etcdData(), l.volumePlugins()} {
		if err := os.MkdirAll(d, 0o700); err != nil {
			return Layout{}, fmt.Errorf("create the state directory: %w", err)
		}
	}
	mark, err := os.OpenFile(l.Lock(), os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return Layout{}, fmt.Errorf("create the state directory: %w", err)
	}
	return l, mark.Close()
}

// Ours tells whether the directory was made by NewLayout.
func (l Layout) Ours() bool { return exists(l.Lock()) }

// Kubeconfig is the administrator's kubeconfig.
func (l Layout) Kubeconfig() string { return filepath.Join(l.Root, "kubeconfig") }

// AdminToken holds a bearer token with the administrator's rights.
func (l Layout) AdminToken() string { return filepath.Join(l.Root, "admin.token") }

// CA is the certificate authority of the API server, in PEM.
func (l Layout) CA() string { return l.cert("cluster-ca") }

// State is the supervisor's state file.
func (l Layout) State() string { return filepath.Join(l.Root, "state.json") }

// Lock is held by the supervisor for as long as it runs. The file also marks the
// directory as a cluster's.
func (l Layout) Lock() string { return filepath.Join(l.Root, "devcluster.lock") }

// Logs is the directory of the log files.
func (l Layout) Logs() string { return filepath.Join(l.Root, "logs") }

// Log is the log file of a component.
func (l Layout) Log(name string) string { return filepath.Join(l.Logs(), name+".log") }

// Simulation is the file that says how simulated pods behave.
func (l Layout) Simulation() string { return filepath.Join(l.Root, "simulation") }

// NodeState is the node agent's own directory.
func (l Layout) NodeState() string { return filepath.Join(l.Root, "nodes") }

func (l Layout) pki() string      { return filepath.Join(l.Root, "pki") }
func (l Layout) configs() string  { return filepath.Join(l.Root, "kubeconfigs") }
func (l Layout) etcdData() string { return filepath.Join(l.Root, "etcd") }

// volumePlugins stays empty; the controller manager would look for plugins in a
// directory of the system, and makes the one it is given when it is missing.
func (l Layout) volumePlugins() string { return filepath.Join(l.Root, "volume-plugins") }

func (l Layout) cert(name string) string { return filepath.Join(l.pki(), name+".crt") }
func (l Layout) key(name string) string  { return filepath.Join(l.pki(), name+".key") }
func (l Layout) tokens() string          { return filepath.Join(l.pki(), "tokens.csv") }

// ComponentKubeconfig is the kubeconfig of a component.
func (l Layout) ComponentKubeconfig(name string) string {
	return filepath.Join(l.configs(), name)
}
