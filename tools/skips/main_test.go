// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package main

import (
	"slices"
	"strings"
	"testing"
)

func TestRefusedSkips(t *testing.T) {
	const events = `
{"Action":"run","Package":"p","Test":"TestKernel"}
{"Action":"output","Package":"p","Test":"TestKernel","Output":"    a_test.go:12: kernel: no user namespaces\n"}
{"Action":"output","Package":"p","Test":"TestKernel","Output":"--- SKIP: TestKernel (0.00s)\n"}
{"Action":"skip","Package":"p","Test":"TestKernel"}
{"Action":"output","Package":"p","Test":"TestDatabase","Output":"    a_test.go:20: a log line\n"}
{"Action":"output","Package":"p","Test":"TestDatabase","Output":"    a_test.go:30: no PostgreSQL server on the PATH\n"}
{"Action":"skip","Package":"p","Test":"TestDatabase"}
{"Action":"output","Package":"p","Test":"TestSilent","Output":"--- SKIP: TestSilent (0.00s)\n"}
{"Action":"skip","Package":"p","Test":"TestSilent"}
{"Action":"output","Package":"p","Test":"TestNewer","Output":"    a_test.go:40: Terraform CLI version 1.11.4 is below minimum version 1.12.0: skipping test\n"}
{"Action":"skip","Package":"p","Test":"TestNewer"}
{"Action":"pass","Package":"p","Test":"TestGood"}
{"Action":"skip","Package":"no-test-files"}
`
	got, err := refusedSkips(strings.NewReader(strings.TrimSpace(events)))
	if err != nil {
		t.Fatal(err)
	}
	want := []skip{
		{"p", "TestDatabase", "no PostgreSQL server on the PATH"},
		{"p", "TestSilent", ""},
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestRefusedSkipsReportsBrokenEvents(t *testing.T) {
	if _, err := refusedSkips(strings.NewReader("FAIL\n")); err == nil {
		t.Error("no error for a line that is no JSON")
	}
}
