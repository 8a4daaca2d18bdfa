// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package clustertest

import (
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// nobody is the user of nothing, on every Linux.
const nobody = 65534

// Whoever runs the tests as root has not seen that anybody else can run a
// cluster too.
func TestUnprivilegedUser(t *testing.T) {
	c := prepare(t)
	if os.Geteuid() != 0 {
		t.Log("every test of this package runs as an unprivileged user")
		return
	}
	shared := filepath.Join(t.TempDir(), "shared")
	c.handOver(t, shared)
	c.needsContainers(t)
	c.up(t)
	c.create(t, helloWorkflow)
	c.awaitPhase(t, "hello", "Succeeded")
	if _, stderr, err := c.run(t.Context(), "down"); err != nil {
		t.Fatalf("down: %v\n%s", err, stderr)
	}
	if left := processesOf(t, c.state); len(left) > 0 {
		t.Errorf("down left processes %v", left)
	}
}

// handOver makes the cluster that of an unprivileged user, with the program and
// Argo's executor where that user can read them.
func (c *cluster) handOver(t *testing.T, dir string) {
	t.Helper()
	// Directories of tests are closed to other users.
	if err := os.Chmod(filepath.Dir(filepath.Dir(dir)), 0o755); err != nil {
		t.Fatal(err)
	}
	cache := filepath.Join(dir, "cache")
	executor := filepath.Join(cache, "argoexec")
	if err := os.MkdirAll(cache, 0o755); err != nil {
		t.Fatal(err)
	}
	// The build of the executor is the administrator's, in the usual place; its
	// directory is copied whole.
	if _, stderr, err := c.run(t.Context(), "build-argoexec", "--out", executor); err != nil {
		t.Fatalf("build-argoexec: %v\n%s", err, stderr)
	}
	if err := os.Remove(executor); err != nil {
		t.Fatal(err)
	}
	usual, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	if set := os.Getenv("DEVCLUSTER_CACHE"); set != "" {
		usual = set
	} else {
		usual = filepath.Join(usual, "devcluster")
	}
	for _, from := range []string{usual + "/.", c.program} {
		if out, err := exec.Command("cp", "-r", from, cache).CombinedOutput(); err != nil {
			t.Fatalf("cp: %v\n%s", err, out)
		}
	}
	c.program = filepath.Join(cache, filepath.Base(c.program))
	c.env = []string{"PATH=/usr/bin:/bin", "HOME=" + dir, "DEVCLUSTER_CACHE=" + cache}
	c.credential = &syscall.Credential{Uid: nobody, Gid: nobody}
	c.state = filepath.Join(dir, "state")
	err = filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return os.Lchown(path, nobody, nobody)
	})
	if err != nil {
		t.Fatal(err)
	}
}

// In a user namespace without any user mapped nobody may make another one, as on
// a machine that forbids unprivileged user namespaces.
func TestUpWithoutNamespacesSaysWhatToEnable(t *testing.T) {
	c := prepare(t)
	cmd := exec.CommandContext(t.Context(), c.program, "--state", c.state, "up")
	cmd.Env = c.env
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWUSER}
	out, err := cmd.CombinedOutput()
	if err == nil {
		t.Fatalf("up succeeded:\n%s", out)
	}
	for _, want := range []string{
		"devcluster: containers cannot be started on this machine: ",
		"operation not permitted",
		"unprivileged user namespaces",
		"Any other cluster with Argo Workflows works as well: set KUBE_CONFIG_PATH to its kubeconfig.",
	} {
		if !strings.Contains(string(out), want) {
			t.Errorf("the message lacks %q:\n%s", want, out)
		}
	}
	if strings.Contains(string(out), "Starting etcd") {
		t.Errorf("something was started:\n%s", out)
	}
}
