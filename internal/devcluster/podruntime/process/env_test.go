// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package process

import (
	"context"
	"maps"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes/fake"
)

func testRuntime(objects_ ...any) *Runtime {
	client := fake.NewClientset()
	for _, object := range objects_ {
		switch o := object.(type) {
		case *corev1.ConfigMap:
			_ = client.Tracker().Add(o)
		case *corev1.Secret:
			_ = client.Tracker().Add(o)
		case *corev1.PersistentVolumeClaim:
			_ = client.Tracker().Add(o)
		case *corev1.PersistentVolume:
			_ = client.Tracker().Add(o)
		}
	}
	return &Runtime{
		config:  Config{APIServerHost: "127.0.0.1", APIServerPort: "6443", Path: "/bin"},
		objects: objects{client: client},
	}
}

func testPod(c corev1.Container) *pod {
	return &pod{
		Pod: &corev1.Pod{
			ObjectMeta: metav1.ObjectMeta{Name: "p", Namespace: "data", UID: "u", Labels: map[string]string{"a": "b"}},
			Spec:       corev1.PodSpec{NodeName: "n", ServiceAccountName: "runner", Containers: []corev1.Container{c}},
		},
		node: &corev1.Node{
			Status: corev1.NodeStatus{Allocatable: corev1.ResourceList{corev1.ResourceMemory: resource.MustParse("8Gi")}},
		},
	}
}

func TestEnvironment(t *testing.T) {
	settings := &corev1.ConfigMap{
		ObjectMeta: metav1.ObjectMeta{Name: "s", Namespace: "data"},
		Data:       map[string]string{"k": "v", "A": "from"},
	}
	login := &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Name: "l", Namespace: "data"},
		Data:       map[string][]byte{"pw": []byte("x")},
	}
	binary := &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Name: "b", Namespace: "data"},
		Data:       map[string][]byte{"k": {0xff}},
	}
	r := testRuntime(settings, login, binary)
	yes := true
	reference := func(name string) corev1.LocalObjectReference { return corev1.LocalObjectReference{Name: name} }
	field := func(path string) *corev1.EnvVarSource {
		return &corev1.EnvVarSource{FieldRef: &corev1.ObjectFieldSelector{APIVersion: "v1", FieldPath: path}}
	}
	for name, test := range map[string]struct {
		env     []corev1.EnvVar
		from    []corev1.EnvFromSource
		want    map[string]string
		problem string
	}{
		"later values see earlier ones only": {
			env:  []corev1.EnvVar{{Name: "B", Value: "$(A)$(C)"}, {Name: "A", Value: "1"}, {Name: "C", Value: "$(A)$$(A)$(B)"}},
			want: map[string]string{"A": "1", "B": "$(A)$(C)", "C": "1$(A)$(A)$(C)"},
		},
		"service variables are seen, and lose": {
			env: []corev1.EnvVar{
				{Name: "U", Value: "$(KUBERNETES_SERVICE_HOST)"},
				{Name: "KUBERNETES_SERVICE_PORT", Value: "1"},
			},
			want: map[string]string{"U": "127.0.0.1", "KUBERNETES_SERVICE_PORT": "1"},
		},
		"env wins over envFrom": {
			from: []corev1.EnvFromSource{
				{Prefix: "P_", SecretRef: &corev1.SecretEnvSource{LocalObjectReference: reference("l")}},
				{ConfigMapRef: &corev1.ConfigMapEnvSource{LocalObjectReference: reference("s")}},
				{ConfigMapRef: &corev1.ConfigMapEnvSource{LocalObjectReference: reference("none"), Optional: &yes}},
			},
			env:  []corev1.EnvVar{{Name: "A", Value: "env"}, {Name: "K", Value: "$(k)"}},
			want: map[string]string{"P_pw": "x", "k": "v", "A": "env", "K": "v"},
		},
		"fields": {
			env: []corev1.EnvVar{
				{Name: "NODE", ValueFrom: field("spec.nodeName")}, {Name: "SA", ValueFrom: field("spec.serviceAccountName")},
				{Name: "IP", ValueFrom: field("status.hostIP")}, {Name: "UID", ValueFrom: field("metadata.uid")},
				{Name: "L", ValueFrom: field("metadata.labels['a']")},
				{Name: "M", ValueFrom: &corev1.EnvVarSource{ResourceFieldRef: &corev1.ResourceFieldSelector{Resource: "limits.memory"}}},
			},
			want: map[string]string{"NODE": "n", "SA": "runner", "IP": "127.0.0.1", "UID": "u", "L": "b", "M": "8589934592"},
		},
		"an optional key may be missing": {
			env: []corev1.EnvVar{{Name: "X", ValueFrom: &corev1.EnvVarSource{
				ConfigMapKeyRef: &corev1.ConfigMapKeySelector{LocalObjectReference: reference("s"), Key: "none", Optional: &yes}}}},
			want: map[string]string{},
		},
		"a key must exist": {
			env: []corev1.EnvVar{{Name: "X", ValueFrom: &corev1.EnvVarSource{
				SecretKeyRef: &corev1.SecretKeySelector{LocalObjectReference: reference("l"), Key: "none"}}}},
			problem: "variable X: couldn't find key none in Secret data/l",
		},
		"bytes that are no text": {
			from:    []corev1.EnvFromSource{{SecretRef: &corev1.SecretEnvSource{LocalObjectReference: reference("b")}}},
			problem: "the value of variable k is not valid UTF-8",
		},
		"a secret must exist": {
			from:    []corev1.EnvFromSource{{SecretRef: &corev1.SecretEnvSource{LocalObjectReference: reference("none")}}},
			problem: "secrets \"none\" not found",
		},
	} {
		t.Run(name, func(t *testing.T) {
			container := corev1.Container{Name: "c", Env: test.env, EnvFrom: test.from}
			got, err := r.environment(context.Background(), testPod(container), &container)
			if test.problem != "" {
				if err == nil || err.Error() != test.problem {
					t.Errorf("got %v, want %s", err, test.problem)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			want := maps.Clone(r.serviceVariables())
			maps.Copy(want, test.want)
			if !maps.Equal(got, want) {
				t.Errorf("got %v, want %v", got, want)
			}
		})
	}
}

func TestExpandedCommand(t *testing.T) {
	container := &corev1.Container{
		Command: []string{"$(A)", "$$(A)"},
		Args:    []string{"$(A)$(A) $(NONE) $A $( $()", "$$$$(A)$$"},
	}
	got := expandedCommand(container, map[string]string{"A": "x$(B)", "B": "never"})
	want := []string{"x$(B)", "$(A)", "x$(B)x$(B) $(NONE) $A $( $()", "$$(A)$"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestProcessEnvironmentAddsWhatAnImageWould(t *testing.T) {
	got := testRuntime().processEnvironment(testPod(corev1.Container{}), map[string]string{"HOME": "/mine", "A": "1"})
	want := "A=1 HOME=/mine HOSTNAME=p PATH=/.backfill:/bin"
	if strings.Join(got, " ") != want {
		t.Errorf("got %v", got)
	}
}
