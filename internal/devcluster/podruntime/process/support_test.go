// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package process

import (
	"slices"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/yaml"
)

func parse(t *testing.T, spec string) *corev1.Pod {
	t.Helper()
	p := &corev1.Pod{}
	if err := yaml.UnmarshalStrict([]byte(spec), &p.Spec); err != nil {
		t.Fatal(err)
	}
	return p
}

func TestRefusals(t *testing.T) {
	for name, test := range map[string]struct {
		spec string
		want []string
	}{
		"what a pod of Argo asks for": {spec: `
restartPolicy: Never
initContainers: [{name: init, command: [argoexec, init]}]
containers: [{name: wait, command: [argoexec, wait]}, {name: main, command: [/var/run/argo/argoexec, emissary]}]
volumes:
  - {name: a, emptyDir: {}}
  - {name: b, projected: {sources: [{serviceAccountToken: {path: token}}]}}
  - {name: c, hostPath: {path: /x}}
  - {name: d, persistentVolumeClaim: {claimName: x}}
`},
		"pod": {spec: `
restartPolicy: OnFailure
hostIPC: true
shareProcessNamespace: true
containers: []
volumes: [{name: far, nfs: {server: x, path: /}}]
`, want: []string{"restartPolicy OnFailure (use Never)", "hostIPC", "shareProcessNamespace", "the kind of volume far"}},
		"containers": {spec: `
restartPolicy: Never
initContainers: [{name: i, command: [x], restartPolicy: Always}]
containers:
  - name: m
    command: [x]
    stdin: true
    lifecycle: {preStop: {exec: {command: [x]}}}
    securityContext: {capabilities: {add: [NET_ADMIN], drop: [ALL]}}
`, want: []string{"restartPolicy of init container i", "container m with added capabilities", "container m with lifecycle", "container m with stdin"}},
	} {
		t.Run(name, func(t *testing.T) {
			got := refusals(parse(t, test.spec))
			if !equalSets(got, test.want) {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

func equalSets(a, b []string) bool {
	a, b = slices.Clone(a), slices.Clone(b)
	slices.Sort(a)
	slices.Sort(b)
	return slices.Equal(a, b)
}

func TestNotEnforced(t *testing.T) {
	spec := `
securityContext: {runAsUser: 1000, fsGroup: 1, seccompProfile: {type: RuntimeDefault}}
imagePullSecrets: [{name: x}]
containers:
  - name: m
    resources: {limits: {cpu: 1, memory: 1Gi}, requests: {cpu: 1}}
    securityContext: {allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, runAsNonRoot: true, capabilities: {drop: [ALL]}}
volumes: [{name: t, emptyDir: {medium: Memory}}]
`
	always := []string{"emptyDir.medium", "fsGroup", "imagePullSecrets", "limits.cpu", "runAsNonRoot", "seccompProfile"}
	if got := notEnforced(parse(t, spec), machine{memory: true, otherUsers: true}); !slices.Equal(got, always) {
		t.Errorf("got %q", got)
	}
	weak := append([]string{"limits.memory", "runAsUser"}, always...)
	if got := notEnforced(parse(t, spec), machine{}); !equalSets(got, weak) {
		t.Errorf("got %q", got)
	}
	if got := notEnforced(parse(t, "containers: [{name: m, command: [x]}]"), machine{}); len(got) != 0 {
		t.Errorf("got %q", got)
	}
}
