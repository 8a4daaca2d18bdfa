// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package clustertest

import (
	"bytes"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/devcluster/controlplane"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/devcluster/supervise"
)

func TestUpAndDown(t *testing.T) {
	c := prepare(t)
	// Settings for other programs must not reach the components.
	c.env = append(c.env, "ETCD_NAME=other", "KUBECONFIG=/nowhere", "LEADER_ELECTION_IDENTITY=other")
	stdout := c.up(t)
	kubeconfig := filepath.Join(c.state, "kubeconfig")
	want := "kubeconfig: " + kubeconfig + "\n\nexport KUBECONFIG=" + kubeconfig +
		"\nexport KUBE_CONFIG_PATH=" + kubeconfig + "\n"
	if stdout != want {
		t.Errorf("up printed\n%s\nwant\n%s", stdout, want)
	}

	t.Run("every listener is on loopback", func(t *testing.T) {
		addresses := listeners(t, processesOf(t, c.state))
		if len(addresses) < 6 {
			t.Errorf("found only %d listeners: %v", len(addresses), addresses)
		}
		for _, ip := range addresses {
			if !ip.IsLoopback() {
				t.Errorf("something listens on %s", ip)
			}
		}
	})
	t.Run("files are private", func(t *testing.T) { checkPrivate(t, c.state) })
	t.Run("nobody gets in without credentials", func(t *testing.T) {
		// An empty kubeconfig path and a token that is nobody's.
		server := controlplane.ServerURL(c.readState(t).Ports[controlplane.PortAPIServer])
		_, stderr, err := c.run(t.Context(), "kubectl", "--kubeconfig=/dev/null", "--server="+server,
			"--insecure-skip-tls-verify", "--token=guess", "get", "namespaces")
		if err == nil || !strings.Contains(stderr, "Unauthorized") && !strings.Contains(stderr, "logged in") {
			t.Errorf("%v, %s", err, stderr)
		}
	})
	t.Run("the default service account may do nothing", func(t *testing.T) {
		for account, want := range map[string]string{
			"default":               "no",
			"backfill-runner":       "no",
			"backfill-orchestrator": "yes",
		} {
			stdout, _, _ := c.run(
				t.Context(),
				"kubectl",
				"auth",
				"can-i",
				"create",
				"workflows.argoproj.io",
				"--as=system:serviceaccount:default:"+account,
			)
			if strings.TrimSpace(stdout) != want {
				t.Errorf("%s may create Workflows: %s, want %s", account, stdout, want)
			}
		}
	})
	t.Run("versions are the pinned ones", func(t *testing.T) {
		if got := c.kubectl(t, "version"); !strings.Contains(got, "Server Version: v1.34.4") {
			t.Error(got)
		}
	})
	t.Run("a second up finds it", func(t *testing.T) {
		before := c.readState(t)
		if again := c.up(t); again != want {
			t.Errorf("it printed\n%s", again)
		}
		if after := c.readState(t); after.Supervisor != before.Supervisor || !slices.Equal(after.Children, before.Children) {
			t.Errorf("it started something: %+v", after)
		}
	})

	c.kubectl(t, "create", "configmap", "kept", "--from-literal=a=b")
	if _, stderr, err := c.run(t.Context(), "down"); err != nil {
		t.Fatalf("down: %v\n%s", err, stderr)
	}
	if left := processesOf(t, c.state); len(left) > 0 {
		t.Errorf("down left processes %v", left)
	}
	if _, stderr, err := c.run(t.Context(), "status"); err == nil || !strings.Contains(stderr, "not running") {
		t.Errorf("status after down: %v, %s", err, stderr)
	}
	c.up(t)
	if got := c.kubectl(t, "get", "configmap", "kept", "-o", "jsonpath={.data.a}"); got != "b" {
		t.Errorf("data after down and up: %q", got)
	}
	if _, stderr, err := c.run(t.Context(), "down", "--remove"); err != nil {
		t.Fatalf("down --remove: %v\n%s", err, stderr)
	}
	if _, err := os.Stat(c.state); err == nil {
		t.Error("down --remove left the state directory")
	}
}

func checkPrivate(t *testing.T, dir string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		// What pods write below the nodes' directory has modes of their own; the
		// directory itself keeps everybody else out.
		if entry.IsDir() && path == filepath.Join(dir, "nodes", "pods") {
			return filepath.SkipDir
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		if info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s has mode %v", path, info.Mode().Perm())
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

// Two clusters at once, and two calls of up for one of them.
func TestClustersSideBySide(t *testing.T) {
	first, second := prepare(t), prepare(t)
	first.needsContainers(t)
	errs := make(chan error)
	for _, c := range []*cluster{first, first, second} {
		go func() {
			_, stderr, err := c.run(t.Context(), "up", "--on-demand=0", "--spot=0")
			if err != nil {
				t.Errorf("up: %v\n%s", err, stderr)
			}
			errs <- err
		}()
	}
	for range 3 {
		<-errs
	}
	if t.Failed() {
		return
	}
	first.kubectl(t, "create", "configmap", "mine", "--from-literal=a=b")
	if got := second.kubectl(t, "get", "configmaps", "-o", "name"); strings.Contains(got, "mine") {
		t.Errorf("the clusters share objects: %s", got)
	}
	if _, stderr, err := first.run(t.Context(), "down"); err != nil {
		t.Fatalf("down: %v\n%s", err, stderr)
	}
	second.kubectl(t, "get", "namespaces")
}

// In the foreground the cluster runs until it is interrupted, and takes
// everything with it.
func TestForeground(t *testing.T) {
	c := prepare(t)
	c.needsContainers(t)
	cmd := exec.CommandContext(
		t.Context(),
		c.program,
		"--state",
		c.state,
		"up",
		"--foreground",
		"--on-demand=0",
		"--spot=0",
	)
	cmd.Env = c.env
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the cluster is up", func() bool {
		_, _, err := c.run(t.Context(), "status")
		return err == nil
	})
	c.kubectl(t, "get", "namespaces")
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("up ended with %v\n%s", err, stderr.String())
	}
	if want := "kubeconfig: " + filepath.Join(c.state, "kubeconfig"); !strings.HasPrefix(stdout.String(), want) {
		t.Errorf("up printed\n%s", stdout.String())
	}
	if left := processesOf(t, c.state); len(left) > 0 {
		t.Errorf("left are processes %v", left)
	}
}

func TestComponentThatDiesIsStartedAgain(t *testing.T) {
	c := prepare(t)
	c.up(t, "--on-demand=0", "--spot=0")
	victim := child(t, c.readState(t), controlplane.ArgoController)
	if err := victim.Identity.Signal(syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the Argo controller is started again", func() bool {
		now := child(t, c.readState(t), controlplane.ArgoController)
		return now.Restarts == 1 && now.Identity.Alive()
	})
}

func TestDownAfterTheSupervisorWasKilled(t *testing.T) {
	c := prepare(t)
	c.up(t, "--on-demand=0", "--spot=0")
	state := c.readState(t)
	if err := state.Supervisor.Signal(syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	if _, stderr, err := c.run(t.Context(), "down"); err != nil {
		t.Fatalf("down: %v\n%s", err, stderr)
	}
	if left := processesOf(t, c.state); len(left) > 0 {
		t.Errorf("down left processes %v", left)
	}
}

func TestUpReportsAComponentThatDies(t *testing.T) {
	c := prepare(t)
	c.up(t, "--on-demand=0", "--spot=0")
	if _, stderr, err := c.run(t.Context(), "down"); err != nil {
		t.Fatalf("down: %v\n%s", err, stderr)
	}
	// etcd's data become a file: it cannot start.
	data := filepath.Join(c.state, "etcd", "member")
	if err := os.RemoveAll(data); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(data, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	_, stderr, err := c.run(t.Context(), "up", "--on-demand=0", "--spot=0")
	if err == nil {
		t.Fatal("up succeeds without etcd")
	}
	for _, want := range []string{
		"etcd ended while the cluster was starting",
		"Its last log lines:\n",
		"not a directory",
		"The whole log: " + filepath.Join(c.state, "logs", "etcd.log"),
	} {
		if !strings.Contains(stderr, want) {
			t.Errorf("the message lacks %q:\n%s", want, stderr)
		}
	}
	if left := processesOf(t, c.state); len(left) > 0 {
		t.Errorf("the failed start left processes %v", left)
	}
}

func TestCommandsWithoutACluster(t *testing.T) {
	c := prepare(t)
	for command, want := range map[string]string{
		"kubectl get pods": "no cluster was started in " + c.state,
		"status":           "the cluster is not running",
		"logs etcd":        `there is no log of "etcd"`,
	} {
		_, stderr, err := c.run(t.Context(), strings.Fields(command)...)
		if err == nil || !strings.Contains(stderr, "devcluster: "+want) {
			t.Errorf("%s: %v, %s", command, err, stderr)
		}
	}
	if _, stderr, err := c.run(t.Context(), "down"); err != nil || stderr != "The cluster is not running.\n" {
		t.Errorf("down: %v, %s", err, stderr)
	}
}

func TestRemoveRefusesAForeignDirectory(t *testing.T) {
	c := prepare(t)
	if err := os.MkdirAll(c.state, 0o700); err != nil {
		t.Fatal(err)
	}
	mine := filepath.Join(c.state, "mine")
	if err := os.WriteFile(mine, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	_, stderr, err := c.run(t.Context(), "down", "--remove")
	if err == nil || !strings.Contains(stderr, "was not made by devcluster") {
		t.Errorf("%v, %s", err, stderr)
	}
	if _, err := os.Stat(mine); err != nil {
		t.Error(err)
	}
	if err := os.RemoveAll(c.state); err != nil { // the test's own down must find nothing
		t.Fatal(err)
	}
}

func child(t *testing.T, state supervise.State, name string) supervise.Child {
	t.Helper()
	at := slices.IndexFunc(state.Children, func(c supervise.Child) bool { return c.Name == name })
	if at < 0 {
		t.Fatalf("%s is not among %+v", name, state.Children)
	}
	return state.Children[at]
}
