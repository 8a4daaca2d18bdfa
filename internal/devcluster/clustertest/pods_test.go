// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package clustertest

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/yaml"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/devcluster/controlplane"
)

// pod is a manifest of one container called main; spec is the rest of the pod's specification.
func pod(name, container, spec string) string {
	indent := func(text, by string) string { return by + strings.ReplaceAll(strings.TrimSpace(text), "\n", "\n"+by) }
	return fmt.Sprintf(
		"apiVersion: v1\nkind: Pod\nmetadata: {name: %s, labels: {team: data}}\nspec:\n  restartPolicy: Never\n"+
			"  terminationGracePeriodSeconds: 3\n  containers:\n    - name: main\n      image: any\n%s\n%s\n",
		name,
		indent(container, "      "),
		indent(spec, "  "),
	)
}

func (c *cluster) pod(t *testing.T, name string) *corev1.Pod {
	t.Helper()
	var p corev1.Pod
	if err := json.Unmarshal([]byte(c.kubectl(t, "get", "pod", name, "-o", "json")), &p); err != nil {
		t.Fatal(err)
	}
	return &p
}

// ended waits for the end of a pod.
func (c *cluster) ended(t *testing.T, name string) *corev1.Pod {
	t.Helper()
	var p *corev1.Pod
	eventually(t, "pod "+name+" ends", func() bool {
		p = c.pod(t, name)
		return p.Status.Phase == corev1.PodSucceeded || p.Status.Phase == corev1.PodFailed
	})
	return p
}

// output runs a pod that must succeed and returns its log.
func (c *cluster) output(t *testing.T, name, manifest string) string {
	t.Helper()
	c.create(t, manifest)
	p := c.ended(t, name)
	log := c.kubectl(t, "logs", name, "-c", "main")
	if p.Status.Phase != corev1.PodSucceeded {
		status, _ := yaml.Marshal(p.Status)
		t.Fatalf("pod %s failed:\n%s\n%s", name, status, log)
	}
	return log
}

func wantText(t *testing.T, got, want string) {
	t.Helper()
	if got != want {
		t.Errorf("got:\n%s\nwant:\n%s", got, want)
	}
}

// TestPods proves each feature of pods through the API server, all on one cluster.
func TestPods(t *testing.T) {
	c := prepare(t)
	c.up(t)
	c.kubectl(t, "create", "configmap", "settings", "--from-literal=color=blue", "--from-literal=SIZE=9")
	c.kubectl(t, "create", "secret", "generic", "login", "--from-literal=password=p$w'\"d")

	t.Run("variables", func(t *testing.T) { testVariables(t, c) })
	t.Run("volumes", func(t *testing.T) { testVolumes(t, c) })
	t.Run("host paths", func(t *testing.T) { testHostPaths(t, c) })
	t.Run("service account", func(t *testing.T) { testServiceAccount(t, c) })
	t.Run("init containers", func(t *testing.T) { testInitContainers(t, c) })
	t.Run("ends", func(t *testing.T) { testEnds(t, c) })
	t.Run("deletion", func(t *testing.T) { testDeletion(t, c) })
	t.Run("logs and exec", func(t *testing.T) { testLogsAndExec(t, c) })
	t.Run("refused and not enforced", func(t *testing.T) { testSupport(t, c) })
	t.Run("nodes", func(t *testing.T) { testNodes(t, c) })
	t.Run("agent restart", func(t *testing.T) { testAgentRestart(t, c) })
}

func testVariables(t *testing.T, c *cluster) {
	got := c.output(t, "variables", pod("variables", `
command: [printf, "%s|"]
args: ["$(PLAIN)", "$(CHAIN)", "$$(PLAIN)", "$(UNKNOWN)", "$PLAIN", "'\"\\ 🦉", "a\nb", "", "$(COLOR)$(SECRET)$(MISSING)", "$(POD)/$(NODE)/$(IP)/$(TEAM)", "$(CPU) $(MEMORY)", "$(P_SIZE)"]
env:
  - {name: PLAIN, value: "x y"}
  - {name: CHAIN, value: "<$(PLAIN)> $(LATER) $$(PLAIN)"}
  - {name: LATER, value: later}
  - {name: COLOR, valueFrom: {configMapKeyRef: {name: settings, key: color}}}
  - {name: SECRET, valueFrom: {secretKeyRef: {name: login, key: password}}}
  - {name: MISSING, valueFrom: {configMapKeyRef: {name: none, key: none, optional: true}}}
  - {name: POD, valueFrom: {fieldRef: {fieldPath: metadata.name}}}
  - {name: NODE, valueFrom: {fieldRef: {fieldPath: spec.nodeName}}}
  - {name: IP, valueFrom: {fieldRef: {fieldPath: status.podIP}}}
  - {name: TEAM, valueFrom: {fieldRef: {fieldPath: "metadata.labels['team']"}}}
  - {name: CPU, valueFrom: {resourceFieldRef: {resource: requests.cpu, divisor: 1m}}}
  - {name: MEMORY, valueFrom: {resourceFieldRef: {resource: limits.memory}}}
envFrom: [{prefix: P_, configMapRef: {name: settings}}]
resources: {requests: {cpu: 250m}, limits: {memory: 64Mi}}
`, ""))
	wantText(t, got, strings.Join([]string{
		"x y", "<x y> $(LATER) $(PLAIN)", "$(PLAIN)", "$(UNKNOWN)", "$PLAIN", "'\"\\ 🦉", "a\nb", "", "bluep$w'\"d$(MISSING)",
		"variables/on-demand-0/127.0.0.1/data", "250 67108864", "9",
	}, "|")+"|")
}

func testVolumes(t *testing.T, c *cluster) {
	got := c.output(t, "volumes", pod("volumes", `
command: [sh, -c]
args:
  - |
    cat /settings/color /renamed/tint /login/password /info/labels /all/color /all/labels; echo
    stat -Lc %a /renamed/tint /login/password /all/color
    (: > /settings/x) 2>/dev/null || echo settings are read-only
    echo data > /scratch/deep/file && cat /shared/part/file /one.txt
    (: > /etc/x) 2>/dev/null || echo root is read-only
    touch /tmp/x && ls /tmp; pwd
workingDir: /somewhere/else
volumeMounts:
  - {name: settings, mountPath: /settings}
  - {name: renamed, mountPath: /renamed}
  - {name: login, mountPath: /login}
  - {name: info, mountPath: /info}
  - {name: all, mountPath: /all}
  - {name: scratch, mountPath: /scratch/deep, subPath: part}
  - {name: scratch, mountPath: /shared}
  - {name: settings, mountPath: /one.txt, subPath: color}
`, `
volumes:
  - {name: settings, configMap: {name: settings}}
  - {name: renamed, configMap: {name: settings, items: [{key: color, path: tint, mode: 0400}]}}
  - {name: login, secret: {secretName: login, defaultMode: 0440}}
  - {name: info, downwardAPI: {items: [{path: labels, fieldRef: {fieldPath: metadata.labels}}]}}
  - name: all
    projected:
      sources:
        - configMap: {name: settings, items: [{key: color, path: color}]}
        - downwardAPI: {items: [{path: labels, fieldRef: {fieldPath: "metadata.labels['team']"}}]}
  - {name: scratch, emptyDir: {}}
`))
	wantText(
		t,
		got,
		"blueblue"+"p$w'\"d"+"team=\"data\""+"blue"+"data\n400\n440\n644\nsettings are read-only\ndata\nblueroot is "+
			"read-only\nx\n/somewhere/else\n",
	)
}

func testHostPaths(t *testing.T, c *cluster) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "in"), []byte("input\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	got := c.output(t, "host-paths", pod("host-paths", `
command: [sh, -c]
args: ["cat /in/in /file; echo out > /out/out; (: > /in/x) 2>/dev/null || echo read-only; ls -A $STATE 2>/dev/null | wc -l"]
env: [{name: STATE, value: "`+c.state+`/nodes"}]
volumeMounts:
  - {name: in, mountPath: /in, readOnly: true}
  - {name: out, mountPath: /out}
  - {name: file, mountPath: /file}
`, `
volumes:
  - {name: in, hostPath: {path: "`+dir+`", type: Directory}}
  - {name: out, hostPath: {path: "`+dir+`/made", type: DirectoryOrCreate}}
  - {name: file, hostPath: {path: "`+dir+`/in", type: File}}
`))
	wantText(t, got, "input\ninput\nread-only\n0\n")
	written, err := os.ReadFile(filepath.Join(dir, "made", "out"))
	if err != nil || string(written) != "out\n" {
		t.Errorf("the host has %q, %v", written, err)
	}

	c.create(t, pod("wrong-type", `command: ["true"]`+"\n"+`volumeMounts: [{name: v, mountPath: /v}]`,
		`volumes: [{name: v, hostPath: {path: "`+dir+`/in", type: Directory}}]`))
	eventually(t, "the wrong type is reported", func() bool {
		status := c.pod(t, "wrong-type").Status
		return len(status.ContainerStatuses) == 1 && status.ContainerStatuses[0].State.Waiting != nil &&
			strings.Contains(status.ContainerStatuses[0].State.Waiting.Message, "is not a directory")
	})
	eventually(t, "an event tells it too", func() bool {
		return strings.Contains(c.kubectl(t, "get", "events", "--field-selector=reason=FailedMount"), "is not a directory")
	})
	c.kubectl(t, "delete", "pod", "wrong-type")
}

func testServiceAccount(t *testing.T, c *cluster) {
	got := c.output(t, "service-account", pod("service-account", `
command: [sh, -c]
args:
  - |
    cd /var/run/secrets/kubernetes.io/serviceaccount
    cat namespace; echo; grep -c BEGIN ca.crt; cut -d. -f2 token | wc -l
    echo "$KUBERNETES_SERVICE_HOST"; test -n "$KUBERNETES_SERVICE_PORT" && echo port
`, "serviceAccountName: backfill-runner"))
	wantText(t, got, "default\n1\n1\n127.0.0.1\nport\n")
}

func testInitContainers(t *testing.T, c *cluster) {
	manifest := func(name, second string) string {
		return pod(name, `
command: [cat, /v/order]
volumeMounts: [{name: v, mountPath: /v}]
`, `
initContainers:
  - {name: first, image: any, command: [sh, -c, "sleep 0.2; echo first >> /v/order"], volumeMounts: [{name: v, mountPath: /v}]}
  - {name: second, image: any, command: [sh, -c, "`+second+`"], volumeMounts: [{name: v, mountPath: /v}]}
volumes: [{name: v, emptyDir: {}}]
`)
	}
	wantText(t, c.output(t, "init", manifest("init", "echo second >> /v/order")), "first\nsecond\n")

	c.create(t, manifest("init-fails", "exit 9"))
	p := c.ended(t, "init-fails")
	inits, mains := p.Status.InitContainerStatuses, p.Status.ContainerStatuses
	if p.Status.Phase != corev1.PodFailed || inits[1].State.Terminated.ExitCode != 9 || mains[0].State.Waiting == nil {
		t.Errorf("unexpected status %+v", p.Status)
	}
}

func testEnds(t *testing.T, c *cluster) {
	for _, test := range []struct {
		name, container, spec string
		code                  int32
		reason, message       string
		podReason             string
	}{
		{name: "exit-7", container: `command: [sh, -c, "echo -n why > /dev/termination-log; exit 7"]`, code: 7, reason: "Error", message: "why"},
		{name: "log-message", container: "command: [sh, -c, \"echo from the log; exit 1\"]\nterminationMessagePolicy: " +
			"FallbackToLogsOnError",
			code: 1, reason: "Error", message: "from the log\n"},
		{name: "killed", container: `command: [sh, -c, "sh -c 'kill -9 $$$$'; exit $?"]`, code: 137, reason: "Error"},
		{name: "not-found", container: `command: [no-such-program]`, code: 128, reason: "StartError",
			message: `failed to start the container: exec: "no-such-program": executable file not found in $PATH`},
		{name: "deadline", container: `command: [sh, -c, "trap 'exit 3' TERM; while :; do sleep 0.05; done"]`, spec: "activeDeadlineSeconds: 1",
			code: 3, reason: "Error", podReason: "DeadlineExceeded"},
		{name: "deadline-ignored", container: `command: [sleep, "100000"]`, spec: "activeDeadlineSeconds: 1",
			code: 137, reason: "Error", podReason: "DeadlineExceeded"},
	} {
		t.Run(test.name, func(t *testing.T) {
			c.create(t, pod(test.name, test.container, test.spec))
			p := c.ended(t, test.name)
			got := p.Status.ContainerStatuses[0].State.Terminated
			if p.Status.Phase != corev1.PodFailed || p.Status.Reason != test.podReason || got == nil {
				t.Fatalf("status %+v", p.Status)
			}
			if got.ExitCode != test.code || got.Reason != test.reason || got.Message != test.message ||
				got.FinishedAt.IsZero() ||
				got.StartedAt.IsZero() {
				t.Errorf("got %+v", got)
			}
		})
	}
}

func testDeletion(t *testing.T, c *cluster) {
	dir := t.TempDir()
	c.create(t, pod("polite", `
command: [sh, -c, "trap ': > /v/polite; exit 0' TERM; : > /v/ready; while :; do sleep 0.05; done"]
volumeMounts: [{name: v, mountPath: /v}]
`, `volumes: [{name: v, hostPath: {path: "`+dir+`"}}]`))
	c.create(t, pod("other", `command: [sleep, "100000"]`, ""))
	eventually(t, "the pod is ready for the signal", func() bool {
		_, err := os.Stat(filepath.Join(dir, "ready"))
		return err == nil && c.pod(t, "other").Status.Phase == corev1.PodRunning
	})
	c.kubectl(t, "delete", "pod", "polite") // waits until the object is gone
	if _, err := os.Stat(filepath.Join(dir, "polite")); err != nil {
		t.Errorf("the container did not get SIGTERM: %v", err)
	}
	if phase := c.pod(t, "other").Status.Phase; phase != corev1.PodRunning {
		t.Errorf("the other pod is %s", phase)
	}
	c.kubectl(t, "delete", "pod", "other", "--grace-period=1") // does not listen to SIGTERM
}

func testLogsAndExec(t *testing.T, c *cluster) {
	c.create(
		t,
		pod(
			"talk",
			`command: [sh, -c, "trap 'printf four; exit 0' TERM; echo one; echo two >&2; sleep 0.1; echo three; while :; do sleep 0.05; done"]`,
			"",
		),
	)
	eventually(
		t,
		"everything is logged",
		func() bool { return strings.HasSuffix(c.kubectl(t, "logs", "talk"), "three\n") },
	)
	log := c.kubectl(t, "logs", "talk")
	if len(log) != len("one\ntwo\nthree\n") || !strings.Contains(log, "one\n") || !strings.Contains(log, "two\n") {
		t.Errorf("log is %q", log)
	}
	wantText(t, c.kubectl(t, "logs", "talk", "--tail=1"), "three\n")
	if stamped := c.kubectl(t, "logs", "talk", "--timestamps", "--tail=1"); !strings.HasPrefix(stamped, "20") {
		t.Errorf("no timestamp in %q", stamped)
	}
	if _, stderr, err := c.run(
		t.Context(),
		"kubectl",
		"logs",
		"talk",
		"--previous",
	); err == nil ||
		!strings.Contains(stderr, "containers are not restarted") {
		t.Errorf("--previous: %v, %s", err, stderr)
	}

	stdout, stderr, err := c.runWithInput(
		t.Context(),
		"input",
		"kubectl",
		"exec",
		"-i",
		"talk",
		"--",
		"sh",
		"-c",
		"cat; echo err >&2; exit 6",
	)
	if err == nil || stdout != "input" || !strings.Contains(stderr, "err\n") || !strings.Contains(stderr, "exit code 6") {
		t.Errorf("exec: %v, %q, %q", err, stdout, stderr)
	}
	// A websocket client without a terminal, and the signal by which Argo stops a pod.
	c.kubectl(t, "exec", "talk", "--", "sh", "-c", "kill -15 1")
	if p := c.ended(t, "talk"); p.Status.Phase != corev1.PodSucceeded {
		t.Errorf("got %+v", p.Status)
	}
	// Following an ended pod's log ends; a last line without an end of line arrives as it is.
	wantText(t, c.kubectl(t, "logs", "talk", "-f", "--tail=2"), "three\nfour")
	wantText(t, c.kubectl(t, "logs", "talk", "--limit-bytes=3"), log[:3])
}

func testSupport(t *testing.T, c *cluster) {
	c.create(
		t,
		pod("refused", "securityContext: {privileged: true}\nlivenessProbe: {exec: {command: [\"true\"]}}", "hostPID: true"),
	)
	p := c.ended(t, "refused")
	wantText(t, p.Status.Reason, "UnsupportedByLocalCluster")
	wantText(
		t,
		p.Status.Message,
		"The local cluster does not support hostPID; container main with livenessProbe; container main with privileged; "+
			"container main without command (an image is only a label here, so its entrypoint is unknown).",
	)

	c.create(t, pod("accepted", "command: [\"true\"]\nresources: {limits: {cpu: 1}}",
		"imagePullSecrets: [{name: x}]\nsecurityContext: {seccompProfile: {type: RuntimeDefault}}"))
	for _, condition := range c.ended(t, "accepted").Status.Conditions {
		if condition.Type == "LocalClusterNotEnforced" {
			wantText(
				t,
				condition.Message,
				"accepted without effect on a local process: imagePullSecrets, limits.cpu, seccompProfile",
			)
			return
		}
	}
	t.Error("no condition LocalClusterNotEnforced")
}

func testNodes(t *testing.T, c *cluster) {
	wantText(
		t,
		c.kubectl(t, "get", "nodes", "-l", "cloud.google.com/gke-spot=true", "-o", "name"),
		"node/spot-0\nnode/spot-1\n",
	)
	spot := pod("on-spot", `command: ["true"]`, `
nodeSelector: {cloud.google.com/gke-spot: "true"}
tolerations: [{key: cloud.google.com/gke-spot, operator: Exists}]
`)
	c.create(t, spot)
	if node := c.ended(t, "on-spot").Spec.NodeName; !strings.HasPrefix(node, "spot-") {
		t.Errorf("the pod ran on %s", node)
	}
	c.create(t, pod("too-big", "command: [\"true\"]\nresources: {requests: {cpu: 100}}", ""))
	eventually(t, "the scheduler finds no node", func() bool {
		for _, condition := range c.pod(t, "too-big").Status.Conditions {
			if condition.Type == corev1.PodScheduled && condition.Reason == corev1.PodReasonUnschedulable {
				return true
			}
		}
		return false
	})
	c.kubectl(t, "delete", "pod", "too-big")
}

func testAgentRestart(t *testing.T, c *cluster) {
	dir := t.TempDir()
	c.create(t, pod("lost", `
command: [sh, -c, "echo started; : > /v/ready; while :; do date > /v/beat; sleep 0.05; done"]
volumeMounts: [{name: v, mountPath: /v}]
`, `volumes: [{name: v, hostPath: {path: "`+dir+`"}}]`))
	eventually(t, "the pod runs", func() bool {
		_, err := os.Stat(filepath.Join(dir, "ready"))
		return err == nil && c.pod(t, "lost").Status.Phase == corev1.PodRunning
	})
	agent := child(t, c.readState(t), controlplane.NodeAgent)
	if err := agent.Identity.Signal(syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	p := c.ended(t, "lost")
	terminated := p.Status.ContainerStatuses[0].State.Terminated
	if p.Status.Phase != corev1.PodFailed || p.Status.Reason != "NodeAgentRestarted" || terminated == nil ||
		terminated.ExitCode != 137 {
		t.Errorf("got %+v", p.Status)
	}
	if err := os.Remove(filepath.Join(dir, "beat")); err != nil {
		t.Fatal(err)
	}
	wantText(t, c.kubectl(t, "logs", "lost"), "started\n")
	wantText(t, c.output(t, "next", pod("next", "command: [echo, again]", "")), "again\n")
	if _, err := os.Stat(filepath.Join(dir, "beat")); err == nil {
		t.Error("the lost pod's process is still running")
	}
}
