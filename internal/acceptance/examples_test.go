// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package acceptance

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

var (
	settingsBlock  = regexp.MustCompile(`(?ms)^(terraform|provider "backfill"|output "\w+") \{(\}\n|.*?^\}\n)`)
	rangeOfExample = regexp.MustCompile(`start = (\d+), end = ([\w.]+), size = (\d+)`)
	commandLine    = regexp.MustCompile(`(?m)^(\s*command\s*= ).*$`)
	poolBlock      = regexp.MustCompile(`(?ms)^resource "backfill_pool" .*?^\}\n`)
	generator      = regexp.MustCompile(`(?ms)^(\s*script\s*= )<<-EOT\n.*?^\s*EOT\n`)
	account        = regexp.MustCompile(`(?m)^\s*service_account\b`)
	runnerBlock    = regexp.MustCompile(`(?m)^(\s*runner (?:= )?\{)$`)
	nameOfExample  = regexp.MustCompile(`(?m)^(?:  name\s*= |job )"([a-z0-9-]+)"`)
)

// example is a configuration of the documentation, made to run here: a few
// partitions instead of thousands, which sleep instead of what they do.
type example struct {
	name, config string
	jobs         []string // names
}

func exampleOf(t *testing.T, file string) (example, bool) {
	t.Helper()
	dir := t.TempDir()
	for _, sub := range []string{"data", "results"} {
		if err := os.MkdirAll(filepath.Join(dir, "work", sub), 0o777); err != nil {
			t.Fatal(err)
		}
	}
	text := small(t, file)
	names := nameOfExample.FindAllStringSubmatch(poolBlock.ReplaceAllString(text, ""), -1)
	sources, _ := filepath.Glob(filepath.Join(filepath.Dir(file), "*.hcl"))
	for _, source := range sources {
		if !strings.Contains(text, filepath.Base(source)) {
			continue
		}
		job := small(t, source)
		names = append(names, nameOfExample.FindAllStringSubmatch(job, -1)...)
		if err := os.WriteFile(filepath.Join(dir, filepath.Base(source)), []byte(job), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	text = strings.ReplaceAll(text, "last_id = 3000000000", "last_id = 2000001")
	text = strings.ReplaceAll(text, "${abspath(path.module)}", dir)
	text = strings.ReplaceAll(text, "abspath(path.module)", strconv.Quote(dir))
	text = strings.ReplaceAll(text, "${path.module}", dir)
	e := example{name: strings.TrimPrefix(file, "../../examples/"), config: text}
	for _, name := range names {
		e.jobs = append(e.jobs, name[1])
	}
	return e, strings.Contains(text, `resource "backfill_job"`)
}

// small reads an example with a few partitions that sleep.
func small(t *testing.T, file string) string {
	t.Helper()
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	text := settingsBlock.ReplaceAllString(string(raw), "")
	text = rangeOfExample.ReplaceAllStringFunc(text, func(all string) string {
		part := rangeOfExample.FindStringSubmatch(all)
		start, _ := strconv.Atoi(part[1])
		size, _ := strconv.Atoi(part[3])
		if end, err := strconv.Atoi(part[2]); err == nil && end > start+2*size {
			return fmt.Sprintf("start = %d, end = %d, size = %d", start, start+2*size, size)
		}
		return all
	})
	text = commandLine.ReplaceAllString(text, `$1["/bin/sh", "-c", "sleep 8"]`)
	text = generator.ReplaceAllString(text, `$1"echo '{\"start\": 1, \"end\": 200001}' > $$BACKFILL_OUT"`+"\n")
	if !account.MatchString(text) {
		text = runnerBlock.ReplaceAllString(text, "$1\n    service_account = \"backfill-runner\"")
	}
	return strings.ReplaceAll(text, `namespace = "data"`, `namespace = "default"`)
}

// runExamples has the controller run every example. The plan is empty while it
// runs and after it ran.
func runExamples(t *testing.T, c *localCluster) {
	t.Helper()
	files, err := filepath.Glob("../../examples/*/*.tf")
	if err != nil {
		t.Fatal(err)
	}
	more, err := filepath.Glob("../../examples/*/*/*.tf")
	if err != nil {
		t.Fatal(err)
	}
	c.secret(t, "orders-db", map[string]string{"url": "postgres://nowhere"})
	ran := 0
	for _, file := range append(files, more...) {
		e, ok := exampleOf(t, file)
		if !ok {
			continue
		}
		ran++
		t.Run(e.name, func(t *testing.T) {
			apply(t, c,
				resource.TestStep{Config: e.config},
				resource.TestStep{PreConfig: func() { c.eachRun(t, e, c.working) }, Config: e.config, PlanOnly: true},
				resource.TestStep{PreConfig: func() {
					c.eachRun(t, e, func(t *testing.T, run string) {
						if phase := phaseOf(c.ended(t, run, 3*time.Minute)); phase != "Succeeded" {
							t.Errorf("the run %s: %s", phase, c.describe(run))
						}
					})
				}, Config: e.config, PlanOnly: true},
			)
		})
	}
	if ran < 3 {
		t.Errorf("only %d examples were found", ran)
	}
}

func (c *localCluster) eachRun(t *testing.T, e example, do func(*testing.T, string)) {
	t.Helper()
	if len(e.jobs) == 0 {
		t.Fatalf("%s names no job", e.name)
	}
	for _, job := range e.jobs {
		do(t, job+"-r1")
	}
}

func phaseOf(wf *unstructured.Unstructured) string {
	phase, _, _ := unstructured.NestedString(wf.Object, "status", "phase")
	return phase
}

// working waits until the controller has begun a run.
func (c *localCluster) working(t *testing.T, name string) {
	t.Helper()
	for end := time.Now().Add(time.Minute); ; time.Sleep(100 * time.Millisecond) {
		wf, err := c.dynamic.Resource(workflows).Namespace(namespace).Get(t.Context(), name, metav1.GetOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if phaseOf(wf) != "" {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("the controller does not see %s", name)
		}
	}
}

// TestExamplesPlanEmpty has the real controller run every example.
func TestExamplesPlanEmpty(t *testing.T) { runExamples(t, cluster(t)) }
