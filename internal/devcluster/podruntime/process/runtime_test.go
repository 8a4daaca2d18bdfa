// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package process

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"sync"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes/fake"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/devcluster/podruntime"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/devcluster/sandbox"
)

// TestMain runs the tests in a user namespace when the user is not root; those that need one skip
// where that is impossible.
func TestMain(m *testing.M) {
	entered, err := sandbox.Enter(context.Background())
	var exit *exec.ExitError
	switch {
	case errors.As(err, &exit):
		os.Exit(exit.ExitCode())
	case entered && err == nil:
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// recorder keeps the statuses that a runtime publishes.
type recorder struct {
	mu   sync.Mutex
	list []corev1.PodStatus
}

func (r *recorder) publish(status corev1.PodStatus) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.list = append(r.list, status)
}

func (r *recorder) last() corev1.PodStatus {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.list[len(r.list)-1]
}

func realRuntime(t *testing.T) *Runtime { return newRuntime(t, false) }

func newRuntime(t *testing.T, watchMemory bool) *Runtime {
	t.Helper()
	if err := sandbox.Probe(t.TempDir()); err != nil {
		t.Skipf("kernel: %v", err)
	}
	r := New(Config{
		Client: fake.NewClientset(), Dir: t.TempDir(), Scope: "test", Path: os.Getenv("PATH"),
		WatchMemory: watchMemory, OtherUsers: !sandbox.InUserNamespace(), Event: func(*corev1.Pod, string, string) {},
	})
	t.Cleanup(r.Close)
	return r
}

func realPod(t *testing.T, spec string) *corev1.Pod {
	t.Helper()
	p := parse(t, spec)
	p.ObjectMeta = metav1.ObjectMeta{Name: "p", Namespace: "default", UID: "uid"}
	p.Spec.RestartPolicy = corev1.RestartPolicyNever
	return p
}

func await(t *testing.T, done <-chan struct{}) {
	t.Helper()
	select {
	case <-done:
	case <-time.After(time.Minute):
		t.Fatal("the pod does not end")
	}
}

func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for range 6000 {
		if holds() {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatalf("does not come true: %s", what)
}

func TestPodFromStartToForget(t *testing.T) {
	r := realRuntime(t)
	spec := realPod(t, `
initContainers: [{name: i, command: [sh, -c, "echo prepared > /v/f"], volumeMounts: [{name: v, mountPath: /v}]}]
containers: [{name: m, command: [cat, /v/f], volumeMounts: [{name: v, mountPath: /v}]}]
volumes: [{name: v, emptyDir: {}}]
`)
	statuses := &recorder{}
	running := r.Start(spec, &corev1.Node{}, statuses.publish)
	await(t, running.Done())
	if got := statuses.last(); got.Phase != corev1.PodSucceeded ||
		got.ContainerStatuses[0].State.Terminated.Reason != "Completed" {
		t.Errorf("got %+v", got)
	}
	var log bytes.Buffer
	if err := r.Logs(
		context.Background(),
		"uid",
		"m",
		&corev1.PodLogOptions{},
		&log,
	); err != nil ||
		log.String() != "prepared\n" {
		t.Errorf("log is %q, %v", log.String(), err)
	}
	if _, err := os.Stat(r.podDir("uid") + "/volumes"); err == nil {
		t.Error("the volumes of an ended pod are still there")
	}
	if _, err := running.Exec(
		context.Background(),
		"m",
		sandbox.ExecOptions{Args: []string{"true"}},
	); !errors.Is(
		err,
		sandbox.ErrEnded,
	) {
		t.Errorf("exec: %v", err)
	}
	r.Forget("uid")
	if err := r.Logs(
		context.Background(),
		"uid",
		"m",
		&corev1.PodLogOptions{},
		&log,
	); !errors.Is(
		err,
		podruntime.ErrNotFound,
	) {
		t.Errorf("logs after forgetting: %v", err)
	}
}

// A container that takes too much memory is reported as the kernel would have it, with a message
// that tells who found out, unless it has written one itself.
func TestOutOfMemoryWhereItIsWatched(t *testing.T) {
	r := newRuntime(t, true)
	if r.launcher.MemoryLimits() != sandbox.MemoryByWatching {
		t.Skip("kernel: it does not tell the children of a process")
	}
	for script, message := range map[string]string{
		"exec tail /dev/zero": messageWatched,
		"echo -n own > /dev/termination-log; exec tail /dev/zero": "own",
	} {
		statuses := &recorder{}
		spec := realPod(t, `containers: [{name: m, command: [sh, -c, "`+script+`"], resources: {limits: {memory: 64Mi}}}]`)
		await(t, r.Start(spec, &corev1.Node{}, statuses.publish).Done())
		got := statuses.last()
		ended := got.ContainerStatuses[0].State.Terminated
		if got.Phase != corev1.PodFailed || ended.Reason != reasonOOMKilled || ended.ExitCode != 137 ||
			ended.Message != message {
			t.Errorf("%s: %s, %+v", script, got.Phase, ended)
		}
		for _, c := range got.Conditions {
			if c.Type == ConditionNotEnforced {
				t.Errorf("not enforced: %s", c.Message)
			}
		}
		r.Forget("uid")
	}
}

func TestStopBeforeTheFirstContainer(t *testing.T) {
	r := realRuntime(t)
	spec := realPod(t, `
containers: [{name: m, command: ["true"], volumeMounts: [{name: v, mountPath: /v}]}]
volumes: [{name: v, configMap: {name: none}}]
`)
	statuses := &recorder{}
	running := r.Start(spec, &corev1.Node{}, statuses.publish)
	eventually(t, "the missing ConfigMap is named", func() bool {
		statuses.mu.Lock()
		defer statuses.mu.Unlock()
		return len(statuses.list) > 1
	})
	if got := statuses.last().ContainerStatuses[0].State.Waiting; got == nil ||
		got.Message != `volume "v": configmaps "none" not found` {
		t.Errorf("got %+v", got)
	}
	running.Stop(podruntime.Stop{Reason: "DeadlineExceeded", Message: "too late"})
	await(t, running.Done())
	if got := statuses.last(); got.Phase != corev1.PodFailed || got.Reason != "DeadlineExceeded" ||
		got.Message != "too late" {
		t.Errorf("got %+v", got)
	}
}

// A second stop may cut a long grace period short, and cannot make it longer.
func TestGracePeriodIsShortened(t *testing.T) {
	r := realRuntime(t)
	statuses := &recorder{}
	running := r.Start(realPod(t, `containers: [{name: m, command: [sleep, "100000"]}]`), &corev1.Node{}, statuses.publish)
	eventually(t, "the container runs", func() bool {
		statuses.mu.Lock()
		defer statuses.mu.Unlock()
		return len(statuses.list) > 0 && statuses.list[len(statuses.list)-1].Phase == corev1.PodRunning
	})
	running.Stop(podruntime.Stop{Grace: time.Hour})
	running.Stop(podruntime.Stop{Grace: 10 * time.Millisecond})
	running.Stop(podruntime.Stop{Grace: time.Hour})
	await(t, running.Done())
	if got := statuses.last().ContainerStatuses[0].State.Terminated; got.ExitCode != 137 {
		t.Errorf("got %+v", got)
	}
}

func TestCloseEndsEverythingSilently(t *testing.T) {
	r := realRuntime(t)
	statuses := &recorder{}
	running := r.Start(realPod(t, `containers: [{name: m, command: [sleep, "100000"]}]`), &corev1.Node{}, statuses.publish)
	eventually(t, "the container runs", func() bool {
		statuses.mu.Lock()
		defer statuses.mu.Unlock()
		return len(statuses.list) > 0 && statuses.list[len(statuses.list)-1].Phase == corev1.PodRunning
	})
	r.Close()
	await(t, running.Done())
	if got := statuses.last().Phase; got != corev1.PodRunning {
		t.Errorf("the last status published is %s", got)
	}
}
