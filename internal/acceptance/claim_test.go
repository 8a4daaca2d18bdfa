// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package acceptance

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	corev1 "k8s.io/api/core/v1"
	apiresource "k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// claimConfig is a job of three partitions that run at once and share a claim: each
// waits until it sees what the others have written there, as a user of its own.
const claimConfig = `
resource "backfill_job" "claim" {
  name      = "claim"
  partition = { values = ["a", "b", "c"] }
  runner = {
    image = "busybox"
    script = <<-EOT
      echo "$(id -u) $(id -g)" > "/shared/$BACKFILL_PARTITION_VALUE"
      while test "$(cat /shared/a /shared/b /shared/c 2> /dev/null | wc -l)" != 3; do sleep 0.1; done
      test "$(ls /whole)" = part
    EOT
    volumes = [
      { name = "part", mount_path = "/shared", claim = "claim-test", sub_path = "part" },
      { name = "whole", mount_path = "/whole", claim = "claim-test", read_only = true },
    ]
    security_context   = { run_as_user = 1234, run_as_group = 2345 }
    image_pull_secrets = ["registry"]
    deadline           = "4m"
    service_account    = "backfill-runner"
  }
  orchestrator = { service_account = "backfill-orchestrator" }
  max_parallel                 = 3
  retry                        = { limit = 0 }
}
`

// claim makes a volume on a directory, and a claim that is bound to it.
func (c *localCluster) claim(t *testing.T, name, directory string) {
	t.Helper()
	capacity := corev1.ResourceList{corev1.ResourceStorage: apiresource.MustParse("1Gi")}
	modes := []corev1.PersistentVolumeAccessMode{corev1.ReadWriteMany}
	class := ""
	volumes, claims := c.core.CoreV1().PersistentVolumes(), c.core.CoreV1().PersistentVolumeClaims(namespace)
	t.Cleanup(func() {
		_ = claims.Delete(context.Background(), name, metav1.DeleteOptions{})
		_ = volumes.Delete(context.Background(), name, metav1.DeleteOptions{})
	})
	_, err := volumes.Create(t.Context(), &corev1.PersistentVolume{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec: corev1.PersistentVolumeSpec{
			Capacity: capacity, AccessModes: modes, PersistentVolumeReclaimPolicy: corev1.PersistentVolumeReclaimRetain,
			ClaimRef:               &corev1.ObjectReference{Namespace: namespace, Name: name},
			PersistentVolumeSource: corev1.PersistentVolumeSource{HostPath: &corev1.HostPathVolumeSource{Path: directory}},
		},
	}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	_, err = claims.Create(t.Context(), &corev1.PersistentVolumeClaim{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec: corev1.PersistentVolumeClaimSpec{
			AccessModes:      modes,
			StorageClassName: &class,
			VolumeName:       name,
			Resources:        corev1.VolumeResourceRequirements{Requests: capacity},
		},
	}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
}

// notEnforced polls until the run's first pod says what has no effect on a process
// of this machine.
func (c *localCluster) notEnforced(t *testing.T, run string) <-chan string {
	found := make(chan string, 1)
	ctx := t.Context()
	go func() {
		for ; ctx.Err() == nil; time.Sleep(100 * time.Millisecond) {
			pods, err := c.core.CoreV1().
				Pods(namespace).
				List(ctx, metav1.ListOptions{LabelSelector: "workflows.argoproj.io/workflow=" + run})
			if err != nil {
				continue
			}
			for _, pod := range pods.Items {
				for _, condition := range pod.Status.Conditions {
					if condition.Type == "LocalClusterNotEnforced" {
						found <- condition.Message
						return
					}
				}
			}
		}
	}()
	return found
}

func TestPartitionsShareAClaim(t *testing.T) {
	c := cluster(t)
	directory := t.TempDir()
	// The user of the pods is another one than that of the test.
	for _, path := range []string{directory, filepath.Join(directory, "part")} {
		if err := os.MkdirAll(path, 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path, 0o777); err != nil {
			t.Fatal(err)
		}
	}
	c.claim(t, "claim-test", directory)
	told := c.notEnforced(t, "claim-r1")
	apply(t, c,
		resource.TestStep{Config: claimConfig},
		resource.TestStep{
			PreConfig:    func() { c.ended(t, "claim-r1", 4*time.Minute) },
			RefreshState: true,
			Check:        resource.TestCheckResourceAttr("backfill_job.claim", "phase", "Complete"),
		},
	)
	message := ""
	select {
	case message = <-told:
	default:
		t.Fatal("no pod was seen to say what is not enforced")
	}
	for _, want := range []string{"imagePullSecrets", "seccompProfile"} {
		if !strings.Contains(message, want) {
			t.Errorf("the pod does not say that %s has no effect: %q", want, message)
		}
	}
	want := "1234 2345\n"
	if strings.Contains(message, "runAsUser") {
		want = "" // this machine lets the cluster have one user only, and the pod says so
	}
	for _, value := range []string{"a", "b", "c"} {
		got, err := os.ReadFile(filepath.Join(directory, "part", value))
		if err != nil {
			t.Fatal(err)
		}
		if want != "" && string(got) != want {
			t.Errorf("partition %s ran as %q, want %q", value, got, want)
		}
	}
}
