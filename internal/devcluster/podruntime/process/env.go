// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package process

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"unicode/utf8"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	podresource "k8s.io/kubernetes/pkg/api/v1/resource"
	podshelper "k8s.io/kubernetes/pkg/apis/core/pods"
	"k8s.io/kubernetes/pkg/fieldpath"
	"k8s.io/kubernetes/third_party/forked/golang/expansion"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/devcluster/sandbox/stage"
)

// environment computes a container's variables as the kubelet does: envFrom first, then env in
// order, each value seeing the ones before it; service variables last, where nothing else has set
// them.
func (r *Runtime) environment(ctx context.Context, p *pod, container *corev1.Container) (map[string]string, error) {
	values, err := r.environmentSources(ctx, p.Namespace, container.EnvFrom)
	if err != nil {
		return nil, err
	}
	service := r.serviceVariables()
	expand := expansion.MappingFuncFor(values, service)
	for i := range container.Env {
		variable := &container.Env[i]
		if variable.ValueFrom == nil {
			values[variable.Name] = expansion.Expand(variable.Value, expand)
			continue
		}
		value, found, err := r.environmentValue(ctx, p, container, variable.ValueFrom)
		if err != nil {
			return nil, fmt.Errorf("variable %s: %w", variable.Name, err)
		}
		if found {
			values[variable.Name] = value
		}
	}
	for name, value := range service {
		if _, set := values[name]; !set {
			values[name] = value
		}
	}
	for name, value := range values {
		// Container runtimes refuse it as well; a Secret can hold any bytes.
		if !utf8.ValidString(value) {
			return nil, fmt.Errorf("the value of variable %s is not valid UTF-8", name)
		}
	}
	return values, nil
}

// expandedCommand gives the container's command line with its variables replaced.
func expandedCommand(container *corev1.Container, env map[string]string) []string {
	mapping := expansion.MappingFuncFor(env)
	var line []string
	for _, part := range append(slices.Clone(container.Command), container.Args...) {
		line = append(line, expansion.Expand(part, mapping))
	}
	return line
}

// processEnvironment adds what an image and its runtime would set, unless the pod does.
func (r *Runtime) processEnvironment(p *pod, env map[string]string) []string {
	full := map[string]string{"PATH": stage.ProgramDir + ":" + r.config.Path, "HOME": "/tmp", "HOSTNAME": p.Name}
	maps.Copy(full, env)
	var list []string
	for _, name := range slices.Sorted(maps.Keys(full)) {
		list = append(list, name+"="+full[name])
	}
	return list
}

func (r *Runtime) serviceVariables() map[string]string {
	return map[string]string{
		"KUBERNETES_SERVICE_HOST":       r.config.APIServerHost,
		"KUBERNETES_SERVICE_PORT":       r.config.APIServerPort,
		"KUBERNETES_SERVICE_PORT_HTTPS": r.config.APIServerPort,
	}
}

func (r *Runtime) environmentSources(
	ctx context.Context,
	namespace string,
	sources []corev1.EnvFromSource,
) (map[string]string, error) {
	values := map[string]string{}
	for _, source := range sources {
		if ref := source.ConfigMapRef; ref != nil {
			object, err := r.objects.configMap(ctx, namespace, ref.Name)
			if err := unlessOptional(err, ref.Optional); err != nil {
				return nil, err
			}
			if err == nil {
				for key, value := range object.Data {
					values[source.Prefix+key] = value
				}
			}
		}
		if ref := source.SecretRef; ref != nil {
			object, err := r.objects.secret(ctx, namespace, ref.Name)
			if err := unlessOptional(err, ref.Optional); err != nil {
				return nil, err
			}
			if err == nil {
				for key, value := range object.Data {
					values[source.Prefix+key] = string(value)
				}
			}
		}
	}
	return values, nil
}

// unlessOptional passes an error on, but a missing object that may be missing.
func unlessOptional(err error, optional *bool) error {
	if apierrors.IsNotFound(err) && optional != nil && *optional {
		return nil
	}
	return err
}

func (r *Runtime) environmentValue(
	ctx context.Context, p *pod, container *corev1.Container, from *corev1.EnvVarSource,
) (value string, found bool, err error) {
	switch {
	case from.FieldRef != nil:
		value, err = p.field(from.FieldRef)
		return value, err == nil, err
	case from.ResourceFieldRef != nil:
		value, err = p.resource(from.ResourceFieldRef, container.Name)
		return value, err == nil, err
	case from.ConfigMapKeyRef != nil:
		ref := from.ConfigMapKeyRef
		object, err := r.objects.configMap(ctx, p.Namespace, ref.Name)
		if err != nil {
			return "", false, unlessOptional(err, ref.Optional)
		}
		value, found = object.Data[ref.Key]
		return value, found, missingKey(found, ref.Optional, ref.Key, "ConfigMap", p.Namespace, ref.Name)
	case from.SecretKeyRef != nil:
		ref := from.SecretKeyRef
		object, err := r.objects.secret(ctx, p.Namespace, ref.Name)
		if err != nil {
			return "", false, unlessOptional(err, ref.Optional)
		}
		content, found := object.Data[ref.Key]
		return string(content), found, missingKey(found, ref.Optional, ref.Key, "Secret", p.Namespace, ref.Name)
	}
	return "", false, nil
}

func missingKey(found bool, optional *bool, key, kind, namespace, name string) error {
	if found || (optional != nil && *optional) {
		return nil
	}
	return fmt.Errorf("couldn't find key %s in %s %s/%s", key, kind, namespace, name)
}

// field evaluates a reference to the pod itself. Some fields are only known to the node that runs it.
func (p *pod) field(ref *corev1.ObjectFieldSelector) (string, error) {
	path, _, err := podshelper.ConvertDownwardAPIFieldLabel(ref.APIVersion, ref.FieldPath, "")
	if err != nil {
		return "", err
	}
	switch path {
	case "spec.nodeName":
		return p.Spec.NodeName, nil
	case "spec.serviceAccountName":
		return p.Spec.ServiceAccountName, nil
	case "status.hostIP", "status.hostIPs", "status.podIP", "status.podIPs":
		return loopback, nil
	}
	return fieldpath.ExtractFieldPathAsString(p.Pod, path)
}

func (p *pod) resource(ref *corev1.ResourceFieldSelector, container string) (string, error) {
	if ref.ContainerName != "" {
		container = ref.ContainerName
	}
	return podresource.ExtractResourceValueByContainerNameAndNodeAllocatable(
		ref,
		p.Pod,
		container,
		p.node.Status.Allocatable,
	)
}
