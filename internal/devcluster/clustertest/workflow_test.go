// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package clustertest

import (
	"strings"
	"testing"
)

// awaitPhase waits until a Workflow has ended and fails unless it ended so.
func (c *cluster) awaitPhase(t *testing.T, workflow, want string) {
	t.Helper()
	var got string
	eventually(t, "Workflow "+workflow+" ends", func() bool {
		got = c.kubectl(t, "get", "workflow", workflow, "-o", "jsonpath={.status.phase}")
		return got == "Succeeded" || got == "Failed" || got == "Error"
	})
	if got != want {
		t.Fatalf(
			"Workflow %s ended %s, want %s:\n%s",
			workflow,
			got,
			want,
			c.kubectl(t, "get", "workflow", workflow, "-o", "yaml"),
		)
	}
}

func (c *cluster) pods(t *testing.T, workflow, jsonpath string) string {
	t.Helper()
	return c.kubectl(t, "get", "pods", "-l", "workflows.argoproj.io/workflow="+workflow, "-o", "jsonpath="+jsonpath)
}

// Argo's own executor runs unmodified: init, wait and the wrapper of main. What
// a step writes reaches the next one, and main's output is in kubectl's logs.
const helloWorkflow = `
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: {name: hello}
spec:
  entrypoint: main
  serviceAccountName: backfill-runner
  templates:
    - name: main
      steps:
        - - {name: write, template: write}
        - - name: read
            template: read
            arguments: {parameters: [{name: text, value: "{{steps.write.outputs.parameters.text}}"}]}
    - name: write
      container:
        image: any
        command: [sh, -c]
        args: ["echo 'said on stdout'; printf \"written as $((40 + 2))\" > /tmp/text"]
      outputs:
        parameters: [{name: text, valueFrom: {path: /tmp/text}}]
    - name: read
      inputs: {parameters: [{name: text}]}
      container:
        image: any
        command: [sh, -c]
        args: ["echo \"read: $TEXT\""]
        env: [{name: TEXT, value: "{{inputs.parameters.text}}"}]
`

// The shape of a large run: a launcher creates a child Workflow, waits for its
// end, and outputs its phase and progress.
const launcherWorkflow = `
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: {name: run}
spec:
  entrypoint: launch
  serviceAccountName: backfill-orchestrator
  templates:
    - name: launch
      resource:
        action: apply
        setOwnerReference: true
        successCondition: status.phase in (Succeeded, Failed, Error)
        manifest: |
          apiVersion: argoproj.io/v1alpha1
          kind: Workflow
          metadata: {name: child}
          spec:
            entrypoint: leaf
            serviceAccountName: backfill-runner
            templates:
              - name: leaf
                container: {image: any, command: ["false"]}
      outputs:
        parameters:
          - {name: phase, valueFrom: {jsonPath: "{.status.phase}"}}
          - {name: progress, valueFrom: {jsonPath: "{.status.progress}"}}
`

// A pod asks for a spot node the way it would on the profile's cloud.
const spotWorkflow = `
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: {name: spot}
spec:
  entrypoint: leaf
  serviceAccountName: backfill-runner
  templates:
    - name: leaf
      nodeSelector: {cloud.google.com/gke-spot: "true"}
      tolerations: [{key: cloud.google.com/gke-spot, operator: Equal, value: "true", effect: NoSchedule}]
      container: {image: any, command: ["true"]}
`

// Two pods that would run for ever, one of which is stopped.
const endlessWorkflow = `
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: {name: NAME}
spec:
  entrypoint: leaf
  serviceAccountName: backfill-runner
  templates:
    - name: leaf
      container: {image: any, command: [sh, -c], args: ["echo started; sleep 100000"]}
`

func TestWorkflows(t *testing.T) {
	c := prepare(t)
	c.up(t)

	t.Run("steps pass outputs on", func(t *testing.T) {
		c.create(t, helloWorkflow)
		c.awaitPhase(t, "hello", "Succeeded")
		log := c.kubectl(t, "logs", "-l", "workflows.argoproj.io/workflow=hello", "-c", "main", "--tail=-1")
		for _, want := range []string{"said on stdout", "read: written as 42"} {
			if !strings.Contains(log, want) {
				t.Errorf("the logs lack %q:\n%s", want, log)
			}
		}
		images := c.pods(t, "hello", "{.items[*].spec.initContainers[*].image}")
		if !strings.Contains(images, "argoexec:v3.7.18") {
			t.Errorf("init ran as %q", images)
		}
	})
	t.Run("a launcher waits for its child", func(t *testing.T) {
		c.create(t, launcherWorkflow)
		c.awaitPhase(t, "run", "Succeeded")
		got := c.kubectl(t, "get", "workflow", "run", "-o", "jsonpath={.status.nodes.run.outputs.parameters[*].value}")
		if got != "Failed 0/1" {
			t.Errorf("the launcher's outputs are %q, want %q", got, "Failed 0/1")
		}
		owner := c.kubectl(t, "get", "workflow", "child", "-o", "jsonpath={.metadata.ownerReferences[0].name}")
		if owner != "run" {
			t.Errorf("the child belongs to %q", owner)
		}
	})
	t.Run("the scheduler honours spot nodes", func(t *testing.T) {
		c.create(t, spotWorkflow)
		c.awaitPhase(t, "spot", "Succeeded")
		node := c.pods(t, "spot", "{.items[0].spec.nodeName}")
		label := c.kubectl(t, "get", "node", node, "-o", `jsonpath={.metadata.labels.cloud\.google\.com/gke-spot}`)
		if label != "true" {
			t.Errorf("it ran on %s, which is no spot node", node)
		}
	})
	t.Run("stopping ends one pod only", func(t *testing.T) {
		for _, name := range []string{"stopped", "kept"} {
			c.create(t, strings.Replace(endlessWorkflow, "NAME", name, 1))
		}
		for _, name := range []string{"stopped", "kept"} {
			eventually(t, name+" runs", func() bool {
				log, _, _ := c.run(
					t.Context(),
					"kubectl",
					"logs",
					"-l",
					"workflows.argoproj.io/workflow="+name,
					"-c",
					"main",
					"--tail=-1",
				)
				return strings.Contains(log, "started")
			})
		}
		c.kubectl(t, "patch", "workflow", "stopped", "--type=merge", "-p", `{"spec":{"shutdown":"Terminate"}}`)
		c.awaitPhase(t, "stopped", "Failed")
		eventually(t, "the stopped pod ends", func() bool {
			phase := c.pods(t, "stopped", "{.items[*].status.phase}")
			return phase == "" || phase == "Failed" || phase == "Succeeded"
		})
		if phase := c.pods(t, "kept", "{.items[*].status.phase}"); phase != "Running" {
			t.Errorf("the other pod is %s", phase)
		}
	})

	// A pod still runs: taking the cluster down ends it as well.
	if _, stderr, err := c.run(t.Context(), "down"); err != nil {
		t.Fatalf("down: %v\n%s", err, stderr)
	}
	if left := processesOf(t, c.state); len(left) > 0 {
		t.Errorf("down left processes %v", left)
	}
}
