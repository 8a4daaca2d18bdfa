// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package lower

import (
	"github.com/terraform-backfill/terraform-provider-backfill/internal/argo"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/job"
)

func podMetadata(j *job.Job) node {
	labels := merged(j.Labels, j.Runner.Labels)
	m := node{"labels": toAny(merged(labels, map[string]string{argo.LabelJob: j.Name, argo.LabelRun: argo.WorkflowTag(argo.ArgNumber)}))}
	if annotations := merged(anchors(j), j.Runner.Annotations); len(annotations) > 0 {
		m["annotations"] = toAny(annotations)
	}
	return m
}

// podSettings are fields of a leaf template that concern its pod.
func podSettings(j *job.Job) node {
	r, out := j.Runner, node{}
	if r.ServiceAccount != "" {
		out["serviceAccountName"] = r.ServiceAccount
	}
	if r.PriorityClass != "" {
		out["priorityClassName"] = r.PriorityClass
	}
	if selector := nodeSelector(j); len(selector) > 0 {
		out["nodeSelector"] = selector
	}
	if tolerations := podTolerations(j); len(tolerations) > 0 {
		out["tolerations"] = tolerations
	}
	if r.Security.FSGroup != nil {
		out["securityContext"] = node{"fsGroup": *r.Security.FSGroup}
	}
	if affinity := affinity(j); affinity != nil {
		out["affinity"] = affinity
	}
	if patch := podPatch(j); patch != "" {
		out["podSpecPatch"] = patch
	}
	return out
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
