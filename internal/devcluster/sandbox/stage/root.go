// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package stage

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// rootBuilder assembles the container's root in the mount namespace of this process: a small tmpfs that shows each
// top-level entry of the host read-only, the pod's mounts, and a /proc, /dev and /run of its own.
type rootBuilder struct {
	spec *Spec
	// open holds mounts to be sealed read-only once every mount point exists.
	open []int
}

// source is a detached copy of a mount, taken while the host's tree is still in view.
type source struct {
	fd   int
	file bool
}

func (b *rootBuilder) build() error {
	// Nothing that is mounted here may reach the host.
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("make mounts private: %w", err)
	}
	// Every copy is taken before the new root exists, so that the new root never shows up inside itself.
	host, err := cloneHostRoot()
	if err != nil {
		return err
	}
	mounts := sortedMounts(b.spec.Mounts)
	sources := make([]source, len(mounts))
	for i, mount := range mounts {
		if sources[i], err = cloneMount(mount.Source, mount.ReadOnly); err != nil {
			return fmt.Errorf("mount %s at %s: %w", mount.Source, mount.Target, err)
		}
	}
	programs, err := cloneFiles(b.spec.Programs)
	if err != nil {
		return err
	}
	devices, err := cloneDevices()
	if err != nil {
		return err
	}
	resolver := readResolver()

	if err := b.enterNewRoot(host); err != nil {
		return err
	}
	if err := b.fill(devices, programs, resolver); err != nil {
		return err
	}
	for i, mount := range mounts {
		if err := b.attach(sources[i], mount.Target); err != nil {
			return fmt.Errorf("mount %s at %s: %w", mount.Source, mount.Target, err)
		}
	}
	if err := b.enterDir(); err != nil {
		return err
	}
	return b.seal()
}

// sortedMounts orders by depth, so that a volume inside another volume is not hidden by it.
func sortedMounts(mounts []Mount) []Mount {
	sorted := slices.Clone(mounts)
	for i := range sorted {
		sorted[i].Target = filepath.Clean("/" + sorted[i].Target)
	}
	slices.SortStableFunc(sorted, func(a, b Mount) int {
		return strings.Count(a.Target, "/") - strings.Count(b.Target, "/")
	})
	return sorted
}

// enterNewRoot mounts the new root and makes it this process's root. /proc is mounted before the old root goes: in a
// user namespace the kernel allows a new proc only while a complete one is in view.
func (b *rootBuilder) enterNewRoot(host []entry) error {
	root := b.spec.Root
	if err := unix.Mount("backfill-root", root, "tmpfs", unix.MS_NOSUID|unix.MS_NODEV, "mode=0755,size=16m"); err != nil {
		return fmt.Errorf("mount the new root at %s: %w", root, err)
	}
	if err := unix.Chdir(root); err != nil {
		return err
	}
	for _, e := range host {
		if err := e.place("."); err != nil {
			return err
		}
	}
	modes := map[string]os.FileMode{"proc": 0o555, "dev": 0o755, "run": 0o755, "tmp": 0o777 | os.ModeSticky}
	for dir, mode := range modes {
		if err := os.Mkdir(dir, mode); err != nil {
			return err
		}
		if err := os.Chmod(dir, mode); err != nil {
			return err
		}
	}
	if err := unix.Mount("proc", "proc", "proc", unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, ""); err != nil {
		return fmt.Errorf("mount /proc of the container: %w", err)
	}
	if err := unix.PivotRoot(".", "."); err != nil {
		return fmt.Errorf("pivot to the new root: %w", err)
	}
	// The old root is now stacked on the new one at the same place.
	if err := unix.Unmount(".", unix.MNT_DETACH); err != nil {
		return fmt.Errorf("detach the host's root: %w", err)
	}
	if err := unix.Chdir("/"); err != nil {
		return err
	}
	return b.keepOpen("/")
}

// fill adds what the new root has of its own.
func (b *rootBuilder) fill(devices, programs map[string]source, resolver *resolverFile) error {
	if err := fillDev(devices); err != nil {
		return err
	}
	if err := guardKernelFiles(); err != nil {
		return err
	}
	if resolver != nil {
		if err := b.ensure(filepath.Dir(resolver.path), false); err != nil {
			return err
		}
		if err := os.WriteFile(resolver.path, resolver.content, 0o644); err != nil {
			return err
		}
	}
	for name, file := range programs {
		if err := b.attach(file, filepath.Join(ProgramDir, name)); err != nil {
			return fmt.Errorf("provide the program %s: %w", name, err)
		}
	}
	for _, path := range b.spec.Masks {
		if err := mask(path); err != nil {
			return fmt.Errorf("hide %s: %w", path, err)
		}
	}
	return nil
}

func (b *rootBuilder) attach(from source, target string) error {
	if target == "/" {
		return errors.New("nothing can be mounted over the root")
	}
	if err := b.ensure(target, from.file); err != nil {
		return err
	}
	return moveMount(from.fd, target)
}

// enterDir changes to the working directory, which is made when it is missing, as container runtimes do.
func (b *rootBuilder) enterDir() error {
	dir := filepath.Clean("/" + b.spec.Dir)
	if err := b.ensure(dir, false); err != nil {
		return fmt.Errorf("working directory %s: %w", dir, err)
	}
	if err := unix.Chdir(dir); err != nil {
		return fmt.Errorf("change to the working directory %s: %w", dir, err)
	}
	return nil
}

func (b *rootBuilder) keepOpen(dir string) error {
	fd, err := unix.Open(dir, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	b.open = append(b.open, fd)
	return nil
}

// seal makes the parts of the new root that are our own read-only; volumes on top of them keep their own setting.
func (b *rootBuilder) seal() error {
	for _, fd := range b.open {
		attr := unix.MountAttr{Attr_set: unix.MOUNT_ATTR_RDONLY}
		if err := unix.MountSetattr(fd, "", unix.AT_EMPTY_PATH, &attr); err != nil {
			return fmt.Errorf("make the root read-only: %w", err)
		}
		if err := unix.Close(fd); err != nil {
			return err
		}
	}
	return nil
}
