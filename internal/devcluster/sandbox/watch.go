// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package sandbox

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"time"
)

// MemoryLimits says how the memory limits of containers are kept.
type MemoryLimits string

const (
	// MemoryByKernel: a memory cgroup holds each container.
	MemoryByKernel MemoryLimits = "kernel"
	// MemoryByWatching: this program looks at what the processes of a container take, and kills them all when it is too
	// much. What is taken and given back between two looks goes unseen.
	MemoryByWatching MemoryLimits = "watch"
	// MemoryUnlimited: neither is possible here.
	MemoryUnlimited MemoryLimits = "none"
)

// watchInterval is the time between two looks at a container's memory.
const watchInterval = 25 * time.Millisecond

// canWatch tells whether the kernel names the children of a process, which few are built without.
func canWatch() bool {
	_, err := os.Stat("/proc/thread-self/children")
	return err == nil
}

// watchMemory kills the container once its processes take more than limit bytes together. It ends with the container.
func (p *Process) watchMemory(limit int64) {
	tick := time.NewTicker(watchInterval)
	defer tick.Stop()
	for {
		select {
		case <-p.done:
			return
		case <-tick.C:
		}
		if taken := treeMemory(p.cmd.Process.Pid); taken > limit {
			p.exceeded.Store(true)
			_ = p.Signal(syscall.SIGKILL)
			return
		}
	}
}

// treeMemory is what a process and its descendants take that belongs to nobody else, in bytes:
// files that are mapped, such as the program itself, do not count. A process that ends meanwhile
// counts nothing.
func treeMemory(pid int) int64 {
	dir := filepath.Join("/proc", strconv.Itoa(pid))
	sum := ownMemory(dir)
	threads, err := os.ReadDir(filepath.Join(dir, "task"))
	if err != nil {
		return sum
	}
	for _, thread := range threads {
		children, err := os.ReadFile(filepath.Join(dir, "task", thread.Name(), "children"))
		if err != nil {
			continue
		}
		for _, child := range bytes.Fields(children) {
			if id, err := strconv.Atoi(string(child)); err == nil {
				sum += treeMemory(id)
			}
		}
	}
	return sum
}

// ownMemory reads proc_pid_statm(5): pages in all, resident, and those of the resident that are shared.
func ownMemory(dir string) int64 {
	text, err := os.ReadFile(filepath.Join(dir, "statm"))
	if err != nil {
		return 0
	}
	var all, resident, shared int64
	if _, err := fmt.Sscan(string(text), &all, &resident, &shared); err != nil {
		return 0
	}
	return (resident - shared) * int64(os.Getpagesize())
}
