// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"context"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/cluster"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/cluster/fake"
)

// ordersIn is a job file in Terraform's text, whose range starts where a variable
// says.
const ordersIn = `
locals {
  file = <<-EOT
    variable "s" { type = number }
    job "orders" {
      partition {
        range = { start = var.s, end = 100, size = 10 }
      }
      runner {
        image   = "i"
        command = ["x"]
      }
    }
  EOT
}
`

// Wherever a number can be written, one with a fraction or of more than 64 bits is
// answered by one error of ours.
func TestAccNumbersThatAreNotWholeAreOneErrorOfOurs(t *testing.T) {
	s := inShell(t, `provider "backfill" {
  alias  = "a"
  limits = { max_partitions = 1.5 }
}

provider "backfill" {
  alias  = "b"
  limits = { max_shards = 1e30 }
}

provider "backfill" {}

resource "backfill_job" "orders" {
  name         = "orders"
  partition    = { range = { start = 0.5, end = 1e30, size = 10 } }
  runner       = { image = "i", command = ["x"] }
  max_parallel = 2.5
}

resource "backfill_job" "policy" {
  name          = "policy"
  partition     = { values = ["a"] }
  runner        = { image = "i", command = ["x"] }
  approved_wave = 0.5
  retry         = { fail_on = [1.5] }
}

resource "backfill_pool" "shared" {
  name = "shared"
  size = 1e19
}

data "backfill_job" "a" {
  provider = backfill.a
  name     = "orders"
}

data "backfill_job" "b" {
  provider = backfill.b
  name     = "orders"
}

resource "backfill_await" "orders" {
  job      = "orders"
  until    = "progress"
  progress = 1e400
}

data "backfill_partitions" "failed" {
  name  = "orders"
  limit = 1.5
}
`, environment(nil), WithBackend(fake.New(start)))
	out, _ := s.run("validate", "-no-color")
	ours := regexp.MustCompile(`\[BF\d{4}`)
	if errors, codes := strings.Count(out, "Error: "), len(ours.FindAllString(out, -1)); errors != 10 || codes != 10 {
		t.Errorf("%d errors, of which %d are ours:\n%s", errors, codes, out)
	}
	for _, bad := range []string{"always an error", "%!", "..", "big.Float"} {
		if strings.Contains(strings.ReplaceAll(out, "...", ""), bad) {
			t.Errorf("the text contains %q:\n%s", bad, out)
		}
	}
}

// Errors of functions end in one full stop: Terraform writes one too.
func TestAccErrorsOfFunctionsEndInOneFullStop(t *testing.T) {
	s := inShell(t, ordersIn+`
output "a" { value = provider::backfill::compile(local.file, { s = "x" }) }
output "b" { value = provider::backfill::compile("job {", {}) }
output "c" { value = provider::backfill::partitions(local.file, 3) }
output "d" { value = provider::backfill::partitions(local.file, { s = 0.5 }) }
output "e" { value = provider::backfill::compile(local.file, { s = -1e30 }) }
`, environment(nil))
	out, _ := s.run("plan", "-no-color")
	n := strings.Count(out, "Error: ")
	if n != 5 || strings.Contains(out, "always an error") || strings.Contains(out, "..") {
		t.Errorf("%d errors:\n%s", n, out)
	}
}

// A time that is no time is refused.
func TestTimeoutsArePositive(t *testing.T) {
	tf, _ := inFake(t)
	for _, bad := range []string{"0s", "-1m", "soon"} {
		d := oneError(t, tf.validate(orders(object{"timeouts": object{"create": bad}})))
		if d.Summary != "Invalid Duration" || !strings.Contains(d.Detail, "timeouts.create") {
			t.Errorf("%s: %s", bad, written(d))
		}
	}
}

// An operation whose time is up says which setting gave it that time.
func TestTimeThatIsUpNamesTimeouts(t *testing.T) {
	short := orders(object{"timeouts": object{"create": "1ns", "read": "1ns", "update": "1ns", "delete": "1ns"}})
	tf, c := inFake(t)
	slow := func(call cluster.Call) error {
		return cluster.NewError(cluster.Canceled, call, "https://a.example", context.DeadlineExceeded)
	}
	c.Before = slow
	_, diags := tf.apply(short)
	told := func(operation string) {
		t.Helper()
		if d := oneError(t, diags); !strings.Contains(d.Detail, `raise "`+operation+`" in "timeouts". [BF4001]`) ||
			!strings.Contains(d.Detail, "after "+time.Nanosecond.String()) {
			t.Errorf("got %s", written(d))
		}
	}
	told("create")
	c.Before = nil
	tf.mustApply(orders())
	c.Before = slow
	long := tf.state
	tf.state = with(long, values{"timeouts": fields(t, valueOf(t, tf.ty, short))["timeouts"]})
	diags = tf.refresh()
	told("read")
	short["reason"] = "because"
	_, diags = tf.apply(short)
	told("update")
	diags = tf.destroy()
	told("delete")
}
