// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package argoexec

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

// The linker flags name versions that the module's requirements decide; both
// are read by people and programs as the version of the cluster.
func TestLinkerFlagsNameTheRequiredVersions(t *testing.T) {
	mod, err := os.ReadFile("../go.mod")
	if err != nil {
		t.Fatal(err)
	}
	flags, err := os.ReadFile("../LDFLAGS")
	if err != nil {
		t.Fatal(err)
	}
	for module, variable := range map[string]string{
		"k8s.io/kubernetes": "k8s.io/component-base/version.gitVersion",
		ModulePath:          ModulePath + ".version",
	} {
		required := regexp.MustCompile(`(?m)^\t` + regexp.QuoteMeta(module) + ` (\S+)$`).FindSubmatch(mod)
		if required == nil {
			t.Errorf("go.mod does not require %s", module)
			continue
		}
		if want := "-X " + variable + "=" + string(required[1]); !strings.Contains(string(flags), want) {
			t.Errorf("LDFLAGS lacks %s", want)
		}
	}
	if strings.Count(strings.TrimRight(string(flags), "\n"), "\n") != 0 {
		t.Error("LDFLAGS is more than one line")
	}
}

func TestOwnRequirementsHoldThePin(t *testing.T) {
	mod, err := os.ReadFile("../go.mod")
	if err != nil {
		t.Fatal(err)
	}
	sum, err := os.ReadFile("../go.sum")
	if err != nil {
		t.Fatal(err)
	}
	pin, err := PinFrom(string(mod), string(sum))
	if err != nil {
		t.Fatal(err)
	}
	if strings.Count(pin.Sums, "\n") != 2 {
		t.Errorf("sums of the module and of its go.mod, got %q", pin.Sums)
	}
}
