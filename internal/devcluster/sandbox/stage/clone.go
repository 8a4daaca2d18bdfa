// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package stage

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// ownTopLevel are directories of "/" that a container has of its own; the host's are not shown.
var ownTopLevel = map[string]bool{
	"proc":         true,
	"dev":          true,
	"run":          true,
	"tmp":          true,
	"lost+found":   true,
	ProgramDir[1:]: true,
}

// entry is one name of a directory that is rebuilt on a tmpfs.
type entry struct {
	name string
	link string // set for symbolic links
	from source // set otherwise
}

// cloneMount takes a detached copy of the tree of mounts at path. Read-only holds for the whole
// tree; set-user-id bits and device files never work in a container.
func cloneMount(path string, readOnly bool) (source, error) {
	return clone(path, readOnly, unix.MOUNT_ATTR_NODEV)
}

func clone(path string, readOnly bool, attributes uint64) (source, error) {
	// What is mounted on demand must not hold up every container's start.
	const flags = unix.OPEN_TREE_CLONE | unix.OPEN_TREE_CLOEXEC | unix.AT_RECURSIVE | unix.AT_NO_AUTOMOUNT
	fd, err := unix.OpenTree(unix.AT_FDCWD, path, flags)
	if err != nil {
		return source{}, fmt.Errorf("open %s: %w", path, err)
	}
	attr := unix.MountAttr{Attr_set: unix.MOUNT_ATTR_NOSUID | attributes}
	if readOnly {
		attr.Attr_set |= unix.MOUNT_ATTR_RDONLY
	}
	if err := unix.MountSetattr(fd, "", unix.AT_EMPTY_PATH|unix.AT_RECURSIVE, &attr); err != nil {
		return source{}, fmt.Errorf("restrict the mount of %s (Linux 5.12 or later is needed): %w", path, err)
	}
	var stat unix.Stat_t
	if err := unix.Fstat(fd, &stat); err != nil {
		return source{}, err
	}
	return source{fd: fd, file: stat.Mode&unix.S_IFMT != unix.S_IFDIR}, nil
}

// moveMount attaches a detached copy; the descriptor is of no use afterwards.
func moveMount(fd int, target string) error {
	if err := unix.MoveMount(fd, "", unix.AT_FDCWD, target, unix.MOVE_MOUNT_F_EMPTY_PATH); err != nil {
		return err
	}
	return unix.Close(fd)
}

func cloneHostRoot() ([]entry, error) {
	entries, err := cloneDir("/", ownTopLevel)
	if err != nil {
		return nil, fmt.Errorf("copy the host's root: %w", err)
	}
	return entries, nil
}

// cloneDir copies the entries of a directory, read-only.
func cloneDir(dir string, skip map[string]bool) ([]entry, error) {
	names, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var entries []entry
	for _, name := range names {
		if skip[name.Name()] {
			continue
		}
		path := filepath.Join(dir, name.Name())
		e := entry{name: name.Name()}
		if name.Type()&os.ModeSymlink != 0 {
			if e.link, err = os.Readlink(path); err != nil {
				return nil, err
			}
		} else if e.from, err = cloneMount(path, true); errors.Is(err, unix.ENOENT) {
			continue // it went while we looked
		} else if err != nil {
			return nil, err
		}
		entries = append(entries, e)
	}
	return entries, nil
}

// place recreates the entry in dir.
func (e entry) place(dir string) error {
	target := filepath.Join(dir, e.name)
	if e.link != "" {
		return os.Symlink(e.link, target)
	}
	if err := makeMountPoint(target, e.from.file); err != nil {
		return err
	}
	if err := moveMount(e.from.fd, target); err != nil {
		return fmt.Errorf("show %s: %w", target, err)
	}
	return nil
}

func makeMountPoint(path string, file bool) error {
	if !file {
		return os.Mkdir(path, 0o755)
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	return f.Close()
}

// cloneFiles copies host files that containers are given by name.
func cloneFiles(files map[string]string) (map[string]source, error) {
	clones := make(map[string]source, len(files))
	for name, path := range files {
		from, err := cloneMount(path, true)
		if err != nil {
			return nil, err
		}
		clones[name] = from
	}
	return clones, nil
}
