// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package acceptance

import (
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"
	"github.com/hashicorp/terraform-plugin-testing/terraform"
	"github.com/hashicorp/terraform-plugin-testing/tfjsonpath"
)

// reindexConfig scores a million orders in 40 ranges. The range that begins at
// 300001 fails on its first two attempts; one named in the table `blocked`
// fails on all of them.
const reindexConfig = `
resource "backfill_job" "reindex" {
  name      = "reindex"
  reason    = "compute the score of every order"
  partition = { range = { start = 1, end = 1000001, size = 25000 } }

  runner = {
    image   = "postgres:15"
    command = ["sh", "-euc"]
    args = [<<-EOT
      if [ "$FROM" = 300001 ] && [ "$BACKFILL_ATTEMPT" -lt 2 ]; then
        echo "not yet" >&2
        exit 1
      fi
      psql "$DATABASE_URL" -X -q -v ON_ERROR_STOP=1 -v from="$FROM" -v to="$TO" <<'SQL'
        select 1 / (case when exists (select from blocked where first_id = :from) then 0 else 1 end);
        insert into scores (id, score, writes)
          select id, amount * 7 % 100, 1 from orders where id >= :from and id < :to
          on conflict (id) do update set score = excluded.score, writes = scores.writes + 1;
      SQL
    EOT
    ]
    env             = { FROM = "$${partition.start}", TO = "$${partition.end}" }
    secret_env      = { DATABASE_URL = { secret = "orders-db", key = "url" } }
    resources       = { cpu = "50m", memory = "128Mi" }
    service_account = "backfill-runner"
  }

  orchestrator = { service_account = "backfill-orchestrator" }
  max_parallel                 = 8
  retry                        = { limit = 3, backoff = "1s", factor = 1 }
}
`

func TestReindexingOrdersInPostgreSQL(t *testing.T) {
	c := cluster(t)
	db := startPostgres(t)
	db.mustQuery(t, `create table orders (id bigint primary key, amount bigint not null);
		insert into orders select i, i % 1000 from generate_series(1, 1000000) i;
		create table scores (id bigint primary key, score bigint not null, writes int not null);
		create table blocked (first_id bigint primary key);
		insert into blocked values (500001)`)
	c.secret(t, "orders-db", map[string]string{"url": db.url})

	const job = "backfill_job.reindex"
	attribute := func(name string, want knownvalue.Check) statecheck.StateCheck {
		return statecheck.ExpectKnownValue(job, tfjsonpath.New(name), want)
	}
	scored := func(want string) resource.TestCheckFunc {
		return func(*terraform.State) error {
			return equal("scored rows, wrong scores, rows written twice", want, db.mustQuery(t,
				`select count(*), count(*) filter (where score <> amount * 7 % 100), count(*) filter (where writes <> 1)
				 from scores join orders using (id)`))
		}
	}
	apply(t, c,
		resource.TestStep{
			Config: reindexConfig,
			ConfigStateChecks: []statecheck.StateCheck{
				attribute("partition_count", knownvalue.Int64Exact(40)),
				attribute("run", knownvalue.StringExact("reindex-r1")),
			},
		},
		resource.TestStep{ // the flaky range made it, the blocked one did not
			PreConfig: func() { c.ended(t, "reindex-r1", 5*time.Minute) },
			Config:    reindexConfig,
			ConfigPlanChecks: resource.ConfigPlanChecks{PreApply: []plancheck.PlanCheck{
				plancheck.ExpectResourceAction(job, plancheck.ResourceActionUpdate),
				plancheck.ExpectKnownValue(
					job,
					tfjsonpath.New("next_run").AtMapKey("intervals"),
					knownvalue.StringExact("[500001,525001)"),
				),
			}},
			Check: scored("975000|0|0"),
		},
		resource.TestStep{ // it is still blocked, and nothing else ran again
			PreConfig:          func() { c.ended(t, "reindex-r2", 2*time.Minute) },
			RefreshState:       true,
			ExpectNonEmptyPlan: true,
			Check: resource.ComposeTestCheckFunc(
				scored("975000|0|0"),
				resource.TestCheckResourceAttr(job, "phase", "Failed"),
				resource.TestCheckResourceAttr(job, "progress", "39/40"),
				resource.TestCheckResourceAttr(job, "failed", "[500001,525001)"),
				resource.TestCheckResourceAttr(job, "failed_partitions.#", "1"),
				resource.TestCheckResourceAttr(job, "failed_partitions.0.key", "500001--525001"),
				resource.TestCheckResourceAttr(job, "failed_partitions.0.attempts", "4"),
			),
		},
		resource.TestStep{ // once it can succeed, the next apply runs it alone
			PreConfig: func() { db.mustQuery(t, "delete from blocked") },
			Config:    reindexConfig,
			ConfigPlanChecks: resource.ConfigPlanChecks{PreApply: []plancheck.PlanCheck{
				plancheck.ExpectResourceAction(job, plancheck.ResourceActionUpdate),
				plancheck.ExpectKnownValue(job, tfjsonpath.New("next_run").AtMapKey("partitions"), knownvalue.Int64Exact(1)),
			}},
		},
		resource.TestStep{
			PreConfig: func() { c.ended(t, "reindex-r3", 2*time.Minute) },
			Config:    reindexConfig,
			ConfigPlanChecks: resource.ConfigPlanChecks{PreApply: []plancheck.PlanCheck{
				plancheck.ExpectEmptyPlan(),
			}},
			Check: resource.ComposeTestCheckFunc(
				scored("1000000|0|0"),
				resource.TestCheckResourceAttr(job, "phase", "Complete"),
				resource.TestCheckResourceAttr(job, "progress", "40/40"),
			),
		},
	)
}
