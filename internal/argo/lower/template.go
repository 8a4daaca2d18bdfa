// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package lower

import (
	"fmt"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/argo"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/argo/expr"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/job"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/manifest"
)

// proven labels the pods of a template with their index, or with text that is
// no label if it cannot be computed that they have any keys. Argo hands on an
// expression that it cannot evaluate as it stands, and a runner would get that
// for its bounds; but the API server refuses a pod with such a label, and the
// partition fails with its message.
// See internal/decisions/0016-a-pod-proves-its-bounds.md.
func proven(leaf node, f expr.Formula) {
	metadata, _ := leaf["metadata"].(node)
	labels, _ := metadata["labels"].(node)
	labels[argo.LabelIndex] = argo.Tag("%s ? string(%s) : 'no keys: different arithmetic'", f.Proof, expr.CellNumber)
}

// Template lowers the job to its immutable WorkflowTemplate, named
// <job>-<hash of the spec>. The spec depends on how partitions are processed
// and on the kind of the domain, not on its bounds: a job that grows keeps its
// template.
// See internal/decisions/0009-templates-are-immutable.md.
func Template(j *job.Job) (manifest.Object, error) {
	if err := refuseTags(j); err != nil {
		return nil, err
	}
	facts := j.Domain.FactNames()
	s := newScope(facts...)
	var templates list
	if f := expr.FormulaOf(j.Domain); f.Facts != nil {
		leaf, err := leaf(j, s, argo.TemplatePartition, f.Facts)
		if err != nil {
			return nil, err
		}
		proven(leaf, f)
		templates = append(templates,
			fanOut(argo.TemplateShard, argo.TemplateGroup),
			group(argo.TemplateGroup, argo.TemplatePartition),
			leaf)
	}
	leaf, err := leaf(j, s, argo.TemplatePartitionData, dataFacts(facts))
	if err != nil {
		return nil, err
	}
	templates = append(templates,
		fanOut(argo.TemplateShardData, argo.TemplateGroupData),
		group(argo.TemplateGroupData, argo.TemplatePartitionData),
		leaf)
	for _, c := range ofRun(j) {
		once, err := once(j, c)
		if err != nil {
			return nil, err
		}
		templates = append(templates, once)
	}
	if j.Pool != "" {
		templates = append(templates, pooled(j, fanOut(argo.TemplateCanary, argo.TemplateGroupData)))
	}
	child, err := childManifest(j)
	if err != nil {
		return nil, err
	}
	templates = append(templates, launcher(j, child, launcherInputs))

	spec := node{"templates": templates}
	hash, err := manifest.Digest(spec)
	if err != nil {
		return nil, err
	}
	name := j.Name + "-" + hash
	labels := merged(labelsOf(j), map[string]string{argo.LabelJob: j.Name, argo.LabelTemplate: name})
	o := newObject(argo.APIVersion, "WorkflowTemplate", j.Namespace, name, labels, node{argo.AnnotationSpecHash: hash})
	o.Object["spec"] = spec
	return o, nil
}

// refuseTags finds user text with opening Argo tags in fields where, unlike in
// command, args and env, nothing can keep Argo from evaluating it.
func refuseTags(j *job.Job) error {
	where, text := tagged("job", node{
		"labels": toAny(j.Labels), "instance_id": j.InstanceID,
		"spot": node{"labels": toAny(j.Spot.Labels), "taints": tolerations(j.Spot.Taints)},
		"controller": node{
			"tolerations":   tolerations(j.Controller.Tolerations),
			"node_selector": toAny(j.Controller.NodeSelector),
			"affinity":      j.Controller.Affinity,
		},
		"orchestrator": plainTexts(launcherPod(j.Orchestrator)),
	})
	for _, c := range append([]runContainer{{"runner", &j.Runner}}, ofRun(j)...) {
		if where == "" {
			where, text = tagged("job."+c.name, plainTexts(*c.Runner))
		}
	}
	return tagError(where, text)
}

// tagError is the error of a text that was found, or nil.
func tagError(where, text string) error {
	if where == "" {
		return nil
	}
	return fmt.Errorf("%s holds %q: Argo Workflows would evaluate what follows the two opening braces, "+
		"and there is no escape for them outside of command, args and env. Write the text without them", where, text)
}

// plainTexts are the texts of a container and its pod that Argo reads as they
// are.
func plainTexts(r job.Runner) node {
	names := list{}
	for _, v := range r.Env {
		names = append(names, v.Name)
	}
	for _, v := range r.SecretEnv {
		names = append(names, v.Name, v.Secret, v.Key)
	}
	for _, v := range r.ConfigEnv {
		names = append(names, v.Name, v.ConfigMap, v.Key)
	}
	return node{
		"image":           r.Image,
		"env":             names,
		"resources":       resources(r),
		"service_account": r.ServiceAccount,
		"volumes":         append(volumes(r.Volumes), mounts(r.Volumes)...),
		"working_dir":     r.WorkingDir,
		"env_from":        envFrom(r.EnvFrom),
		"node_selector":   toAny(r.NodeSelector),
		"tolerations": tolerations(
			r.Tolerations,
		),
		"priority_class":     r.PriorityClass,
		"image_pull_secrets": pullSecrets(r.PullSecrets),
		"affinity":           r.Affinity,
		"patch":              r.Patch,
		"labels":             toAny(r.Labels),
		"annotations":        toAny(r.Annotations),
	}
}

// groupSize is the number of partitions in a group. at every look at a Workflow
// Argo evaluates the templates of all steps again, those that have ended and
// those that are still to come too, but nothing below a step that has ended or
// has not begun. Partitions in groups make that a few groups' partitions instead
// of a shard's; their number and their size cost about the same when each is near
// the root of shard_size.
// See internal/decisions/0013-groups-of-25.md.
const groupSize = 25

// groupsOf is the number of groups of that many partitions.
func groupsOf(partitions int) int { return (partitions + groupSize - 1) / groupSize }

// fanOut is a template that runs i = from … from+count-1 in groups. Its size does
// not depend on the count, and only numbers are passed on: Argo keeps every
// argument twice in the status.
func fanOut(name, group string) node {
	groups := argo.Tag("int((%s + %d) / %d)", argo.InputInt(argo.InCount), groupSize-1, groupSize)
	args := append(passedOn([]string{argo.InFrom, argo.InCount}), param(argo.InGroup, "{{item}}"))
	step := node{
		"name":         "g",
		"template":     group,
		"arguments":    node{"parameters": args},
		"withSequence": node{"start": "0", "count": groups},
	}
	return settled(node{"name": name, "inputs": inputs(argo.InFrom, argo.InCount), "steps": list{list{step}}})
}

// group is a template that runs a leaf for each i of a group.
func group(name, leaf string) node {
	before := fmt.Sprintf("%d * %s", groupSize, argo.InputInt(argo.InGroup))
	step := node{
		"name":      "p",
		"template":  leaf,
		"arguments": node{"parameters": list{param(argo.InI, "{{item}}")}},
		"withSequence": node{
			"start": argo.Tag("%s + %s", argo.InputInt(argo.InFrom), before),
			"count": argo.Tag("min(%d, %s - %s)", groupSize, argo.InputInt(argo.InCount), before),
		},
	}
	wants := inputs(argo.InFrom, argo.InCount, argo.InGroup)
	return settled(node{"name": name, "inputs": wants, "steps": list{list{step}}})
}

// dataFacts reads every fact from the data ConfigMap.
func dataFacts(facts []string) list {
	out := make(list, len(facts))
	for i, fact := range facts {
		entry := node{"name": argo.WorkflowTag(argo.ArgData), "key": argo.InputTag(argo.InI) + "." + fact}
		out[i] = node{"name": expr.FactVar(fact), "valueFrom": node{"configMapKeyRef": entry}}
	}
	return out
}

// pooled has a template that processes a shard take a place in the pool first,
// and keep it until the shard has ended.
//
// Places are counted in shards, not in pods: Argo would ask the API server for
// the size once for each partition that waits, at every turn and while all other
// locks stand still, and would keep a node for each. The lock is on a template
// written into the Workflow, because there Argo finds whom to wake when the
// size changes, and because a Workflow that is suspended before it began takes
// no place, which with a lock on the Workflow as a whole it would.
// See internal/decisions/0023-pools-count-shards.md.
func pooled(j *job.Job, template node) node {
	if j.Pool == "" {
		return template
	}
	template["synchronization"] = argo.Place(j.Pool, j.ArgoVersion)
	return template
}

func poolLabel(j *job.Job) map[string]string {
	if j.Pool == "" {
		return nil
	}
	return map[string]string{argo.LabelPool: j.Pool}
}
