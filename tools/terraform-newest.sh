#!/usr/bin/env bash
# Copyright (c) The terraform-provider-backfill authors
# SPDX-License-Identifier: MPL-2.0

# Prints the path of a Terraform that knows import by identity and queries
# (1.14 or newer), and nothing else, on standard output: the one on the PATH if
# it does, else one built from Terraform's Go module into .cache/bin. It serves
# the slow tests; nothing else needs it.
set -euo pipefail

readonly MIN_VERSION=1.14.0
readonly VERSION=v1.15.6
readonly SUM=h1:8WYv9sRyAOpWz98nTUYnONMhyoz0BPEun+paFonkzek=

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
built="$root/.cache/bin/terraform-newest"

say() { printf '%s\n' "$*" >&2; }

version_of() {
	"$1" version -json 2>/dev/null |
		sed -n 's/.*"terraform_version": *"\([0-9.]*\).*/\1/p'
}

at_least() { [ "$(printf '%s\n%s\n' "$2" "$1" | sort -V | head -n 1)" = "$2" ]; }

# The state backends of clouds are modules of their own, and no proxy serves
# them: they live in folders that the module's archive leaves out. Tests keep
# their state in files, so the copy that is built does without these backends.
without_cloud_backends() {
	local left='azure|consul|cos|gcs|kubernetes|oci|oss|pg|s3'
	sed -i -E "/remote-state\/($left)\"/d; /backend(Azure|Consul|Cos|GCS|Kubernetes|OCI|OSS|Pg|S3)\./d" \
		"$1/internal/backend/init/init.go"
	sed -i -E "/internal\/(backend\/remote-state\/($left)|legacy)( |\$)/d" "$1/go.mod"
}

build() {
	local info dir sum source="$root/.cache/src/terraform" began=$SECONDS
	say "Building Terraform $VERSION from its Go module into .cache/bin, once. This takes about three minutes on two cores ..."
	info=$(GOFLAGS= GOWORK=off go mod download -json "github.com/hashicorp/terraform@$VERSION")
	dir=$(sed -n 's/^.*"Dir": "\(.*\)",\{0,1\}$/\1/p' <<<"$info")
	sum=$(sed -n 's/^.*"Sum": "\(.*\)",\{0,1\}$/\1/p' <<<"$info")
	if [ "$sum" != "$SUM" ]; then
		say "terraform-newest.sh: the module proxy served Terraform $VERSION with checksum $sum, not $SUM."
		return 1
	fi
	rm -rf "$source"
	mkdir -p "$source" "$root/.cache/bin"
	cp -R "$dir/." "$source"
	chmod -R u+w "$source"
	without_cloud_backends "$source"
	if ! GOFLAGS=-mod=mod GOWORK=off CGO_ENABLED=0 go build -C "$source" -buildvcs=false -trimpath \
		-ldflags '-s -w -X github.com/hashicorp/terraform/version.dev=no' -o "$built.new" . >"$built.log" 2>&1; then
		tail -n 20 "$built.log" >&2
		say "terraform-newest.sh: Terraform did not build; the whole output is in .cache/bin/terraform-newest.log."
		return 1
	fi
	mv "$built.new" "$built"
	rm -rf "$source"
	say "Built Terraform $(version_of "$built") in $((SECONDS - began)) s."
}

if path=$(command -v terraform) && at_least "$(version_of "$path")" "$MIN_VERSION"; then
	printf '%s\n' "$path"
	exit
fi
if [ ! -x "$built" ] || [ "v$(version_of "$built")" != "$VERSION" ]; then
	build
fi
printf '%s\n' "$built"
