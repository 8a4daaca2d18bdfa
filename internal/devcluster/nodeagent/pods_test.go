// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package nodeagent

import (
	"context"
	"io"
	"sync"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes/fake"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/devcluster/podruntime"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/devcluster/sandbox"
)

// puppet is a runtime whose pods end when the test says so.
type puppet struct {
	mu        sync.Mutex
	pods      map[types.UID]*puppetPod
	forgotten map[types.UID]bool
}

type puppetPod struct {
	publish func(corev1.PodStatus)
	stops   chan podruntime.Stop
	done    chan struct{}
}

func (r *puppet) Start(pod *corev1.Pod, _ *corev1.Node, publish func(corev1.PodStatus)) podruntime.Pod {
	p := &puppetPod{publish: publish, stops: make(chan podruntime.Stop, 10), done: make(chan struct{})}
	r.mu.Lock()
	r.pods[pod.UID] = p
	r.mu.Unlock()
	now := metav1.Now()
	publish(corev1.PodStatus{Phase: corev1.PodRunning, StartTime: &now})
	return p
}

func (r *puppet) Logs(context.Context, types.UID, string, *corev1.PodLogOptions, io.Writer) error {
	return nil
}
func (r *puppet) Keep(map[types.UID]bool) {}
func (r *puppet) Close()                  {}
func (r *puppet) Forget(uid types.UID) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.forgotten[uid] = true
}

func (r *puppet) pod(uid types.UID) *puppetPod {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.pods[uid]
}

func (p *puppetPod) Stop(stop podruntime.Stop) { p.stops <- stop }
func (p *puppetPod) Done() <-chan struct{}     { return p.done }
func (p *puppetPod) Exec(context.Context, string, sandbox.ExecOptions) (int, error) {
	return 0, nil
}

func (p *puppetPod) end(phase corev1.PodPhase) {
	p.publish(corev1.PodStatus{Phase: phase})
	close(p.done)
}

// stage is an agent for node "n" on a fake API server.
type stage struct {
	*pods
	t       *testing.T
	puppet  *puppet
	fakeAPI *fake.Clientset
}

func newStage(t *testing.T, existing ...*corev1.Pod) *stage {
	t.Helper()
	client := fake.NewClientset()
	for _, pod := range existing {
		if err := client.Tracker().Add(pod); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	runtime := &puppet{pods: map[types.UID]*puppetPod{}, forgotten: map[types.UID]bool{}}
	s := &stage{t: t, puppet: runtime, fakeAPI: client, pods: &pods{
		ctx: ctx, client: client, runtime: runtime, managed: map[types.UID]*managedPod{},
		machines: newMachines(),
	}}
	s.machines.add(&machine{node: &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: "n"}}, pool: "spot", off: func() {}})
	t.Cleanup(func() {
		cancel()
		for _, p := range runtime.pods {
			select {
			case <-p.done:
			default:
				close(p.done)
			}
		}
		s.workers.Wait()
	})
	return s
}

func bound(name string) *corev1.Pod {
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{
			Name:      name,
			Namespace: "default",
			UID:       types.UID(name),
			Labels:    map[string]string{"completed": "false"},
		},
		Spec: corev1.PodSpec{NodeName: "n", RestartPolicy: corev1.RestartPolicyNever},
	}
}

func (s *stage) get(name string) *corev1.Pod {
	pod, err := s.fakeAPI.CoreV1().Pods("default").Get(context.Background(), name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return nil
	}
	if err != nil {
		s.t.Fatal(err)
	}
	return pod
}

func (s *stage) eventually(what string, holds func() bool) {
	s.t.Helper()
	for range 3000 {
		if holds() {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	s.t.Fatalf("does not come true: %s", what)
}

func (s *stage) hasPhase(name string, phase corev1.PodPhase) func() bool {
	return func() bool { pod := s.get(name); return pod != nil && pod.Status.Phase == phase }
}

func TestStatusesAreWrittenAndLabelsOfOthersStay(t *testing.T) {
	pod := bound("p")
	s := newStage(t, pod)
	s.observe(pod)
	s.eventually("it runs", s.hasPhase("p", corev1.PodRunning))

	// The Argo controller labels a pod while the agent writes its status from an older copy.
	labelled := s.get("p")
	labelled.Labels["completed"] = "true"
	if _, err := s.fakeAPI.CoreV1().
		Pods("default").
		Update(context.Background(), labelled, metav1.UpdateOptions{}); err != nil {
		t.Fatal(err)
	}
	s.puppet.pod("p").end(corev1.PodSucceeded)
	s.eventually("it has succeeded", s.hasPhase("p", corev1.PodSucceeded))
	if got := s.get("p").Labels["completed"]; got != "true" {
		t.Errorf("the label is %q again", got)
	}
}

func TestPodsOfOtherNodesAndEndedPodsAreLeftAlone(t *testing.T) {
	other, over := bound("other"), bound("over")
	other.Spec.NodeName = "elsewhere"
	over.Status.Phase = corev1.PodFailed
	s := newStage(t, other, over)
	s.observe(other)
	s.observe(over)
	s.gone(other)
	if len(s.puppet.pods) != 0 || s.puppet.forgotten["other"] {
		t.Errorf("started %v, forgot %v", s.puppet.pods, s.puppet.forgotten)
	}
}

func TestPodOfAnEarlierAgentIsReportedLost(t *testing.T) {
	pod := bound("p")
	started := metav1.NewTime(time.Unix(100, 0))
	pod.Status = corev1.PodStatus{
		Phase: corev1.PodRunning, StartTime: &started,
		ContainerStatuses: []corev1.ContainerStatus{
			{
				Name:  "done",
				State: corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{ExitCode: 0, Reason: "Completed"}},
			},
			{Name: "ran", Ready: true, State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{StartedAt: started}}},
		},
		Conditions: []corev1.PodCondition{{Type: corev1.PodReady, Status: corev1.ConditionTrue}},
	}
	s := newStage(t, pod)
	s.observe(pod)
	s.eventually("it is failed", s.hasPhase("p", corev1.PodFailed))
	got := s.get("p").Status
	done, ran := got.ContainerStatuses[0].State.Terminated, got.ContainerStatuses[1].State.Terminated
	if got.Reason != "NodeAgentRestarted" || done.ExitCode != 0 || ran.ExitCode != 137 ||
		ran.Reason != "ContainerStatusUnknown" ||
		!ran.StartedAt.Equal(&started) {
		t.Errorf("got %+v", got)
	}
	if got.Conditions[0].Status != corev1.ConditionFalse || got.ContainerStatuses[1].Ready {
		t.Errorf("it is still ready: %+v", got)
	}
	if len(s.puppet.pods) != 0 {
		t.Error("it was started again")
	}
}

func deleted(pod *corev1.Pod, grace int64) *corev1.Pod {
	pod = pod.DeepCopy()
	now := metav1.Now()
	pod.DeletionTimestamp, pod.DeletionGracePeriodSeconds = &now, &grace
	return pod
}

func TestDeletionIsConfirmedAfterTheEnd(t *testing.T) {
	pod := bound("p")
	s := newStage(t, pod)
	s.observe(pod)
	s.observe(deleted(pod, 7))
	running := s.puppet.pod("p")
	if stop := <-running.stops; stop.Grace != 7*time.Second || stop.Reason != "" {
		t.Errorf("got %+v", stop)
	}
	s.observe(deleted(pod, 0)) // kubectl delete --now, while the first deletion is under way
	if stop := <-running.stops; stop.Grace != 0 {
		t.Errorf("got %+v", stop)
	}
	if s.get("p") == nil {
		t.Fatal("the object went before the containers")
	}
	running.end(corev1.PodFailed)
	s.eventually("the object is gone", func() bool { return s.get("p") == nil })
}

func TestDeletionOfAnEndedPodAndOfOneNeverStarted(t *testing.T) {
	ended, never := bound("ended"), bound("never")
	s := newStage(t, ended, never)
	s.observe(ended)
	s.puppet.pod("ended").end(corev1.PodSucceeded)
	s.eventually("the end is written", s.hasPhase("ended", corev1.PodSucceeded))
	s.observe(deleted(ended, 30))
	s.observe(deleted(never, 30))
	s.eventually("both are gone", func() bool { return s.get("ended") == nil && s.get("never") == nil })
}

func TestForcedDeletionKillsAndForgets(t *testing.T) {
	pod := bound("p")
	s := newStage(t, pod)
	s.observe(pod)
	s.gone(pod)
	running := s.puppet.pod("p")
	if stop := <-running.stops; stop.Grace != 0 {
		t.Errorf("got %+v", stop)
	}
	s.puppet.mu.Lock()
	forgotten := s.puppet.forgotten["p"]
	s.puppet.mu.Unlock()
	if forgotten {
		t.Error("forgotten while it runs")
	}
	running.end(corev1.PodFailed)
	s.eventually("it is forgotten", func() bool {
		s.puppet.mu.Lock()
		defer s.puppet.mu.Unlock()
		return s.puppet.forgotten["p"]
	})
}

func TestDeadline(t *testing.T) {
	pod := bound("p")
	second, grace := int64(1), int64(4)
	pod.Spec.ActiveDeadlineSeconds, pod.Spec.TerminationGracePeriodSeconds = &second, &grace
	s := newStage(t, pod)
	s.observe(pod)
	select {
	case stop := <-s.puppet.pod("p").stops:
		want := podruntime.Stop{Grace: 4 * time.Second, Reason: "DeadlineExceeded", Message: messageDeadlineExceeded}
		if stop != want {
			t.Errorf("got %+v", stop)
		}
	case <-time.After(time.Minute):
		t.Fatal("the deadline does not come")
	}
}

func TestAPodIsNotMistakenForItsSuccessor(t *testing.T) {
	patch, err := statusPatch("uid-1", &corev1.PodStatus{}, &corev1.PodStatus{Phase: corev1.PodRunning})
	if err != nil {
		t.Fatal(err)
	}
	if want := `{"metadata":{"uid":"uid-1"},"status":{"phase":"Running"}}`; string(patch) != want {
		t.Errorf("got %s, want %s", patch, want)
	}
}
