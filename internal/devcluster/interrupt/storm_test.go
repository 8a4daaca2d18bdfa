// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package interrupt

import (
	"context"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes/fake"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/devcluster/nodeagent"
)

func first(s Storm, n int) []Strike {
	var out []Strike
	for strike := range s.Strikes() {
		if out = append(out, strike); len(out) == n {
			break
		}
	}
	return out
}

func TestStrikesFollowFromTheSeed(t *testing.T) {
	s := Storm{Seed: 7, Every: 4 * time.Second, Hard: 0.25}
	a, b := first(s, 400), first(s, 400)
	hard, total := 0, time.Duration(0)
	for i := range a {
		if a[i] != b[i] {
			t.Fatalf("strike %d is %+v and %+v", i, a[i], b[i])
		}
		if a[i].Wait < 2*time.Second || a[i].Wait > 6*time.Second {
			t.Errorf("strike %d comes after %s", i, a[i].Wait)
		}
		total += a[i].Wait
		if a[i].Hard {
			hard++
		}
	}
	if mean := total / 400; mean < 3700*time.Millisecond || mean > 4300*time.Millisecond {
		t.Errorf("the mean is %s", mean)
	}
	if hard < 70 || hard > 130 {
		t.Errorf("%d of 400 are hard", hard)
	}
	s.Seed = 8
	if c := first(s, 1); c[0] == a[0] {
		t.Error("another seed has the same strikes")
	}
}

func TestVictim(t *testing.T) {
	for _, tt := range []struct {
		pick  float64
		nodes []string
		want  string
	}{
		{0, nil, ""}, {0, []string{"b", "a"}, "a"}, {0.99, []string{"b", "a"}, "b"}, {0.5, []string{"c", "a", "b"}, "b"},
	} {
		if got := (Strike{pick: tt.pick}).Victim(tt.nodes); got != tt.want {
			t.Errorf("%v of %v is %q, want %q", tt.pick, tt.nodes, got, tt.want)
		}
	}
}

func TestReclaimAnnotatesTheNode(t *testing.T) {
	client := fake.NewClientset(&corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: "n"}})
	if err := Reclaim(
		context.Background(),
		client,
		"n",
		nodeagent.Reclaim{Notice: nodeagent.Notice(3 * time.Second)},
	); err != nil {
		t.Fatal(err)
	}
	node, err := client.CoreV1().Nodes().Get(context.Background(), "n", metav1.GetOptions{})
	if err != nil || node.Annotations[nodeagent.ReclaimAnnotation] != `{"notice":"3s"}` {
		t.Errorf("%v, %v", node.Annotations, err)
	}
	if names := standing([]corev1.Node{*node}); len(names) != 0 {
		t.Errorf("still standing: %v", names)
	}
	if err := Reclaim(context.Background(), client, "other", nodeagent.Reclaim{}); err == nil {
		t.Error("a node that is not there was reclaimed")
	}
}
