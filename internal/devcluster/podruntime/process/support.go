// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package process

import (
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
)

// refusals names everything that the pod asks for and this runtime does not do.
func refusals(pod *corev1.Pod) []string {
	var list []string
	refuse := func(refused bool, format string, args ...any) {
		if refused {
			list = append(list, fmt.Sprintf(format, args...))
		}
	}
	spec := &pod.Spec
	refuse(spec.RestartPolicy != corev1.RestartPolicyNever, "restartPolicy %s (use Never)", spec.RestartPolicy)
	refuse(spec.HostPID, "hostPID")
	refuse(spec.HostIPC, "hostIPC")
	refuse(spec.ShareProcessNamespace != nil && *spec.ShareProcessNamespace, "shareProcessNamespace")
	refuse(spec.OS != nil && spec.OS.Name != corev1.Linux, "os %v", spec.OS)
	refuse(len(spec.ResourceClaims) > 0, "resourceClaims")
	refuse(len(spec.EphemeralContainers) > 0, "ephemeralContainers")
	for i := range spec.Volumes {
		refuse(!supportedVolume(&spec.Volumes[i]), "the kind of volume %s", spec.Volumes[i].Name)
	}
	for i := range spec.InitContainers {
		c := &spec.InitContainers[i]
		refuse(c.RestartPolicy != nil, "restartPolicy of init container %s", c.Name)
		list = append(list, containerRefusals(c)...)
	}
	for i := range spec.Containers {
		list = append(list, containerRefusals(&spec.Containers[i])...)
	}
	return list
}

func containerRefusals(c *corev1.Container) []string {
	var list []string
	for what, refused := range map[string]bool{
		"without command (an image is only a label here, so its entrypoint is unknown)": len(c.Command) == 0,
		"with livenessProbe":  c.LivenessProbe != nil,
		"with readinessProbe": c.ReadinessProbe != nil,
		"with startupProbe":   c.StartupProbe != nil,
		"with lifecycle":      c.Lifecycle != nil,
		"with stdin":          c.Stdin,
		"with tty":            c.TTY,
		"with volumeDevices":  len(c.VolumeDevices) > 0,
	} {
		if refused {
			list = append(list, fmt.Sprintf("container %s %s", c.Name, what))
		}
	}
	for _, variable := range c.Env {
		if variable.ValueFrom != nil && variable.ValueFrom.FileKeyRef != nil {
			list = append(list, fmt.Sprintf("container %s with fileKeyRef of variable %s", c.Name, variable.Name))
		}
	}
	if s := c.SecurityContext; s != nil {
		if s.Privileged != nil && *s.Privileged {
			list = append(list, fmt.Sprintf("container %s with privileged", c.Name))
		}
		if s.Capabilities != nil && len(s.Capabilities.Add) > 0 {
			list = append(list, fmt.Sprintf("container %s with added capabilities", c.Name))
		}
	}
	slices.Sort(list)
	return list
}

func supportedVolume(v *corev1.Volume) bool {
	s := v.VolumeSource
	if s.Projected != nil {
		for _, source := range s.Projected.Sources {
			if source.ClusterTrustBundle != nil || source.PodCertificate != nil {
				return false
			}
		}
		return true
	}
	return s.EmptyDir != nil || s.HostPath != nil || s.ConfigMap != nil || s.Secret != nil || s.DownwardAPI != nil ||
		s.PersistentVolumeClaim != nil
}

// machine says what this machine can do for a process.
type machine struct {
	memory     bool // memory limits have an effect
	otherUsers bool // processes can run as users other than the cluster's
}

// notEnforced names what is accepted without having an effect on a local process.
func notEnforced(pod *corev1.Pod, m machine) []string {
	found := map[string]bool{
		"imagePullSecrets": len(pod.Spec.ImagePullSecrets) > 0,
		"runtimeClassName": pod.Spec.RuntimeClassName != nil,
		"hostname":         pod.Spec.Hostname != "" || pod.Spec.Subdomain != "",
		"hostAliases":      len(pod.Spec.HostAliases) > 0,
		"dnsConfig":        pod.Spec.DNSConfig != nil,
	}
	if s := pod.Spec.SecurityContext; s != nil {
		found["seccompProfile"] = s.SeccompProfile != nil
		found["appArmorProfile"] = s.AppArmorProfile != nil
		found["seLinuxOptions"] = s.SELinuxOptions != nil
		found["sysctls"] = len(s.Sysctls) > 0
		found["fsGroup"] = s.FSGroup != nil
		found["runAsNonRoot"] = s.RunAsNonRoot != nil && *s.RunAsNonRoot && s.RunAsUser == nil
		found["runAsUser"] = !m.otherUsers && s.RunAsUser != nil && *s.RunAsUser != 0
		found["runAsGroup"] = !m.otherUsers && s.RunAsGroup != nil && *s.RunAsGroup != 0
		found["supplementalGroups"] = !m.otherUsers && len(s.SupplementalGroups) > 0
	}
	for _, v := range pod.Spec.Volumes {
		if v.EmptyDir != nil {
			found["emptyDir.medium"] = found["emptyDir.medium"] || v.EmptyDir.Medium != corev1.StorageMediumDefault
			found["emptyDir.sizeLimit"] = found["emptyDir.sizeLimit"] || v.EmptyDir.SizeLimit != nil
		}
	}
	for _, c := range slices.Concat(pod.Spec.InitContainers, pod.Spec.Containers) {
		containerNotEnforced(&c, m, found)
	}
	var list []string
	for what, is := range found {
		if is {
			list = append(list, what)
		}
	}
	slices.Sort(list)
	return list
}

func containerNotEnforced(c *corev1.Container, m machine, found map[string]bool) {
	note := func(what string, is bool) { found[what] = found[what] || is }
	limits := c.Resources.Limits
	note("limits.cpu", !limits.Cpu().IsZero())
	note("limits.ephemeral-storage", !limits.StorageEphemeral().IsZero())
	note("limits.memory", !limits.Memory().IsZero() && !m.memory)
	for _, mount := range c.VolumeMounts {
		note("mountPropagation", mount.MountPropagation != nil && *mount.MountPropagation != corev1.MountPropagationNone)
	}
	s := c.SecurityContext
	if s == nil {
		return
	}
	note("seccompProfile", s.SeccompProfile != nil)
	note("appArmorProfile", s.AppArmorProfile != nil)
	note("seLinuxOptions", s.SELinuxOptions != nil)
	note("procMount", s.ProcMount != nil && *s.ProcMount != corev1.DefaultProcMount)
	note("allowPrivilegeEscalation", s.AllowPrivilegeEscalation != nil && *s.AllowPrivilegeEscalation)
	note("runAsNonRoot", s.RunAsNonRoot != nil && *s.RunAsNonRoot && s.RunAsUser == nil)
	note("runAsUser", !m.otherUsers && s.RunAsUser != nil && *s.RunAsUser != 0)
	note("runAsGroup", !m.otherUsers && s.RunAsGroup != nil && *s.RunAsGroup != 0)
}
