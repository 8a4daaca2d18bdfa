// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package lang_test

import (
	"regexp"
	"strings"
	"testing"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/jobschema"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/lang"
)

var fenced = regexp.MustCompile("(?s)```hcl\n(.*?)```")

func TestExamplesOfTheReferenceCompile(t *testing.T) {
	examples := fenced.FindAllStringSubmatch(lang.Reference(), -1)
	if len(examples) == 0 {
		t.Fatal("there are no examples")
	}
	for _, e := range examples {
		_, jobs, diags := check([]lang.Source{{Name: "example.hcl", Bytes: []byte(e[1])}},
			lang.Inputs{Texts: map[string]string{"last_id": "100"}})
		if diags.HasErrors() || jobs[0] == nil {
			t.Errorf("%v in\n%s", diags, e[1])
		}
	}
}

func TestReferenceHasEverything(t *testing.T) {
	text := lang.Reference()
	for _, a := range jobschema.Job() {
		if !a.Label && a.Moved == "" && !strings.Contains(text, "`"+a.Name+"`") {
			t.Errorf("the attribute %s is missing", a.Name)
		}
	}
	for _, f := range lang.Functions() {
		if !strings.Contains(text, "`"+f.Name+"`") {
			t.Errorf("the function %s is missing", f.Name)
		}
	}
}
