// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package nodeagent

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/kubernetes/scheme"
	typedcore "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/tools/record"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/devcluster/podruntime/process"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/devcluster/podruntime/simulate"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/devcluster/sandbox"
)

// Run offers the nodes and runs their pods until ctx ends, which ends every pod's processes too.
// When the user is not root it does so in a second process, inside a user namespace.
func Run(ctx context.Context, cfg Config) error {
	if err := cfg.complete(); err != nil {
		return fmt.Errorf("node agent: %w", err)
	}
	if entered, err := sandbox.Enter(ctx); entered {
		return err
	}
	if err := os.MkdirAll(cfg.StateDir, 0o700); err != nil {
		return fmt.Errorf("node agent: %w", err)
	}
	if err := sandbox.Probe(cfg.StateDir); err != nil {
		return err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	client, err := newClient(cfg.Kubeconfig)
	if err != nil {
		return fmt.Errorf("node agent: %w", err)
	}
	listener, err := listen(&cfg)
	if err != nil {
		return fmt.Errorf("node agent: %w", err)
	}
	agent := newPods(ctx, client, &cfg)
	if err := agent.simulate(&cfg); err != nil {
		return errors.Join(fmt.Errorf("node agent: %w", err), listener.Close())
	}
	fleet, err := newFleet(ctx, client, &cfg, listenPort(listener), agent)
	if err != nil {
		return errors.Join(fmt.Errorf("node agent: %w", err), listener.Close())
	}
	defer agent.workers.Wait()
	defer agent.runtime.Close()
	defer cancel(nil) // workers wait for nothing but the end of ctx
	serve(ctx, cancel, listener, &server{pods: agent})
	if err := agent.follow(); err != nil {
		return fmt.Errorf("node agent: %w", err)
	}
	if err := fleet.open(); err != nil {
		return fmt.Errorf("node agent: %w", err)
	}
	if err := fleet.follow(); err != nil {
		return fmt.Errorf("node agent: %w", err)
	}
	fleet.run()
	if cause := context.Cause(ctx); !errors.Is(cause, context.Canceled) {
		return fmt.Errorf("node agent: %w", cause)
	}
	return nil
}

func newClient(kubeconfig string) (kubernetes.Interface, error) {
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		return nil, fmt.Errorf("load the kubeconfig: %w", err)
	}
	config.UserAgent = "backfill-node-agent"
	config.QPS = -1 // the API server is our own and sheds load by itself
	return kubernetes.NewForConfig(config)
}

func newPods(ctx context.Context, client kubernetes.Interface, cfg *Config) *pods {
	a := &pods{ctx: ctx, client: client, machines: newMachines(), managed: map[types.UID]*managedPod{}}
	events := record.NewBroadcaster(record.WithContext(ctx))
	events.StartRecordingToSink(&typedcore.EventSinkImpl{Interface: client.CoreV1().Events("")})
	recorder := events.NewRecorder(scheme.Scheme, corev1.EventSource{Component: "node-agent"})
	a.runtime = process.New(process.Config{
		Client:        client,
		Dir:           cfg.StateDir,
		Scope:         scope(cfg.StateDir),
		WatchMemory:   cfg.WatchMemory,
		Programs:      map[string]string{"argoexec": cfg.Argoexec},
		Masks:         append([]string{cfg.Kubeconfig, cfg.ServingKey}, cfg.Hide...),
		Path:          containerPath(os.Getenv("PATH")),
		APIServerHost: cfg.APIServerHost,
		APIServerPort: cfg.APIServerPort,
		OtherUsers:    !sandbox.InUserNamespace(),
		Event: func(pod *corev1.Pod, reason, message string) {
			recorder.Event(pod, corev1.EventTypeWarning, reason, message)
		},
	})
	return a
}

// simulate puts the simulating runtime before the other where the configuration asks for it.
func (a *pods) simulate(cfg *Config) error {
	if cfg.Runtime != RuntimeSimulate {
		return nil
	}
	source, err := simulate.Open(cfg.Simulation)
	if err != nil {
		return err
	}
	a.runtime = simulate.New(source, a.client, a.runtime)
	return nil
}

// scope tells the cgroups of several clusters on one machine apart.
func scope(dir string) string {
	sum := sha256.Sum256([]byte(dir))
	return hex.EncodeToString(sum[:6])
}

// containerPath is the PATH that an image would bring: the user's own, so that containers find the
// programs that the user finds, and the places where every distribution has its programs.
func containerPath(users string) string {
	var dirs []string
	seen := map[string]bool{}
	usual := []string{"/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"}
	for _, dir := range append(filepath.SplitList(users), usual...) {
		if filepath.IsAbs(dir) && !seen[dir] {
			seen[dir] = true
			dirs = append(dirs, dir)
		}
	}
	return strings.Join(dirs, string(filepath.ListSeparator))
}

func serve(ctx context.Context, fail context.CancelCauseFunc, listener net.Listener, s *server) {
	web := &http.Server{Handler: s.handler(), ReadHeaderTimeout: execSetupTimeout}
	context.AfterFunc(ctx, func() { _ = web.Close() })
	go func() {
		if err := web.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			fail(err)
		}
	}()
}

// follow watches the pods that are bound to nodes. It returns once the pods that exist already are known.
func (a *pods) follow() error {
	factory := informers.NewSharedInformerFactoryWithOptions(a.client, 0,
		informers.WithTweakListOptions(func(options *metav1.ListOptions) {
			options.FieldSelector = fields.OneTermNotEqualSelector("spec.nodeName", "").String()
		}))
	informer := factory.Core().V1().Pods()
	a.lister = informer.Lister()
	shared := informer.Informer()
	factory.Start(a.ctx.Done())
	if !cache.WaitForCacheSync(a.ctx.Done(), shared.HasSynced) {
		return errors.New("the pods could not be listed")
	}
	keep := map[types.UID]bool{}
	for _, object := range shared.GetStore().List() {
		withPod(object, func(pod *corev1.Pod) { keep[pod.UID] = true })
	}
	a.runtime.Keep(keep)
	_, err := shared.AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc:    func(object any) { withPod(object, a.observe) },
		UpdateFunc: func(_, object any) { withPod(object, a.observe) },
		DeleteFunc: func(object any) { withPod(object, a.gone) },
	})
	return err
}

// withPod passes on the pod that an informer delivers; of a deletion that the watch has missed it
// has the last known state.
func withPod(object any, f func(*corev1.Pod)) {
	if missed, ok := object.(cache.DeletedFinalStateUnknown); ok {
		object = missed.Obj
	}
	if pod, ok := object.(*corev1.Pod); ok {
		f(pod)
	}
}
