// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package lifecycle

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/devcluster/controlplane"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/devcluster/supervise"
)

func layout(t *testing.T) controlplane.Layout {
	t.Helper()
	l, err := controlplane.NewLayout(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func TestAccessCanBePastedIntoAShell(t *testing.T) {
	for root, want := range map[string]string{
		"/home/me/.devcluster": "/home/me/.devcluster/kubeconfig",
		"/home/a b":            "'/home/a b/kubeconfig'",
		"/home/it's":           `'/home/it'\''s/kubeconfig'`,
		"/home/a b/c":          "'/home/a b/c/kubeconfig'",
		"/home/$HOME":          "'/home/$HOME/kubeconfig'",
	} {
		got := Access(controlplane.Layout{Root: root})
		for _, line := range []string{"export KUBECONFIG=" + want, "export KUBE_CONFIG_PATH=" + want} {
			if !strings.Contains(got, line+"\n") {
				t.Errorf("%s: lacks %s:\n%s", root, line, got)
			}
		}
	}
}

func TestMountUnder(t *testing.T) {
	const mounts = `24 1 0:22 / /proc rw - proc proc rw
25 1 8:1 / /home/me rw - ext4 /dev/sda1 rw
26 1 8:1 /x /home/me/state\040dir/nodes/v rw - ext4 /dev/sda1 rw
`
	for dir, want := range map[string]bool{
		"/home/me/state dir":  true,
		"/home/me/state":      false,
		"/home/me/state dir2": false,
		"/home/me":            true,
		"/var":                false,
	} {
		if got := mountUnder(mounts, dir) != ""; got != want {
			t.Errorf("%s: %v, want %v", dir, got, want)
		}
	}
}

func TestComponentsKeepOnlyHarmlessVariables(t *testing.T) {
	got := baseEnv([]string{"PATH=/bin", "HOME=/root", "ETCD_NAME=x", "KUBECONFIG=/x", "ARGO_PPROF=true", "PATHOLOGY=x"})
	if want := []string{"PATH=/bin", "HOME=/root"}; !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

// A component that no rank names would outlive its cluster.
func TestEveryComponentHasARankForStopping(t *testing.T) {
	var ranked []string
	for _, rank := range stopOrder {
		ranked = append(ranked, rank.names...)
	}
	slices.Sort(ranked)
	all := controlplane.Components()
	slices.Sort(all)
	if !slices.Equal(ranked, all) {
		t.Errorf("ranked %v, components %v", ranked, all)
	}
}

func TestOptionsRoundTrip(t *testing.T) {
	l := layout(t)
	want := Options{
		Runtime:     "process",
		Profile:     "gke",
		OnDemand:    1,
		Spot:        2,
		CPU:         "4",
		Memory:      "8Gi",
		Pods:        "110",
		CRDs:        "full",
		Argo:        controlplane.ArgoPace{Requeue: 1500 * time.Millisecond, QPS: 20, Burst: 30},
		Tuned:       true,
		ArgoVersion: "v3.7.18",
	}
	if err := writeOptions(l, want); err != nil {
		t.Fatal(err)
	}
	got, err := ReadOptions(l)
	if err != nil || got != want {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestDownStopsWhatAKilledSupervisorLeft(t *testing.T) {
	l := layout(t)
	left, err := supervise.Start(
		supervise.Spec{Name: controlplane.Etcd, Path: "/bin/sleep", Args: []string{"1000"}, Log: l.Log("etcd")},
	)
	if err != nil {
		t.Fatal(err)
	}
	state := supervise.State{Phase: supervise.PhaseReady, Children: []supervise.Child{left.Child}}
	if err := supervise.WriteState(l.State(), state); err != nil {
		t.Fatal(err)
	}
	stopped, err := Down(l, &bytes.Buffer{})
	if err != nil || !stopped {
		t.Fatalf("Down = %v, %v", stopped, err)
	}
	<-left.Done()
	stopped, err = Down(l, &bytes.Buffer{})
	if err != nil || stopped {
		t.Errorf("a second Down = %v, %v", stopped, err)
	}
}

func TestRemoveRefusesWhatIsInUse(t *testing.T) {
	l := layout(t)
	if err := supervise.WriteState(l.State(), supervise.State{}); err != nil {
		t.Fatal(err)
	}
	lock, err := supervise.TryLock(l.Lock())
	if err != nil {
		t.Fatal(err)
	}
	if err := Remove(l.Root); err == nil || !strings.Contains(err.Error(), "in use") {
		t.Errorf("error %v", err)
	}
	lock.Unlock()
	if err := Remove(l.Root); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(l.Root); err == nil {
		t.Error("still there")
	}
	if err := Remove(filepath.Join(t.TempDir(), "never made")); err != nil {
		t.Errorf("a directory that does not exist: %v", err)
	}
}
