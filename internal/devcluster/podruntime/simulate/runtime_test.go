// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package simulate

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes/fake"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/devcluster/podruntime"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/devcluster/sandbox"
)

// others is the runtime behind; it counts.
type others struct{ started, forgotten, logged int }

func (o *others) Start(*corev1.Pod, *corev1.Node, func(corev1.PodStatus)) podruntime.Pod {
	o.started++
	return nil
}

func (o *others) Logs(context.Context, types.UID, string, *corev1.PodLogOptions, io.Writer) error {
	o.logged++
	return nil
}
func (o *others) Forget(types.UID)        { o.forgotten++ }
func (o *others) Keep(map[types.UID]bool) {}
func (o *others) Close()                  {}

// leafPod is a pod as Argo's controller makes it.
func leafPod(name, template string, env ...corev1.EnvVar) *corev1.Pod {
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{
			Name:        name,
			Namespace:   "data",
			UID:         types.UID(name),
			Annotations: map[string]string{nodeNameAnnotation: name},
		},
		Spec: corev1.PodSpec{
			InitContainers: []corev1.Container{
				{Name: initContainer, Env: []corev1.EnvVar{{Name: templateVariable, Value: template}}},
			},
			Containers: []corev1.Container{
				{Name: waitContainer, Image: "argoexec"},
				{Name: mainContainer, Image: "app:1", Env: env},
			},
		},
		Status: corev1.PodStatus{
			Conditions: []corev1.PodCondition{{Type: corev1.PodScheduled, Status: corev1.ConditionTrue}},
		},
	}
}

const containerTemplate = `{"name":"p","container":{"image":"app:1"},"inputs":{},"outputs":{}}`

func newRuntime(t *testing.T, behaviour string, objects ...*corev1.ConfigMap) (*Runtime, *others) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "simulation")
	if err := os.WriteFile(path, []byte(behaviour), 0o600); err != nil {
		t.Fatal(err)
	}
	source, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	client := fake.NewClientset()
	for _, o := range objects {
		if err := client.Tracker().Add(o); err != nil {
			t.Fatal(err)
		}
	}
	next := &others{}
	return New(source, client, next), next
}

func TestOnlyLeavesAreSimulated(t *testing.T) {
	r, next := newRuntime(t, "")
	for template, leaf := range map[string]bool{
		containerTemplate:                                            true,
		`{"script":{"source":"true"}}`:                               true,
		`{"resource":{"action":"apply"}}`:                            false,
		`{"container":{},"outputs":{"parameters":[{"name":"end"}]}}`: false,
		`{"container":{},"outputs":{"artifacts":[{"name":"log"}]}}`:  false,
		`{"http":{"url":"x"}}`:                                       false,
		"offloaded":                                                  false,
	} {
		next.started = 0
		r.Start(leafPod("p", template), &corev1.Node{}, func(corev1.PodStatus) {})
		if simulated := next.started == 0; simulated != leaf {
			t.Errorf("%s: simulated is %v", template, simulated)
		}
	}
	next.started = 0
	r.Start(&corev1.Pod{Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: mainContainer}}}}, &corev1.Node{}, nil)
	if next.started != 1 {
		t.Error("a pod that Argo did not make was simulated")
	}
	r.Close()
}

// lived starts a pod and returns its statuses, each with the time since the start.
func lived(
	t *testing.T,
	behaviour string,
	pod *corev1.Pod,
	during func(podruntime.Pod),
) (statuses []corev1.PodStatus, at []time.Duration) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		r, _ := newRuntime(t, behaviour, &corev1.ConfigMap{
			ObjectMeta: metav1.ObjectMeta{Name: "d0", Namespace: "data"}, Data: map[string]string{"3.key": "blue"},
		})
		start := time.Now()
		p := r.Start(pod, &corev1.Node{}, func(s corev1.PodStatus) {
			statuses, at = append(statuses, s), append(at, time.Since(start))
		})
		if during != nil {
			during(p)
		}
		<-p.Done()
	})
	return statuses, at
}

func TestSuccess(t *testing.T) {
	statuses, at := lived(t, "median=4s,spread=1,start=1s,pull=2s", leafPod("p", containerTemplate), nil)
	if len(statuses) != 2 || statuses[0].Phase != corev1.PodRunning || statuses[1].Phase != corev1.PodSucceeded {
		t.Fatalf("statuses %+v", statuses)
	}
	if at[0] != 3*time.Second || at[1] != 7*time.Second {
		t.Errorf("they came after %v", at)
	}
	last := statuses[1]
	if len(last.ContainerStatuses) != 2 || len(last.InitContainerStatuses) != 1 || len(last.Conditions) != 3 {
		t.Errorf("incomplete: %+v", last)
	}
	for _, c := range append(last.ContainerStatuses, last.InitContainerStatuses...) {
		if c.State.Terminated == nil || c.State.Terminated.ExitCode != 0 {
			t.Errorf("container %s: %+v", c.Name, c.State)
		}
	}
	ran := last.ContainerStatuses[1].State.Terminated
	if took := ran.FinishedAt.Sub(ran.StartedAt.Time); took != 4*time.Second {
		t.Errorf("main ran for %s", took)
	}
}

func TestQuietPodsReportTheirEndAlone(t *testing.T) {
	statuses, _ := lived(t, "quiet=true", leafPod("p", containerTemplate), nil)
	if len(statuses) != 1 || statuses[0].Phase != corev1.PodSucceeded {
		t.Errorf("statuses %+v", statuses)
	}
}

func TestFailures(t *testing.T) {
	for cause, want := range map[string]struct {
		reason, main string
		code         int32
	}{
		"exit": {"", "Error", 7}, "oom": {"", "OOMKilled", 137}, "deadline": {"DeadlineExceeded", "Error", 143},
		"eviction": {"Evicted", "Error", 137}, "shutdown": {"Terminated", "Error", 143},
	} {
		statuses, _ := lived(t, cause+"=1,exit-code=7,quiet=true", leafPod("p", containerTemplate), nil)
		last := statuses[len(statuses)-1]
		main := last.ContainerStatuses[1].State.Terminated
		if last.Phase != corev1.PodFailed || last.Reason != want.reason || main.Reason != want.main ||
			main.ExitCode != want.code {
			t.Errorf("%s: %s %s, main %+v", cause, last.Phase, last.Reason, main)
		}
	}
}

// A pod without its image never runs, and is seen to wait for it before it ends.
func TestNoImage(t *testing.T) {
	statuses, at := lived(t, "image=1,median=4s,spread=1", leafPod("p", containerTemplate), nil)
	if len(statuses) != 2 || statuses[0].Phase != corev1.PodPending || statuses[1].Phase != corev1.PodFailed ||
		statuses[1].Message != "" ||
		at[1] != 4*time.Second {
		t.Fatalf("after %v: %+v", at, statuses)
	}
	for _, s := range statuses {
		for _, c := range append(s.ContainerStatuses, s.InitContainerStatuses...) {
			if c.State.Waiting == nil || c.State.Waiting.Reason != "ImagePullBackOff" {
				t.Errorf("container %s: %+v", c.Name, c.State)
			}
		}
	}
}

func TestStopBeforeAndAfterTheStart(t *testing.T) {
	stop := podruntime.Stop{Grace: time.Minute, Reason: "DeadlineExceeded", Message: "too long"}
	statuses, at := lived(
		t,
		"start=5s",
		leafPod("p", containerTemplate),
		func(p podruntime.Pod) { p.Stop(stop); p.Stop(podruntime.Stop{}) },
	)
	if last := statuses[0]; len(statuses) != 1 || at[0] != 0 || last.Phase != corev1.PodFailed ||
		last.Reason != stop.Reason ||
		last.ContainerStatuses[0].State.Waiting == nil {
		t.Errorf("before: %+v", statuses)
	}
	statuses, at = lived(
		t,
		"median=10s,spread=1",
		leafPod("p", containerTemplate),
		func(p podruntime.Pod) { time.Sleep(3 * time.Second); p.Stop(podruntime.Stop{Grace: time.Minute}) },
	)
	if last := statuses[1]; len(statuses) != 2 || at[1] != 3*time.Second ||
		last.ContainerStatuses[1].State.Terminated.ExitCode != 143 {
		t.Errorf("after: %+v", statuses)
	}
}

func TestArgoKillsTheMainContainer(t *testing.T) {
	kill := func(container string, args ...string) func(podruntime.Pod) {
		return func(p podruntime.Pod) {
			time.Sleep(time.Second)
			_, err := p.Exec(t.Context(), container, sandbox.ExecOptions{Args: args})
			if len(args) == 1 != errors.Is(err, errNothingRuns) {
				t.Errorf("%v in %s: %v", args, container, err)
			}
		}
	}
	const executor = "/var/run/argo/argoexec"
	for _, tt := range []struct {
		how  func(podruntime.Pod)
		want corev1.PodPhase
	}{
		{kill("main", executor, "kill", "15", "1"), corev1.PodFailed},
		{kill("wait", executor, "kill", "15", "1"), corev1.PodSucceeded},
		{kill("main", "sh"), corev1.PodSucceeded},
	} {
		statuses, _ := lived(t, "median=4s,spread=1", leafPod("p", containerTemplate), tt.how)
		if last := statuses[len(statuses)-1]; last.Phase != tt.want {
			t.Errorf("%s, want %s", last.Phase, tt.want)
		}
	}
}

func TestKeys(t *testing.T) {
	ref := &corev1.EnvVarSource{
		ConfigMapKeyRef: &corev1.ConfigMapKeySelector{
			LocalObjectReference: corev1.LocalObjectReference{Name: "d0"},
			Key:                  "3.key",
		},
	}
	data := func(configMap, key string) (string, error) {
		if configMap != "d0" || key != "3.key" {
			return "", errors.New("not found")
		}
		return "blue", nil
	}
	for name, tt := range map[string]struct {
		env  []corev1.EnvVar
		want string
	}{
		"run-r1[0].p(7:7)(2)": {nil, "run-r1[0].p(7:7)"},
		"run-r1[0].p(7:7)":    {nil, "run-r1[0].p(7:7)"},
		"computed":            {[]corev1.EnvVar{{Name: "A", Value: "10"}, {Name: "B", Value: "20"}, {Name: keyVariable, Value: "$(A)--$(B)"}, {Name: "A", Value: "11"}}, "10--20"},
		"written out":         {[]corev1.EnvVar{{Name: keyVariable, ValueFrom: ref}}, "blue"},
	} {
		if got, err := keyOf(leafPod(name, containerTemplate, tt.env...), data); err != nil || got != tt.want {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
}

func TestMissingKeyFailsThePod(t *testing.T) {
	env := corev1.EnvVar{
		Name: keyVariable,
		ValueFrom: &corev1.EnvVarSource{
			ConfigMapKeyRef: &corev1.ConfigMapKeySelector{
				LocalObjectReference: corev1.LocalObjectReference{Name: "d0"},
				Key:                  "4.key",
			},
		},
	}
	statuses, _ := lived(t, "", leafPod("p", containerTemplate, env), nil)
	if last := statuses[0]; last.Phase != corev1.PodFailed ||
		last.Message != "Error: couldn't find key 4.key in ConfigMap data/d0" {
		t.Errorf("%+v", last)
	}
}

func TestImagesArePulledOncePerNode(t *testing.T) {
	var c imageCache
	pod, now := leafPod("p", containerTemplate), time.Unix(100, 0)
	for i, want := range []time.Duration{5 * time.Second, 3 * time.Second, 0} {
		if got := c.pull("n1", pod, 5*time.Second, now.Add(time.Duration(2*i*i)*time.Second)); got != want {
			t.Errorf("pod %d waits %s, want %s", i, got, want)
		}
	}
	if got := c.pull("n2", pod, 5*time.Second, now.Add(time.Hour)); got != 5*time.Second {
		t.Errorf("on another node it waits %s", got)
	}
}

func TestBehaviourChangesWithItsFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "simulation")
	s, err := Open(path)
	if err != nil || s.Current() != Default() {
		t.Fatalf("without a file: %+v, %v", s.Current(), err)
	}
	for text, want := range map[string]uint64{"seed=5": 5, "seed=6\n": 6, "seed=six": 0} {
		before := s.Current().Seed
		if want == 0 {
			want = before
		}
		if err := os.WriteFile(path+".new", []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(path+".new", path); err != nil {
			t.Fatal(err)
		}
		s.checked = time.Time{}
		if got := s.Current().Seed; got != want {
			t.Errorf("%q: seed %d, want %d", text, got, want)
		}
	}
}

func TestLogsAndForget(t *testing.T) {
	r, next := newRuntime(t, "")
	r.Start(leafPod("p", containerTemplate), &corev1.Node{}, func(corev1.PodStatus) {})
	var text bytes.Buffer
	if err := r.Logs(t.Context(), "p", mainContainer, &corev1.PodLogOptions{}, &text); err != nil || text.Len() == 0 {
		t.Errorf("%q, %v", text.String(), err)
	}
	r.Forget("p")
	_ = r.Logs(t.Context(), "p", mainContainer, &corev1.PodLogOptions{}, &text)
	r.Forget("other")
	if next.logged != 1 || next.forgotten != 1 {
		t.Errorf("passed on: %+v", *next)
	}
	r.Close()
}

// Statuses are what the controller and the agent exchange with the API server, so they must survive JSON.
func TestStatusIsValidJSON(t *testing.T) {
	for _, s := range []corev1.PodStatus{
		success().status(leafPod("p", ""), times{time.Unix(1, 0), time.Unix(2, 0), time.Unix(3, 0)}),
		runningStatus(leafPod("p", ""), times{start: time.Unix(1, 0), running: time.Unix(2, 0)}),
	} {
		var back corev1.PodStatus
		text, err := json.Marshal(s)
		if err == nil {
			err = json.Unmarshal(text, &back)
		}
		if err != nil || back.Phase != s.Phase {
			t.Errorf("%v: %s", err, text)
		}
	}
}
