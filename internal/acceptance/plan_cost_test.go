// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package acceptance

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	kube "github.com/terraform-backfill/terraform-provider-backfill/internal/cluster"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/cluster/fake"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/engine"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/state"
)

// many is a state of many jobs, managed by the real provider process on an API
// server in memory.
type many struct {
	testing.TB
	dir, cli string
	jobs     int
	cluster  *fake.Cluster

	mu       sync.Mutex
	requests []string
}

// manyJobs applies a configuration of jobs that differ in their names alone.
func manyJobs(t testing.TB, jobs int) *many {
	t.Helper()
	cli := os.Getenv("TF_ACC_TERRAFORM_PATH")
	if cli == "" {
		t.Skip("terraform: TF_ACC_TERRAFORM_PATH is not set (make test and make bench find or build Terraform)")
	}
	m := &many{
		TB:      t,
		dir:     t.TempDir(),
		cli:     cli,
		jobs:    jobs,
		cluster: fake.New(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)),
	}
	api := fake.Handler(m.cluster)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		m.mu.Lock()
		m.requests = append(m.requests, r.Method+" "+r.URL.Path)
		m.mu.Unlock()
		api.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	binary := filepath.Join(m.dir, "real")
	if out, err := exec.Command("go", "build", "-o", binary, "../..").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	// Terraform starts a script that notes the process it becomes.
	m.write(
		"terraform-provider-backfill",
		fmt.Sprintf("#!/bin/sh\necho $$ >> %q\nexec %q \"$@\"\n", filepath.Join(m.dir, "pids"), binary),
		0o700,
	)
	m.write(
		"cli.tfrc",
		fmt.Sprintf("provider_installation {\n  dev_overrides {\n    \"terraform-backfill/backfill\" = %q\n  }\n}\n", m.dir),
		0o600,
	)
	m.write("main.tf", fmt.Sprintf(`
terraform {
  required_providers {
    backfill = { source = "terraform-backfill/backfill" }
  }
}
provider "backfill" {
  host = %q
}
resource "backfill_job" "it" {
  count     = %d
  name      = "job-${count.index}"
  partition = { range = { start = 0, end = 40, size = 10 } }
  runner = {
    image   = "example.com/orders:1"
    command = ["bin/run"]
    args    = ["--from=$${partition.start}", "--to=$${partition.end}"]
  }
}
`, server.URL, jobs), 0o600)
	if out, code := m.terraform("apply", "-auto-approve"); code != 0 {
		t.Fatalf("apply ended with %d:\n%s", code, out)
	}
	return m
}

func (m *many) write(name, text string, mode os.FileMode) {
	m.Helper()
	if err := os.WriteFile(filepath.Join(m.dir, name), []byte(text), mode); err != nil {
		m.Fatal(err)
	}
}

func (m *many) terraform(args ...string) (string, int) {
	m.Helper()
	out, ended := m.run(args...)
	return out, ended.ExitCode()
}

func (m *many) run(args ...string) (string, *os.ProcessState) {
	m.Helper()
	cmd := exec.Command(m.cli, append([]string{"-chdir=" + m.dir}, args...)...)
	cmd.Env = append(os.Environ(), "TF_CLI_CONFIG_FILE="+filepath.Join(m.dir, "cli.tfrc"), "TF_IN_AUTOMATION=1")
	out, err := cmd.CombinedOutput()
	if cmd.ProcessState == nil {
		m.Fatal(err)
	}
	return string(out), cmd.ProcessState
}

// asked returns the requests since it was last called.
func (m *many) asked() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	all := m.requests
	m.requests = nil
	return all
}

// finish has every run succeed, and its outcome merged, as some refresh does.
func (m *many) finish() {
	m.Helper()
	nodes := map[string]any{}
	for i := range 4 {
		nodes[fmt.Sprint(i)] = map[string]any{
			"id": fmt.Sprint(i), "type": "Retry", "phase": "Succeeded", "templateRef": map[string]any{"template": "partition"},
			"inputs": map[string]any{"parameters": []any{map[string]any{"name": "i", "value": fmt.Sprint(i)}}},
		}
	}
	patch, err := json.Marshal(map[string]any{"status": map[string]any{
		"phase": "Succeeded", "nodes": nodes, "startedAt": "2026-01-01T00:00:00Z", "finishedAt": "2026-01-01T00:01:00Z",
	}})
	if err != nil {
		m.Fatal(err)
	}
	e := engine.New(m.cluster, engine.Options{Now: time.Now})
	for i := range m.jobs {
		job := fmt.Sprintf("job-%d", i)
		if _, err := m.cluster.Patch(context.Background(), kube.Workflow, "default", job+"-r1", patch); err != nil {
			m.Fatal(err)
		}
		if o, diags := e.Observe(context.Background(), "default", job); diags.HasErrors() || o.Phase != state.PhaseComplete {
			m.Fatal(o, diags)
		}
	}
}

// cost is what a plan took.
type cost struct {
	requests []string
	wall     time.Duration
	cpu      time.Duration // of processors, by Terraform and the provider's processes
	peak     int64         // bytes of the largest provider process
}

func (c cost) String() string {
	return fmt.Sprintf(
		"%d requests, %s (%s of processor time), %d MB",
		len(c.requests),
		c.wall.Round(time.Millisecond),
		c.cpu.Round(time.Millisecond),
		c.peak>>20,
	)
}

// noOpPlan plans with the state as it was written at submission, and demands
// that the plan is empty.
func (m *many) noOpPlan() cost {
	m.Helper()
	m.asked()
	if err := os.Remove(filepath.Join(m.dir, "pids")); err != nil {
		m.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	peak := make(chan int64)
	go func() { peak <- largestProcess(ctx, filepath.Join(m.dir, "pids")) }()
	began := time.Now()
	out, ended := m.run("plan", "-detailed-exitcode")
	wall := time.Since(began)
	stop()
	c := cost{m.asked(), wall, ended.UserTime() + ended.SystemTime(), <-peak}
	if ended.ExitCode() != 0 {
		m.Fatalf("plan ended with %d:\n%s", ended.ExitCode(), out)
	}
	return c
}

// largestProcess watches the processes of a file until ctx ends: the most
// memory that the kernel has seen one of them hold.
func largestProcess(ctx context.Context, pids string) int64 {
	var peak int64
	for ctx.Err() == nil {
		list, _ := os.ReadFile(pids)
		for _, pid := range strings.Fields(string(list)) {
			status, _ := os.ReadFile("/proc/" + pid + "/status")
			for line := range strings.Lines(string(status)) {
				var kilobytes int64
				if _, err := fmt.Sscanf(line, "VmHWM: %d kB", &kilobytes); err == nil {
					peak = max(peak, kilobytes<<10)
				}
			}
		}
		time.Sleep(5 * time.Millisecond)
	}
	return peak
}

// The requests of a plan do not grow with the number of jobs, and none asks what
// the API server can do.
func TestNoOpPlanAsksLittle(t *testing.T) {
	m := manyJobs(t, 100)
	writes := 0
	for _, request := range m.asked() {
		if !strings.HasPrefix(request, "GET ") {
			writes++
		}
		if !strings.Contains(request, "/namespaces/default/") {
			t.Errorf("an apply asked %s", request)
		}
	}
	// Each has a record, a template, a run, and the mark that its creation is over.
	if writes > 400 {
		t.Errorf("creating 100 jobs took %d writes", writes)
	}
	m.finish()
	c := m.noOpPlan()
	if len(c.requests) > 5 {
		t.Errorf("%d requests: %v", len(c.requests), c.requests)
	}
	for _, request := range c.requests {
		if !strings.Contains(request, "/namespaces/default/configmaps") {
			t.Errorf("the plan asked %s", request)
		}
	}
	t.Logf("a no-op plan of 100 finished jobs: %s", c)
}

func TestNoOpPlanOfAThousandJobs(t *testing.T) {
	if os.Getenv(envLong) == "" {
		t.Skip("long: applies a thousand jobs")
	}
	m := manyJobs(t, 1000)
	m.finish()
	c := m.noOpPlan()
	if len(c.requests) > 10 || c.peak > 300<<20 {
		t.Errorf("%d requests, %d MB", len(c.requests), c.peak>>20)
	}
	t.Logf("a no-op plan of 1,000 finished jobs: %s", c)
}

// BenchmarkNoOpPlan is a whole `terraform plan` of finished jobs. Without a job
// it is what Terraform takes for itself and to start the provider.
func BenchmarkNoOpPlan(b *testing.B) {
	for _, jobs := range []int{0, 100, 1000} {
		b.Run(fmt.Sprint(jobs), func(b *testing.B) {
			m := manyJobs(b, jobs)
			m.finish()
			var most cost
			for b.Loop() {
				c := m.noOpPlan()
				most.requests, most.cpu, most.peak = c.requests, most.cpu+c.cpu, max(most.peak, c.peak)
			}
			b.ReportMetric(float64(len(most.requests)), "requests/op")
			b.ReportMetric(float64(most.cpu.Milliseconds())/float64(b.N), "cpu-ms/op")
			b.ReportMetric(float64(most.peak>>20), "peak-MB")
		})
	}
}
