// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package lower

import (
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/argo/argotest"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/domain"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/job"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/ledger"
)

// hostile are texts that some layer between the job and the container reads as
// more than text.
var hostile = []string{
	"plain",
	"",
	"$",
	"$$",
	"$$$",
	"$(",
	"$$(",
	"$()",
	"$(HOME)",
	"$$(HOME)",
	"$(BACKFILL_PARTITION_KEY)",
	"$(BACKFILL_EMPTY)",
	"${HOME}",
	"${",
	"$x",
	"a$",
	"a$$",
	"100%$",
	"{",
	"{{",
	"{{{",
	"{{{{",
	"}}",
	"}}}",
	"{}",
	"{ {",
	"{{}}",
	"{{{}}}",
	"{{workflow.name}}",
	"{{=1+1}}",
	"{{retries}}",
	"{{item}}",
	"{{inputs.parameters.i}}",
	"{{=",
	"{{= retries }}",
	"{{workflow.parameters.run}}{{lastRetry.message}}",
	"{$(BACKFILL_EMPTY){",
	"{$({",
	"${{ x }}",
	"$({{a}})",
	"$${{",
	`"`,
	`'`,
	"`",
	`\`,
	`\\`,
	`\n`,
	"\n",
	"\r\n",
	"\t",
	"\u2028",
	`\u007b\u007b`,
	"🦊",
	"e\u0301",
	"<&>",
	"# no",
	"- x",
	": y",
	"__argo__internal__placeholder-1",
	"a: {b: [c]}",
	"---",
	"\x01",
	"\ufeff",
}

// TestTextArrives sends every hostile text through command, args, env and a
// values domain, in a first attempt and in a retry.
func TestTextArrives(t *testing.T) {
	d := argotest.Axis(t, domain.Values{Items: hostile[2:]})
	j := argotest.Sample(d)
	for i, text := range hostile {
		j.Runner.Command = append(j.Runner.Command, argotest.Lit(text))
		j.Runner.Args = append(
			j.Runner.Args,
			job.Text{{Literal: text}, {Ref: "partition.value"}, {Literal: text}, {Literal: text}},
		)
		j.Runner.Env = append(
			j.Runner.Env,
			job.EnvVar{Name: fmt.Sprintf("TEXT_%d", i), Text: job.Text{{Literal: text}, {Ref: "attempt"}}},
		)
	}
	c, run := argotest.NewController(t, compile(t, j, argotest.PlanOf(j, ledger.Full(d)))...)
	c.Outcome = func(pod argotest.Started) bool { return pod.Attempt == 0 }
	c.Run(run)
	if want := 2 * len(hostile[2:]); len(c.Pods) != want {
		t.Fatalf("%d pods, want %d", len(c.Pods), want)
	}
	for n, pod := range c.Pods {
		value := hostile[2:][n/2]
		if got := pod.Env["BACKFILL_PARTITION_VALUE"]; got != value {
			t.Errorf("value %q arrives as %q", value, got)
		}
		for i, text := range hostile {
			if got := pod.Command[i+1]; got != text {
				t.Errorf("command %q arrives as %q", text, got)
			}
			if got, want := pod.Args[i], text+value+text+text; got != want {
				t.Errorf("argument %q arrives as %q", want, got)
			}
			if got, want := pod.Env[fmt.Sprintf("TEXT_%d", i)], text+fmt.Sprint(pod.Attempt); got != want {
				t.Errorf("variable %q arrives as %q", want, got)
			}
		}
	}
}

func TestTextArrivesAlways(t *testing.T) {
	d := argotest.Axis(t, domain.Range{Start: 0, End: 1, Size: 1})
	piece := rapid.OneOf(rapid.SampledFrom(hostile), rapid.StringMatching(`[{}$()=a]{0,8}`), rapid.String())
	rapid.Check(t, func(rt *rapid.T) {
		var text job.Text
		var want strings.Builder
		for range rapid.IntRange(0, 6).Draw(rt, "parts") {
			if rapid.Bool().Draw(rt, "ref") {
				text = append(text, job.TextPart{Ref: "partition.end"})
				want.WriteString("1")
				continue
			}
			s := strings.ToValidUTF8(piece.Draw(rt, "literal"), "?")
			text = append(text, job.TextPart{Literal: s})
			want.WriteString(s)
		}
		j := argotest.Sample(d)
		j.Runner.Args = []job.Text{text}
		c, run := argotest.NewController(t, compile(t, j, argotest.PlanOf(j, ledger.Full(d)))...)
		c.Run(run)
		if got := c.Pods[0].Args[0]; got != want.String() {
			rt.Fatalf("%q arrives as %q", want.String(), got)
		}
	})
}

func TestUnknownReference(t *testing.T) {
	j := argotest.Sample(argotest.Axis(t, domain.Range{Start: 0, End: 1, Size: 1}))
	j.Runner.Args = []job.Text{argotest.Lit("a"), argotest.Ref("partition.value")}
	_, err := Template(j)
	if err == nil || err.Error() != "runner.args[1]: there is no reference partition.value in this job" {
		t.Errorf("error %v", err)
	}
}

// TestTagsAreRefused covers the fields that have no escape.
func TestTagsAreRefused(t *testing.T) {
	const tag = "{{workflow.name}}"
	for name, edit := range map[string]func(*job.Job){
		"job.labels.team":                  func(j *job.Job) { j.Labels = map[string]string{"team": tag} },
		"job.labels":                       func(j *job.Job) { j.Labels = map[string]string{tag: "x"} },
		"job.orchestrator.service_account": func(j *job.Job) { j.Orchestrator.ServiceAccount = tag },
		"job.instance_id":                  func(j *job.Job) { j.InstanceID = tag },
		"job.runner.image":                 func(j *job.Job) { j.Runner.Image = tag },
		"job.runner.service_account":       func(j *job.Job) { j.Runner.ServiceAccount = tag },
		"job.runner.env[0]":                func(j *job.Job) { j.Runner.Env = []job.EnvVar{{Name: tag}} },
		"job.runner.volumes[0].hostPath.path": func(j *job.Job) {
			j.Runner.Volumes[0].HostPath = tag
		},
		"job.runner.volumes[1].mountPath": func(j *job.Job) { j.Runner.Volumes[0].MountPath = tag },
	} {
		j := argotest.Sample(argotest.Axis(t, domain.Range{Start: 0, End: 1, Size: 1}))
		edit(j)
		_, err := Template(j)
		if err == nil || !strings.HasPrefix(err.Error(), name+` holds "{{workflow.name}}"`) {
			t.Errorf("%s: error %v", name, err)
		}
	}
}
