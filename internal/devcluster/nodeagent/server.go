// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package nodeagent

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	remoteconsts "k8s.io/apimachinery/pkg/util/remotecommand"
	"k8s.io/client-go/tools/remotecommand"
	streaming "k8s.io/kubelet/pkg/cri/streaming/remotecommand"
	"k8s.io/kubernetes/pkg/api/legacyscheme"
	_ "k8s.io/kubernetes/pkg/apis/core/install" // knows how to read log options from a URL
	utilexec "k8s.io/utils/exec"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/devcluster/podruntime"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/devcluster/sandbox"
)

const (
	// execIdleTimeout ends an exec whose connection shows no sign of life, as in the kubelet.
	execIdleTimeout = 4 * time.Hour
	// execSetupTimeout bounds the creation of an exec's streams.
	execSetupTimeout = 30 * time.Second
)

// server is the part of the kubelet's HTTPS interface that the API server uses for kubectl logs and exec. It serves all
// nodes: the paths name pods.
type server struct {
	pods *pods
}

func (s *server) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /containerLogs/{namespace}/{pod}/{container}", s.logs)
	mux.HandleFunc("GET /exec/{namespace}/{pod}/{container}", s.exec)
	mux.HandleFunc("POST /exec/{namespace}/{pod}/{container}", s.exec)
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "ok") })
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		http.Error(w, "The local cluster does not support "+strings.Split(r.URL.Path, "/")[1]+".", http.StatusNotImplemented)
	})
	return mux
}

// listen opens a free port on loopback. Only clients with a certificate of the given CA are served.
func listen(c *Config) (net.Listener, error) {
	certificate, err := tls.LoadX509KeyPair(c.ServingCert, c.ServingKey)
	if err != nil {
		return nil, fmt.Errorf("load the serving certificate: %w", err)
	}
	ca, err := os.ReadFile(c.ClientCAFile)
	if err != nil {
		return nil, fmt.Errorf("load the client CA: %w", err)
	}
	clients := x509.NewCertPool()
	if !clients.AppendCertsFromPEM(ca) {
		return nil, fmt.Errorf("%s holds no certificate", c.ClientCAFile)
	}
	// HTTP/1.1 only: an exec takes its connection over.
	return tls.Listen("tcp", net.JoinHostPort(address, "0"), &tls.Config{
		MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{certificate},
		ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: clients, NextProtos: []string{"http/1.1"},
	})
}

func listenPort(listener net.Listener) int32 {
	if tcp, ok := listener.Addr().(*net.TCPAddr); ok {
		return int32(tcp.Port)
	}
	return 0
}

func (s *server) logs(w http.ResponseWriter, r *http.Request) {
	namespace, name, container := r.PathValue("namespace"), r.PathValue("pod"), r.PathValue("container")
	options := &corev1.PodLogOptions{}
	if err := legacyscheme.ParameterCodec.DecodeParameters(r.URL.Query(), corev1.SchemeGroupVersion, options); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	if options.Previous {
		http.Error(w, fmt.Sprintf("previous terminated container %q in pod %q not found: containers are not restarted",
			container, name), http.StatusBadRequest)
		return
	}
	pod, err := s.pods.lister.Pods(namespace).Get(name)
	if err != nil {
		http.Error(w, err.Error(), http.StatusNotFound)
		return
	}
	err = s.pods.runtime.Logs(r.Context(), pod.UID, container, options, &flushWriter{w})
	switch {
	case errors.Is(err, podruntime.ErrNotFound):
		http.Error(w, withoutLog(pod, container), http.StatusBadRequest)
	case err != nil:
		http.Error(w, err.Error(), http.StatusInternalServerError)
	}
}

// withoutLog says why a container has no log.
func withoutLog(pod *corev1.Pod, container string) string {
	for _, status := range slices.Concat(pod.Status.InitContainerStatuses, pod.Status.ContainerStatuses) {
		if waiting := status.State.Waiting; status.Name == container && waiting != nil {
			return fmt.Sprintf("container %q in pod %q is waiting to start: %s", container, pod.Name, waiting.Reason)
		}
	}
	return fmt.Sprintf("container %q in pod %q has no log: it was never started", container, pod.Name)
}

// flushWriter lets followers see each piece at once.
type flushWriter struct{ http.ResponseWriter }

func (w *flushWriter) Write(text []byte) (int, error) {
	n, err := w.ResponseWriter.Write(text)
	if flusher, ok := w.ResponseWriter.(http.Flusher); ok {
		flusher.Flush()
	}
	return n, err
}

func (s *server) exec(w http.ResponseWriter, r *http.Request) {
	options, err := streaming.NewOptions(r)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	m := s.pods.find(r.PathValue("namespace"), r.PathValue("pod"))
	if m == nil {
		http.Error(
			w,
			fmt.Sprintf("pod %s/%s is not running here", r.PathValue("namespace"), r.PathValue("pod")),
			http.StatusNotFound,
		)
		return
	}
	streaming.ServeExec(
		w,
		r,
		executor{m.running},
		m.pod.Name,
		m.pod.UID,
		r.PathValue("container"),
		r.URL.Query()["command"],
		options,
		execIdleTimeout,
		execSetupTimeout,
		remoteconsts.SupportedStreamingProtocols,
	)
}

// executor runs an exec's command; exit codes other than 0 are errors of the type that the streaming library reports.
type executor struct{ pod podruntime.Pod }

func (e executor) ExecInContainer(
	ctx context.Context,
	_ string,
	_ types.UID,
	container string,
	command []string,
	in io.Reader,
	out, errOut io.WriteCloser,
	tty bool,
	resize <-chan remotecommand.TerminalSize,
	_ time.Duration,
) error {
	options := sandbox.ExecOptions{Args: command, TTY: tty}
	// A nil stream in an interface is not a nil interface.
	if in != nil {
		options.Stdin = in
	}
	if out != nil {
		options.Stdout = out
	}
	if errOut != nil {
		options.Stderr = errOut
	}
	if resize != nil {
		options.Resize = terminalSizes(ctx, resize)
	}
	code, err := e.pod.Exec(ctx, container, options)
	var start *sandbox.StartError
	switch {
	case errors.As(err, &start):
		return utilexec.CodeExitError{Err: err, Code: commandNotFound}
	case err != nil:
		return err
	case code != 0:
		return utilexec.CodeExitError{Err: fmt.Errorf("command terminated with exit code %d", code), Code: code}
	}
	return nil
}

// commandNotFound is the exit code that shells give to a command that cannot be run.
const commandNotFound = 126

func terminalSizes(ctx context.Context, from <-chan remotecommand.TerminalSize) <-chan sandbox.TerminalSize {
	to := make(chan sandbox.TerminalSize)
	go func() {
		defer close(to)
		for size := range from {
			select {
			case to <- sandbox.TerminalSize{Width: size.Width, Height: size.Height}:
			case <-ctx.Done():
				return
			}
		}
	}()
	return to
}
