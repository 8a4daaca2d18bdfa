// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package process

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"sync"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/devcluster/podruntime"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/devcluster/sandbox"
)

// Config of a Runtime.
type Config struct {
	Client kubernetes.Interface
	// Dir is an absolute directory of the runtime's own; containers cannot see it.
	Dir string
	// Scope names the runtime's cgroups; see sandbox.NewLauncher.
	Scope string
	// WatchMemory has memory limits kept by watching although the kernel could; see sandbox.NewLauncher.
	WatchMemory bool
	// Programs are host files that containers run by name; see stage.Spec.
	Programs map[string]string
	// Masks are host paths that containers must not see.
	Masks []string
	// Path is the PATH of containers that set none.
	Path string
	// APIServerHost and APIServerPort are where containers find the API server.
	APIServerHost, APIServerPort string
	// OtherUsers tells that processes may run as users other than the cluster's, which takes root.
	OtherUsers bool
	// Event records a warning about a pod.
	Event func(pod *corev1.Pod, reason, message string)
}

// Runtime implements podruntime.Runtime.
type Runtime struct {
	config   Config
	launcher *sandbox.Launcher
	objects  objects

	mu   sync.Mutex
	pods map[types.UID]*pod
}

var _ podruntime.Runtime = (*Runtime)(nil)

// New makes a runtime.
func New(config Config) *Runtime {
	config.Masks = append(config.Masks, config.Dir)
	return &Runtime{
		config:   config,
		launcher: sandbox.NewLauncher(config.Scope, config.WatchMemory),
		objects:  objects{client: config.Client},
		pods:     map[types.UID]*pod{},
	}
}

func (r *Runtime) podDir(uid types.UID) string {
	return filepath.Join(r.config.Dir, "pods", string(uid))
}

// Start implements podruntime.Runtime.
func (r *Runtime) Start(spec *corev1.Pod, node *corev1.Node, publish func(corev1.PodStatus)) podruntime.Pod {
	p := newPod(r, spec, node, publish)
	r.mu.Lock()
	r.pods[spec.UID] = p
	r.mu.Unlock()
	go p.run()
	return p
}

// Forget implements podruntime.Runtime.
func (r *Runtime) Forget(uid types.UID) {
	r.mu.Lock()
	delete(r.pods, uid)
	r.mu.Unlock()
	_ = os.RemoveAll(r.podDir(uid))
}

// Keep implements podruntime.Runtime.
func (r *Runtime) Keep(pods map[types.UID]bool) {
	entries, err := os.ReadDir(filepath.Join(r.config.Dir, "pods"))
	if err != nil {
		return
	}
	for _, entry := range entries {
		if uid := types.UID(entry.Name()); !pods[uid] {
			_ = os.RemoveAll(r.podDir(uid))
		}
	}
}

// Close implements podruntime.Runtime.
func (r *Runtime) Close() {
	r.mu.Lock()
	pods := make([]*pod, 0, len(r.pods))
	for _, p := range r.pods {
		pods = append(pods, p)
	}
	r.mu.Unlock()
	for _, p := range pods {
		p.mute()
		p.Stop(podruntime.Stop{})
	}
	for _, p := range pods {
		<-p.Done()
	}
	r.launcher.Close()
}

// Logs implements podruntime.Runtime.
func (r *Runtime) Logs(
	ctx context.Context,
	uid types.UID,
	name string,
	options *corev1.PodLogOptions,
	w io.Writer,
) error {
	path := filepath.Join(r.podDir(uid), "containers", name, "log")
	return readLog(ctx, path, options, r.logEnd(uid, name), w)
}

// logEnd is closed once nothing writes to a container's log any more.
func (r *Runtime) logEnd(uid types.UID, name string) <-chan struct{} {
	r.mu.Lock()
	defer r.mu.Unlock()
	if p, ok := r.pods[uid]; ok {
		if c := p.container(name); c != nil {
			return c.logged
		}
	}
	closed := make(chan struct{})
	close(closed)
	return closed
}
