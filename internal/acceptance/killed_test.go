// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package acceptance

import (
	"bytes"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
)

// envLong asks for the slow tests too (make test-long sets it).
const envLong = "BACKFILL_TEST_LONG"

// killer is a proxy before the API server that kills the provider, by SIGKILL,
// ahead of one request (even points) or when its answer is there (odd ones).
type killer struct {
	*httptest.Server
	binary string

	mu       sync.Mutex
	point    int // less than 0: no more kills
	requests int
	killed   bool
}

func newKiller(t *testing.T, c *localCluster, binary string) *killer {
	t.Helper()
	config, err := clientcmd.BuildConfigFromFlags("", c.kubeconfig)
	if err != nil {
		t.Fatal(err)
	}
	transport, err := rest.TransportFor(config)
	if err != nil {
		t.Fatal(err)
	}
	target, err := url.Parse(config.Host)
	if err != nil {
		t.Fatal(err)
	}
	k := &killer{binary: binary, point: -1}
	forward := &httputil.ReverseProxy{
		Rewrite:   func(r *httputil.ProxyRequest) { r.SetURL(target) },
		Transport: transport,
		ModifyResponse: func(*http.Response) error {
			k.strike(1)
			return nil
		},
		ErrorHandler: func(http.ResponseWriter, *http.Request, error) { panic(http.ErrAbortHandler) },
	}
	k.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		k.mu.Lock()
		k.requests++
		k.mu.Unlock()
		if k.strike(0) {
			panic(http.ErrAbortHandler)
		}
		forward.ServeHTTP(w, r)
	}))
	t.Cleanup(k.Close)
	return k
}

// strike kills when it is time.
func (k *killer) strike(side int) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.point < 0 || k.killed || k.requests != k.point/2+1 || k.point%2 != side {
		return false
	}
	k.killed = true
	links, _ := filepath.Glob("/proc/[0-9]*/exe")
	for _, link := range links {
		if exe, err := os.Readlink(link); err == nil && exe == k.binary {
			if pid, err := strconv.Atoi(strings.Split(link, "/")[2]); err == nil {
				_ = syscall.Kill(pid, syscall.SIGKILL)
			}
		}
	}
	return true
}

func (k *killer) aim(point int) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.point, k.requests, k.killed = point, 0, false
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

func newSession(t *testing.T, k *killer, name, job string) *session {
	t.Helper()
	cli := os.Getenv("TF_ACC_TERRAFORM_PATH")
	if cli == "" {
		lacking(t, "TF_ACC_TERRAFORM_PATH is not set (make test finds or builds Terraform)")
	}
	s := &session{T: t, dir: t.TempDir(), cli: cli, binary: k.binary, host: k.URL, name: name}
	s.write("cli.tfrc", fmt.Sprintf("provider_installation {\n  dev_overrides {\n    %q = %q\n  }\n}\n", "terraform-backfill/backfill", filepath.Dir(k.binary)))
	s.declare(job)
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
		list, err := c.dynamic.Resource(r).Namespace(namespace).List(t.Context(), metav1.ListOptions{LabelSelector: "backfill.dev/job=" + job})
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
	k := newKiller(t, c, buildProvider(t))
	for _, h := range histories() {
		t.Run(h.name, func(t *testing.T) {
			if h.long && os.Getenv(envLong) == "" {
				t.Skip("long: make test-long kills this command too")
			}
			for point, last := 0, false; !last && !t.Failed(); point++ {
				t.Run(fmt.Sprint(point), func(t *testing.T) { last = killedOnce(t, c, k, h, point) })
			}
		})
	}
}

// killedOnce kills one command at one point and repeats it; it returns true when
// the command makes fewer requests.
func killedOnce(t *testing.T, c *localCluster, k *killer, h history, point int) (last bool) {
	s := h.begin(t, c, k, fmt.Sprintf("killed-%s-%d-%d", h.name, point, os.Getpid()))
	k.aim(point)
	out, code := s.terraform(h.command, "-auto-approve")
	killed := k.killed
	k.aim(-1)
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
