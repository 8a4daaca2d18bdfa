#!/usr/bin/env bash
# Copyright (c) The terraform-provider-backfill authors
# SPDX-License-Identifier: MPL-2.0

# The slow tests: the tests that BACKFILL_TEST_LONG=1 adds, then every fuzz
# target of both modules for FUZZTIME (30s). `make test-long` builds first.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

BACKFILL_TEST_LONG=1 tools/test.sh

for module in . internal/devcluster; do
	grep -rl --include='*_test.go' '^func Fuzz' "$module" | sort | while read -r file; do
		# The other module's folder lies inside the root's.
		if [ "$module" = . ] && [[ $file == ./internal/devcluster/* ]]; then
			continue
		fi
		package=./$(realpath --relative-to="$module" "$(dirname "$file")")
		sed -n 's/^func \(Fuzz[A-Za-z0-9_]*\)(.*/\1/p' "$file" | while read -r target; do
			echo "fuzzing $package $target for ${FUZZTIME:-30s}"
			go test -C "$module" -run '^$' -fuzz "^$target\$" -fuzztime "${FUZZTIME:-30s}" "$package"
		done
	done || true
done
