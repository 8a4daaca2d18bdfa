// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package supervise

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// shell is a Spec for a shell script that logs into a file of the test.
func shell(t *testing.T, script string) Spec {
	t.Helper()
	return Spec{
		Name: "script", Path: "/bin/sh", Args: []string{"-c", script},
		Env: []string{"PATH=" + os.Getenv("PATH")}, Dir: t.TempDir(),
		Log: filepath.Join(t.TempDir(), "script.log"),
	}
}

func start(t *testing.T, script string) *Process {
	t.Helper()
	p, err := Start(shell(t, script))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.Identity.Stop(0) })
	return p
}

func waitForLog(t *testing.T, p *Process, text string) {
	t.Helper()
	for {
		lines, err := Tail(p.Log, p.LogOffset, 10)
		if err != nil {
			t.Fatal(err)
		}
		if slices.Contains(lines, text) {
			return
		}
		select {
		case <-p.Done():
			t.Fatalf("ended (%s) before it logged %q; its log: %q", p.Outcome(), text, lines)
		case <-time.After(5 * time.Millisecond):
		}
	}
}

func TestStopEndsExactlyTheStartedProcess(t *testing.T) {
	kept := start(t, "sleep 1000")
	p := start(t, "sleep 1000")
	if !p.Identity.Alive() {
		t.Fatal("the started process is not alive")
	}
	if err := p.Identity.Stop(time.Minute); err != nil {
		t.Fatal(err)
	}
	<-p.Done()
	if p.Identity.Alive() {
		t.Error("the stopped process is alive")
	}
	if !kept.Identity.Alive() {
		t.Error("stopping one process ended another")
	}
	if err := p.Identity.Stop(time.Minute); err != nil {
		t.Errorf("stopping a process that has ended: %v", err)
	}
}

func TestStopKillsWhoIgnoresSIGTERM(t *testing.T) {
	p := start(t, "trap '' TERM; echo trapped; while :; do sleep 1; done")
	waitForLog(t, p, "trapped")
	if err := p.Identity.Stop(time.Millisecond); err != nil {
		t.Fatal(err)
	}
	<-p.Done()
	if got := p.Outcome(); got != "signal: killed" {
		t.Errorf("outcome = %q", got)
	}
}

func TestReusedPIDIsNotSignalled(t *testing.T) {
	p := start(t, "sleep 1000")
	for name, other := range map[string]Identity{
		"another start time": {PID: p.Identity.PID, StartTicks: p.Identity.StartTicks + 1, BootID: p.Identity.BootID},
		"another boot":       {PID: p.Identity.PID, StartTicks: p.Identity.StartTicks, BootID: "earlier"},
	} {
		if other.Alive() {
			t.Errorf("%s: counts as alive", name)
		}
		if err := other.Signal(syscall.SIGKILL); !errors.Is(err, ErrGone) {
			t.Errorf("%s: Signal = %v, want ErrGone", name, err)
		}
	}
	if !p.Identity.Alive() {
		t.Error("a signal to an earlier process reached this one")
	}
}

func TestIdentifyCountsAZombieAsEnded(t *testing.T) {
	process, err := os.StartProcess("/bin/true", []string{"true"}, &os.ProcAttr{})
	if err != nil {
		t.Fatal(err)
	}
	defer process.Wait()
	for {
		_, state, err := readStat(process.Pid)
		if err != nil {
			t.Fatal(err)
		}
		if state == 'Z' {
			break
		}
		time.Sleep(time.Millisecond)
	}
	if id, err := Identify(process.Pid); !errors.Is(err, ErrGone) {
		t.Errorf("Identify = %v, %v; want ErrGone", id, err)
	}
}

func TestParseStat(t *testing.T) {
	tail := " S 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 4711 20 21"
	tests := map[string]struct {
		raw   string
		ticks uint64
		fails bool
	}{
		"plain":               {raw: "7 (sh)" + tail, ticks: 4711},
		"blank and bracket":   {raw: "7 (a) S (b)" + tail, ticks: 4711},
		"no name":             {raw: "7 sh S 1", fails: true},
		"too short":           {raw: "7 (sh) S 1 2", fails: true},
		"start is not number": {raw: "7 (sh)" + strings.Replace(tail, "4711", "x", 1), fails: true},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			ticks, state, err := parseStat([]byte(test.raw))
			if test.fails {
				if err == nil {
					t.Fatal("no error")
				}
				return
			}
			if err != nil || ticks != test.ticks || state != 'S' {
				t.Errorf("parseStat = %d, %c, %v", ticks, state, err)
			}
		})
	}
}

func TestEnvironmentIsNotInherited(t *testing.T) {
	t.Setenv("SECRET_OF_THE_CALLER", "leaked")
	p := start(t, `echo "secret=$SECRET_OF_THE_CALLER"`)
	<-p.Done()
	waitForLog(t, p, "secret=")
}

func TestTail(t *testing.T) {
	file := filepath.Join(t.TempDir(), "log")
	if err := os.WriteFile(file, []byte("earlier start\none\ntwo\nthree\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	offset := int64(len("earlier start\n"))
	for name, test := range map[string]struct {
		offset int64
		n      int
		want   []string
	}{
		"last two":            {0, 2, []string{"two", "three"}},
		"all":                 {0, 9, []string{"earlier start", "one", "two", "three"}},
		"this start only":     {offset, 9, []string{"one", "two", "three"}},
		"nothing after start": {offset + int64(len("one\ntwo\nthree\n")), 9, nil},
	} {
		got, err := Tail(file, test.offset, test.n)
		if err != nil || !slices.Equal(got, test.want) {
			t.Errorf("%s: %q, %v; want %q", name, got, err, test.want)
		}
	}
}

func TestStateRoundTrip(t *testing.T) {
	file := filepath.Join(t.TempDir(), "state.json")
	none, err := ReadState(file)
	if err != nil || none.Phase != "" {
		t.Fatalf("state of a file that does not exist: %+v, %v", none, err)
	}
	want := State{Phase: PhaseReady, Supervisor: Identity{PID: 7, StartTicks: 9, BootID: "b"},
		Children: []Child{{Name: "etcd", Identity: Identity{PID: 8}, Log: "l"}}, Ports: map[string]int{"etcd": 1}}
	if err := WriteState(file, want); err != nil {
		t.Fatal(err)
	}
	got, err := ReadState(file)
	if err != nil {
		t.Fatal(err)
	}
	if got.Supervisor != want.Supervisor || !slices.Equal(got.Children, want.Children) || got.Ports["etcd"] != 1 {
		t.Errorf("read back %+v", got)
	}
	info, err := os.Stat(file)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v; want 0600", info.Mode(), err)
	}
	if entries, _ := os.ReadDir(filepath.Dir(file)); len(entries) != 1 {
		t.Errorf("temporary files stay behind: %v", entries)
	}
	if err := os.WriteFile(file, []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := ReadState(file); err == nil || !strings.Contains(err.Error(), "damaged") {
		t.Errorf("error for a damaged file: %v", err)
	}
}

func TestLockExcludes(t *testing.T) {
	file := filepath.Join(t.TempDir(), "lock")
	first, err := TryLock(file)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := TryLock(file); !errors.Is(err, ErrLocked) {
		t.Errorf("second lock: %v, want ErrLocked", err)
	}
	first.Unlock()
	second, err := TryLock(file)
	if err != nil {
		t.Fatalf("after Unlock: %v", err)
	}
	second.Unlock()
}
