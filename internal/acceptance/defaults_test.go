// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package acceptance

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
)

// hostileDefaults are what an administrator might have every Workflow get. What
// would change which pods run, how often, or what their end means must not reach
// what this program writes, and none of it may show as drift. They are a format of
// the label by which they are seen, and of a timeout.
const hostileDefaults = `
metadata:
  labels: {team: %s}
  annotations: {owner: somebody, backfill.dev/note: strange}
spec:
  activeDeadlineSeconds: 1
  parallelism: 1
  suspend: true
  ttlStrategy: {secondsAfterCompletion: 1, secondsAfterSuccess: 1, secondsAfterFailure: 1}
  podGC: {strategy: OnWorkflowCompletion, deleteDelayDuration: 1s}
  retryStrategy: {limit: 3, retryPolicy: Always, backoff: {duration: 1s, maxDuration: 2s}}
  onExit: notify
  templates:
    - name: notify
      serviceAccountName: backfill-runner
      activeDeadlineSeconds: 600
      daemon: false
      container: {image: busybox, command: ["true"]}
  templateDefaults:
    failFast: true
    daemon: true
    activeDeadlineSeconds: 1
    timeout: %s
    retryStrategy: {limit: 3, retryPolicy: Always, expression: "true", backoff: {duration: 1s, factor: 9, maxDuration: 2s}, affinity: {nodeAntiAffinity: {}}}
    metadata: {annotations: {audited: "yes"}}
    podSpecPatch: '{"terminationGracePeriodSeconds": 21}'
    container: {image: none, command: ["false"], env: [{name: REGION, value: eu}]}
  arguments: {parameters: [{name: size, value: "7"}, {name: region, value: eu}]}
  tolerations: [{key: nothing, operator: Exists}]
  nodeSelector: {kubernetes.io/os: linux}
  podMetadata: {annotations: {sidecar.istio.io/inject: "false"}}
  podSpecPatch: '{"terminationGracePeriodSeconds": 20}'
  priority: 7
  archiveLogs: false
  automountServiceAccountToken: true
  volumes: [{name: scratch, emptyDir: {}}]
  workflowMetadata: {labels: {cost-center: "12"}}
`

// TestHostileWorkflowDefaults has controllers with such defaults run every
// example, and jobs that fail, with Argo's minimal CRDs and with its full ones.
func TestHostileWorkflowDefaults(t *testing.T) {
	if os.Getenv(envLong) == "" {
		t.Skip("long: make test-long starts two more clusters for it")
	}
	binary := buildProvider(t)
	for _, crds := range []string{"minimal", "full"} {
		t.Run(crds, func(t *testing.T) {
			c := anotherCluster(t, "--crds", crds)
			c.defaults(t, "hurried", fmt.Sprintf(hostileDefaults, "hurried", "1s"))
			t.Run("failures", func(t *testing.T) { failuresAreNotRepeated(t, c, binary) })
			// Some examples have deadlines, whose place a timeout takes.
			c.defaults(t, "hostile", fmt.Sprintf(hostileDefaults, "hostile", "10m"))
			t.Run("examples", func(t *testing.T) { runExamples(t, c) })
			editEverything(t, c)
			t.Run("imposed", func(t *testing.T) { impositionsAreSaid(t, c, binary) })
		})
	}
}

// failuresAreNotRepeated runs a partition that fails beside two that do not. With
// the defaults' retryStrategy Argo would start all of them again.
func failuresAreNotRepeated(t *testing.T, c *localCluster, binary string) {
	p := newProxy(t, c)
	once := map[string]int{"0--10": 1, "10--20": 1, "20--30": 1}
	for name, more := range map[string]string{
		"one":    "",
		"shards": "shard_size = 1\norchestrator = { service_account = \"backfill-orchestrator\" }",
		"waves": "shard_size = 1\norchestrator = { service_account = \"backfill-orchestrator\" }\nfailure_budget = { " +
			"max_failed = 1 }",
	} {
		t.Run(name, func(t *testing.T) {
			log := t.TempDir()
			if err := os.Chmod(log, 0o777); err != nil {
				t.Fatal(err)
			}
			r := &run{newSession(t, p, binary, "hostile-"+name), c, log}
			r.declare(r.counted("", more))
			t.Cleanup(func() { r.terraform("destroy", "-auto-approve") })
			failed(r)
			if tried := linesByKey(t, filepath.Join(log, "tried")); !maps.Equal(tried, once) {
				t.Errorf("partitions were tried %v, want %v", tried, once)
			}
			for _, wf := range c.workflowsOf(t, r.name) {
				progress, _, _ := unstructured.NestedString(wf.Object, "status", "progress")
				if _, shard := wf.GetLabels()["backfill.dev/shard"]; shard && !strings.HasSuffix(progress, "/1") {
					t.Errorf("the shard %s has more pods than its partition's: %s", wf.GetName(), progress)
				}
			}
			r.demand(2, "1 partition failed.", `intervals = "[10,20)"`)
			r.must("apply", "-auto-approve")
			r.watch(c, 0)
			r.demand(0)
			if done := linesByKey(t, filepath.Join(log, "done")); !maps.Equal(done, once) {
				t.Errorf("partitions were done %v, want %v", done, once)
			}
		})
	}
}

// impositions are defaults that nothing can keep out of a Workflow, and what a
// plan tells of each.
var impositions = map[string]struct {
	spec  string
	tells []string
	ends  bool // the run, at its birth
	stays bool // the run, when its pods have ended
}{
	"locks": {
		spec: "{synchronization: {mutexes: [{name: one-at-a-time}]}, templateDefaults: {parallelism: 7, timeout: 1h}}",
		tells: []string{
			`"spec.synchronization" (`,
			`"spec.templateDefaults.parallelism" (`,
			`"spec.templateDefaults.timeout" (`,
		},
	},
	"hooks": {
		spec: `{hooks: {begun: {template: notify, expression: 'workflow.status == "Running"'}}, ` +
			`templates: [{name: notify, serviceAccountName: backfill-runner, container: {image: busybox, command: ["true"]}}]}`,
		tells: []string{`"spec.hooks" (`},
	},
	"memoize": {
		spec:  "{templateDefaults: {memoize: {key: all, maxAge: 1h, cache: {configMap: {name: memo}}}}}",
		tells: []string{`"spec.templateDefaults.memoize" (`},
		stays: true,
	},
	"inputs": {
		spec:  "{templateDefaults: {inputs: {parameters: [{name: colour, value: red}]}}}",
		tells: []string{`"spec.templateDefaults.inputs" (`},
	},
	"outputs": {
		spec:  "{templateDefaults: {outputs: {parameters: [{name: colour, valueFrom: {path: /tmp/colour, default: red}}]}}}",
		tells: []string{`"spec.templateDefaults.outputs" (`},
	},
	"resource": {
		spec:  `{templateDefaults: {resource: {action: get, successCondition: status.phase == Succeeded, manifest: "{}"}}}`,
		tells: []string{`"spec.templateDefaults.resource" (`},
	},
	"another": {
		spec:  "{workflowTemplateRef: {name: other}}",
		tells: []string{"3 partitions did not finish. Argo ended run imposed-another-r1: invalid spec"},
		ends:  true,
	},
	"shutdown": {spec: "{shutdown: Terminate}", tells: []string{"3 partitions did not finish."}, ends: true},
}

// impositionsAreSaid has controllers with such defaults run a job, which with most
// of them is done nevertheless.
func impositionsAreSaid(t *testing.T, c *localCluster, binary string) {
	for name, imposed := range impositions {
		t.Run(name, func(t *testing.T) {
			c.defaults(t, name, fmt.Sprintf("metadata: {labels: {team: %s}}\nspec: %s", name, imposed.spec))
			log := t.TempDir()
			if err := os.Chmod(log, 0o777); err != nil {
				t.Fatal(err)
			}
			r := &run{newSession(t, newProxy(t, c), binary, "imposed-"+name), c, log}
			r.touch("fixed")
			r.declare(r.counted("1", ""))
			t.Cleanup(func() { r.terraform("destroy", "-auto-approve") })
			r.must("apply", "-auto-approve")
			c.working(t, r.name+"-r1")
			if imposed.ends {
				r.watch(c, 1)
				r.demand(2, imposed.tells...)
				return
			}
			r.demand(0, append(imposed.tells, "Conflicting Controller Defaults")...)
			r.touch("go")
			if imposed.stays {
				return
			}
			r.watch(c, 0)
			if done := linesByKey(t, filepath.Join(log, "done")); len(done) != 3 {
				t.Errorf("partitions were done %v", done)
			}
		})
	}
}

func (c *localCluster) workflowsOf(t *testing.T, job string) []unstructured.Unstructured {
	t.Helper()
	list, err := c.dynamic.Resource(workflows).
		Namespace(namespace).
		List(t.Context(), metav1.ListOptions{LabelSelector: "backfill.dev/job=" + job})
	if err != nil {
		t.Fatal(err)
	}
	return list.Items
}

// anotherCluster starts a cluster of the test's own.
func anotherCluster(t *testing.T, args ...string) *localCluster {
	t.Helper()
	state := t.TempDir()
	c := &localCluster{binary: cluster(t).binary, state: state, kubeconfig: filepath.Join(state, "kubeconfig"), ours: true}
	t.Cleanup(func() {
		if out, err := c.command("down", "--remove").CombinedOutput(); err != nil {
			t.Errorf("%v\n%s", err, out)
		}
	})
	for tries := 3; ; tries-- {
		out, err := c.command(append([]string{"up"}, args...)...).CombinedOutput()
		if err == nil {
			break
		}
		if tries == 1 { // a busy machine takes its time for the full CRDs
			t.Fatalf("%v\n%s", err, out)
		}
	}
	if err := c.connect(); err != nil {
		t.Fatal(err)
	}
	var err error
	if c.limited, err = c.grant(t.Context(), namespace); err != nil {
		t.Fatal(err)
	}
	return c
}

// defaults sets the controller's workflowDefaults, and waits until they are
// merged into a new Workflow, which shows in their label team.
func (c *localCluster) defaults(t *testing.T, team, text string) {
	t.Helper()
	configMaps := schema.GroupVersionResource{Version: "v1", Resource: "configmaps"}
	patch := fmt.Sprintf(`{"data":{"workflowDefaults":%q}}`, text)
	const name = "workflow-controller-configmap"
	_, err := c.dynamic.Resource(configMaps).
		Namespace("argo").
		Patch(t.Context(), name, types.MergePatchType, []byte(patch), metav1.PatchOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for i := range 60 {
		probe := &unstructured.Unstructured{Object: map[string]any{
			"apiVersion": "argoproj.io/v1alpha1",
			"kind":       "Workflow",
			"metadata":   map[string]any{"name": fmt.Sprintf("probe-%s-%d", team, i), "namespace": namespace},
			"spec": map[string]any{
				"entrypoint": "wait",
				"templates":  []any{map[string]any{"name": "wait", "suspend": map[string]any{}}},
			},
		}}
		if _, err := c.dynamic.Resource(workflows).
			Namespace(namespace).
			Create(t.Context(), probe, metav1.CreateOptions{}); err != nil {
			t.Fatal(err)
		}
		c.working(t, probe.GetName())
		seen, err := c.dynamic.Resource(workflows).Namespace(namespace).Get(t.Context(), probe.GetName(), metav1.GetOptions{})
		if err := c.dynamic.Resource(workflows).
			Namespace(namespace).
			Delete(t.Context(), probe.GetName(), metav1.DeleteOptions{}); err != nil {
			t.Fatal(err)
		}
		if err == nil && seen.GetLabels()["team"] == team {
			return
		}
		time.Sleep(500 * time.Millisecond)
	}
	t.Fatal("the controller does not use the defaults")
}
