// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package acceptance

import (
	"bytes"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// envLong asks for the slow tests too (make test-long sets it).
const envLong = "BACKFILL_TEST_LONG"

// mostPoints bounds the points of a command where -run leaves some out, so that
// none tells that it was the last.
const mostPoints = 200

// killer returns the fault that kills the processes of a program, by SIGKILL.
func killer(binary string) fault {
	return func(http.ResponseWriter, *http.Request) {
		links, _ := filepath.Glob("/proc/[0-9]*/exe")
		for _, link := range links {
			if exe, err := os.Readlink(link); err == nil && exe == binary {
				if pid, err := strconv.Atoi(strings.Split(link, "/")[2]); err == nil {
					_ = syscall.Kill(pid, syscall.SIGKILL)
				}
			}
		}
		panic(http.ErrAbortHandler)
	}
}

// session is Terraform with the real provider process, in a directory.
type session struct {
	*testing.T
	dir, cli, binary, host string
	name                   string
}

// buildProvider builds the provider where the kills can find its processes.
func buildProvider(t *testing.T) string {
	t.Helper()
	binary := filepath.Join(t.TempDir(), "terraform-provider-backfill")
	if out, err := exec.Command("go", "build", "-o", binary, "../..").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	resolved, err := filepath.EvalSymlinks(binary)
	if err != nil {
		t.Fatal(err)
	}
	return resolved
}

func newSession(t *testing.T, p *proxy, binary, name string) *session {
	t.Helper()
	cli := os.Getenv("TF_ACC_TERRAFORM_PATH")
	if cli == "" {
		lacking(t, "TF_ACC_TERRAFORM_PATH is not set (make test finds or builds Terraform)")
	}
	s := &session{T: t, dir: t.TempDir(), cli: cli, binary: binary, host: p.URL, name: name}
	s.write(
		"cli.tfrc",
		fmt.Sprintf(
			"provider_installation {\n  dev_overrides {\n    %q = %q\n  }\n}\n",
			"terraform-backfill/backfill",
			filepath.Dir(binary),
		),
	)
	return s
}

// declare writes the configuration.
func (s *session) declare(job string) {
	s.Helper()
	s.write("main.tf", fmt.Sprintf(`
terraform {
  required_providers {
    backfill = { source = "terraform-backfill/backfill" }
  }
}
provider "backfill" {
  host = %q
}
resource "backfill_job" "it" {
  name = %q
%s
}
`, s.host, s.name, job))
}

func (s *session) write(name, text string) {
	s.Helper()
	if err := os.WriteFile(filepath.Join(s.dir, name), []byte(text), 0o600); err != nil {
		s.Fatal(err)
	}
}

func (s *session) terraform(args ...string) (string, int) {
	s.Helper()
	cmd := exec.Command(s.cli, append([]string{"-chdir=" + s.dir}, args...)...)
	cmd.Env = append(os.Environ(), "TF_CLI_CONFIG_FILE="+filepath.Join(s.dir, "cli.tfrc"), "TF_IN_AUTOMATION=1")
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	err := cmd.Run()
	if err != nil && cmd.ProcessState == nil {
		s.Fatal(err)
	}
	return out.String(), cmd.ProcessState.ExitCode()
}

func (s *session) must(args ...string) {
	s.Helper()
	if out, code := s.terraform(args...); code != 0 {
		s.Fatalf("%s %s ended with %d:\n%s", s.cli, strings.Join(args, " "), code, out)
	}
}

// linesByKey counts the lines of a log by their first word.
func linesByKey(t *testing.T, path string) map[string]int {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	counts := map[string]int{}
	for line := range strings.Lines(string(text)) {
		key, _, _ := strings.Cut(line, " ")
		counts[key]++
	}
	return counts
}

// objects lists what carries the label of a job, as kind/name.
func (c *localCluster) objects(t *testing.T, job string) []string {
	t.Helper()
	var names []string
	for _, r := range []schema.GroupVersionResource{
		{Version: "v1", Resource: "configmaps"},
		{Group: "argoproj.io", Version: "v1alpha1", Resource: "workflows"},
		{Group: "argoproj.io", Version: "v1alpha1", Resource: "workflowtemplates"},
	} {
		list, err := c.dynamic.Resource(r).
			Namespace(namespace).
			List(t.Context(), metav1.ListOptions{LabelSelector: "backfill.dev/job=" + job})
		if err != nil {
			t.Fatal(err)
		}
		for _, o := range list.Items {
			names = append(names, r.Resource+"/"+o.GetName())
		}
	}
	return names
}

// TestKilledAnywhere kills the provider process before and after every request
// of a command. The next apply goes on: every partition is done as often as it
// should be, nothing is left over, the plan is empty. Creations are enough for
// every day; BACKFILL_TEST_LONG adds all other commands.
func TestKilledAnywhere(t *testing.T) {
	c := cluster(t)
	binary := buildProvider(t)
	p := newProxy(t, c)
	for _, h := range histories() {
		t.Run(h.name, func(t *testing.T) {
			if h.long && os.Getenv(envLong) == "" {
				t.Skip("long: make test-long kills this command too")
			}
			for point, last := 0, false; !last && !t.Failed() && point < mostPoints; point++ {
				t.Run(fmt.Sprint(point), func(t *testing.T) { last = killedOnce(t, p, c, binary, h, point) })
			}
		})
	}
}

// killedOnce kills one command at one point and repeats it; it returns true when
// the command makes fewer requests.
func killedOnce(t *testing.T, p *proxy, c *localCluster, binary string, h history, point int) (last bool) {
	s := h.begin(t, c, p, binary, fmt.Sprintf("killed-%s-%d-%d", h.name, point, os.Getpid()))
	p.aim(point, killer(binary))
	out, code := s.terraform(h.command, "-auto-approve")
	killed := p.rest()
	switch {
	case !killed && code != 0:
		t.Fatalf("without a kill:\n%s", out)
	case !killed && point < h.fewest:
		t.Fatalf("only %d points were tried", point)
	case !killed:
		return true
	}
	h.end(s, c)
	return false
}

// watch waits for the end of the run; the command line ends with this code.
func (s *session) watch(c *localCluster, code int) {
	s.Helper()
	cmd := exec.Command(s.binary, "status", s.name, "--watch", "--kubeconfig", c.kubeconfig)
	if out, _ := cmd.CombinedOutput(); cmd.ProcessState == nil || cmd.ProcessState.ExitCode() != code {
		s.Fatalf("%v\n%s", cmd.ProcessState, out)
	}
}
