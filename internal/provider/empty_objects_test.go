// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
)

// A plan warns of objects that arrive empty, at any depth, once each. Objects that say
// something without attributes, unknown ones and those of a source are not among them.
func TestPlanWarnsOfObjectsThatArriveEmpty(t *testing.T) {
	volumes := []object{
		{"name": "a", "mount_path": "/a", "empty_dir": object{}},
		{"name": "b", "mount_path": "/b", "empty_dir": object{"size_limit": "1Gi"}},
	}
	runner := object{
		"image": "example.com/orders:1", "command": []string{"run"}, "volumes": volumes, "resources": object{},
	}
	tests := map[string]struct {
		config object
		want   []string
	}{
		"none":          {orders(object{"canary": object{"partitions": 1}}), nil},
		"a canary":      {orders(object{"canary": object{}}), []string{"[BF1641]"}},
		"nested":        {orders(object{"runner": runner}), []string{"[BF1641 at runner.resources]"}},
		"several":       {orders(object{"runner": runner, "retry": object{}}), []string{"[BF1641 at runner.resources]", "[BF1641]"}},
		"unknown":       {orders(object{"retry": unknown{}}), nil},
		"with a source": {object{"source": strings.Replace(twoJobs, "runner", "retry {}\n  runner", 1), "job": "a"}, nil},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			tf, _ := inFake(t)
			if diags := tf.validate(test.config); len(diags) > 0 {
				t.Errorf("validation says %s", written(diags[0]))
			}
			var got []string
			for _, d := range tf.plan(test.config).diags {
				if d.Severity != tfprotov6.DiagnosticSeverityWarning {
					t.Errorf("not a warning: %s", written(d))
				}
				_, code, _ := strings.Cut(d.Detail, " [BF")
				got = append(got, "[BF"+code)
			}
			slices.Sort(got)
			if !slices.Equal(got, test.want) {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

// What a command compares Terraform's files with is what Terraform is told.
func TestSchemasAreThoseOfTheProvider(t *testing.T) {
	schemas, err := Schemas()
	if err != nil {
		t.Fatal(err)
	}
	canary := schemas.Resources[jobType].AttributeType("canary")
	if !canary.HasAttribute("approve") || !schemas.Settings.HasAttribute("host") || len(schemas.Resources) != 3 ||
		len(schemas.DataSources) == 0 {
		t.Errorf("got %#v", schemas)
	}
	told, err := newServer(t).GetProviderSchema(t.Context(), &tfprotov6.GetProviderSchemaRequest{})
	if err != nil {
		t.Fatal(err)
	}
	// tfcheck takes each name for an attribute.
	for name, schema := range told.ResourceSchemas {
		if len(schema.Block.BlockTypes) > 0 {
			t.Errorf("%s has a block", name)
		}
	}
}
