// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package process

import (
	"fmt"
	"os"
	"path/filepath"

	securejoin "github.com/cyphar/filepath-securejoin"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/kubernetes/third_party/forked/golang/expansion"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/devcluster/sandbox/stage"
)

// mounts lists what a container sees of its pod's volumes, with the files and the /tmp that every container has.
func (p *pod) mounts(c *container, volumes map[string]volume, env map[string]string) ([]stage.Mount, error) {
	list := []stage.Mount{{Source: c.terminationLog(), Target: terminationPath(c.spec)}}
	ownTmp := true
	for i := range c.spec.VolumeMounts {
		m := &c.spec.VolumeMounts[i]
		v, ok := volumes[m.Name]
		if !ok {
			return nil, fmt.Errorf("volumeMount %s refers to no volume of the pod", m.Name)
		}
		source, err := mountSource(v, m, env)
		if err != nil {
			return nil, fmt.Errorf("volumeMount %s at %s: %w", m.Name, m.MountPath, err)
		}
		list = append(list, stage.Mount{Source: source, Target: m.MountPath, ReadOnly: m.ReadOnly || v.readOnly})
		ownTmp = ownTmp && filepath.Clean(m.MountPath) != "/tmp"
	}
	if ownTmp {
		security := c.spec.SecurityContext
		readOnly := security != nil && security.ReadOnlyRootFilesystem != nil && *security.ReadOnlyRootFilesystem
		list = append(list, stage.Mount{Source: c.tmp(), Target: "/tmp", ReadOnly: readOnly})
	}
	return list, nil
}

// mountSource resolves a subPath inside its volume; links in the volume cannot lead out of it.
func mountSource(v volume, m *corev1.VolumeMount, env map[string]string) (string, error) {
	sub := m.SubPath
	if m.SubPathExpr != "" {
		sub = expansion.Expand(m.SubPathExpr, expansion.MappingFuncFor(env))
	}
	if sub == "" {
		return v.path, nil
	}
	path, err := securejoin.SecureJoin(v.path, sub)
	if err != nil {
		return "", err
	}
	if _, err := os.Stat(path); err == nil || v.readOnly {
		return path, err
	}
	return path, makeOpenDir(path)
}

func terminationPath(spec *corev1.Container) string {
	if spec.TerminationMessagePath == "" {
		return corev1.TerminationMessagePathDefault
	}
	return spec.TerminationMessagePath
}
