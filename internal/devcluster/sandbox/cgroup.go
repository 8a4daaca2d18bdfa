// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package sandbox

import (
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// cgroups is the launcher's own branch of the memory hierarchy. An empty base means that none can be written.
type cgroups struct {
	base    string
	unified bool // cgroup v2
}

// cgroup holds one container. A nil cgroup limits nothing.
type cgroup struct {
	dir     string
	unified bool
}

const cgroupRoot = "/sys/fs/cgroup"

// findCgroups looks for a memory hierarchy that this process may write: version 1, or version 2 where the root may hand
// the controller down.
func findCgroups(scope string) cgroups {
	name := "backfill-" + scope
	if _, err := os.Stat(filepath.Join(cgroupRoot, "memory", "memory.limit_in_bytes")); err == nil {
		return cgroups{base: makeBase(filepath.Join(cgroupRoot, "memory", name))}
	}
	controllers, err := os.ReadFile(filepath.Join(cgroupRoot, "cgroup.controllers"))
	if err != nil || !strings.Contains(string(controllers), "memory") {
		return cgroups{}
	}
	base := makeBase(filepath.Join(cgroupRoot, name))
	for _, dir := range []string{cgroupRoot, base} {
		if base == "" || os.WriteFile(filepath.Join(dir, "cgroup.subtree_control"), []byte("+memory"), 0) != nil {
			_ = os.Remove(base)
			return cgroups{}
		}
	}
	return cgroups{base: base, unified: true}
}

// makeBase returns "" when the hierarchy is not ours to write.
func makeBase(dir string) string {
	if err := os.Mkdir(dir, 0o755); err != nil && !errors.Is(err, os.ErrExist) {
		return ""
	}
	leftovers, _ := filepath.Glob(filepath.Join(dir, "*", "cgroup.procs"))
	for _, procs := range leftovers {
		_ = os.Remove(filepath.Dir(procs))
	}
	return dir
}

func (c cgroups) create(id string, memory int64) (*cgroup, error) {
	cg := &cgroup{dir: filepath.Join(c.base, id), unified: c.unified}
	if err := os.Mkdir(cg.dir, 0o755); err != nil && !errors.Is(err, os.ErrExist) {
		return nil, err
	}
	limit := []byte(strconv.FormatInt(memory, 10))
	if c.unified {
		// Swap would only slow the same end down; all processes go together, as the kubelet has it on version 2.
		_ = os.WriteFile(filepath.Join(cg.dir, "memory.swap.max"), []byte("0"), 0)
		_ = os.WriteFile(filepath.Join(cg.dir, "memory.oom.group"), []byte("1"), 0)
		return cg, os.WriteFile(filepath.Join(cg.dir, "memory.max"), limit, 0)
	}
	err := os.WriteFile(filepath.Join(cg.dir, "memory.limit_in_bytes"), limit, 0)
	_ = os.WriteFile(filepath.Join(cg.dir, "memory.memsw.limit_in_bytes"), limit, 0)
	return cg, err
}

func (c cgroups) removeAll() {
	if c.base != "" {
		_ = os.Remove(makeBase(c.base))
	}
}

func (cg *cgroup) add(pid int) error {
	if cg == nil {
		return nil
	}
	return os.WriteFile(filepath.Join(cg.dir, "cgroup.procs"), []byte(strconv.Itoa(pid)), 0)
}

func (cg *cgroup) oomKilled() bool {
	if cg == nil {
		return false
	}
	file := "memory.oom_control"
	if cg.unified {
		file = "memory.events"
	}
	content, err := os.ReadFile(filepath.Join(cg.dir, file))
	if err != nil {
		return false
	}
	for line := range strings.Lines(string(content)) {
		if count, ok := strings.CutPrefix(strings.TrimSpace(line), "oom_kill "); ok {
			return count != "0"
		}
	}
	return false
}

// remove deletes the empty cgroup. The kernel counts the last process out a moment after it was waited for.
func (cg *cgroup) remove() {
	if cg == nil {
		return
	}
	for range 50 {
		if err := os.Remove(cg.dir); err == nil || errors.Is(err, os.ErrNotExist) {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
}
