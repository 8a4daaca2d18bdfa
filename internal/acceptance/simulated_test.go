// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package acceptance

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"path/filepath"
	"slices"
	"sort"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/tools/clientcmd"
)

// simulatedCluster starts a local cluster of the test's own, whose leaf pods are
// simulated. Its nodes have room for everything.
func simulatedCluster(t *testing.T, behaviour string, flags ...string) *localCluster {
	t.Helper()
	binary := program(t)
	state := filepath.Join(t.TempDir(), "state")
	c := &localCluster{binary: binary, state: state, kubeconfig: filepath.Join(state, "kubeconfig"), ours: true}
	up := append([]string{
		"up", "--runtime=simulate", "--simulation=" + behaviour, "--on-demand=4", "--spot=0",
		"--cpu-per-node=1000", "--memory-per-node=2000Gi", "--pods-per-node=2000",
	}, flags...)
	if out, err := c.command(up...).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	t.Cleanup(func() {
		if err := c.stop(); err != nil {
			t.Error(err)
		}
	})
	if err := c.connect(); err != nil {
		t.Fatal(err)
	}
	return c
}

// behave changes how pods behave that start from now on.
func (c *localCluster) behave(t *testing.T, behaviour string) {
	t.Helper()
	if out, err := c.command("simulate", behaviour).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	time.Sleep(time.Second) // the agent looks at the file twice a second
}

// doomed tells whether every pod of a key fails, where that happens to this share
// of keys: the rule by which the local cluster draws, computed independently.
func doomed(seed int, share float64, key string) bool { return drawn(seed, key) < share }

// drawn is what is drawn for a key, at least 0 and less than 1.
func drawn(seed int, key string) float64 {
	sum := sha256.Sum256(fmt.Appendf(nil, "%d always %s", seed, key))
	return float64(binary.BigEndian.Uint64(sum[:8])>>11) / (1 << 53)
}

// doomedCells are the doomed cells of a range that starts at 0 with cells of
// size 1, as numbers and as the text of their intervals.
func doomedCells(seed int, share float64, cells int) (numbers []int, intervals string) {
	var texts []string
	for i := 0; i < cells; i++ {
		if !doomed(seed, share, fmt.Sprintf("%d--%d", i, i+1)) {
			continue
		}
		numbers = append(numbers, i)
		from := i
		for doomed(seed, share, fmt.Sprintf("%d--%d", i+1, i+2)) && i+1 < cells {
			i++
			numbers = append(numbers, i)
		}
		texts = append(texts, fmt.Sprintf("[%d,%d)", from, i+1))
	}
	return numbers, strings.Join(texts, " ")
}

// cellsIn reads a set of cells of size 1 from 0, in either of its texts:
// "[3,4) [7,9)", or "cells of 1 from 0: 3 7-8" for many.
func cellsIn(text string) (cells []int, err error) {
	add := func(format, word string) error {
		from, to := 0, 0
		if _, err := fmt.Sscanf(word, format, &from, &to); err != nil {
			return fmt.Errorf("%q: %w", word, err)
		}
		for i := from; i < to; i++ {
			cells = append(cells, i)
		}
		return nil
	}
	numbers, inCells := strings.CutPrefix(text, "cells of 1 from 0: ")
	for _, word := range strings.Fields(numbers) {
		switch from, to, isRange := strings.Cut(word, "-"); {
		case !inCells:
			err = add("[%d,%d)", word)
		case isRange:
			err = add("%d-%d", from+"-"+to)
			if last, convErr := strconv.Atoi(to); convErr == nil {
				cells = append(cells, last)
			}
		default:
			var one int
			one, err = strconv.Atoi(word)
			cells = append(cells, one)
		}
		if err != nil {
			return nil, err
		}
	}
	return cells, nil
}

func TestCellsIn(t *testing.T) {
	for text, want := range map[string][]int{"": nil, "[3,4) [7,9)": {3, 7, 8}, "cells of 1 from 0: 3 7-8 " +
		"12": {3, 7, 8, 12}} {
		if got, err := cellsIn(text); err != nil || !slices.Equal(got, want) {
			t.Errorf("%q: %v, %v", text, got, err)
		}
	}
	if got, err := cellsIn("cells of 2 from 0: 3"); err == nil {
		t.Errorf("another grid: %v", got)
	}
}

// lifetime is what the API server showed of one leaf pod.
type lifetime struct {
	workflow, node string // the Workflow and its node, with the number of the attempt
	start, end     time.Time
	phase          corev1.PodPhase
}

// podLog gathers the leaf pods of a job from the API server while they exist.
type podLog struct {
	mu   sync.Mutex
	pods map[types.UID]lifetime
}

// Annotation and label that Argo puts on pods, and the label of launchers.
const (
	nodeAnnotation = "workflows.argoproj.io/node-name"
	workflowLabel  = "workflows.argoproj.io/workflow"
)

// followPods watches the pods of a job, without its launchers, until the test ends.
func (c *localCluster) followPods(t *testing.T, selector string) *podLog {
	t.Helper()
	config, err := clientcmd.BuildConfigFromFlags("", c.kubeconfig)
	if err != nil {
		t.Fatal(err)
	}
	config.ContentType = "application/vnd.kubernetes.protobuf"
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		t.Fatal(err)
	}
	log := &podLog{pods: map[types.UID]lifetime{}}
	list := cache.NewFilteredListWatchFromClient(
		client.CoreV1().RESTClient(),
		"pods",
		namespace,
		func(o *metav1.ListOptions) { o.LabelSelector = selector },
	)
	_, informer := cache.NewInformerWithOptions(cache.InformerOptions{
		ListerWatcher: list, ObjectType: &corev1.Pod{}, Handler: cache.ResourceEventHandlerFuncs{},
		// Only what is recorded is kept in memory.
		Transform: func(object any) (any, error) {
			if pod, ok := object.(*corev1.Pod); ok {
				log.see(pod)
				return &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: pod.Name, Namespace: pod.Namespace, UID: pod.UID}}, nil
			}
			return object, nil
		},
	})
	go informer.RunWithContext(t.Context())
	if !cache.WaitForCacheSync(t.Context().Done(), informer.HasSynced) {
		t.Fatal("the pods could not be listed")
	}
	return log
}

func (l *podLog) see(pod *corev1.Pod) {
	l.mu.Lock()
	defer l.mu.Unlock()
	life := l.pods[pod.UID]
	life.workflow, life.node = pod.Labels[workflowLabel], pod.Annotations[nodeAnnotation]
	if s := pod.Status.StartTime; s != nil {
		life.start = s.Time
	}
	if p := pod.Status.Phase; p == corev1.PodSucceeded || p == corev1.PodFailed {
		life.phase = p
		for _, c := range pod.Status.ContainerStatuses {
			if s := c.State.Terminated; s != nil && c.Name == "main" {
				life.end = s.FinishedAt.Time
			}
		}
	}
	l.pods[pod.UID] = life
}

// of returns the pods of the Workflows with that prefix that have ended.
func (l *podLog) of(prefix string) []lifetime {
	l.mu.Lock()
	defer l.mu.Unlock()
	var out []lifetime
	for _, life := range l.pods {
		if strings.HasPrefix(life.workflow, prefix) && !life.end.IsZero() {
			out = append(out, life)
		}
	}
	slices.SortFunc(out, func(a, b lifetime) int { return a.start.Compare(b.start) })
	return out
}

// atOnce is how many pods there were at once, at most. Times are cut to seconds,
// all in the same direction, so a pod that followed another never overlaps it.
func atOnce(pods []lifetime) int {
	type change struct {
		at time.Time
		by int
	}
	var changes []change
	for _, p := range pods {
		if p.end.After(p.start) {
			changes = append(changes, change{p.start, 1}, change{p.end, -1})
		}
	}
	sort.Slice(changes, func(i, j int) bool {
		if !changes[i].at.Equal(changes[j].at) {
			return changes[i].at.Before(changes[j].at)
		}
		return changes[i].by < changes[j].by
	})
	now, most := 0, 0
	for _, c := range changes {
		now += c.by
		most = max(most, now)
	}
	return most
}

// utilisation is the share of what max_parallel allows that pods used, from the
// first start until so few were left to start that they could not use all of it.
func utilisation(pods []lifetime, maxParallel int) float64 {
	if len(pods) <= maxParallel {
		return 0
	}
	from, to := pods[0].start, pods[len(pods)-maxParallel].start
	var used time.Duration
	for _, p := range pods {
		begin, end := p.start, p.end
		if end.After(to) {
			end = to
		}
		if end.After(begin) {
			used += end.Sub(begin)
		}
	}
	return used.Seconds() / (float64(maxParallel) * to.Sub(from).Seconds())
}

// successes counts, by node without its attempt, the pods that succeeded.
func successes(pods []lifetime) map[string]int {
	counts := map[string]int{}
	for _, p := range pods {
		if p.phase == corev1.PodSucceeded {
			counts[p.workflow+"/"+p.node[:strings.LastIndexByte(p.node, '(')]]++
		}
	}
	return counts
}

// scaleConfig is a job of so many partitions of one key each.
type scaleConfig struct {
	name                               string
	partitions, shardSize, maxParallel int
	more                               string // attributes
}

func (s scaleConfig) String() string {
	return fmt.Sprintf(`
resource "backfill_job" %[1]q {
  name         = %[1]q
  partition    = { range = { start = 0, end = %[2]d, size = 1 } }
  shard_size   = %[3]d
  max_parallel = %[4]d
  retry        = { limit = 2, backoff = "1s" }
  runner = {
    image           = "busybox"
    command         = ["true"]
    resources       = { cpu = "10m" }
    service_account = "backfill-runner"
  }
  orchestrator = { service_account = "backfill-orchestrator" }
  %[5]s
}
`, s.name, s.partitions, s.shardSize, s.maxParallel, s.more)
}

// leaves selects the pods of partitions.
func (s scaleConfig) leaves() string { return "backfill.dev/job=" + s.name + ",!backfill.dev/shard" }
