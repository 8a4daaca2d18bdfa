// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package lower

import (
	"fmt"
	"maps"

	"k8s.io/apimachinery/pkg/runtime"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/argo"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/job"
)

// leaf is the template of one partition's pod without the facts about the
// partition. Everything a pod needs is here: fields of a template's spec do
// not travel through templateRef.
func leaf(j *job.Job, s scope, name string, facts list) (node, error) {
	container, err := container(j, s, facts)
	if err != nil {
		return nil, err
	}
	t := node{
		"name":          name,
		"inputs":        inputs(argo.InI),
		"metadata":      podMetadata(j),
		"container":     container,
		"retryStrategy": leafRetry(j),
	}
	maps.Copy(t, podSettings(j))
	if d := j.Runner.Deadline; d > 0 {
		t["activeDeadlineSeconds"] = seconds(d)
	}
	if volumes := volumes(j.Runner.Volumes); len(volumes) > 0 {
		t["volumes"] = volumes
	}
	maps.Copy(t, runtime.DeepCopyJSON(j.Argo.Partition))
	return unhurried(t), nil
}

func container(j *job.Job, s scope, facts list) (node, error) {
	r := j.Runner
	command, err := s.list("runner.command", r.Command)
	if err != nil {
		return nil, err
	}
	args, err := s.list("runner.args", r.Args)
	if err != nil {
		return nil, err
	}
	env, err := environment(j, s, facts)
	if err != nil {
		return nil, err
	}
	// Without a command Argo would ask the image's registry for one.
	c := node{"image": r.Image, "command": command, "env": env, "securityContext": containerSecurity(r.Security)}
	if r.WorkingDir != "" {
		c["workingDir"] = r.WorkingDir
	}
	if sources := envFrom(r.EnvFrom); len(sources) > 0 {
		c["envFrom"] = sources
	}
	if len(args) > 0 {
		c["args"] = args
	}
	if resources := resources(r); len(resources) > 0 {
		c["resources"] = resources
	}
	if mounts := mounts(r.Volumes); len(mounts) > 0 {
		c["volumeMounts"] = mounts
	}
	return c, nil
}

// environment lists our variables first, because a variable may refer only to
// those before it.
func environment(j *job.Job, s scope, facts list) (list, error) {
	env := list{
		node{"name": envEmpty, "value": ""},
		node{"name": envJob, "value": j.Name},
		node{"name": envRun, "value": argo.WorkflowTag(argo.ArgRun)},
		node{"name": envAttempt, "value": "{{retries}}"},
		node{"name": envGrace, "value": decimal(graceSeconds(j.Runner))},
	}
	env = append(env, facts...)
	for _, v := range j.Runner.Env {
		value, err := s.expandable(v.Text)
		if err != nil {
			return nil, fmt.Errorf("runner.env[%q]: %w", v.Name, err)
		}
		env = append(env, node{"name": v.Name, "value": value})
	}
	for _, v := range j.Runner.SecretEnv {
		ref := node{"secretKeyRef": node{"name": v.Secret, "key": v.Key}}
		env = append(env, node{"name": v.Name, "valueFrom": ref})
	}
	for _, v := range j.Runner.ConfigEnv {
		ref := node{"configMapKeyRef": node{"name": v.ConfigMap, "key": v.Key}}
		env = append(env, node{"name": v.Name, "valueFrom": ref})
	}
	return env, nil
}

func resources(r job.Runner) node {
	out := node{}
	if len(r.Requests) > 0 {
		out["requests"] = toAny(r.Requests)
	}
	if len(r.Limits) > 0 {
		out["limits"] = toAny(r.Limits)
	}
	return out
}

func volumes(vs []job.Volume) list {
	var out list
	for _, v := range vs {
		volume := volumeSource(v)
		volume["name"] = v.Name
		out = append(out, volume)
	}
	return out
}

func mounts(vs []job.Volume) list {
	var out list
	for _, v := range vs {
		mount := node{"name": v.Name, "mountPath": v.MountPath}
		if v.SubPath != "" {
			mount["subPath"] = v.SubPath
		}
		if v.ReadOnly {
			mount["readOnly"] = true
		}
		out = append(out, mount)
	}
	return out
}
