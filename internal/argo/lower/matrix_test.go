// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package lower

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/yaml"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/argo"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/job"
)

// combination is one cell of what spot and anchor can say together.
type combination struct {
	provider, mode, anchor string
	fallback               bool
}

func matrix() []combination {
	var out []combination
	for _, provider := range append(append([]string{}, job.Clouds...), "custom") {
		for _, mode := range []string{"require", "prefer", "off"} {
			for _, fallback := range []bool{true, false} {
				for _, anchor := range []string{"protect", "all", "release", "off"} {
					out = append(out, combination{provider, mode, anchor, fallback})
				}
			}
		}
	}
	return out
}

func (c combination) name() string {
	fallback := "no-fallback"
	if c.fallback {
		fallback = "fallback"
	}
	return strings.Join([]string{c.provider, c.mode, fallback, c.anchor}, "_")
}

func (c combination) text() string {
	more := ""
	if c.provider == "custom" {
		more = `, labels = { pool = "spot" }, taints = [{ key = "pool", value = "spot", effect = "NoSchedule" }]`
	}
	if c.fallback {
		more += `, fallback = "on_demand"`
	}
	return fmt.Sprintf(
		"spot = { provider = %q, mode = %q%s }\n  anchor = { mode = %q }",
		c.provider,
		c.mode,
		more,
		c.anchor,
	)
}

// placed are the fields of a partition's template that place its pods.
func placed(t *testing.T, j *job.Job) node {
	t.Helper()
	l, err := leaf(j, newScope(j.Domain.FactNames()...), argo.TemplatePartition, nil)
	if err != nil {
		t.Fatal(err)
	}
	out := node{"annotations": l["metadata"].(node)["annotations"]}
	for _, field := range []string{"nodeSelector", "affinity", "tolerations", "podSpecPatch"} {
		if v, ok := l[field]; ok {
			out[field] = v
		}
	}
	if out["annotations"] == nil {
		delete(out, "annotations")
	}
	return out
}

// TestGoldenMatrix shows what is emitted for every combination. Argo's own
// validator reads the same file in the module of the local cluster.
func TestGoldenMatrix(t *testing.T) {
	a := &txtar.Archive{
		Comment: []byte("What places the pods of partitions, for each provider, mode, fallback and anchor.\n"),
	}
	for _, c := range matrix() {
		text, err := yaml.Marshal(placed(t, decoded(t, "", c.text())))
		if err != nil {
			t.Fatal(err)
		}
		a.Files = append(a.Files, txtar.File{Name: c.name() + ".yaml", Data: text})
	}
	same(t, filepath.Join("..", "testdata", "placement.txtar"), txtar.Format(a))
}

// same compares with a file, or writes it.
func same(t *testing.T, file string, got []byte) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s differs; after reading the difference, run the test with -update. Got:\n%s", file, got)
	}
}

// TestGuide keeps the tables of the guide as the compiler is.
func TestGuide(t *testing.T) {
	for _, file := range []string{"../../../templates/guides/spot.md.tmpl", "../../../docs/guides/spot.md"} {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		got := string(text)
		for name, table := range map[string]string{
			"clouds": cloudTable(t), "emitted": emittedTable(t), "storm": figures(t, "storm"), "anchors": figures(t, "anchors"),
		} {
			start := "<!-- " + name + ": generated -->\n"
			head, rest, ok := strings.Cut(got, start)
			_, tail, ok2 := strings.Cut(rest, "<!-- end -->")
			if !ok || !ok2 {
				t.Fatalf("%s has no place for the table %s", file, name)
			}
			got = head + start + "\n" + table + "\n<!-- end -->" + tail
		}
		same(t, filepath.FromSlash(file), []byte(got))
	}
}

// figures are what the tests of the local cluster have measured.
func figures(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "acceptance", "testdata", "figures", name+".md"))
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(text)) + "\n"
}

func cloudTable(t *testing.T) string {
	t.Helper()
	var b strings.Builder
	b.WriteString("| provider | label of spot nodes | taint tolerated | notice |\n|---|---|---|---|\n")
	for _, provider := range job.Clouds {
		s := decoded(t, "", combination{provider: provider, mode: "require", anchor: "off"}.text()).Spot
		label, taint := "", "none"
		for k, v := range s.Labels {
			label = k + "=" + v
		}
		for _, toleration := range s.Taints {
			taint = "`" + toleration.Key + "=" + toleration.Value + ":" + toleration.Effect + "`"
		}
		fmt.Fprintf(&b, "| `%s` | `%s` | %s | %d s |\n", provider, label, taint, int(s.Notice.Seconds()))
	}
	b.WriteString("| `custom` | `labels` | `taints` | unknown, 30 s granted |\n")
	return b.String()
}

// emittedTable says for each combination what its first and its last attempt
// carry. Providers differ in nothing but the values of the table above.
func emittedTable(t *testing.T) string {
	t.Helper()
	var b strings.Builder
	b.WriteString(
		"| mode | fallback | anchor | nodes of attempts n < f | nodes of attempts n ≥ f | annotations n < f | annotations " +
			"n ≥ f |\n|---|---|---|---|---|---|---|\n",
	)
	for _, c := range matrix() {
		if c.provider != "gke" {
			continue
		}
		pods := attemptsOf(t, decoded(t, "", c.text()), nil)
		first, last := pods[0], pods[len(pods)-1]
		where := func(pod *corev1.Pod) string {
			spot, onDemand := admits(t, pod, nodes["gke"].spot), admits(t, pod, nodes["gke"].onDemand)
			switch {
			case spot && !onDemand:
				return "spot"
			case onDemand && !spot:
				return "on demand"
			case c.mode == "prefer":
				return "spot preferred"
			}
			return "any that taints allow"
		}
		notes := func(pod *corev1.Pod) string {
			evict, disrupt := pod.Annotations[job.SafeToEvict], pod.Annotations[job.DoNotDisrupt]
			switch {
			case evict == "false" && disrupt == "true":
				return "protected"
			case evict == "true":
				return "evictable"
			}
			return "not protected"
		}
		fallback := "none"
		if c.fallback {
			fallback = "`on_demand`"
		}
		fmt.Fprintf(
			&b,
			"| `%s` | %s | `%s` | %s | %s | %s | %s |\n",
			c.mode,
			fallback,
			c.anchor,
			where(first),
			where(last),
			notes(first),
			notes(last),
		)
	}
	return b.String()
}
