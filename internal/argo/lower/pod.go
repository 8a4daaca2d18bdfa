// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package lower

import (
	"github.com/terraform-backfill/terraform-provider-backfill/internal/argo"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/job"
)

// beside is a job of which a pod beside those of partitions is the runner. Nothing
// else of the run goes on without such a pod, so it runs on no spot node unless its
// own attributes say so, and it is protected as all that is not on one.
func beside(j *job.Job, r job.Runner) *job.Job {
	own := *j
	own.Runner, own.Spot, own.OOM, own.Spread, own.Argo = r, job.Spot{}, nil, "", job.Overrides{}
	return &own
}

// labelsOf are those of every object of a job. Argo's controllers take up only what
// has their id.
func labelsOf(j *job.Job) map[string]string {
	if j.InstanceID == "" {
		return j.Labels
	}
	return merged(j.Labels, map[string]string{argo.LabelInstance: j.InstanceID})
}

// ours are the labels by which the pods of a template are known.
func ours(j *job.Job) map[string]string {
	return map[string]string{argo.LabelJob: j.Name, argo.LabelRun: argo.WorkflowTag(argo.ArgNumber)}
}

// podSettings are fields of a leaf template that concern its pod.
func podSettings(j *job.Job, executors []executor) node {
	r := j.Runner
	out := sparse(node{
		"activeDeadlineSeconds": seconds(max(0, r.Deadline)),
		"serviceAccountName":    r.ServiceAccount,
		"priorityClassName":     r.PriorityClass,
		"nodeSelector":          nodeSelector(j),
		"tolerations":           podTolerations(j),
		"securityContext":       sparse(node{"fsGroup": r.Security.FSGroup}),
		"podSpecPatch":          podPatch(j, executors),
		"volumes":               volumes(r.Volumes),
	})
	if affinity := affinity(j); affinity != nil {
		out["affinity"] = affinity
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
		n := sparse(node{"operator": "Exists", "key": t.Key, "effect": t.Effect, "tolerationSeconds": t.Seconds})
		if t.HasValue {
			n["operator"], n["value"] = "Equal", t.Value
		}
		out = append(out, n)
	}
	return out
}

// containerSecurity writes out also what is not set: the defaults of Kubernetes
// are the less safe ones. On Windows most of it has no meaning.
func containerSecurity(s job.Security, windows bool) node {
	if windows {
		return sparse(node{"runAsNonRoot": s.NonRoot})
	}
	profile := "RuntimeDefault"
	if s.Unconfined {
		profile = "Unconfined"
	}
	drop := list{}
	for _, c := range s.DropCapabilities {
		drop = append(drop, c)
	}
	out := sparse(node{
		"runAsUser":              s.RunAsUser,
		"runAsGroup":             s.RunAsGroup,
		"runAsNonRoot":           s.NonRoot,
		"readOnlyRootFilesystem": s.ReadOnlyRoot,
		"capabilities":           sparse(node{"drop": drop}),
		"seccompProfile":         node{"type": profile},
	})
	out["allowPrivilegeEscalation"] = s.AllowPrivilegeEscalation
	return out
}

func envFrom(sources []job.EnvSource) list {
	var out list
	for _, s := range sources {
		n := sparse(node{"prefix": s.Prefix})
		if s.ConfigMap != "" {
			n["configMapRef"] = node{"name": s.ConfigMap}
		} else {
			n["secretRef"] = node{"name": s.Secret}
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
		dir := sparse(node{"sizeLimit": v.EmptyDir.SizeLimit})
		if v.EmptyDir.Memory {
			dir["medium"] = "Memory"
		}
		return node{"emptyDir": dir}
	}
	return node{"hostPath": node{"path": v.HostPath}}
}
