#!/usr/bin/env bash
# Copyright (c) The terraform-provider-backfill authors
# SPDX-License-Identifier: MPL-2.0

# The slow tests: everything with BACKFILL_TEST_LONG=1, what only a newer
# Terraform can do, then every fuzz target of both modules for FUZZTIME (30s)
# each. `make test-long` builds first.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

BACKFILL_TEST_LONG=1 TEST_TIMEOUT=${TEST_TIMEOUT:-4h} tools/test.sh

newest=$(tools/terraform-newest.sh)
echo "testing the provider with $("$newest" version | head -n 1)"
TF_ACC=1 TF_ACC_TERRAFORM_PATH=$newest TF_CLI_CONFIG_FILE=/dev/null CHECKPOINT_DISABLE=1 \
	go test -count=1 -run '^TestAcc' ./internal/provider

# fuzz MODULE FILE: runs the fuzz targets of one test file.
fuzz() {
	local module=$1 file=$2 package target
	package=./$(realpath --relative-to="$module" "$(dirname "$file")")
	for target in $(sed -n 's/^func \(Fuzz[A-Za-z0-9_]*\)(.*/\1/p' "$file"); do
		echo "fuzzing $target in $package for ${FUZZTIME:-30s}"
		go test -C "$module" -run '^$' -fuzz "^$target\$" -fuzztime "${FUZZTIME:-30s}" "$package"
	done
}

while read -r file; do
	case $file in
	internal/devcluster/*) fuzz internal/devcluster "$file" ;;
	*) fuzz . "$file" ;;
	esac
done < <(grep -rl --include='*_test.go' '^func Fuzz' internal | sort)
