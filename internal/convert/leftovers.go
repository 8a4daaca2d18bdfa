// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package convert

import (
	"fmt"
	"strings"
)

// remarks say what becomes of fields that have no place in a job, by the end
// of their path.
var remarks = map[string]string{
	"ttlStrategy":                "Workflows whose outcome is recorded are removed by this program.",
	"podGC":                      "pods are removed by this program's own rule.",
	"archiveLogs":                "logs are where Argo keeps them by default.",
	"artifactRepositoryRef":      "partitions have no artifacts.",
	"artifactGC":                 "partitions have no artifacts.",
	"artifacts":                  "partitions have no artifacts. Let the container fetch and store files, or mount a volume.",
	"archiveLocation":            "partitions have no artifacts.",
	"outputs":                    "outputs of a partition are not collected. Let the runner write its result where it belongs.",
	"onExit":                     "teardown runs one container at the end of a run, however it ended.",
	"hooks":                      "nothing runs at events of a run.",
	"when":                       "a job is run when it is applied.",
	"depends":                    "there is no order between a job and other steps.",
	"dependencies":               "there is no order between a job and other steps.",
	"continueOn":                 "failed partitions never stop others; failure_budget bounds them.",
	"failFast":                   "failed partitions never stop others; failure_budget bounds them.",
	"expression":                 "failures are told apart by exit codes here: retry.retry_on and retry.fail_on.",
	"retryPolicy":                "failures and interruptions are both tried again.",
	"maxDuration":                "what bounds retries is their number, and max_backoff their wait.",
	"synchronization":            "max_parallel bounds the pods of one job; there are no locks.",
	"memoize":                    "the record of the job knows which partitions are done.",
	"metrics":                    "there are no metrics of templates.",
	"sidecars":                   "a runner has one container.",
	"initContainers":             "a runner has one container. Do this at its start, or in the image.",
	"timeout":                    "runner.deadline bounds an attempt from its start.",
	"spec.activeDeadlineSeconds": "a run has no deadline; runner.deadline bounds an attempt.",
	"volumeClaimTemplates":       "volumes are not made for each Workflow.",
	"schedule":                   "a backfill runs until its keys are done, not by the clock.",
	"schedules":                  "a backfill runs until its keys are done, not by the clock.",
	"timezone":                   "a backfill runs until its keys are done, not by the clock.",
	"concurrencyPolicy":          "two runs of a job never overlap.",
	"startingDeadlineSeconds":    "a backfill runs until its keys are done, not by the clock.",
	"successfulJobsHistoryLimit": "the record of the job keeps its last runs.",
	"failedJobsHistoryLimit":     "the record of the job keeps its last runs.",
	"suspend":                    "see paused.",
	"priority":                   "there is no queue of runs.",
	"podDisruptionBudget":        "see anchor.pod_disruption_budget.",
	"executor":                   "the runner's service account is the executor's too.",
	"annotations":                "annotations of the Workflow; those of pods are runner.annotations.",
	"workflowMetadata":           "labels of the job are on all of its objects.",
}

// silent are fields that say nothing of what is run.
var silent = []string{
	"status", "metadata.uid", "metadata.resourceVersion", "metadata.creationTimestamp", "metadata.generation",
	"metadata.managedFields", "metadata.selfLink", "metadata.name", "metadata.generateName", "metadata.namespace", "apiVersion", "kind",
}

// leftovers lists what nothing has used: in the workflow, and in those that it
// refers to.
func (c *converter) leftovers() []note {
	var out []note
	for _, spec := range c.workflow.specs[1:] {
		out = append(out, c.unusedIn(spec)...)
	}
	doc := c.workflow.document
	for _, name := range silent {
		doc.get(strings.Split(name, ".")...).use()
	}
	for _, m := range doc.get("metadata", "labels").members() {
		if strings.HasPrefix(m.name, "workflows.argoproj.io/") {
			m.value.use()
		}
	}
	return append(out, c.unusedIn(doc)...)
}

func (c *converter) unusedIn(v value) []note {
	var out []note
	for _, u := range v.unused() {
		out = append(out, note{u, remark(u)})
	}
	return out
}

// remark words why a value is not in the job.
func remark(v value) string {
	path := v.path
	if text, known := remarks[path]; known {
		return text
	}
	name := path[strings.LastIndex(path, ".")+1:]
	bare, _, isElement := strings.Cut(name, "[")
	if bare == "templates" && isElement {
		return fmt.Sprintf("the template %q is not part of what is run for each item.", v.peek("name"))
	}
	if bare == "parameters" && isElement {
		return fmt.Sprintf("the parameter %q is not used by what was carried over.", v.peek("name"))
	}
	if bare == "volumes" && isElement {
		return fmt.Sprintf("nothing that was carried over mounts the volume %q.", v.peek("name"))
	}
	if text, known := remarks[bare]; known {
		return text
	}
	return "a job has no place for it."
}
