// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package component

import (
	"context"
	"flag"
	"fmt"
	"net"
	"net/http"
	"net/http/pprof"
	"os"
	"os/signal"
	"sync/atomic"
	"syscall"
	"time"

	// Time zones by name work on machines without a zone database.
	_ "time/tzdata"

	"github.com/argoproj/argo-workflows/v3/pkg/client/clientset/versioned"
	cmdutil "github.com/argoproj/argo-workflows/v3/util/cmd"
	"github.com/argoproj/argo-workflows/v3/workflow/common"
	"github.com/argoproj/argo-workflows/v3/workflow/controller"
	"github.com/argoproj/argo-workflows/v3/workflow/metrics"
	"github.com/sirupsen/logrus"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/devcluster/controlplane"
)

// The numbers of workers that Argo's own main starts by default.
const (
	workflowWorkers = 32
	ttlWorkers      = 4
	cleanupWorkers  = 4
	cronWorkers     = 8
	archiveWorkers  = 8
)

// runArgoController is Argo's workflow controller with leader election off and
// its health endpoint on an address of our choice: upstream's main listens on
// port 6060 of every interface, so two clusters could not share a machine.
func runArgoController(args []string) int {
	flags := flag.NewFlagSet(controlplane.ArgoController, flag.ExitOnError)
	kubeconfig := flags.String("kubeconfig", "", "kubeconfig of the controller")
	namespace := flags.String("namespace", "argo", "namespace that holds the controller's ConfigMap")
	image := flags.String("executor-image", "", "image name of the init and wait containers")
	health := flags.String("health-address", "", "loopback address that serves /readyz and /healthz")
	qps := flags.Int("qps", 20, "requests a second, on average")
	burst := flags.Int("burst", 30, "requests at once")
	quiet := flags.Bool("quiet", false, "log warnings only, once the controller works")
	protobuf := flags.Bool("protobuf", false, "exchange Kubernetes' own objects as Protocol Buffers instead of JSON")
	_ = flags.Parse(args) // ExitOnError

	config, err := clientcmd.BuildConfigFromFlags("", *kubeconfig)
	if err == nil {
		config.QPS, config.Burst = float32(*qps), *burst
		core := rest.CopyConfig(config)
		if *protobuf {
			core.ContentType = runtime.ContentTypeProtobuf
			core.AcceptContentTypes = runtime.ContentTypeProtobuf + "," + runtime.ContentTypeJSON
		}
		err = argoController(config, core, *namespace, *image, *health, &readyHook{quiet: *quiet})
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", controlplane.ArgoController, err)
		return 1
	}
	return 0
}

// argoController runs with one configuration for Argo's objects and one for
// Kubernetes' own.
func argoController(config, core *rest.Config, namespace, image, health string, ready *readyHook) error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()

	logrus.SetLevel(logrus.InfoLevel)
	logrus.SetFormatter(&logrus.TextFormatter{FullTimestamp: true, TimestampFormat: time.RFC3339Nano, DisableColors: true})
	logrus.AddHook(ready)
	cmdutil.SetGLogLevel(0) // it is passed on to every executor, which refuses an empty one

	metrics.AddMetricsTransportWrapper(ctx, config)
	metrics.AddMetricsTransportWrapper(ctx, core)

	kubeClient, err := kubernetes.NewForConfig(core)
	if err != nil {
		return fmt.Errorf("make a Kubernetes client: %w", err)
	}
	workflowClient, err := versioned.NewForConfig(config)
	if err != nil {
		return fmt.Errorf("make a workflow client: %w", err)
	}
	wfc, err := controller.NewWorkflowController(ctx, config, kubeClient, workflowClient,
		namespace, "", image, "IfNotPresent", "text", common.ConfigMapName, false)
	if err != nil {
		return fmt.Errorf("make the controller: %w", err)
	}

	listener, err := net.Listen("tcp", health)
	if err != nil {
		return fmt.Errorf("listen for health checks: %w", err)
	}
	go func() {
		_ = http.Serve(listener, healthHandler(ready, wfc.Healthz)) // ends with the process
	}()
	wfc.Run(ctx, workflowWorkers, ttlWorkers, cleanupWorkers, cronWorkers, archiveWorkers)
	return nil
}

func healthHandler(ready *readyHook, healthz http.HandlerFunc) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/readyz", func(w http.ResponseWriter, _ *http.Request) {
		if !ready.seen.Load() {
			http.Error(w, "caches are not synced yet", http.StatusServiceUnavailable)
		}
	})
	mux.HandleFunc("/healthz", func(w http.ResponseWriter, r *http.Request) {
		if !ready.seen.Load() {
			http.Error(w, "caches are not synced yet", http.StatusServiceUnavailable)
			return
		}
		healthz(w, r)
	})
	mux.HandleFunc("/debug/pprof/profile", pprof.Profile) // where the time goes
	return mux
}

// readyHook notices that the controller works. The controller tells nobody, but
// the first thing it does once all its caches are synced is to start its
// garbage collector, which logs this message.
type readyHook struct {
	seen atomic.Bool
	// quiet lowers the level then: the controller writes some ten lines for every pod.
	quiet bool
}

const syncedMessage = "Performing periodic GC"

// Levels implements logrus.Hook.
func (h *readyHook) Levels() []logrus.Level { return []logrus.Level{logrus.InfoLevel} }

// Fire implements logrus.Hook.
func (h *readyHook) Fire(entry *logrus.Entry) error {
	if entry.Message == syncedMessage {
		h.seen.Store(true)
		if h.quiet {
			logrus.SetLevel(logrus.WarnLevel)
		}
	}
	return nil
}
