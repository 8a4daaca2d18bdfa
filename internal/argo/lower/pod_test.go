// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package lower

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/job"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/lang"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/ledger"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/plan"
)

// runners are the jobs of the language's own cases for every attribute of the
// runner and of what places it.
func runners(t *testing.T) []*job.Job {
	t.Helper()
	return slices.Concat(
		declared(t, "runner.txtar"),
		declared(t, "spot.txtar"),
		declared(t, "once.txtar"),
		declared(t, "argo.txtar"),
	)
}

func declared(t *testing.T, name string) []*job.Job {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("..", "..", "lang", "testdata", "values", name))
	if err != nil {
		t.Fatal(err)
	}
	file := txtar.Parse(data).Files[0]
	m, diags := lang.Load(context.Background(), []lang.Source{{Name: file.Name, Bytes: file.Data}}, lang.Inputs{})
	var jobs []*job.Job
	for _, b := range m.Bodies {
		j, more := job.Decode(b.Value)
		diags = append(diags, more...)
		jobs = append(jobs, j)
	}
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	return jobs
}

func TestGoldenRunner(t *testing.T) {
	for _, j := range runners(t) {
		p := plan.Make(plan.Input{Domain: j.Domain, Remaining: ledger.Full(j.Domain), Order: j.Order, ShardSize: j.ShardSize})
		got := archive(t, "Runner "+j.Name, compile(t, j, p))
		same(t, filepath.Join("..", "testdata", "golden", "runner-"+j.Name+".txtar"), got)
	}
}

// Argo evaluates what it finds in these fields, and nothing can stop it.
func TestTagsOutsideOfTextsAreRefused(t *testing.T) {
	const tag = "{{workflow.name}}"
	for name, change := range map[string]func(*job.Runner){
		"working_dir":        func(r *job.Runner) { r.WorkingDir = "/" + tag },
		"annotations":        func(r *job.Runner) { r.Annotations = map[string]string{"a": tag} },
		"tolerations":        func(r *job.Runner) { r.Tolerations = []job.Toleration{{Key: tag}} },
		"env_from":           func(r *job.Runner) { r.EnvFrom = []job.EnvSource{{ConfigMap: "c", Prefix: tag}} },
		"config_env":         func(r *job.Runner) { r.ConfigEnv = []job.ConfigEnvVar{{Name: "A", ConfigMap: "c", Key: tag}} },
		"image_pull_secrets": func(r *job.Runner) { r.PullSecrets = []string{tag} },
		"volume source":      func(r *job.Runner) { r.Volumes = []job.Volume{{Name: "v", MountPath: "/v", HostPath: "/" + tag}} },
	} {
		j := runners(t)[0]
		change(&j.Runner)
		if _, err := Template(j); err == nil || !strings.Contains(err.Error(), tag) {
			t.Errorf("%s: got %v", name, err)
		}
	}
}
