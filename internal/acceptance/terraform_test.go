// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package acceptance

import (
	"fmt"
	"os"
	"os/exec"
	"testing"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-testing/helper/resource"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/provider"
)

// apply runs Terraform steps with this build of the provider on the cluster,
// with the rights that the command rbac gives a provider.
func apply(t *testing.T, c *localCluster, steps ...resource.TestStep) {
	t.Helper()
	applyAs(t, fmt.Sprintf("config_path = %q", c.limited), steps...)
}

// applyAs is apply with settings of the provider.
func applyAs(t *testing.T, settings string, steps ...resource.TestStep) {
	t.Helper()
	if os.Getenv("TF_ACC_TERRAFORM_PATH") == "" {
		if _, err := exec.LookPath("terraform"); err != nil {
			lacking(t, "neither TF_ACC_TERRAFORM_PATH nor terraform on the PATH (make test finds or builds one)")
		}
	}
	for i := range steps {
		if steps[i].Config != "" {
			steps[i].Config = "provider \"backfill\" {\n" + settings + "\n}\n" + steps[i].Config
		}
	}
	resource.UnitTest(t, resource.TestCase{
		ProtoV6ProviderFactories: map[string]func() (tfprotov6.ProviderServer, error){
			"backfill": provider.NewServer("acceptance"),
		},
		Steps: steps,
	})
}
