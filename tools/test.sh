#!/usr/bin/env bash
# Copyright (c) The terraform-provider-backfill authors
# SPDX-License-Identifier: MPL-2.0

# Runs the tests of both modules as one run, so that the closing lines name
# every skipped and failed test of either and count them all. `make test`
# builds first what this uses.
#
# It tells the tests, unless the environment already does:
#
#   TF_ACC=1               run the acceptance tests
#   TF_ACC_TERRAFORM_PATH  the Terraform or OpenTofu to run them with, and for
#                          OpenTofu also TF_ACC_PROVIDER_HOST and _NAMESPACE
#   BACKFILL_DEVCLUSTER    the program that starts the local cluster
#   BACKFILL_TEST_KUBECONFIG  the kubeconfig of one that it started for the tests
#   BACKFILL_TEST_NO_CLUSTER  or why this machine can run no local cluster
#
# BACKFILL_TEST_STRICT=1 comes from .ci/run, which has installed what can be
# installed: a test may then skip only for what a kernel or a Terraform version
# lacks.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

# both prints the events of both modules' tests (and of the tools' own), and
# fails if any failed.
both() {
	local status=0
	go test -C tools -json ./... || status=$?
	go test -json -timeout "${TEST_TIMEOUT:-60m}" ./... || status=$?
	go test -C internal/devcluster -json -timeout "${TEST_TIMEOUT:-60m}" ./... || status=$?
	return "$status"
}

if [ "${1:-}" = --events ]; then
	both
	exit
fi

while IFS='=' read -r name value; do
	[ -n "${!name:-}" ] || export "$name=$value"
done < <(tools/terraform.sh --test-env)
[ -n "${TF_ACC_TERRAFORM_PATH:-}" ] || exit 1
export TF_ACC=${TF_ACC:-1}
export BACKFILL_DEVCLUSTER=${BACKFILL_DEVCLUSTER:-$PWD/.cache/bin/devcluster}
export CHECKPOINT_DISABLE=1
# No test may meet a cluster or a configuration of the person who runs it.
unset KUBECONFIG "${!KUBE_@}"
export TF_CLI_CONFIG_FILE=/dev/null

# One local cluster serves every test that needs a real one.
cluster=$(mktemp -d "${TMPDIR:-/tmp}/backfill-test-XXXXXX")
trap '"$BACKFILL_DEVCLUSTER" --state "$cluster/state" down --remove >/dev/null; rm -rf "$cluster"' EXIT
if why=$("$BACKFILL_DEVCLUSTER" --state "$cluster/state" probe 2>&1); then
	"$BACKFILL_DEVCLUSTER" --state "$cluster/state" up
	export BACKFILL_TEST_KUBECONFIG=$cluster/state/kubeconfig
else
	export BACKFILL_TEST_NO_CLUSTER="kernel: $why"
fi

events=.cache/test-events.json
status=0
.cache/bin/gotestsum --format pkgname-and-test-fails --format-hide-empty-pkg \
	--jsonfile "$events" --raw-command -- tools/test.sh --events || status=$?

if [ "${BACKFILL_TEST_STRICT:-}" = 1 ]; then
	go run -C tools ./skips "$PWD/$events" || status=$?
fi
exit "$status"
