// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"fmt"
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	terraformstate "github.com/hashicorp/terraform-plugin-testing/terraform"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/cluster"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/cluster/fake"
)

func TestAccLifeOfAPool(t *testing.T) {
	c := fake.New(start)
	const pool = "backfill_pool.shared"
	config := func(name string, size int) string {
		return fmt.Sprintf("resource \"backfill_pool\" \"shared\" {\n  name = %q\n  size = %d\n}\n", name, size)
	}
	action := func(a plancheck.ResourceActionType) resource.ConfigPlanChecks {
		return resource.ConfigPlanChecks{
			PreApply:             []plancheck.PlanCheck{plancheck.ExpectResourceAction(pool, a)},
			PostApplyPostRefresh: []plancheck.PlanCheck{plancheck.ExpectEmptyPlan()},
		}
	}
	inCluster := func(name, shards string) resource.TestCheckFunc {
		return func(*terraformstate.State) error {
			o, err := c.Get(t.Context(), cluster.ConfigMap, "default", "backfill-pool-"+name)
			if err != nil {
				return err
			}
			if got := fmt.Sprint(o.Object["data"]); got != "map[shards:"+shards+"]" {
				return fmt.Errorf("the pool holds %s", got)
			}
			return nil
		}
	}
	resource.Test(t, resource.TestCase{
		ProtoV6ProviderFactories: factoriesOn(c),
		Steps: []resource.TestStep{
			{
				Config:           config("shared", 2),
				ConfigPlanChecks: action(plancheck.ResourceActionCreate),
				Check:            inCluster("shared", "2"),
			},
			{
				Config:           config("shared", 5),
				ConfigPlanChecks: action(plancheck.ResourceActionUpdate),
				Check:            inCluster("shared", "5"),
			},
			{
				PreConfig: func() {
					if _, err := c.Patch(
						t.Context(),
						cluster.ConfigMap,
						"default",
						"backfill-pool-shared",
						[]byte(`{"data":{"shards":"50"}}`),
					); err != nil {
						t.Fatal(err)
					}
				},
				Config: config(
					"shared",
					5,
				),
				ConfigPlanChecks: action(plancheck.ResourceActionUpdate),
				Check:            inCluster("shared", "5"),
			},
			{
				PreConfig: func() {
					if err := c.Delete(t.Context(), cluster.ConfigMap, "default", "backfill-pool-shared", ""); err != nil {
						t.Fatal(err)
					}
				},
				Config: config(
					"shared",
					5,
				),
				ConfigPlanChecks: action(plancheck.ResourceActionCreate),
				Check:            inCluster("shared", "5"),
			},
			{ResourceName: pool, ImportState: true, ImportStateId: "default/shared", ImportStateVerify: true},
			{ResourceName: pool, ImportState: true, ImportStateKind: resource.ImportBlockWithID},
			{
				Config:           config("other", 1),
				ConfigPlanChecks: action(plancheck.ResourceActionDestroyBeforeCreate),
				Check:            inCluster("other", "1"),
			},
		},
	})
	if left := c.Objects(); len(left) > 0 {
		t.Errorf("%d objects are left after the destroy", len(left))
	}
}
