// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package lower

import (
	"fmt"
	"maps"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/runtime"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/argo"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/argo/expr"
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
	labels, annotations := merged(j.Labels, j.Runner.Labels, ours(j)), merged(anchors(j), j.Runner.Annotations)
	t := node{
		"name":          name,
		"inputs":        inputs(argo.InI),
		"metadata":      metadataOf(labels, toAny(annotations)),
		"container":     container,
		"retryStrategy": leafRetry(j),
	}
	maps.Copy(t, podSettings(j, besideContainer(j.Argoexec)))
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
	c := node{"image": r.Image, "command": command, "env": env}
	maps.Copy(c, sparse(node{
		"securityContext": containerSecurity(r.Security, r.Windows),
		"workingDir":      r.WorkingDir,
		"envFrom":         envFrom(r.EnvFrom),
		"args":            args,
		"resources":       resources(r),
		"volumeMounts":    mounts(r.Volumes),
	}))
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
	return sparse(node{"requests": toAny(r.Requests), "limits": toAny(r.Limits)})
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
		mount := node{"name": v.Name, "mountPath": v.MountPath, "subPath": v.SubPath, "readOnly": v.ReadOnly}
		out = append(out, sparse(mount))
	}
	return out
}

// runContainer is a container that runs once for a run.
type runContainer struct {
	name string // of its template
	*job.Runner
}

func ofRun(j *job.Job) []runContainer {
	var out []runContainer
	for _, c := range []runContainer{{argo.TemplateSetup, j.Setup}, {argo.TemplateTeardown, j.Teardown}} {
		if c.Runner != nil {
			out = append(out, c)
		}
	}
	return out
}

// once is the template of such a container.
func once(j *job.Job, c runContainer) (node, error) {
	t, err := leaf(beside(j, *c.Runner), newScope(), c.name, nil)
	delete(t, "inputs")
	return t, err
}

// opening are the steps before the first wave: the setup and the canary. When one of
// them, or a partition of the canary, fails, the run fails, and nothing else is started.
func (r run) opening(salt string) list {
	var steps list
	if r.job.Setup != nil {
		steps = append(steps, list{r.call(argo.StepSetup+salt, argo.TemplateSetup, nil)})
	}
	if n := len(r.plan.Canary); n > 0 {
		template := argo.TemplateShardData
		if r.job.Pool != "" && r.launches() {
			template = argo.TemplateCanary // the run itself takes no place
		}
		which := list{param(argo.InFrom, "0"), param(argo.InCount, fmt.Sprint(n))}
		steps = append(steps, list{r.call(argo.StepCanary+salt, template, which)})
	}
	return steps
}

// closing gives a run its exit handler. A teardown that fails is read from its
// node; the run itself ends as it would have without.
// See internal/decisions/0019-teardown-is-an-exit-handler.md.
func (r run) closing(spec node) {
	if r.job.Teardown == nil {
		return
	}
	step := r.call(argo.StepTeardown, argo.TemplateTeardown, nil)
	step["continueOn"] = node{"error": true, "failed": true}
	handle(spec, step)
}

// handle gives a Workflow an exit handler of one step.
func handle(spec, step node) {
	templates, _ := spec["templates"].(list)
	spec["templates"], spec["onExit"] = append(templates, row(argo.TemplateExit, list{list{step}})), argo.TemplateExit
}

// attempts is the most pods that one partition may take.
func attempts(r job.Retry) int { return r.Limit + r.Interruptions + 1 }

// leafRetry tries an application failure again while retries < limit and an
// interruption while retries < limit + interruptions. Argo has one counter,
// so the limit is that of both together and the expression tells them apart.
func leafRetry(j *job.Job) node {
	return strategy(j, attempts(j.Retry)-1, failedAgain(j)+" || "+expr.Interrupted)
}

// failedAgain is an expression that is true when the runner failed and may try
// again. An exit code is text there, "-1" when it is not known.
func failedAgain(j *job.Job) string {
	r := j.Retry
	again := fmt.Sprintf("asInt(retries) < %d", r.Limit)
	if len(r.FailOn) > 0 {
		again += fmt.Sprintf(" && not (lastRetry.exitCode in %s)", codes(r.FailOn))
	}
	if len(r.RetryOn) == 0 {
		return again
	}
	wanted := "lastRetry.exitCode in " + codes(r.RetryOn)
	if j.OOM != nil {
		wanted = "(" + wanted + " || lastRetry.message contains 'OOMKilled')"
	}
	return again + " && " + wanted
}

func codes(of []int) string {
	quoted := make([]string, len(of))
	for i, code := range of {
		quoted[i] = argo.Literal(decimal(int64(code)))
	}
	return "[" + strings.Join(quoted, ", ") + "]"
}

// launcherAttempts is the most pods that one launcher may take.
const launcherAttempts = 11

// leastLaunchBackoff is how long a launcher waits at least before its second attempt,
// and twice as long before each further one: all of them together last for more than
// half an hour, within which a quota may become free, or somebody grant a right.
const leastLaunchBackoff = 10 * time.Second

// launcherRetry tries a launcher again whatever its failure: it was interrupted, or the
// API server refused its child. One whose child ended never fails. When the child was
// deleted it is over: another attempt would run everything again.
// See internal/decisions/0049-refused-launchers-are-retried.md.
func launcherRetry(j *job.Job) node {
	patient := *j
	patient.Retry.Backoff = max(j.Retry.Backoff, leastLaunchBackoff)
	patient.Retry.Factor = max(j.Retry.Factor, 2)
	if j.Retry.MaxBackoff > 0 {
		patient.Retry.MaxBackoff = max(j.Retry.MaxBackoff, longestLaunchBackoff)
	}
	return strategy(&patient, launcherAttempts-1, "not ("+expr.ChildGone+")")
}

// longestLaunchBackoff bounds the wait from below where the job bounds it.
const longestLaunchBackoff = 5 * time.Minute

func strategy(j *job.Job, limit int, expression string) node {
	r := j.Retry
	// Without a policy written out, the default would depend on whether there
	// is an expression; without a limit Argo ignores the backoff.
	backoff := node{}
	if r.Backoff > 0 {
		backoff["duration"], backoff["factor"] = duration(r.Backoff), int64(max(r.Factor, 1))
		if r.MaxBackoff > 0 && j.BoundsBackoff() {
			backoff["cap"] = duration(r.MaxBackoff)
		}
	}
	return node{"limit": int64(limit), "retryPolicy": "Always", "expression": expression, "backoff": wait(backoff)}
}
