// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package lower

import (
	"slices"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/job"
)

// executor is a container of Argo's own in a pod. Templates have no fields for it, so
// what the job says of it comes by patch, which must name no container that the
// pod does not have.
type executor struct {
	list, name       string
	requests, limits map[string]string
}

// besideContainer are those of a pod that runs a container.
func besideContainer(a job.Argoexec) []executor {
	return []executor{
		{"initContainers", "init", a.Requests, a.Limits},
		{"containers", "wait", a.Requests, a.Limits},
	}
}

// ofLauncher are those of a pod that starts a shard. It has no other containers, and
// only one of these two where Argo archives no logs of it.
func ofLauncher(a job.Argoexec, o job.Orchestrator) []executor {
	main := executor{"containers", "main", o.Requests, o.Limits}
	if len(main.requests)+len(main.limits) == 0 {
		main.requests, main.limits = a.Requests, a.Limits
	}
	return []executor{{"initContainers", "init", a.Requests, a.Limits}, main}
}

// write adds the container to a patch, beside what the job's own patch says of it.
func (e executor) write(j *job.Job, patch node) {
	fields := node{"resources": sparse(node{"requests": toAny(e.requests), "limits": toAny(e.limits)})}
	if s := j.Argoexec.Security; s != nil {
		fields["securityContext"] = containerSecurity(*s, j.Runner.Windows)
	}
	fields = sparse(fields)
	if len(fields) == 0 {
		return
	}
	containers, _ := patch[e.list].(list)
	i := slices.IndexFunc(containers, func(c any) bool {
		own, _ := c.(node)
		return own["name"] == e.name
	})
	if i < 0 {
		i, containers = 0, append(list{node{"name": e.name}}, containers...)
	}
	if own, ok := containers[i].(node); ok {
		for name, value := range fields {
			setDefault(own, name, value)
		}
	}
	patch[e.list] = containers
}
