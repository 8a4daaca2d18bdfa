// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-go/tftypes"
)

const ordersFile = `variable "last" { type = number }

job "orders" {
  partition {
    range = { start = 0, end = var.last, size = 10 }
  }
  runner {
    image   = "example.com/orders:1"
    command = ["bin/run"]
    args    = ["--from=${partition.start}", "--to=${partition.end}"]
  }
}
`

// variables is a Terraform object of numbers.
func variables(numbers map[string]int64) tftypes.Value {
	types, known := map[string]tftypes.Type{}, map[string]tftypes.Value{}
	for name, n := range numbers {
		types[name], known[name] = tftypes.Number, number(n)
	}
	return tftypes.NewValue(tftypes.Object{AttributeTypes: types}, known)
}

// The two forms are the same job: one can take over from the other.
func TestSourceIsTheSameJob(t *testing.T) {
	tf, c := inFake(t)
	fromFile := object{"source": ordersFile, "variables": variables(map[string]int64{"last": 40})}
	tf.mustApply(fromFile)
	tf.mustHold(map[string]string{"id": `"default/orders"`, "name": `"orders"`, "partition_count": "4"})
	playArgo(t, c, "orders-r1", "Succeeded", 4, nil)
	mustSucceed(t, "refresh", tf.refresh())
	tf.mustPlan(fromFile, "no-op")
	p := tf.mustPlan(orders(), "update")
	tf.mustShow(p, map[string]string{"next_run": "null", "template": show(t, tf.state, "template")})
	p = tf.mustPlan(object{"source": ordersFile, "variables": variables(map[string]int64{"last": 60})}, "update")
	if next := fields(t, fields(t, p.value)["next_run"]); jsonOf(next["intervals"]) != `"[40,60)"` {
		t.Errorf("next_run is %s", show(t, p.value, "next_run"))
	}
}

func TestSourceWithUnknownVariables(t *testing.T) {
	tf := newTerraform(t, object{}, environment(nil))
	hole := tftypes.NewValue(
		tftypes.Object{AttributeTypes: map[string]tftypes.Type{"last": tftypes.Number}},
		map[string]tftypes.Value{
			"last": tftypes.NewValue(tftypes.Number, tftypes.UnknownValue),
		},
	)
	p := tf.mustPlan(object{"source": ordersFile, "variables": hole}, "create")
	tf.mustShow(p, map[string]string{"id": `"default/orders"`, "partition_count": "?"})
	p = tf.mustPlan(object{"source": unknown{}}, "create")
	tf.mustShow(p, map[string]string{"id": "?", "name": "?"})
}

func TestProblemsOfSourceShowTheirPlace(t *testing.T) {
	tf := newTerraform(t, object{}, environment(nil))
	d := oneError(
		t,
		tf.validate(
			object{
				"source":    strings.Replace(ordersFile, "size = 10", "size = 0", 1),
				"variables": variables(map[string]int64{"last": 40}),
			},
		),
	)
	if d.Attribute.String() != `AttributeName("source")` {
		t.Errorf("the error is at %s", d.Attribute)
	}
	for _, part := range []string{"source:5:", "size = 0", "^"} {
		if !strings.Contains(d.Detail, part) {
			t.Errorf("%q is not in\n%s", part, d.Detail)
		}
	}
}

func TestExactlyOneForm(t *testing.T) {
	two := `job "a" {
  partition { values = ["x"] }
  runner {
    image = "i"
    command = ["c"]
  }
}
`
	two += strings.Replace(two, `job "a"`, `job "b"`, 1)
	tests := map[string]struct {
		config  object
		at      string
		summary string
	}{
		"neither": {object{}, "", "Missing Job Declaration"},
		"both": {
			object{"source": "x", "runner": orders()["runner"]},
			`AttributeName("runner")`,
			"Conflicting Job Declarations",
		},
		"variables without": {
			orders(object{"variables": variables(nil)}),
			`AttributeName("variables")`,
			"Attribute Without Source",
		},
		"job without":             {orders(object{"job": "x"}), `AttributeName("job")`, "Attribute Without Source"},
		"several jobs":            {object{"source": two}, `AttributeName("source")`, "More Than One Job"},
		"a job that is not there": {object{"source": two, "job": "c"}, `AttributeName("job")`, "Unknown Job"},
		"variables of a kind": {
			object{"source": two, "job": "a", "variables": tftypes.NewValue(tftypes.Number, 1)},
			`AttributeName("variables")`,
			"Wrong Type Of Variables",
		},
		"a bad job": {orders(object{"max_parallel": 0}), `AttributeName("max_parallel")`, "Value Out Of Range"},
		"a bad bound": {
			orders(object{"partition": object{"range": object{"start": 5, "end": 5, "size": 1}}}),
			`AttributeName("partition")`, "Invalid Range",
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			tf := newTerraform(t, object{}, environment(nil))
			d := oneError(t, tf.validate(test.config))
			at := ""
			if d.Attribute != nil {
				at = d.Attribute.String()
			}
			if !strings.HasPrefix(at, test.at) || test.at == "" && at != "" || d.Summary != test.summary {
				t.Errorf("got %s", written(d))
			}
		})
	}
}

func TestOneJobOfSeveral(t *testing.T) {
	tf := newTerraform(t, object{}, environment(nil))
	both := ordersFile + strings.Replace(ordersFile[strings.Index(ordersFile, "job"):], `"orders"`, `"others"`, 1)
	p := tf.mustPlan(
		object{"source": both, "job": "others", "variables": variables(map[string]int64{"last": 40})},
		"create",
	)
	tf.mustShow(p, map[string]string{"name": `"others"`})
}

// Terraform shows the line of an attribute of the resource, but not of what is
// nested in one: the diagnostic is at the former, and names the latter.
func TestNestedProblemsAreAtTheirAttribute(t *testing.T) {
	tf := newTerraform(t, object{}, environment(nil))
	for want, config := range map[string]object{
		"[BF2103 at " +
			"partition.range.end]": orders(object{"partition": object{"range": object{"start": 5, "end": 5, "size": 1}}}),
		`[BF2010 at runner.env["1x"]]`: orders(object{"runner": object{"image": "i", "command": []string{"c"}, "env": object{"1x": "y"}}}),
		"[BF1403 at " +
			"runner.command[1]]": orders(object{"runner": object{"image": "i", "command": []string{"c", "${partition.strat}"}}}),
		"[BF2009 at labels[\"team\"]]":      orders(object{"labels": object{"team": "not a label"}}),
		"must be from 1 to 10000. [BF2002]": orders(object{"max_parallel": 0}),
	} {
		d := oneError(t, tf.validate(config))
		if !strings.HasSuffix(d.Detail, want) || len(d.Attribute.Steps()) != 1 {
			t.Errorf("got %s, want one that ends in %s at an attribute of the resource", written(d), want)
		}
	}
}
