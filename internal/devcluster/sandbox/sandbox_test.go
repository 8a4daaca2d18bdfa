// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package sandbox

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/devcluster/sandbox/stage"
)

// TestMain runs the tests in a user namespace when the user is not root; where that is impossible they skip.
func TestMain(m *testing.M) {
	entered, err := Enter(context.Background())
	var exit *exec.ExitError
	switch {
	case errors.As(err, &exit):
		os.Exit(exit.ExitCode())
	case entered && err == nil:
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// harness starts containers in a test; each test has its own launcher.
type harness struct {
	t        *testing.T
	launcher *Launcher
}

func newHarness(t *testing.T) *harness {
	t.Helper()
	if err := Probe(t.TempDir()); err != nil {
		t.Skipf("kernel: %v", err)
	}
	launcher := NewLauncher("test-"+filepath.Base(t.TempDir())+"-"+strings.ReplaceAll(t.Name(), "/", "-"), false)
	t.Cleanup(launcher.Close)
	return &harness{t: t, launcher: launcher}
}

// container is a running test container with its output.
type container struct {
	*Process
	t      *testing.T
	output *bytes.Buffer
	read   chan struct{}
}

func (h *harness) tryStart(spec Spec) (*container, error) {
	h.t.Helper()
	if spec.Env == nil {
		spec.Env = []string{"PATH=" + os.Getenv("PATH")}
	}
	spec.Root = h.t.TempDir()
	if spec.ID == "" {
		spec.ID = "c"
	}
	r, w, err := os.Pipe()
	if err != nil {
		h.t.Fatal(err)
	}
	spec.Stdout, spec.Stderr = w, w
	c := &container{t: h.t, output: &bytes.Buffer{}, read: make(chan struct{})}
	c.Process, err = h.launcher.Start(spec)
	_ = w.Close()
	if err != nil {
		_ = r.Close()
		return nil, err
	}
	go func() {
		_, _ = io.Copy(c.output, r)
		_ = r.Close()
		close(c.read)
	}()
	h.t.Cleanup(func() { _ = c.Signal(syscall.SIGKILL); <-c.Done() })
	return c, nil
}

func (h *harness) start(spec Spec) *container {
	h.t.Helper()
	c, err := h.tryStart(spec)
	if err != nil {
		h.t.Fatalf("start %q: %v", spec.Args, err)
	}
	return c
}

func (c *container) wait() (string, Result) {
	c.t.Helper()
	select {
	case <-c.Done():
	case <-time.After(time.Minute):
		c.t.Fatal("the container does not end")
	}
	<-c.read
	return c.output.String(), c.Result()
}

// shell runs a script and expects it to succeed.
func (h *harness) shell(script string, mounts ...stage.Mount) string {
	h.t.Helper()
	output, result := h.start(script0(script, mounts...)).wait()
	if result.ExitCode != 0 {
		h.t.Fatalf("exit code %d: %s", result.ExitCode, output)
	}
	return output
}

func script0(script string, mounts ...stage.Mount) Spec {
	return Spec{Spec: stage.Spec{Command: stage.Command{Args: []string{"sh", "-c", script}}, Mounts: mounts}}
}

func writeFile(t *testing.T, path, content string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}

func waitForFile(t *testing.T, path string) {
	t.Helper()
	for range 3000 {
		if _, err := os.Stat(path); err == nil {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatalf("%s does not appear", path)
}

func TestArgumentsAndEnvironmentArriveUnchanged(t *testing.T) {
	h := newHarness(t)
	args := []string{"a b", "", "'\"`", "line\nbreak", "\\ $HOME $(x) {{=1}}", "🦉é", "--"}
	spec := Spec{Spec: stage.Spec{Command: stage.Command{
		Args: append([]string{"/usr/bin/printf", "%s\\0"}, args...),
	}}}
	output, result := h.start(spec).wait()
	if want := strings.Join(args, "\x00") + "\x00"; output != want || result.ExitCode != 0 {
		t.Errorf("got %q (exit %d), want %q", output, result.ExitCode, want)
	}

	spec = script0("env -0")
	spec.Env = []string{"PATH=" + os.Getenv("PATH"), "A=x=y\nz🦉"}
	output, _ = h.start(spec).wait()
	if !strings.Contains("\x00"+output, "\x00A=x=y\nz🦉\x00") {
		t.Errorf("environment is %q", output)
	}
}

func TestRootIsReadOnlyAndHostIsUntouched(t *testing.T) {
	h := newHarness(t)
	output := h.shell(`for d in / /etc /usr /usr/bin /var /run /dev /sys; do
		if (: > $d/backfill-probe) 2>/dev/null; then echo "wrote $d"; fi; done
		for f in /proc/sys/kernel/panic /proc/sysrq-trigger; do
		if (: >> $f) 2>/dev/null; then echo "opened $f"; fi; done`)
	if output != "" {
		t.Errorf("expected nothing to be writable: %s", output)
	}
}

func TestOwnProcessesOnly(t *testing.T) {
	h := newHarness(t)
	output := h.shell("echo $$; ls /proc | grep -c '^[0-9]'; kill -0 1 && echo one")
	lines := strings.Fields(output)
	if len(lines) != 3 || lines[0] != "1" || len(lines[1]) > 1 {
		t.Errorf("expected PID 1 among a handful of processes, got %q", output)
	}
}

func TestNoCapabilities(t *testing.T) {
	h := newHarness(t)
	output := h.shell("grep -E '^(Cap|NoNewPrivs|Uid)' /proc/self/status")
	for _, line := range strings.Split(strings.TrimSpace(output), "\n") {
		fields := strings.Fields(line)
		want := "0000000000000000"
		switch fields[0] {
		case "NoNewPrivs:":
			want = "1"
		case "Uid:":
			want = "0"
		}
		if fields[1] != want {
			t.Errorf("%s, want %s", line, want)
		}
	}
}

func TestVolumes(t *testing.T) {
	h := newHarness(t)
	dir := t.TempDir()
	writeFile(t, filepath.Join(dir, "in"), "input")

	t.Run("writable at a path that the host lacks", func(t *testing.T) {
		output := h.shell(
			"cat /argo/staging/in; echo out > /argo/staging/out",
			stage.Mount{Source: dir, Target: "/argo/staging"},
		)
		written, err := os.ReadFile(filepath.Join(dir, "out"))
		if output != "input" || err != nil || string(written) != "out\n" {
			t.Errorf("read %q, wrote %q, %v", output, written, err)
		}
	})
	t.Run("read-only", func(t *testing.T) {
		output := h.shell(
			"cat /data/in; (: > /data/x) 2>/dev/null || echo refused",
			stage.Mount{Source: dir, Target: "/data", ReadOnly: true},
		)
		if output != "inputrefused\n" {
			t.Errorf("got %q", output)
		}
	})
	t.Run("below a directory of the host and through its links", func(t *testing.T) {
		output := h.shell("cat /var/run/argo/in /etc/backfill/deep/in; test -e /etc/passwd && ls /var | wc -l",
			stage.Mount{Source: dir, Target: "/var/run/argo"}, stage.Mount{Source: dir, Target: "/etc/backfill/deep"})
		if !strings.HasPrefix(output, "inputinput") {
			t.Errorf("got %q", output)
		}
		if _, err := os.Stat("/etc/backfill"); err == nil {
			t.Error("the host got a directory /etc/backfill")
		}
	})
	t.Run("a single file, inside another volume", func(t *testing.T) {
		outer := t.TempDir()
		output := h.shell("cat /v/one; cat /etc/backfill.conf",
			stage.Mount{Source: filepath.Join(dir, "in"), Target: "/v/one", ReadOnly: true},
			stage.Mount{Source: outer, Target: "/v"},
			stage.Mount{Source: filepath.Join(dir, "in"), Target: "/etc/backfill.conf"})
		if output != "inputinput" {
			t.Errorf("got %q", output)
		}
	})
	t.Run("a missing source is named", func(t *testing.T) {
		_, err := h.tryStart(script0("true", stage.Mount{Source: dir + "/none", Target: "/x"}))
		var start *StartError
		if !errors.As(err, &start) || !strings.Contains(start.Reason, dir+"/none") {
			t.Errorf("got %v", err)
		}
	})
}

func TestPrivateTmp(t *testing.T) {
	h := newHarness(t)
	const probe = "/tmp/backfill-sandbox-probe"
	tmp := t.TempDir()
	output := h.shell("echo x > "+probe+"; ls /tmp", stage.Mount{Source: tmp, Target: "/tmp"})
	if output != "backfill-sandbox-probe\n" {
		t.Errorf("the container's /tmp holds %q", output)
	}
	if _, err := os.Stat(probe); err == nil {
		t.Errorf("%s reached the host", probe)
	}
}

func TestMasksAndPrograms(t *testing.T) {
	h := newHarness(t)
	program := filepath.Join(t.TempDir(), "p")
	if err := os.WriteFile(program, []byte("#!/bin/sh\necho given $1"), 0o755); err != nil {
		t.Fatal(err)
	}
	spec := Spec{Spec: stage.Spec{
		Command:  stage.Command{Args: []string{"tool", "x"}},
		Programs: map[string]string{"tool": program},
	}}
	if output, _ := h.start(spec).wait(); output != "given x\n" {
		t.Errorf("got %q", output)
	}

	spec = script0("ls -A /usr/share; cat /etc/passwd")
	spec.Masks = []string{"/usr/share", "/etc/passwd", "/not/there"}
	if output, _ := h.start(spec).wait(); output != "" {
		t.Errorf("masked paths show %q", output)
	}
}

func TestExitCodesAndStartErrors(t *testing.T) {
	h := newHarness(t)
	if _, result := h.start(script0("exit 7")).wait(); result.ExitCode != 7 || result.Signal != 0 {
		t.Errorf("got %+v", result)
	}
	for _, c := range []struct{ command, reason string }{
		{"no-such-program", "executable file not found in $PATH"},
		{"/no/such/file", "no such file"},
		{"/etc/passwd", "permission denied"},
	} {
		_, err := h.tryStart(Spec{Spec: stage.Spec{Command: stage.Command{Args: []string{c.command}}}})
		var start *StartError
		if !errors.As(err, &start) || !strings.Contains(start.Reason, c.reason) {
			t.Errorf("%s: got %v, want %q", c.command, err, c.reason)
		}
	}
}

func TestWorkingDirectory(t *testing.T) {
	h := newHarness(t)
	for _, dir := range []string{"/usr", "/made/for/it", ""} {
		spec := script0("pwd")
		spec.Dir = dir
		want := filepath.Clean("/"+dir) + "\n"
		if output, _ := h.start(spec).wait(); output != want {
			t.Errorf("%q: got %q", dir, output)
		}
	}
}

func TestSignals(t *testing.T) {
	h := newHarness(t)
	dir := t.TempDir()
	mount := stage.Mount{Source: dir, Target: "/v"}

	c := h.start(script0("trap 'echo bye; exit 3' TERM; : > /v/ready; while :; do sleep 0.01; done", mount))
	waitForFile(t, filepath.Join(dir, "ready"))
	if err := c.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if output, result := c.wait(); output != "bye\n" || result.ExitCode != 3 {
		t.Errorf("got %q, %+v", output, result)
	}

	// The whole tree ends with PID 1.
	c = h.start(script0("sleep 1000 & : > /v/second; wait", mount))
	waitForFile(t, filepath.Join(dir, "second"))
	_ = c.Signal(syscall.SIGKILL)
	if _, result := c.wait(); result.ExitCode != 137 || result.Signal != syscall.SIGKILL {
		t.Errorf("got %+v", result)
	}
	if err := c.Signal(syscall.SIGTERM); err != nil {
		t.Errorf("signal after the end: %v", err)
	}
}

func TestExec(t *testing.T) {
	h := newHarness(t)
	dir := t.TempDir()
	mount := stage.Mount{Source: dir, Target: "/v"}
	spec := func() Spec {
		return script0("trap 'exit 143' TERM; : > /v/ready; while :; do sleep 0.01; done", mount)
	}
	first := h.start(spec())
	waitForFile(t, filepath.Join(dir, "ready"))
	otherSpec := spec()
	otherSpec.ID = "other"
	other := h.start(otherSpec)

	var stdout, stderr bytes.Buffer
	code, err := first.Exec(context.Background(), ExecOptions{
		Args: []string{
			"sh",
			"-c",
			"cat; echo err >&2; test -e /v/ready && cat /proc/1/cmdline | wc -w; grep CapEff /proc/self/status; exit 4",
		},
		Stdin:  strings.NewReader("hello "),
		Stdout: &stdout,
		Stderr: &stderr,
	})
	if code != 4 || err != nil || !strings.HasPrefix(stdout.String(), "hello ") || stderr.String() != "err\n" {
		t.Errorf("got code %d, %v, %q, %q", code, err, stdout.String(), stderr.String())
	}
	if !strings.Contains(stdout.String(), "0000000000000000") {
		t.Errorf("an exec has capabilities: %q", stdout.String())
	}

	// This is how Argo stops a pod.
	if code, err := first.Exec(
		context.Background(),
		ExecOptions{Args: []string{"sh", "-c", "kill -15 1"}},
	); code != 0 ||
		err != nil {
		t.Errorf("kill: code %d, %v", code, err)
	}
	if _, result := first.wait(); result.ExitCode != 143 {
		t.Errorf("got %+v", result)
	}
	select {
	case <-other.Done():
		t.Error("the other container ended too")
	default:
	}
	if _, err := first.Exec(context.Background(), ExecOptions{Args: []string{"true"}}); !errors.Is(err, ErrEnded) {
		t.Errorf("exec after the end: %v", err)
	}
	var start *StartError
	if _, err := other.Exec(context.Background(), ExecOptions{Args: []string{"no-such"}}); !errors.As(err, &start) {
		t.Errorf("exec of a missing program: %v", err)
	}
}

func TestExecWithTerminal(t *testing.T) {
	h := newHarness(t)
	c := h.start(script0("sleep 1000"))
	var stdout bytes.Buffer
	code, err := c.Exec(
		context.Background(),
		ExecOptions{Args: []string{"sh", "-c", "test -t 0 && echo terminal"}, Stdout: &stdout, TTY: true},
	)
	if code != 0 || err != nil || stdout.String() != "terminal\r\n" {
		t.Errorf("got %d, %v, %q", code, err, stdout.String())
	}
}

func TestExecEndsWithItsContext(t *testing.T) {
	h := newHarness(t)
	c := h.start(script0("sleep 1000"))
	ctx, cancel := context.WithCancel(context.Background())
	time.AfterFunc(50*time.Millisecond, cancel)
	if _, err := c.Exec(ctx, ExecOptions{Args: []string{"sleep", "1000"}}); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestMemoryLimit(t *testing.T) {
	h := newHarness(t)
	if h.launcher.MemoryLimits() != MemoryByKernel {
		t.Skip("kernel: no memory cgroup can be written here")
	}
	spec := script0("exec tail /dev/zero")
	spec.Memory = 64 << 20
	if _, result := h.start(spec).wait(); !result.OOMKilled || result.Watched || result.ExitCode != 137 {
		t.Errorf("got %+v", result)
	}
}

// Where no memory cgroup can be written, all that the processes of a container take counts, those
// that it started included; the file that a process maps does not.
func TestMemoryIsWatched(t *testing.T) {
	h := newHarness(t)
	h.launcher.Close()
	h.launcher = NewLauncher("test-watch", true)
	t.Cleanup(h.launcher.Close)
	if h.launcher.MemoryLimits() != MemoryByWatching {
		t.Skip("kernel: it does not tell the children of a process")
	}
	for _, tt := range []struct {
		name, script string
		killed       bool
	}{
		{"itself", "exec tail /dev/zero", true},
		{"a child of a child", "(sh -c 'tail /dev/zero; :'; :); sleep 60", true},
		{"together", "for i in 1 2 3; do { head -c 30000000 /dev/zero; sleep 60; } | tail -n 1 & done; wait", true},
		{"within", "{ head -c 30000000 /dev/zero; sleep 0.3; } | tail -n 1 >/dev/null", false},
	} {
		spec := script0(tt.script)
		spec.Memory = 64 << 20
		_, result := h.start(spec).wait()
		want := 0
		if tt.killed {
			want = 137
		}
		if result.OOMKilled != tt.killed || result.Watched != tt.killed || result.ExitCode != want {
			t.Errorf("%s: %+v", tt.name, result)
		}
	}
}

func TestRunAsUser(t *testing.T) {
	h := newHarness(t)
	if os.Getenv(insideMarker) != "" {
		t.Skip("kernel: a user namespace of one user has no other to run as")
	}
	uid, gid := int64(1234), int64(567)
	spec := script0("id -u; id -g; id -G")
	spec.Identity = stage.Identity{UID: &uid, GID: &gid, Groups: []int64{89}}
	output, _ := h.start(spec).wait()
	if output != "1234\n567\n567 89\n" {
		t.Errorf("got %q", output)
	}
}

func BenchmarkStart(b *testing.B) {
	launcher := NewLauncher("bench", false)
	defer launcher.Close()
	root := b.TempDir()
	for b.Loop() {
		p, err := launcher.Start(
			Spec{ID: "b", Spec: stage.Spec{Root: root, Command: stage.Command{Args: []string{"/bin/true"}}}},
		)
		if err != nil {
			b.Fatal(err)
		}
		<-p.Done()
	}
}

// Masks inside masks, and a volume from inside a mask, as a cluster whose state is below a mounted directory has them.
func TestNestedMasksAndVolumesFromInside(t *testing.T) {
	h := newHarness(t)
	dir := t.TempDir()
	if err := os.MkdirAll(filepath.Join(dir, "inner"), 0o755); err != nil {
		t.Fatal(err)
	}
	writeFile(t, filepath.Join(dir, "inner", "file"), "kept")
	spec := script0("cat /v/file; ls -A /usr/share/", stage.Mount{Source: filepath.Join(dir, "inner"), Target: "/v"})
	spec.Masks = []string{"/usr/share/doc/none", "/usr/share", "/usr/share/doc", "/usr/share/passwd"}
	if output, result := h.start(spec).wait(); output != "kept" || result.ExitCode != 0 {
		t.Errorf("got %q, %+v", output, result)
	}
}
