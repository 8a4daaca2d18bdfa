// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package convert

import (
	"fmt"
	"strings"
)

// remarks explain fields that a job does not have, by the end of their path.
var remarks = map[string]string{
	"ttlStrategy":           "the provider deletes Workflows after their outcome is recorded.",
	"podGC":                 "the provider sets when pods are deleted.",
	"archiveLogs":           "logs are stored where Argo stores them by default.",
	"artifactRepositoryRef": "partitions have no artifacts.",
	"artifactGC":            "partitions have no artifacts.",
	"artifacts": "partitions have no artifacts. Read and write files in the container, or mount a " +
		"volume.",
	"archiveLocation": "partitions have no artifacts.",
	"outputs": "outputs of a partition are not collected. Write results to their destination in the " +
		"runner.",
	"onExit":                     "teardown runs one container at the end of a run, whatever its outcome.",
	"hooks":                      "a run has no hooks for events.",
	"when":                       "a job runs when it is applied.",
	"depends":                    "a job has no dependencies on other steps.",
	"dependencies":               "a job has no dependencies on other steps.",
	"continueOn":                 "failed partitions do not stop others; failure_budget limits them.",
	"failFast":                   "failed partitions do not stop others; failure_budget limits them.",
	"expression":                 "retries depend on exit codes: retry.retry_on and retry.fail_on.",
	"retryPolicy":                "failures and interruptions are both retried.",
	"maxDuration":                "retry.limit limits the number of retries, and max_backoff the wait between them.",
	"synchronization":            "max_parallel limits the pods of one job; there are no locks.",
	"memoize":                    "the record of the job lists the partitions that are done.",
	"metrics":                    "templates have no metrics.",
	"sidecars":                   "a runner has one container.",
	"initContainers":             "a runner has one container. Do this when it starts, or in the image.",
	"timeout":                    "runner.deadline limits an attempt from its start.",
	"spec.activeDeadlineSeconds": "a run has no deadline; runner.deadline limits an attempt.",
	"volumeClaimTemplates":       "volumes are not created per Workflow.",
	"schedule":                   "a backfill has no schedule; it runs until its keys are done.",
	"schedules":                  "a backfill has no schedule; it runs until its keys are done.",
	"timezone":                   "a backfill has no schedule; it runs until its keys are done.",
	"concurrencyPolicy":          "two runs of a job never overlap.",
	"startingDeadlineSeconds":    "a backfill has no schedule; it runs until its keys are done.",
	"successfulJobsHistoryLimit": "the record of the job stores its last runs.",
	"failedJobsHistoryLimit":     "the record of the job stores its last runs.",
	"suspend":                    "see paused.",
	"priority":                   "there is no queue of runs.",
	"podDisruptionBudget":        "see anchor.pod_disruption_budget.",
	"executor":                   "the executor uses the runner's service account.",
	"annotations":                "Workflow annotations are not supported; runner.annotations sets pod annotations.",
	"workflowMetadata":           "labels of the job apply to all its objects.",
}

// silent are fields that do not affect the run.
var silent = []string{
	"status", "metadata.uid", "metadata.resourceVersion", "metadata.creationTimestamp", "metadata.generation",
	"metadata.managedFields", "metadata.selfLink", "metadata.name", "metadata.generateName", "metadata.namespace",
	"apiVersion", "kind",
}

// leftovers lists unused values of the workflow and of those that it refers to.
// See internal/decisions/0034-convert-drops-nothing.md.
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

// remark explains why a value is not in the job.
func remark(v value) string {
	path := v.path
	if text, known := remarks[path]; known {
		return text
	}
	name := path[strings.LastIndex(path, ".")+1:]
	bare, _, isElement := strings.Cut(name, "[")
	if bare == "templates" && isElement {
		return fmt.Sprintf("the template %q does not run per item.", v.peek("name"))
	}
	if bare == "parameters" && isElement {
		return fmt.Sprintf("the converted jobs do not use the parameter %q.", v.peek("name"))
	}
	if bare == "volumes" && isElement {
		return fmt.Sprintf("the converted jobs do not mount the volume %q.", v.peek("name"))
	}
	if text, known := remarks[bare]; known {
		return text
	}
	return "a job has no such setting."
}
