// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package acceptance

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// stormSize is how much is run, and how hard the storm is.
type stormSize struct {
	partitions, shard, parallel int
	seconds                     int // that a partition takes
	spot                        int // nodes
	strikes                     []string
	// nodeGrace and taskResults are how soon a lost node is noticed, and the
	// results of a lost pod are given up.
	nodeGrace, taskResults string
	limit                  time.Duration
}

// stormRunner says on a file outside of the cluster what it does.
const stormRunner = `echo "$BACKFILL_PARTITION_START start" >> /out/%[1]s; sleep %[2]d; echo "$BACKFILL_PARTITION_START done" >> /out/%[1]s`

func (s stormSize) config(out string) string {
	return fmt.Sprintf(`
resource "backfill_job" "storm" {
  name       = "storm"
  partition  = { range = { start = 0, end = %d, size = 1 } }
  shard_size = %d
  runner = {
    image           = "busybox"
    command         = ["sh", "-euc", %q]
    deadline        = "10m"
    resources       = { cpu = "100m", memory = "96Mi" }
    volumes         = [{ name = "out", mount_path = "/out", host_path = %q }]
    service_account = "backfill-runner"
  }
  orchestrator = { service_account = "backfill-orchestrator" }
  max_parallel                 = %d
  retry                        = { limit = 4, backoff = "1s", factor = 1 }
  spot                         = { provider = "gke", fallback = "on_demand" }
}
`, s.partitions, s.shard, fmt.Sprintf(stormRunner, "ours", s.seconds), out, s.parallel)
}

// plainWorkflow is what people write by hand: the same partitions on the same
// nodes, with a plain retry strategy.
const plainWorkflow = `
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: {name: plain, labels: {storm: plain}}
spec:
  entrypoint: main
  serviceAccountName: backfill-runner
  parallelism: %d
  nodeSelector: {cloud.google.com/gke-spot: "true"}
  tolerations: [{key: cloud.google.com/gke-spot, operator: Exists}]
  volumes: [{name: out, hostPath: {path: %q}}]
  templates:
    - name: main
      steps:
        - - name: p
            template: p
            arguments: {parameters: [{name: i, value: "{{item}}"}]}
            withSequence: {count: "%d"}
    - name: p
      inputs: {parameters: [{name: i}]}
      retryStrategy: {limit: 4}
      container:
        image: busybox
        command: [sh, -euc, %q]
        env: [{name: BACKFILL_PARTITION_START, value: "{{inputs.parameters.i}}"}]
        resources: {requests: {cpu: 100m, memory: 96Mi}, limits: {memory: 96Mi}}
        volumeMounts: [{name: out, mountPath: /out}]
`

func (s stormSize) plain(out string) string {
	return fmt.Sprintf(plainWorkflow, s.parallel, out, s.partitions, fmt.Sprintf(stormRunner, "plain", s.seconds))
}

func (s stormSize) cluster(t *testing.T) *localCluster {
	return ownCluster(t, "--profile", "gke", "--on-demand", "1", "--spot", strconv.Itoa(s.spot), "--cpu-per-node", "8",
		"--memory-per-node", "64Gi", "--node-delay", "2s", "--node-grace", s.nodeGrace, "--task-results", s.taskResults)
}

// A storm takes spot nodes all the time, one of them without a word. Every
// partition is done in the end, and none has failed.
func TestSmallStorm(t *testing.T) {
	s := stormSize{
		partitions:  30,
		shard:       15,
		parallel:    15,
		seconds:     4,
		spot:        3,
		nodeGrace:   "10s",
		taskResults: "10m",
		limit:       5 * time.Minute,
		strikes:     []string{"--seed", "1", "--every", "4s", "--hard", "0", "--notice", "2s"},
	}
	c, out := s.cluster(t), t.TempDir()
	var end func() []string
	apply(t, c,
		resource.TestStep{Config: s.config(out)},
		resource.TestStep{
			PreConfig: func() {
				eventually(t, s.limit, "partitions run", func() bool { return len(lines(t, filepath.Join(out, "ours"))) >= 5 })
				c.must(t, "reclaim", "spot-0", "--hard", "--no-wait")
				end = c.storm(t, s.strikes...)
				c.ended(t, "storm-r1", s.limit)
			},
			RefreshState: true,
			Check: resource.ComposeTestCheckFunc(
				resource.TestCheckResourceAttr("backfill_job.storm", "phase", "Complete"),
				resource.TestCheckResourceAttr("backfill_job.storm", "done_count", "30"),
				resource.TestCheckResourceAttr("backfill_job.storm", "failed_count", "0"),
			),
		},
	)
	if end != nil {
		checkStorm(t, out, "ours", s.partitions)
	}
}

// checkStorm compares what the runners wrote themselves: each partition was
// done, and some more than begun, because the storm took them.
func checkStorm(t *testing.T, out, file string, partitions int) (done int) {
	t.Helper()
	begun, finished := map[string]int{}, map[string]int{}
	for _, line := range lines(t, filepath.Join(out, file)) {
		key, what, _ := strings.Cut(line, " ")
		switch what {
		case "start":
			begun[key]++
		case "done":
			finished[key]++
		}
	}
	more := 0
	for key, n := range begun {
		more += n - min(1, finished[key])
	}
	if more == 0 {
		t.Errorf("%s: no attempt was interrupted, so this shows nothing", file)
	}
	if file == "ours" && len(finished) != partitions {
		t.Errorf("%s: %d of %d partitions were done", file, len(finished), partitions)
	}
	return len(finished)
}

// outcome is a row of the table in the guide.
type outcome struct {
	name                        string
	done, lost, attempts, spent int
	wasted                      int
	minutes                     float64
}

// outcomeOf counts; what a storm took is wasted.
func outcomeOf(name string, done, partitions int, pods []pod) outcome {
	o := outcome{name: name, done: done, lost: partitions - done, attempts: len(pods)}
	useful, wasted := 0.0, 0.0
	for _, p := range pods {
		if p.failed() {
			wasted += p.seconds
		} else {
			useful += p.seconds
		}
	}
	o.spent, o.wasted = int(useful+wasted), int(wasted)
	return o
}

// The same storm over a job and over a plain Workflow with the same
// partitions: make test-long prints the table of the guide to spot nodes.
func TestStorm(t *testing.T) {
	needsLong(t)
	s := stormSize{
		partitions:  300,
		shard:       100,
		parallel:    16,
		seconds:     8,
		spot:        4,
		nodeGrace:   "12s",
		taskResults: "15s",
		limit:       60 * time.Minute,
		strikes:     []string{"--seed", "1", "--every", "5s", "--hard", "0.25", "--notice", "3s"},
	}
	c, out := s.cluster(t), t.TempDir()
	began := time.Now()
	var rows []outcome
	var strikes []string
	apply(t, c,
		resource.TestStep{Config: s.config(out)},
		resource.TestStep{
			PreConfig: func() {
				c.kubectl(t, s.plain(out), "create", "-f", "-")
				eventually(t, s.limit, "both run", func() bool {
					return len(lines(t, filepath.Join(out, "ours"))) > 0 && len(lines(t, filepath.Join(out, "plain"))) > 0
				})
				end := c.storm(t, s.strikes...)
				took := map[string]float64{}
				for _, name := range []string{"storm-r1", "plain"} {
					took[name] = minutes(c.ended(t, name, s.limit-time.Since(began)))
				}
				strikes = end()
				pods := c.attempts(t, "backfill.dev/job=storm")
				partitions := slices.DeleteFunc(pods, func(p pod) bool { return p.template == "launcher" })
				ours := outcomeOf("`backfill_job`", checkStorm(t, out, "ours", s.partitions), s.partitions, partitions)
				plain := outcomeOf(
					"plain `retryStrategy: {limit: 4}`",
					c.succeeded(t, "plain"),
					s.partitions,
					c.attempts(t, "storm=plain"),
				)
				ours.minutes, plain.minutes = took["storm-r1"], took["plain"]
				rows = []outcome{ours, plain}
			},
			RefreshState: true,
			Check: resource.ComposeTestCheckFunc(
				resource.TestCheckResourceAttr("backfill_job.storm", "phase", "Complete"),
				resource.TestCheckResourceAttr("backfill_job.storm", "done_count", "300"),
				resource.TestCheckResourceAttr("backfill_job.storm", "failed_count", "0"),
			),
		},
	)
	if len(rows) == 0 {
		return
	}
	if rows[1].lost == 0 {
		t.Error("the plain Workflow lost nothing, so the storm shows nothing")
	}
	figures := stormTable(strikes, rows)
	t.Log("\n" + figures)
	if path := os.Getenv("BACKFILL_FIGURES"); path != "" {
		if err := os.WriteFile(filepath.Join(path, "storm.md"), []byte(figures), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func stormTable(strikes []string, rows []outcome) string {
	hard := 0
	for _, strike := range strikes {
		if strings.HasSuffix(strike, "hard") {
			hard++
		}
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%d reclaims, %d without notice:\n\n", len(strikes), hard)
	b.WriteString(
		"| retries | partitions done | lost | attempts | pod-seconds | wasted | minutes |\n|---|---|---|---|---|---|---|\n",
	)
	for _, r := range rows {
		fmt.Fprintf(&b, "| %s | %d | %d | %d | %d | %d (%d %%) | %.1f |\n",
			r.name, r.done, r.lost, r.attempts, r.spent, r.wasted, 100*r.wasted/max(1, r.spent), r.minutes)
	}
	return b.String()
}

// succeeded counts the partitions of a Workflow that Argo saw succeed.
func (c *localCluster) succeeded(t *testing.T, name string) int {
	t.Helper()
	wf, err := c.dynamic.Resource(workflows).Namespace(namespace).Get(t.Context(), name, metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, p := range podsOf(wf) {
		if p.phase == "Succeeded" {
			n++
		}
	}
	return n
}

// minutes is how long a Workflow took.
func minutes(wf *unstructured.Unstructured) float64 {
	at := func(field string) time.Time {
		text, _, _ := unstructured.NestedString(wf.Object, "status", field)
		parsed, _ := time.Parse(time.RFC3339, text)
		return parsed
	}
	return at("finishedAt").Sub(at("startedAt")).Minutes()
}
