// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package lower

import (
	"github.com/terraform-backfill/terraform-provider-backfill/internal/argo"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/job"
)

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

// once is the template of such a container. It is placed and protected as
// launchers are: nothing else of the run goes on without it, so that it runs on
// no spot node unless its own attributes say so.
func once(j *job.Job, c runContainer) (node, error) {
	own := *j
	own.Runner, own.Spot, own.OOM, own.Spread, own.Argo = *c.Runner, job.Spot{}, nil, "", job.Overrides{}
	t, err := leaf(&own, onceScope(), c.name, nil)
	delete(t, "inputs")
	return t, err
}

// onceScope are the references that concern no partition.
func onceScope() scope {
	return scope{vars: map[string]string{"job.name": envJob, "run.name": envRun, "attempt": envAttempt}}
}

// opening are the steps before the first wave. When one of them fails, the run
// fails, and nothing else is started.
func (r run) opening(salt string) list {
	var steps list
	if r.job.Setup != nil {
		steps = append(steps, list{r.call(argo.StepSetup+salt, argo.TemplateSetup, nil)})
	}
	return append(steps, r.canary(salt)...)
}

// closing gives a run its exit handler. A teardown that fails is read from its
// node; the run itself ends as it would have without.
func (r run) closing(spec node) {
	if r.job.Teardown == nil {
		return
	}
	step := r.call(argo.StepTeardown, argo.TemplateTeardown, nil)
	step["continueOn"] = node{"error": true, "failed": true}
	templates, _ := spec["templates"].(list)
	spec["templates"], spec["onExit"] = append(templates, row(argo.TemplateExit, list{list{step}})), argo.TemplateExit
}
