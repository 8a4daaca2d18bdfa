// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package acceptance

import (
	"fmt"
	"os"
	"testing"
)

// Environment variables that the make targets set.
const (
	// envCluster is the path of the devcluster binary; without it the tests
	// of this package are skipped.
	envCluster = "BACKFILL_DEVCLUSTER"
	// envKubeconfig names a local cluster that is up already, for all tests.
	envKubeconfig = "BACKFILL_TEST_KUBECONFIG"
	// envNoCluster says why this machine can run no local cluster.
	envNoCluster = "BACKFILL_TEST_NO_CLUSTER"
	// envStrict turns skips of what the machine could have into failures.
	envStrict = "BACKFILL_TEST_STRICT"
)

func TestMain(m *testing.M) {
	code := m.Run()
	if shared != nil {
		if err := shared.stop(); err != nil {
			fmt.Fprintln(os.Stderr, "stopping the local cluster:", err)
			code = 1
		}
	}
	os.Exit(code)
}

// lacking skips the test because the machine lacks something, or fails it
// where skips are not accepted.
func lacking(t *testing.T, format string, args ...any) {
	t.Helper()
	if os.Getenv(envStrict) != "" {
		t.Fatalf("strict run: "+format, args...)
	}
	t.Skipf(format, args...)
}
