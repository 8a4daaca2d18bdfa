// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package lifecycle

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/devcluster/controlplane"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/devcluster/supervise"
)

// Down stops the supervisor and every component of a state directory, and
// nothing else. It returns false when nothing was running.
func Down(l controlplane.Layout, progress io.Writer) (bool, error) {
	state, running, err := Running(l)
	if err != nil {
		return false, err
	}
	leftovers := alive(state.Children)
	if !running && len(leftovers) == 0 {
		return false, nil
	}
	fmt.Fprintln(progress, "Stopping the cluster ...")
	if running {
		if err := state.Supervisor.Stop(stopLimit); err != nil {
			return true, fmt.Errorf("stop the supervisor: %w", err)
		}
	}
	// An orderly supervisor leaves none; one that was killed does, and may have
	// started others since the state was read.
	state, err = supervise.ReadState(l.State())
	if err != nil {
		return true, err
	}
	if err := stopChildren(append(leftovers, state.Children...)); err != nil {
		return true, err
	}
	if state.Phase == supervise.PhaseFailed {
		return true, nil
	}
	state.Phase, state.Children = supervise.PhaseStopped, nil
	return true, supervise.WriteState(l.State(), state)
}

func alive(children []supervise.Child) []supervise.Child {
	var found []supervise.Child
	for _, child := range children {
		if child.Identity.Alive() {
			found = append(found, child)
		}
	}
	return found
}

// Remove deletes a state directory. It refuses one that no cluster has made,
// one that is in use, and one with something mounted inside, lest a pod's
// volume be deleted through it.
func Remove(dir string) error {
	if _, err := os.Stat(dir); errors.Is(err, os.ErrNotExist) {
		return nil
	}
	l := controlplane.Layout{Root: dir}
	if !l.Ours() {
		return fmt.Errorf(
			"%s was not made by devcluster (it has no %s); delete it yourself if you mean it",
			dir,
			filepath.Base(l.Lock()),
		)
	}
	lock, err := supervise.TryLock(l.Lock())
	if err != nil {
		return fmt.Errorf("%s is in use: %w", dir, err)
	}
	defer lock.Unlock()
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return fmt.Errorf("read the mounts: %w", err)
	}
	if point := mountUnder(string(mounts), dir); point != "" {
		return fmt.Errorf("%s is a mount point; unmount it before the state directory is deleted", point)
	}
	if err := os.RemoveAll(dir); err != nil {
		return fmt.Errorf("delete the state directory: %w", err)
	}
	return nil
}

// mountUnder returns a mount point below dir, or nothing. Field 5 of mountinfo
// is the mount point (proc_pid_mountinfo(5)).
func mountUnder(mountinfo, dir string) string {
	for line := range strings.Lines(mountinfo) {
		fields := strings.Fields(line)
		if len(fields) > 4 && strings.HasPrefix(unescapeMount(fields[4]), dir+"/") {
			return fields[4]
		}
	}
	return ""
}

var mountEscapes = strings.NewReplacer(`\040`, " ", `\011`, "\t", `\012`, "\n", `\134`, `\`)

func unescapeMount(path string) string { return mountEscapes.Replace(path) }
