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

// maxShadowed bounds the entries of a directory that is rebuilt to hold one more mount point.
const maxShadowed = 10_000

// ensure makes path exist as a directory or a file. Where the directory above belongs to the
// read-only host, a tmpfs with the same entries takes its place, so that the host stays as it is.
// (An overlay would hide what is mounted below, and its upper layer cannot live on every file
// system.)
func (b *rootBuilder) ensure(path string, file bool) error {
	if info, err := os.Stat(path); err == nil {
		if info.IsDir() == file {
			return fmt.Errorf("%s is a %s and a %s would cover it", path, kind(!info.IsDir()), kind(file))
		}
		return nil
	}
	parent := filepath.Dir(path)
	if err := b.ensure(parent, false); err != nil {
		return err
	}
	err := makeMountPoint(path, file)
	if errors.Is(err, unix.EROFS) || errors.Is(err, unix.EACCES) || errors.Is(err, unix.EPERM) {
		if err := b.shadow(parent); err != nil {
			return fmt.Errorf("make room for %s: %w", path, err)
		}
		err = makeMountPoint(path, file)
	}
	return err
}

func kind(file bool) string {
	if file {
		return "file"
	}
	return "directory"
}

func (b *rootBuilder) shadow(dir string) error {
	dir, err := filepath.EvalSymlinks(dir)
	if err != nil {
		return err
	}
	entries, err := cloneDir(dir, nil)
	if err != nil {
		return err
	}
	if len(entries) > maxShadowed {
		return fmt.Errorf("%s has more than %d entries", dir, maxShadowed)
	}
	if err := unix.Mount("backfill-shadow", dir, "tmpfs", unix.MS_NOSUID|unix.MS_NODEV, "mode=0755,size=16m"); err != nil {
		return fmt.Errorf("mount over %s: %w", dir, err)
	}
	for _, e := range entries {
		if err := e.place(dir); err != nil {
			return err
		}
	}
	return b.keepOpen(dir)
}

// mask hides a host path. What a container cannot reach needs no hiding.
func mask(path string) error {
	info, err := os.Lstat(path)
	if errors.Is(err, os.ErrNotExist) || errors.Is(err, unix.EACCES) || errors.Is(err, unix.ENOTDIR) {
		return nil
	}
	if err != nil {
		return err
	}
	if info.IsDir() {
		return unix.Mount("backfill-mask", path, "tmpfs", unix.MS_NOSUID|unix.MS_NODEV|unix.MS_RDONLY, "mode=0555,size=4k")
	}
	return unix.Mount("/dev/null", path, "", unix.MS_BIND, "")
}
