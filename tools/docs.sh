#!/usr/bin/env bash
# Copyright (c) The terraform-provider-backfill authors
# SPDX-License-Identifier: MPL-2.0

# Writes the provider's reference pages with tfplugindocs from the schema of
# the provider that was built, templates/ and examples/.
#
#   tools/docs.sh DIR      writes them to DIR (from the root of the repository)
#   tools/docs.sh --check  fails, with the difference, when docs/ is stale
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
root=$PWD

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# provider_schema asks the command line for the schema of the provider that
# was built. Terraform and OpenTofu name it by their own registry's host;
# tfplugindocs expects the bare name.
provider_schema() {
	local cli
	cli=$(tools/terraform.sh)
	cat >"$work/cli.tfrc" <<-EOF
		provider_installation {
		  dev_overrides {
		    "terraform-backfill/backfill" = "$root/bin"
		  }
		}
	EOF
	mkdir "$work/module"
	cat >"$work/module/main.tf" <<-'EOF'
		terraform {
		  required_providers {
		    backfill = {
		      source = "terraform-backfill/backfill"
		    }
		  }
		}
	EOF
	TF_CLI_CONFIG_FILE="$work/cli.tfrc" "$cli" -chdir="$work/module" providers schema -json 2>"$work/cli.log" |
		sed 's|"registry\.[a-z.]*/terraform-backfill/backfill":|"backfill":|' ||
		{
			cat "$work/cli.log" >&2
			return 1
		}
}

write_docs() {
	provider_schema >"$work/schema.json"
	"$root/.cache/bin/tfplugindocs" generate --provider-name backfill \
		--providers-schema "$work/schema.json" --rendered-website-dir "$1" >"$work/docs.log" 2>&1 ||
		{
			cat "$work/docs.log" >&2
			return 1
		}
	mkdir -p "$1/guides"
	guide language "Job language reference" "2. Write" "Every block and attribute of a job file." >"$1/guides/language.md"
	guide errors "Troubleshooting" "4. Operate" "Cause and fix of every diagnostic." >"$1/guides/troubleshooting.md"
}

# guide PAGE TITLE GROUP DESCRIPTION: a page that the program prints, with the
# head that the registry wants.
guide() {
	printf -- '---\npage_title: "%s"\nsubcategory: "%s"\ndescription: |-\n  %s\n---\n\n' "$2" "$3" "$4"
	"$root/bin/terraform-provider-backfill" docs "$1"
}

if [ "${1:-}" != --check ]; then
	write_docs "${1:?usage: tools/docs.sh DIR | --check}"
	exit
fi

fresh=.cache/docs
rm -rf "$fresh"
mkdir -p "$fresh"
write_docs "$fresh"
if ! diff -ru docs "$fresh"; then
	echo "docs/ is stale: run make generate and commit what it changes." >&2
	exit 1
fi
