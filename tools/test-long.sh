#!/usr/bin/env bash
# Copyright (c) The terraform-provider-backfill authors
# SPDX-License-Identifier: MPL-2.0

# The slow tests: everything with BACKFILL_TEST_LONG=1, the provider under a newer
# Terraform if the one on the PATH is old, then every fuzz target of both modules for FUZZTIME (2m) each, with at most 512 MB a worker and
# no hang (tools/fuzz). `make test-long` builds first; with --fuzz only the
# second part is run, and a further argument names a package to fuzz alone.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

if [ "${1:-}" != --fuzz ]; then
	BACKFILL_TEST_LONG=1 TEST_TIMEOUT=${TEST_TIMEOUT:-4h} tools/test.sh
	# Import blocks take identities since Terraform 1.12.
	newest=$(tools/terraform-newest.sh)
	TF_ACC=1 TF_ACC_TERRAFORM_PATH=$newest CHECKPOINT_DISABLE=1 TF_CLI_CONFIG_FILE=/dev/null go test -count=1 -run '^TestAcc' ./internal/provider
fi

go build -C tools -o "$PWD/.cache/bin/fuzz" ./fuzz

# fuzz MODULE FILE: runs the fuzz targets of one test file.
fuzz() {
	local module=$1 file=$2 package target
	package=./$(realpath --relative-to="$module" "$(dirname "$file")")
	for target in $(sed -n 's/^func \(Fuzz[A-Za-z0-9_]*\)(.*/\1/p' "$file"); do
		.cache/bin/fuzz -time "${FUZZTIME:-2m}" "$PWD/$module" "$package" "$target"
	done
}

while read -r file; do
	case $file in
	internal/devcluster/*) fuzz internal/devcluster "$file" ;;
	*) fuzz . "$file" ;;
	esac
done < <(grep -rl --include='*_test.go' '^func Fuzz' "${2:-internal}" | sort)
