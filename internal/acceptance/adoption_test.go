// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package acceptance

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/providerserver"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/hashicorp/terraform-plugin-testing/terraform"
	"github.com/hashicorp/terraform-plugin-testing/tfjsonpath"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/cli"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/manifest"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/provider"
)

// adoptedFile is a job of three partitions, of which the last waits for a file
// to be there.
const adoptedFile = `
job %q {
  partition {
    range = { start = 0, end = 3, size = 1 }
  }
  runner {
    image           = "busybox"
    command         = ["sh", "-euc", "while [ $BACKFILL_PARTITION_START = 2 ] && [ ! -e /out/go ]; do sleep 0.2; done; echo $BACKFILL_PARTITION_START >> /out/done"]
    resources       = { cpu = "10m" }
    volumes         = [{ name = "out", mount_path = "/out", host_path = %q }]
    service_account = "backfill-runner"
  }
}
`

// compileJob is the command compile on the text of a job file; it returns the
// objects as a YAML stream.
func compileJob(t *testing.T, text string) []byte {
	t.Helper()
	file := filepath.Join(t.TempDir(), "job.backfill.hcl")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	var out, problems bytes.Buffer
	code := cli.Run(t.Context(), cli.Env{
		Name: "backfill", Args: []string{"compile", file}, Stdout: &out, Stderr: &problems,
		Getenv: func(string) string { return "" }, Environ: func() []string { return nil },
	})
	if code != 0 {
		t.Fatalf("compile ended with %d: %s", code, &problems)
	}
	return out.Bytes()
}

// kubectlApply applies a YAML stream as people do.
func (c *localCluster) kubectlApply(t *testing.T, stream []byte) {
	t.Helper()
	cmd := c.command("kubectl")
	cmd.Args = []string{c.binary, "--state", c.state, "kubectl", "apply", "-f", "-"}
	cmd.Env = append(os.Environ(), "KUBECONFIG="+c.kubeconfig)
	cmd.Stdin = bytes.NewReader(stream)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("kubectl apply: %v\n%s", err, out)
	}
}

// sourced is a resource whose job is a job file.
func sourced(name, text string) string {
	return fmt.Sprintf("resource \"backfill_job\" %q {\n  source = <<-EOT\n%s\n  EOT\n}\n", name, text)
}

// adopts are the steps after a job's run has been taken over: the apply writes
// the record and starts nothing, and once the run is done the plan is empty.
func adopts(t *testing.T, c *localCluster, job, config, out string) []resource.TestStep {
	address := "backfill_job." + job
	return []resource.TestStep{
		{
			Config: config,
			ConfigPlanChecks: resource.ConfigPlanChecks{
				PreApply: []plancheck.PlanCheck{
					plancheck.ExpectResourceAction(address, plancheck.ResourceActionUpdate),
					plancheck.ExpectKnownValue(address, tfjsonpath.New("next_run"), knownvalue.Null()),
				},
				PostApplyPostRefresh: []plancheck.PlanCheck{plancheck.ExpectEmptyPlan()},
			},
			Check: resource.TestCheckResourceAttr(address, "run", job+"-r1"),
		},
		{
			PreConfig: func() {
				if err := os.WriteFile(filepath.Join(out, "go"), nil, 0o600); err != nil {
					t.Fatal(err)
				}
				c.ended(t, job+"-r1", 2*time.Minute)
			},
			Config:           config,
			ConfigPlanChecks: resource.ConfigPlanChecks{PreApply: []plancheck.PlanCheck{plancheck.ExpectEmptyPlan()}},
			Check: resource.ComposeTestCheckFunc(
				resource.TestCheckResourceAttr(address, "phase", "Complete"),
				func(*terraform.State) error { return processedOnce(out) },
			),
		},
	}
}

// processedOnce demands that each of the three partitions ran once.
func processedOnce(out string) error {
	text, err := os.ReadFile(filepath.Join(out, "done"))
	if err != nil {
		return err
	}
	for _, key := range []string{"0", "1", "2"} {
		if n := bytes.Count(text, []byte(key+"\n")); n != 1 {
			return fmt.Errorf("partition %s ran %d times", key, n)
		}
	}
	return nil
}

// What kubectl or a GitOps controller applied has no record; an import takes it
// over from its annotations while it runs.
func TestRunAppliedByHandIsAdopted(t *testing.T) {
	c, out := cluster(t), t.TempDir()
	text := fmt.Sprintf(adoptedFile, "by-hand", out)
	c.kubectlApply(t, compileJob(t, text))
	config := sourced("by-hand", text)
	steps := []resource.TestStep{{
		Config: config, ResourceName: "backfill_job.by-hand",
		ImportState: true, ImportStateId: namespace + "/by-hand", ImportStatePersist: true,
	}}
	apply(t, c, append(steps, adopts(t, c, "by-hand", config, out)...)...)
}

// The Workflow that a kubernetes_manifest made becomes a job by a moved block;
// the template leaves the old state by a removed one.
func TestRunOfKubernetesManifestIsMoved(t *testing.T) {
	c, out := cluster(t), t.TempDir()
	settings := fmt.Sprintf("provider \"backfill\" {\n  config_path = %q\n}\n", c.kubeconfig)
	text := fmt.Sprintf(adoptedFile, "moved", out)
	stream := compileJob(t, text)
	c.kubectlApply(t, stream)
	objects, err := manifest.Decode(stream)
	if err != nil {
		t.Fatal(err)
	}
	before := settings
	for _, o := range objects {
		file := filepath.Join(t.TempDir(), "manifest.json")
		data, err := json.Marshal(o.Object)
		if err == nil {
			err = os.WriteFile(file, data, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
		before += fmt.Sprintf(
			"resource \"kubernetes_manifest\" %q {\n  manifest = jsondecode(file(%q))\n}\n",
			o.GetKind(),
			file,
		)
	}
	after := settings + sourced("moved", text) + `
moved {
  from = kubernetes_manifest.Workflow
  to   = backfill_job.moved
}

removed {
  from = kubernetes_manifest.WorkflowTemplate
  lifecycle {
    destroy = false
  }
}
`
	resource.UnitTest(t, resource.TestCase{
		ProtoV6ProviderFactories: map[string]func() (tfprotov6.ProviderServer, error){
			"backfill":   provider.NewServer("acceptance"),
			"kubernetes": providerserver.NewProtocol6WithError(manifestProvider{}),
		},
		Steps: append([]resource.TestStep{{Config: before}}, adopts(t, c, "moved", after, out)...),
	})
	if _, err := c.dynamic.Resource(workflows).
		Namespace(namespace).
		Get(t.Context(), "moved-r1", metav1.GetOptions{}); err == nil {
		t.Error("the destroy left the moved run")
	}
}
