// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package process

import (
	"fmt"
	"os"

	corev1 "k8s.io/api/core/v1"
)

// hostPathKinds says which mode bits a path of each type must have.
var hostPathKinds = map[corev1.HostPathType]struct {
	name string
	mode os.FileMode
}{
	corev1.HostPathDirectory: {"directory", os.ModeDir},
	corev1.HostPathFile:      {"file", 0},
	corev1.HostPathSocket:    {"socket", os.ModeSocket},
	corev1.HostPathCharDev:   {"character device", os.ModeDevice | os.ModeCharDevice},
	corev1.HostPathBlockDev:  {"block device", os.ModeDevice},
}

func prepareHostPath(source *corev1.HostPathVolumeSource) (volume, error) {
	kind := corev1.HostPathUnset
	if source.Type != nil {
		kind = *source.Type
	}
	v := volume{path: source.Path}
	switch kind {
	case corev1.HostPathUnset:
		// Unchecked; container runtimes make what is missing.
		if _, err := os.Stat(source.Path); err == nil {
			return v, nil
		}
		return v, os.MkdirAll(source.Path, 0o755)
	case corev1.HostPathDirectoryOrCreate:
		if err := os.MkdirAll(source.Path, 0o755); err != nil {
			return v, err
		}
		return v, requireKind(source.Path, corev1.HostPathDirectory)
	case corev1.HostPathFileOrCreate:
		f, err := os.OpenFile(source.Path, os.O_CREATE|os.O_RDONLY, 0o644)
		if err != nil {
			return v, err
		}
		if err := f.Close(); err != nil {
			return v, err
		}
		return v, requireKind(source.Path, corev1.HostPathFile)
	}
	return v, requireKind(source.Path, kind)
}

func requireKind(path string, kind corev1.HostPathType) error {
	want, known := hostPathKinds[kind]
	if !known {
		return fmt.Errorf("hostPath type %q is unknown", kind)
	}
	info, err := os.Stat(path)
	if err != nil {
		return fmt.Errorf("hostPath type check failed: %w", err)
	}
	if info.Mode().Type() != want.mode {
		return fmt.Errorf("hostPath type check failed: %s is not a %s", path, want.name)
	}
	return nil
}
