#!/usr/bin/env bash
# Copyright (c) The terraform-provider-backfill authors
# SPDX-License-Identifier: MPL-2.0

# Prints the path of the Terraform or OpenTofu command line to use, and nothing
# else, on standard output. In this order:
#
#   1. $TERRAFORM, if set;
#   2. terraform on the PATH, if it is at least 1.8;
#   3. tofu on the PATH, if it is at least 1.8;
#   4. OpenTofu, built from its Go module into .cache/bin/tofu.
#
# With --test-env it prints, as NAME=value lines, the variables that tell
# terraform-plugin-testing to use that command line.
set -euo pipefail

readonly MIN_VERSION=1.8.0
readonly TOFU_VERSION=v1.12.6
readonly TOFU_SUM=h1:0VT4P8pMmGcCUnQ9JDrJ+Qg2d35Vzm4FFd/9+H7oF98=

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cached="$root/.cache/bin/tofu"

say() { printf '%s\n' "$*" >&2; }

# at_least A B: whether version A is B or newer.
at_least() { [ "$(printf '%s\n%s\n' "$2" "$1" | sort -V | head -n 1)" = "$2" ]; }

# version_of CLI: its version as x.y.z, without a pre-release suffix.
version_of() {
	"$1" version -json 2>/dev/null |
		sed -n 's/.*"terraform_version": *"\([0-9.]*\).*/\1/p'
}

usable() {
	local path version
	path=$(command -v "$1") || return 1
	version=$(version_of "$path") || return 1
	if [ -z "$version" ] || ! at_least "$version" "$MIN_VERSION"; then
		say "terraform.sh: $path is ${version:-of unknown version}, but $MIN_VERSION is needed; not used."
		return 1
	fi
	printf '%s\n' "$path"
}

# build_tofu builds inside the module's own go.mod, because that is where its
# replace line for a patched HCL applies ("go install module@version" refuses it).
build_tofu() {
	local info dir sum began=$SECONDS
	say "Neither terraform nor tofu (at least $MIN_VERSION) is on the PATH."
	say "Building OpenTofu $TOFU_VERSION from its Go module into .cache/bin/tofu."
	say "This happens once and takes about three minutes on two cores ..."
	info=$(GOFLAGS= GOWORK=off go mod download -json "github.com/opentofu/opentofu@$TOFU_VERSION")
	dir=$(sed -n 's/^.*"Dir": "\(.*\)",\{0,1\}$/\1/p' <<<"$info")
	sum=$(sed -n 's/^.*"Sum": "\(.*\)",\{0,1\}$/\1/p' <<<"$info")
	if [ "$sum" != "$TOFU_SUM" ]; then
		say "terraform.sh: the module proxy served OpenTofu $TOFU_VERSION with checksum $sum, not $TOFU_SUM."
		say "Install terraform or tofu yourself and run this again."
		return 1
	fi
	mkdir -p "$root/.cache/bin"
	if ! GOFLAGS=-mod=readonly GOWORK=off CGO_ENABLED=0 go build -C "$dir" -buildvcs=false -trimpath \
		-ldflags '-s -w -X github.com/opentofu/opentofu/version.dev=no' \
		-o "$cached.new" ./cmd/tofu >"$cached.log" 2>&1; then
		tail -n 20 "$cached.log" >&2
		say "terraform.sh: OpenTofu did not build; the whole output is in .cache/bin/tofu.log."
		say "Install terraform or tofu yourself and run this again."
		return 1
	fi
	mv "$cached.new" "$cached"
	say "Built OpenTofu $(version_of "$cached") in $((SECONDS - began)) s."
}

choose() {
	if [ -n "${TERRAFORM:-}" ]; then
		command -v "$TERRAFORM" && return
		say "terraform.sh: TERRAFORM is set to $TERRAFORM, which is not a command. Correct it or unset it."
		return 1
	fi
	usable terraform && return
	usable tofu && return
	if [ ! -x "$cached" ] || [ "v$(version_of "$cached")" != "$TOFU_VERSION" ]; then
		build_tofu || return
	fi
	printf '%s\n' "$cached"
}

test_env() {
	local cli=$1
	printf 'TF_ACC_TERRAFORM_PATH=%s\n' "$cli"
	if "$cli" version 2>/dev/null | grep '^OpenTofu' >/dev/null; then
		printf 'TF_ACC_PROVIDER_HOST=registry.opentofu.org\n'
		printf 'TF_ACC_PROVIDER_NAMESPACE=hashicorp\n'
	fi
}

cli=$(choose)
case "${1:-}" in
'') printf '%s\n' "$cli" ;;
--test-env) test_env "$cli" ;;
*)
	say "usage: tools/terraform.sh [--test-env]"
	exit 2
	;;
esac
