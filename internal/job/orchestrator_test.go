// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package job_test

import (
	"maps"
	"strings"
	"testing"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/job"
)

const tainted = `
  partition {
    query = {
      image   = "a"
      command = ["a"]
      size    = 5
    }
  }
  setup {
    image       = "a"
    command     = ["a"]
    tolerations = []
  }
  teardown {
    image         = "a"
    command       = ["a"]
    node_selector = { pool = "small" }
  }
  runner {
    image              = "a"
    command            = ["a"]
    node_selector      = { pool = "batch" }
    tolerations        = [{ key = "dedicated" }]
    priority_class     = "low"
    image_pull_secrets = ["registry"]
  }
`

func placed(t *testing.T, text string) *job.Job {
	t.Helper()
	j, diags := job.Decode(body(t, "job \"orders\" {\n"+text+"}\n"))
	if len(diags) > 0 {
		t.Fatal(diags)
	}
	return j
}

// Regression: where every node has a taint, launchers and what runs once had no node
// to go to although the partitions had.
func TestPodsBesidePartitionsFollowTheRunner(t *testing.T) {
	j := placed(t, tainted)
	for name, pod := range map[string]job.Runner{
		"query":    j.Query.Generator,
		"launcher": {NodeSelector: j.Orchestrator.NodeSelector, Tolerations: j.Orchestrator.Tolerations, PriorityClass: j.Orchestrator.PriorityClass, PullSecrets: j.Orchestrator.PullSecrets},
		"setup":    *j.Setup,
		"teardown": *j.Teardown,
	} {
		wantNode, wantTaints := "batch", 1
		switch name {
		case "setup": // says that it tolerates nothing
			wantTaints = 0
		case "teardown":
			wantNode = "small"
		}
		if pod.NodeSelector["pool"] != wantNode || len(pod.NodeSelector) != 1 || len(pod.Tolerations) != wantTaints ||
			pod.PriorityClass != "low" || len(pod.PullSecrets) != 1 {
			t.Errorf("%s is placed at %v, tolerates %v, has the class %q and the secrets %v",
				name, pod.NodeSelector, pod.Tolerations, pod.PriorityClass, pod.PullSecrets)
		}
	}
}

func TestOrchestratorCanSayNothing(t *testing.T) {
	j := placed(t, tainted+`orchestrator = { node_selector = {}, tolerations = [], image_pull_secrets = [] }`+"\n")
	o := j.Orchestrator
	if len(o.NodeSelector)+len(o.Tolerations)+len(o.PullSecrets) > 0 || o.PriorityClass != "low" {
		t.Errorf("launchers follow the runner where they say otherwise: %+v", o)
	}
}

// What starts shards is a program for Linux, and what runs once is the user's.
func TestLaunchersDoNotFollowToWindows(t *testing.T) {
	j := placed(t, strings.Replace(tainted, `{ pool = "batch" }`, `{ "kubernetes.io/os" = "windows" }`, 1))
	if !j.Runner.Windows || !j.Setup.Windows || !j.Query.Generator.Windows || j.Teardown.Windows {
		t.Errorf("Windows: runner %t, setup %t, query %t, teardown %t",
			j.Runner.Windows, j.Setup.Windows, j.Query.Generator.Windows, j.Teardown.Windows)
	}
	if len(j.Orchestrator.NodeSelector) > 0 || len(j.Orchestrator.Tolerations) != 1 {
		t.Errorf("launchers go to %v and tolerate %v", j.Orchestrator.NodeSelector, j.Orchestrator.Tolerations)
	}
}

func TestWindowsIsToldByAnyOfItsSigns(t *testing.T) {
	const affinity = `affinity = { nodeAffinity = { requiredDuringSchedulingIgnoredDuringExecution = { ` +
		`nodeSelectorTerms = [%] } } }`
	term := func(terms string) string { return strings.Replace(affinity, "%", terms, 1) }
	const (
		windows = `{ matchExpressions = [{ key = "kubernetes.io/os", operator = "In", values = ["windows"] }] }`
		either  = `{ matchExpressions = [{ key = "kubernetes.io/os", operator = "In", values = ["windows", "linux"] }] }`
		other   = `{ matchExpressions = [{ key = "pool", operator = "Exists" }] }`
	)
	got := map[string]bool{}
	for _, line := range []string{
		`patch = { os = { name = "windows" } }`,
		`patch = { nodeSelector = { "kubernetes.io/os" = "windows" } }`,
		term(windows), term(windows + ", " + windows), term(windows + ", " + other), term(either), "",
	} {
		got[line] = placed(t, `
  partition { range = { start = 0, end = 10, size = 5 } }
  runner {
    image   = "a"
    command = ["a"]
    `+line+`
  }
`).Runner.Windows
	}
	want := map[string]bool{
		`patch = { os = { name = "windows" } }`:                         true,
		`patch = { nodeSelector = { "kubernetes.io/os" = "windows" } }`: true,
		term(windows): true, term(windows + ", " + windows): true,
		term(windows + ", " + other): false, term(either): false, "": false,
	}
	if !maps.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}
