// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package stage

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

var deviceNames = []string{"null", "zero", "full", "random", "urandom", "tty"}

// cloneDevices copies the few devices that every program may use. The rest of /dev stays out:
// without capabilities uid 0 still owns the disks.
func cloneDevices() (map[string]source, error) {
	devices := make(map[string]source, len(deviceNames))
	for _, name := range deviceNames {
		from, err := clone(filepath.Join("/dev", name), false, unix.MOUNT_ATTR_NOEXEC)
		if err != nil {
			return nil, err
		}
		devices[name] = from
	}
	return devices, nil
}

func fillDev(devices map[string]source) error {
	for name, from := range devices {
		target := filepath.Join("/dev", name)
		if err := makeMountPoint(target, true); err != nil {
			return err
		}
		if err := moveMount(from.fd, target); err != nil {
			return fmt.Errorf("provide %s: %w", target, err)
		}
	}
	for name, link := range map[string]string{
		"fd": "/proc/self/fd", "stdin": "/proc/self/fd/0", "stdout": "/proc/self/fd/1", "stderr": "/proc/self/fd/2",
		"ptmx": "pts/ptmx",
	} {
		if err := os.Symlink(link, filepath.Join("/dev", name)); err != nil {
			return err
		}
	}
	for dir, mount := range map[string][2]string{
		"/dev/shm": {"tmpfs", "mode=1777,size=64m"},
		"/dev/pts": {"devpts", "newinstance,ptmxmode=0666,mode=0620"},
	} {
		if err := os.Mkdir(dir, 0o755); err != nil {
			return err
		}
		if err := unix.Mount(mount[0], dir, mount[0], unix.MS_NOSUID|unix.MS_NOEXEC, mount[1]); err != nil {
			return fmt.Errorf("mount %s: %w", dir, err)
		}
	}
	return nil
}

// guardKernelFiles takes write access to the kernel's switches away: most check the owner of the
// file and no capability. The list is the one that container runtimes use.
func guardKernelFiles() error {
	for _, path := range []string{"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"} {
		from, err := clone(path, true, 0)
		if errors.Is(err, unix.ENOENT) {
			continue
		}
		if err != nil {
			return err
		}
		if err := moveMount(from.fd, path); err != nil {
			return fmt.Errorf("protect %s: %w", path, err)
		}
	}
	for _, path := range []string{
		"/proc/acpi", "/proc/kcore", "/proc/keys", "/proc/latency_stats", "/proc/timer_list", "/proc/scsi", "/sys/firmware",
	} {
		if err := mask(path); err != nil {
			return fmt.Errorf("hide %s: %w", path, err)
		}
	}
	return nil
}

// resolverFile is the file behind a symbolic link /etc/resolv.conf into /run, which containers have of their own.
type resolverFile struct {
	path    string
	content []byte
}

func readResolver() *resolverFile {
	path, err := filepath.EvalSymlinks("/etc/resolv.conf")
	if err != nil || !strings.HasPrefix(path, "/run/") {
		return nil
	}
	content, err := os.ReadFile(path)
	if err != nil {
		return nil
	}
	return &resolverFile{path: path, content: content}
}
