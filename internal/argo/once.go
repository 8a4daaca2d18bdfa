// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package argo

import (
	"cmp"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/job"
)

// exitName is the template that a run calls as its exit handler. Argo calls it
// when everything else of the run has ended, however it ended, unless the run is
// terminated or deleted.
const exitName = "exit"

// runContainer is a container that runs once for a run.
type runContainer struct {
	name string // of its template
	*job.Runner
}

func ofRun(j *job.Job) []runContainer {
	var out []runContainer
	for _, c := range []runContainer{{tmplSetup, j.Setup}, {tmplTeardown, j.Teardown}} {
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
		steps = append(steps, list{r.call(stepSetup+salt, tmplSetup, nil)})
	}
	return append(steps, r.canary(salt)...)
}

// closing gives a run its exit handler. A teardown that fails is read from its
// node; the run itself ends as it would have without.
func (r run) closing(spec node) {
	if r.job.Teardown == nil {
		return
	}
	step := r.call(stepTeardown, tmplTeardown, nil)
	step["continueOn"] = node{"error": true, "failed": true}
	templates, _ := spec["templates"].(list)
	spec["templates"], spec["onExit"] = append(templates, row(exitName, list{list{step}})), exitName
}

// addOnce adds the names of setup and teardown; next yields the hash of the next
// group of steps.
func (r run) addOnce(ids *idSet, salt string, next func() uint32) bool {
	fresh := true
	if r.job.Setup != nil {
		g := next()
		fresh = ids.add(g) && ids.addAttempts(fnv(g, "."+stepSetup+salt), r.attempts)
	}
	if r.job.Teardown != nil {
		at, apart := ids.addOnlyOnce(fnv(fnvBasis, r.name+".onExit"))
		g := fnv(at, "[0]")
		fresh = fresh && apart && ids.add(g) && ids.addAttempts(fnv(g, "."+stepTeardown), r.attempts)
	}
	return fresh
}

// onceNodes bounds the number of those names.
func (r run) onceNodes() int { return len(ofRun(r.job)) * (r.attempts + 4) }

// once is what became of the container with that template. A setup that a stop
// cut short has not failed; a teardown runs after a stop, and then fails by itself.
func (w workflow) once(template string) Once {
	nodes := w.running(template)
	if len(nodes) == 0 {
		return Once{}
	}
	n := nodes[0]
	o := Once{Phase: n.Phase}
	if n.failed() && (template == tmplTeardown || !w.stopped(n)) {
		o.Message = cmp.Or(w.reason(n), "no reason was given")
	}
	return o
}
