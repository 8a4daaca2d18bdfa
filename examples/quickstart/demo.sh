#!/usr/bin/env bash
# Copyright (c) The terraform-provider-backfill authors
# SPDX-License-Identifier: MPL-2.0

# Scores 300,000 orders with a backfill on the local cluster. `make demo` builds
# what this script uses, and starts it. You can run it again: what is done stays
# done.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
work=$here/work
backfill=$root/bin/terraform-provider-backfill
devcluster=$root/.cache/bin/devcluster
readonly JOB=orders-risk-score ORDERS=300000 SEED=20260101

for program in "$backfill" "$devcluster"; do
	if [ ! -x "$program" ]; then
		echo "demo.sh: $program is missing. Run make demo from the root of the repository." >&2
		exit 1
	fi
done
terraform=${TERRAFORM:-$("$root/tools/terraform.sh")}

# Ignore your settings for other clusters and providers.
unset KUBECONFIG "${!KUBE_@}" "${!TF_CLI_@}"

colour=()
[ -t 1 ] || colour=(-no-color)

heading() { printf '\n== %s\n\n' "$*"; }

# short PATH: the path as seen from the root of the repository.
short() { printf '%s' "${1#"$root"/}"; }

make_orders() {
	local orders=$work/data/orders.ndjson
	mkdir -p "$work/data" "$work/results"
	if [ ! -e "$orders" ]; then
		awk -v seed="$SEED" -v count="$ORDERS" -f "$here/orders.awk" >"$orders.new"
		mv "$orders.new" "$orders"
	fi
	echo "$(short "$orders"): $(wc -l <"$orders") orders, the first of which is"
	head -n 1 "$orders"
}

start_cluster() {
	(cd "$root" && "$devcluster" up)
	export KUBECONFIG=$root/.devcluster/kubeconfig
	export KUBE_CONFIG_PATH=$KUBECONFIG
}

# Use the provider that was just built instead of a release from a registry.
use_built_provider() {
	export TF_CLI_CONFIG_FILE=$work/terraform.tfrc
	cat >"$TF_CLI_CONFIG_FILE" <<-EOF
		provider_installation {
		  dev_overrides {
		    "terraform-backfill/backfill" = "$root/bin"
		  }
		  direct {}
		}
	EOF
}

run_terraform() {
	local command=$1
	shift
	"$terraform" -chdir="$here" "$command" -input=false -compact-warnings "${colour[@]}" "$@"
}

plan_and_apply() {
	local changes=0
	echo "(The warning below is expected: Terraform uses the provider that was just built, not a release.)"
	run_terraform plan -detailed-exitcode -out="$work/plan" || changes=$?
	case $changes in
	0) echo "Nothing to do: every partition is done." ;;
	2)
		# A new job starts without results.
		[ -e "$here/terraform.tfstate" ] || rm -f "$work"/results/*.ndjson
		heading "terraform apply: submits the run and returns"
		run_terraform apply "$work/plan"
		;;
	*) return "$changes" ;;
	esac
	rm -f "$work/plan"
}

# check_results counts how often each order was scored, over all result files.
check_results() {
	cat "$work"/results/*.ndjson | awk -v orders="$ORDERS" '
		{
			id = $0
			sub(/^\{"id":/, "", id)
			id += 0
			if (seen[id]++) twice++
			if (id < 1 || id > orders) strange++
			score = $0
			sub(/^.*"risk_score":/, "", score)
			if (score + 0 >= 50) risky++
		}
		END {
			for (id = 1; id <= orders; id++) if (!(id in seen)) missing++
			printf "%d lines: %d orders missing, %d scored twice, %d unknown; %d have a score of 50 or more\n", NR, missing, twice, strange, risky
			exit missing || twice || strange
		}'
}

heading "The input"
make_orders

heading "The cluster: etcd, Kubernetes and Argo on this machine"
start_cluster

heading "terraform plan: what would run"
use_built_provider
plan_and_apply

heading "backfill status $JOB --watch"
if ! "$backfill" status "$JOB" --watch; then
	echo "demo.sh: the job did not complete. To see what its runners printed:" >&2
	echo "  KUBECONFIG=$KUBECONFIG $devcluster kubectl logs --selector backfill.dev/job=$JOB --container main" >&2
	echo "Run make demo again to retry what failed." >&2
	exit 1
fi

heading "The attempt that failed and was retried"
"$devcluster" kubectl logs --selector "backfill.dev/job=$JOB" --container main --prefix 2>/dev/null | grep stumbling ||
	echo "(Its pod is already deleted.)"

heading "terraform plan, after the job is done"
run_terraform plan

heading "Every order scored exactly once?"
if ! check_results; then
	echo "demo.sh: the results are wrong. To see what the runners printed:" >&2
	echo "  KUBECONFIG=$KUBECONFIG $devcluster kubectl logs --selector backfill.dev/job=$JOB --container main" >&2
	exit 1
fi
echo "Yes. The results are in $(short "$work/results"), one file per partition."

quoted() { printf '%q' "$1"; }

heading "Next steps"
cat <<EOF
  cd $(quoted "$root")
  export KUBECONFIG=$(quoted "$KUBECONFIG")
  export KUBE_CONFIG_PATH=\$KUBECONFIG
  export TF_CLI_CONFIG_FILE=$(quoted "$TF_CLI_CONFIG_FILE")

Show what is done, failed and left:
  $(short "$backfill") status $JOB

Plan again: there are no changes. Then set end = 350001 in $(short "$here")/main.tf: only the new keys are planned:
  $(quoted "$terraform") -chdir=$(short "$here") plan

See the objects in Argo and Kubernetes:
  $(short "$devcluster") kubectl get workflows,pods

Stop the cluster, or remove everything that the demo made:
  make cluster-down
  make clean
EOF
