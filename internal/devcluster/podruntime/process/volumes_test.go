// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package process

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func TestHostPathTypes(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		kind    corev1.HostPathType
		path    string
		problem string
	}{
		{corev1.HostPathDirectory, dir, ""},
		{corev1.HostPathDirectory, file, "is not a directory"},
		{corev1.HostPathDirectory, dir + "/none", "no such file"},
		{corev1.HostPathFile, file, ""},
		{corev1.HostPathFile, dir, "is not a file"},
		{corev1.HostPathDirectoryOrCreate, dir + "/a/b", ""},
		{corev1.HostPathFileOrCreate, dir + "/f", ""},
		{corev1.HostPathUnset, dir + "/c", ""},
		{corev1.HostPathCharDev, "/dev/null", ""},
		{corev1.HostPathSocket, file, "is not a socket"},
		{"Moon", file, "unknown"},
	} {
		v, err := prepareHostPath(&corev1.HostPathVolumeSource{Path: test.path, Type: &test.kind})
		if test.problem != "" {
			if err == nil || !strings.Contains(err.Error(), test.problem) {
				t.Errorf("%s %s: got %v, want %q", test.kind, test.path, err, test.problem)
			}
			continue
		}
		if err != nil || v.path != test.path {
			t.Errorf("%s %s: %+v, %v", test.kind, test.path, v, err)
		}
		if _, err := os.Stat(test.path); err != nil {
			t.Errorf("%s: %v", test.kind, err)
		}
	}
}

func TestClaims(t *testing.T) {
	dir := t.TempDir()
	claim := func(name, volume string, phase corev1.PersistentVolumeClaimPhase) *corev1.PersistentVolumeClaim {
		return &corev1.PersistentVolumeClaim{
			ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: "data"},
			Spec:       corev1.PersistentVolumeClaimSpec{VolumeName: volume},
			Status:     corev1.PersistentVolumeClaimStatus{Phase: phase},
		}
	}
	onHost := &corev1.PersistentVolume{ObjectMeta: metav1.ObjectMeta{Name: "host"}}
	onHost.Spec.HostPath = &corev1.HostPathVolumeSource{Path: dir}
	remote := &corev1.PersistentVolume{ObjectMeta: metav1.ObjectMeta{Name: "nfs"}}
	remote.Spec.NFS = &corev1.NFSVolumeSource{}
	r := testRuntime(
		onHost,
		remote,
		claim("good", "host", corev1.ClaimBound),
		claim("far", "nfs", corev1.ClaimBound),
		claim("new", "", corev1.ClaimPending),
	)
	for name, problem := range map[string]string{
		"good": "", "far": "neither hostPath nor local", "new": "not bound yet", "none": "not found",
	} {
		v, err := r.prepareClaim(context.Background(), testPod(corev1.Container{}),
			&corev1.PersistentVolumeClaimVolumeSource{ClaimName: name, ReadOnly: true})
		if problem == "" {
			if err != nil || v.path != dir || !v.readOnly {
				t.Errorf("%s: %+v, %v", name, v, err)
			}
		} else if err == nil || !strings.Contains(err.Error(), problem) {
			t.Errorf("%s: got %v, want %q", name, err, problem)
		}
	}
}

func TestSubPathStaysInItsVolume(t *testing.T) {
	outer := t.TempDir()
	inside := filepath.Join(outer, "volume")
	secret := filepath.Join(outer, "secret")
	for _, dir := range []string{inside, secret} {
		if err := os.Mkdir(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink(secret, filepath.Join(inside, "link")); err != nil {
		t.Fatal(err)
	}
	v := volume{path: inside}
	for sub, want := range map[string]string{
		"":           inside,
		"made/there": filepath.Join(inside, "made/there"),
		"link":       filepath.Join(inside, secret),
		"../secret":  filepath.Join(inside, "secret"),
	} {
		got, err := mountSource(v, &corev1.VolumeMount{SubPath: sub}, nil)
		if err != nil || got != want {
			t.Errorf("%q: got %s, %v; want %s", sub, got, err, want)
		}
	}
	got, err := mountSource(v, &corev1.VolumeMount{SubPathExpr: "by/$(NAME)"}, map[string]string{"NAME": "x"})
	if want := filepath.Join(inside, "by/x"); err != nil || got != want {
		t.Errorf("got %s, %v; want %s", got, err, want)
	}
}
