#!/usr/bin/env bash
# Copyright (c) The terraform-provider-backfill authors
# SPDX-License-Identifier: MPL-2.0

# Runs acceptance tests that measure, and writes their figures down: to
# internal/acceptance/testdata/measured, and from there into the guide on large
# jobs. It says how far it is. What runs beside it on the machine is measured too.
#
#   tools/measure.sh TESTS  a regular expression of the tests' names
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

while IFS='=' read -r name value; do
	[ -n "${!name:-}" ] || export "$name=$value"
done < <(tools/terraform.sh --test-env)
export BACKFILL_DEVCLUSTER=${BACKFILL_DEVCLUSTER:-$PWD/.cache/bin/devcluster}
export TF_ACC=1 CHECKPOINT_DISABLE=1 TF_CLI_CONFIG_FILE=/dev/null
export BACKFILL_MEASURE=1 BACKFILL_TEST_LONG=1
unset KUBECONFIG "${!KUBE_@}"

go test -count=1 -v -timeout 12h ./internal/acceptance -run "${1:?usage: tools/measure.sh TESTS}"
