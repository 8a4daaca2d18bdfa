// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package argo

import (
	"maps"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/job"
)

func podMetadata(j *job.Job) node {
	labels := merged(j.Labels, j.Runner.Labels)
	m := node{"labels": toAny(merged(labels, map[string]string{LabelJob: j.Name, LabelRun: workflowTag(argNumber)}))}
	if len(j.Runner.Annotations) > 0 {
		m["annotations"] = toAny(j.Runner.Annotations)
	}
	return m
}

// podSettings are fields of a leaf template that concern its pod.
func podSettings(r job.Runner) node {
	out := node{}
	if r.ServiceAccount != "" {
		out["serviceAccountName"] = r.ServiceAccount
	}
	if r.PriorityClass != "" {
		out["priorityClassName"] = r.PriorityClass
	}
	if len(r.NodeSelector) > 0 {
		out["nodeSelector"] = toAny(r.NodeSelector)
	}
	if tolerations := tolerations(r.Tolerations); len(tolerations) > 0 {
		out["tolerations"] = tolerations
	}
	if r.Security.FSGroup != nil {
		out["securityContext"] = node{"fsGroup": *r.Security.FSGroup}
	}
	if r.Affinity != nil {
		out["affinity"] = r.Affinity
	}
	if patch := podPatch(r); len(patch) > 0 {
		out["podSpecPatch"] = compactJSON(patch)
	}
	return out
}

// podPatch is the job's own patch and what templates have no field for; the
// fields of a Workflow's spec do not travel through templateRef.
func podPatch(r job.Runner) node {
	patch := maps.Clone(r.Patch)
	if len(r.PullSecrets) == 0 {
		return patch
	}
	if patch == nil {
		patch = node{}
	}
	secrets := pullSecrets(r.PullSecrets)
	if own, ok := patch["imagePullSecrets"].(list); ok {
		secrets = append(secrets, own...)
	}
	patch["imagePullSecrets"] = secrets
	return patch
}

func pullSecrets(names []string) list {
	out := list{}
	for _, name := range names {
		out = append(out, node{"name": name})
	}
	return out
}

func tolerations(ts []job.Toleration) list {
	var out list
	for _, t := range ts {
		n := node{"operator": "Exists"}
		if t.HasValue {
			n["operator"], n["value"] = "Equal", t.Value
		}
		if t.Key != "" {
			n["key"] = t.Key
		}
		if t.Effect != "" {
			n["effect"] = t.Effect
		}
		if t.Seconds != nil {
			n["tolerationSeconds"] = *t.Seconds
		}
		out = append(out, n)
	}
	return out
}

// containerSecurity writes out also what is not set: the defaults of Kubernetes
// are the less safe ones.
func containerSecurity(s job.Security) node {
	profile := "RuntimeDefault"
	if s.Unconfined {
		profile = "Unconfined"
	}
	out := node{
		"allowPrivilegeEscalation": s.AllowPrivilegeEscalation,
		"seccompProfile":           node{"type": profile},
	}
	if s.RunAsUser != nil {
		out["runAsUser"] = *s.RunAsUser
	}
	if s.RunAsGroup != nil {
		out["runAsGroup"] = *s.RunAsGroup
	}
	if s.NonRoot {
		out["runAsNonRoot"] = true
	}
	if s.ReadOnlyRoot {
		out["readOnlyRootFilesystem"] = true
	}
	if len(s.DropCapabilities) > 0 {
		drop := list{}
		for _, c := range s.DropCapabilities {
			drop = append(drop, c)
		}
		out["capabilities"] = node{"drop": drop}
	}
	return out
}

func envFrom(sources []job.EnvSource) list {
	var out list
	for _, s := range sources {
		n := node{}
		if s.ConfigMap != "" {
			n["configMapRef"] = node{"name": s.ConfigMap}
		} else {
			n["secretRef"] = node{"name": s.Secret}
		}
		if s.Prefix != "" {
			n["prefix"] = s.Prefix
		}
		out = append(out, n)
	}
	return out
}

func volumeSource(v job.Volume) node {
	switch {
	case v.ConfigMap != "":
		return node{"configMap": node{"name": v.ConfigMap}}
	case v.Secret != "":
		return node{"secret": node{"secretName": v.Secret}}
	case v.Claim != "":
		return node{"persistentVolumeClaim": node{"claimName": v.Claim, "readOnly": v.ReadOnly}}
	case v.EmptyDir != nil:
		dir := node{}
		if v.EmptyDir.Memory {
			dir["medium"] = "Memory"
		}
		if v.EmptyDir.SizeLimit != "" {
			dir["sizeLimit"] = v.EmptyDir.SizeLimit
		}
		return node{"emptyDir": dir}
	}
	return node{"hostPath": node{"path": v.HostPath}}
}
