// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package acceptance

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// needsLong skips what takes longer than make test should.
func needsLong(t *testing.T) {
	t.Helper()
	if os.Getenv(envLong) == "" {
		t.Skip("long: make test-long takes the time for this")
	}
}

// must runs one of the local cluster's own commands.
func (c *localCluster) must(t *testing.T, args ...string) string {
	t.Helper()
	out, err := c.command(args...).CombinedOutput()
	if err != nil {
		t.Fatalf("devcluster %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

// storm runs the local cluster's storm until the test or the returned function
// ends it, which gives the strikes.
func (c *localCluster) storm(t *testing.T, args ...string) (end func() []string) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	cmd := exec.CommandContext(ctx, c.binary, append(append([]string{"storm"}, args...), "--state", c.state)...)
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	var out, errs strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	over := false
	end = func() []string {
		if over {
			return nil
		}
		over = true
		cancel()
		_ = cmd.Wait()
		if errs.Len() > 0 {
			t.Errorf("storm: %s", errs.String())
		}
		return strings.Split(strings.TrimSpace(out.String()), "\n")
	}
	t.Cleanup(func() { end() })
	return end
}

// pod is one attempt at a partition, or one launcher, as Argo recorded it.
type pod struct {
	workflow, step string
	template       string
	attempt        int
	phase, message string
	node           string
	seconds        float64
}

func (p pod) String() string {
	return fmt.Sprintf("%s %s attempt %d on %s: %s %s", p.workflow, p.step, p.attempt, p.node, p.phase, p.message)
}

func (p pod) failed() bool { return p.phase == "Failed" || p.phase == "Error" }

var attemptName = regexp.MustCompile(`^(.*)\((\d+)\)$`)

// attempts lists the pods of Workflows with a label, in the order of their
// names.
func (c *localCluster) attempts(t *testing.T, selector string) []pod {
	t.Helper()
	all, err := c.dynamic.Resource(workflows).
		Namespace(namespace).
		List(t.Context(), metav1.ListOptions{LabelSelector: selector})
	if err != nil {
		t.Fatal(err)
	}
	var pods []pod
	for i := range all.Items {
		pods = append(pods, podsOf(&all.Items[i])...)
	}
	slices.SortFunc(pods, func(a, b pod) int {
		return cmp.Or(cmp.Compare(a.workflow, b.workflow), cmp.Compare(a.step, b.step), cmp.Compare(a.attempt, b.attempt))
	})
	return pods
}

func podsOf(workflow *unstructured.Unstructured) []pod {
	nodes, _, _ := unstructured.NestedMap(workflow.Object, "status", "nodes")
	var pods []pod
	for _, n := range nodes {
		node, _ := n.(map[string]any)
		if node["type"] != "Pod" {
			continue
		}
		text := func(key string) string { s, _ := node[key].(string); return s }
		p := pod{
			workflow: workflow.GetName(),
			step:     text("displayName"),
			phase:    text("phase"),
			message:  text("message"),
			node:     text("hostNodeName"),
		}
		p.template = text("templateName")
		if ref, ok := node["templateRef"].(map[string]any); ok {
			p.template, _ = ref["template"].(string)
		}
		if m := attemptName.FindStringSubmatch(p.step); m != nil {
			p.step = m[1]
			p.attempt, _ = strconv.Atoi(m[2])
		}
		start, _ := time.Parse(time.RFC3339, text("startedAt"))
		if finish, err := time.Parse(time.RFC3339, text("finishedAt")); err == nil {
			p.seconds = finish.Sub(start).Seconds()
		}
		pods = append(pods, p)
	}
	return pods
}

// lines are those of a file that pods have written; none when there is none.
func lines(t *testing.T, path string) []string {
	t.Helper()
	text, err := os.ReadFile(path)
	if os.IsNotExist(err) {
		return nil
	}
	if err != nil {
		t.Fatal(err)
	}
	return strings.Split(strings.TrimSpace(string(text)), "\n")
}

// eventually waits for something that must come true.
func eventually(t *testing.T, limit time.Duration, what string, holds func() bool) {
	t.Helper()
	for end := time.Now().Add(limit); !holds(); time.Sleep(250 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("not within %s: %s", limit, what)
		}
	}
}

// kubectl runs kubectl with a manifest on its standard input.
func (c *localCluster) kubectl(t *testing.T, input string, args ...string) string {
	t.Helper()
	cmd := exec.Command(c.binary, append([]string{"--state", c.state, "kubectl"}, args...)...)
	cmd.Stdin = strings.NewReader(input)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("kubectl %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}
