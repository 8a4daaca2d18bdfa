// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package process

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/kubernetes/pkg/volume/configmap"
	"k8s.io/kubernetes/pkg/volume/secret"
	volumeutil "k8s.io/kubernetes/pkg/volume/util"
)

// volume is one of a pod's volumes, ready on the host.
type volume struct {
	path string
	// readOnly volumes are never mounted writable, whatever the mount says.
	readOnly bool
}

// prepareVolumes makes every volume of the pod. It may be called again after an error: what exists is kept.
func (r *Runtime) prepareVolumes(ctx context.Context, p *pod) (map[string]volume, error) {
	ready := make(map[string]volume, len(p.Spec.Volumes))
	for i := range p.Spec.Volumes {
		spec := &p.Spec.Volumes[i]
		v, err := r.prepareVolume(ctx, p, spec)
		if err != nil {
			return nil, fmt.Errorf("volume %q: %w", spec.Name, err)
		}
		ready[spec.Name] = v
	}
	return ready, nil
}

func (r *Runtime) prepareVolume(ctx context.Context, p *pod, spec *corev1.Volume) (volume, error) {
	own := filepath.Join(p.dir, "volumes", spec.Name)
	switch source := spec.VolumeSource; {
	case source.EmptyDir != nil:
		return volume{path: own}, makeOpenDir(own)
	case source.HostPath != nil:
		return prepareHostPath(source.HostPath)
	case source.PersistentVolumeClaim != nil:
		return r.prepareClaim(ctx, p, source.PersistentVolumeClaim)
	}
	files, err := r.files(ctx, p, spec)
	if err != nil {
		return volume{}, err
	}
	if err := makeOpenDir(own); err != nil {
		return volume{}, err
	}
	writer, err := volumeutil.NewAtomicWriter(own, p.Name)
	if err != nil {
		return volume{}, err
	}
	return volume{path: own, readOnly: true}, writer.Write(files, nil)
}

// makeOpenDir makes a directory that any user may write, the mode that the kubelet gives to volumes.
func makeOpenDir(path string) error {
	if err := os.MkdirAll(path, 0o777); err != nil {
		return err
	}
	return os.Chmod(path, 0o777)
}

// files gives the content of a volume that is made of API objects.
func (r *Runtime) files(
	ctx context.Context,
	p *pod,
	spec *corev1.Volume,
) (map[string]volumeutil.FileProjection, error) {
	switch source := spec.VolumeSource; {
	case source.ConfigMap != nil:
		c := source.ConfigMap
		return r.configMapFiles(ctx, p.Namespace, c.Name, c.Items, c.DefaultMode, c.Optional)
	case source.Secret != nil:
		s := source.Secret
		return r.secretFiles(ctx, p.Namespace, s.SecretName, s.Items, s.DefaultMode, s.Optional)
	case source.DownwardAPI != nil:
		return p.downwardFiles(source.DownwardAPI.Items, source.DownwardAPI.DefaultMode)
	case source.Projected != nil:
		return r.projectedFiles(ctx, p, source.Projected)
	}
	return nil, fmt.Errorf("its kind is not supported")
}

func (r *Runtime) projectedFiles(
	ctx context.Context,
	p *pod,
	spec *corev1.ProjectedVolumeSource,
) (map[string]volumeutil.FileProjection, error) {
	all := map[string]volumeutil.FileProjection{}
	for _, source := range spec.Sources {
		var files map[string]volumeutil.FileProjection
		var err error
		switch {
		case source.ConfigMap != nil:
			files, err = r.configMapFiles(
				ctx,
				p.Namespace,
				source.ConfigMap.Name,
				source.ConfigMap.Items,
				spec.DefaultMode,
				source.ConfigMap.Optional,
			)
		case source.Secret != nil:
			files, err = r.secretFiles(
				ctx,
				p.Namespace,
				source.Secret.Name,
				source.Secret.Items,
				spec.DefaultMode,
				source.Secret.Optional,
			)
		case source.DownwardAPI != nil:
			files, err = p.downwardFiles(source.DownwardAPI.Items, spec.DefaultMode)
		case source.ServiceAccountToken != nil:
			var token string
			token, err = r.objects.token(ctx, p.Pod, source.ServiceAccountToken)
			files = map[string]volumeutil.FileProjection{
				source.ServiceAccountToken.Path: {Data: []byte(token), Mode: tokenMode(p.Pod)},
			}
		}
		if err != nil {
			return nil, err
		}
		maps.Copy(all, files)
	}
	return all, nil
}

// tokenMode lets users other than the owner read the token where the pod has such users.
func tokenMode(pod *corev1.Pod) int32 {
	users := []*corev1.SecurityContext{}
	for _, c := range append(pod.Spec.InitContainers, pod.Spec.Containers...) {
		users = append(users, c.SecurityContext)
	}
	for _, security := range users {
		if identity(pod, security).UID != nil {
			return 0o644
		}
	}
	return 0o600
}

func (r *Runtime) configMapFiles(
	ctx context.Context, namespace, name string, items []corev1.KeyToPath, mode *int32, optional *bool,
) (map[string]volumeutil.FileProjection, error) {
	object, err := r.objects.configMap(ctx, namespace, name)
	mayMiss := optional != nil && *optional
	if mayMiss && apierrors.IsNotFound(err) {
		object, err = &corev1.ConfigMap{}, nil
	}
	if err != nil {
		return nil, err
	}
	return configmap.MakePayload(items, object, mode, mayMiss)
}

func (r *Runtime) secretFiles(
	ctx context.Context, namespace, name string, items []corev1.KeyToPath, mode *int32, optional *bool,
) (map[string]volumeutil.FileProjection, error) {
	object, err := r.objects.secret(ctx, namespace, name)
	mayMiss := optional != nil && *optional
	if mayMiss && apierrors.IsNotFound(err) {
		object, err = &corev1.Secret{}, nil
	}
	if err != nil {
		return nil, err
	}
	return secret.MakePayload(items, object, mode, mayMiss)
}

func (p *pod) downwardFiles(
	items []corev1.DownwardAPIVolumeFile,
	defaultMode *int32,
) (map[string]volumeutil.FileProjection, error) {
	files := map[string]volumeutil.FileProjection{}
	for _, item := range items {
		var value string
		var err error
		switch {
		case item.FieldRef != nil:
			value, err = p.field(item.FieldRef)
		case item.ResourceFieldRef != nil:
			value, err = p.resource(item.ResourceFieldRef, "")
		}
		if err != nil {
			return nil, err
		}
		mode := int32(0o644)
		if item.Mode != nil {
			mode = *item.Mode
		} else if defaultMode != nil {
			mode = *defaultMode
		}
		files[filepath.Clean(item.Path)] = volumeutil.FileProjection{Data: []byte(value), Mode: mode}
	}
	return files, nil
}

func (r *Runtime) prepareClaim(
	ctx context.Context,
	p *pod,
	claim *corev1.PersistentVolumeClaimVolumeSource,
) (volume, error) {
	pv, err := r.objects.claim(ctx, p.Namespace, claim.ClaimName)
	if err != nil {
		return volume{}, err
	}
	if pv == nil {
		return volume{}, fmt.Errorf("claim %s is not bound yet", claim.ClaimName)
	}
	switch {
	case pv.Spec.HostPath != nil:
		v, err := prepareHostPath(pv.Spec.HostPath)
		v.readOnly = claim.ReadOnly
		return v, err
	case pv.Spec.Local != nil:
		return volume{
				path:     pv.Spec.Local.Path,
				readOnly: claim.ReadOnly,
			}, requireKind(
				pv.Spec.Local.Path,
				corev1.HostPathDirectory,
			)
	}
	return volume{}, fmt.Errorf(
		"claim %s is bound to volume %s, which is neither hostPath nor local",
		claim.ClaimName,
		pv.Name,
	)
}
