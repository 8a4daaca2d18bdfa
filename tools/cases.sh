#!/usr/bin/env bash
# Copyright (c) The terraform-provider-backfill authors
# SPDX-License-Identifier: MPL-2.0

# Runs a collection of reported cases, which is not part of the repository, and checks that the binary says of each
# what it has to say:
#
#   tools/cases.sh DIR [PATTERN]
#
# DIR holds hostile/, terraform/ and cluster/. PATTERN chooses cases, as a regular expression on their names. The cases
# of the last two run on a local cluster, which the script starts and stops. One line a case; exit code 1 if one differs.
# `make build` comes first.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cases=$(cd "${1:?directory of cases}" && pwd)
pattern=${2:-.}
work=$(mktemp -d)
provider=$root/bin/terraform-provider-backfill
terraform=$("$root/tools/terraform.sh")
differ=0 up=

devcluster() { "$root/.cache/bin/devcluster" --state "$work/cluster" "$@"; }
kubectl() { devcluster kubectl "$@"; }

finish() {
	if [ -n "$up" ]; then devcluster down --remove >/dev/null 2>&1 || true; fi
	rm -rf "$work"
}
trap finish EXIT

# says CASE REGEX [NOT]: the last output matches, and does not match NOT.
says() {
	local verdict=ok
	grep -qE "$2" "$work/out" || verdict="DIFFERS: no match of $2"
	if [ -n "${3:-}" ] && grep -qE "$3" "$work/out"; then verdict="DIFFERS: matches $3"; fi
	printf '%-44s %s\n' "$1" "$verdict"
	[ "$verdict" = ok ] || { differ=1 && sed 's/^/    /' "$work/out" | cut -c1-200 | head -30; }
}

chosen() { [[ $1 =~ $pattern ]]; }

# offline CASE REGEX [NOT] [COMMAND ...]: a command that needs no cluster, with three seconds of processor time.
offline() {
	local name=$1 want=$2 not=${3:-}
	shift 3 || shift $#
	chosen "$name" || return 0
	(ulimit -t 3 && "$provider" "${@:-validate}" "$cases/$name" >"$work/out" 2>&1) || true
	says "$name" "$want" "$not"
}

# eventually COMMAND ...: tries for four minutes.
eventually() {
	local end=$((SECONDS + 240))
	until "$@"; do
		[ $SECONDS -lt $end ] || return 1
		sleep 2
	done
}

status_matches() {
	"$provider" status "$1" --kubeconfig "$work/cluster/kubeconfig" >"$work/out" 2>&1 || true
	grep -qE "$2" "$work/out"
}

# started starts the cluster when the first case needs it.
started() {
	[ -z "$up" ] || return 0
	devcluster up >"$work/up.log" 2>&1
	up=yes
	export KUBE_CONFIG_PATH=$work/cluster/kubeconfig CHECKPOINT_DISABLE=1 TF_IN_AUTOMATION=1
	printf 'provider_installation {\n  dev_overrides {\n    "terraform-backfill/backfill" = "%s"\n  }\n  direct {}\n}\n' \
		"$root/bin" >"$work/terraformrc"
	export TF_CLI_CONFIG_FILE=$work/terraformrc
	"$provider" rbac -n default >"$work/rbac.yaml"
	kubectl apply -f "$work/rbac.yaml" >/dev/null 2>&1
}

tf() { (cd "$work/module" && "$terraform" "$@" -no-color) >"$work/out" 2>&1; }

# module makes the configuration of a case: its file, or one resource for its job file.
module() {
	rm -rf "$work/module" && mkdir "$work/module"
	case $1 in
	*.tf.txt)
		sed -E 's/command = \["x"\]/command = ["true"], service_account = "backfill-runner"/; s/"20s"/"5m"/g' "$cases/$1"
		;;
	*) printf 'resource "backfill_job" "case" {\n  source = file("job.hcl")\n}\n' ;;
	esac >"$work/module/main.tf"
	case $1 in
	*.hcl)
		sed -E 's/^( *)orchestrator_service_account( *)=(.*)/\1orchestrator = { service_account = \3 }/' "$cases/$1" \
			>"$work/module/job.hcl"
		;;
	esac
	grep -q required_providers "$work/module/main.tf" ||
		printf 'terraform {\n  required_providers {\n    backfill = { source = "terraform-backfill/backfill" }\n  }\n}\n' \
			>"$work/module/versions.tf"
}

# online CASE JOB REGEX [NOT]: the case is applied, and the status of its job comes to say something. Rules of the
# cluster are applied before (`rules`) and taken away after.
online() {
	chosen "$1" || return 0
	started
	module "$1"
	[ -z "${rules:-}" ] || printf '%s\n' "$rules" | kubectl apply -f - >/dev/null
	if tf apply -auto-approve; then eventually status_matches "$2" "$3" || true; fi
	says "$1" "$3" "${4:-}"
	[ -z "${rules:-}" ] || printf '%s\n' "$rules" | kubectl delete --ignore-not-found -f - >/dev/null
	tf destroy -auto-approve || true
}

# 1. Hostile files
for bomb in bombnum format2 join replace setproduct; do
	offline hostile/$bomb.backfill.hcl 'Error: .*\[BF' 'goroutine|signal|out of memory'
done
offline hostile/exfil.backfill.hcl 'Error: .*\[BF|sensitive' 'valid' validate --var s=abc
offline hostile/sens4.backfill.hcl 'Error: .*\[BF' 'secretval'
offline hostile/sens19.backfill.hcl 'Error: .*\[BF' 'secretval'
offline hostile/esc.backfill.hcl 'must be a whole number' $'\033|\007'

# 2. What is found without a cluster
offline cluster/40-spot-affinity-conflict/spotaff.backfill.hcl 'BF2220'
offline cluster/25-instance-id/instanceid.backfill.hcl 'instance_id'
if chosen terraform/04-nested-typo; then
	cp "$cases/terraform/04-nested-typo/main.tf.txt" "$work/typo.tf"
	"$provider" validate "$work/typo.tf" >"$work/out" 2>&1 || true
	says terraform/04-nested-typo 'aprove' 'is valid'
fi

# 3. Terraform configurations
if chosen terraform/01; then
	started
	module terraform/01-ignore-changes-at-apply/runner.tf.txt
	tf apply -auto-approve && tf apply -auto-approve -var image=img:2 -var reason=second || true
	kubectl get workflowtemplates -o yaml >"$work/out"
	says terraform/01-ignore-changes-at-apply 'image: img:1' 'image: img:2'
	tf destroy -auto-approve || true
fi
if chosen terraform/02; then
	started
	module terraform/02-create-before-destroy-replace/main.tf.txt
	tf apply -auto-approve && ! tf apply -auto-approve -var rev=b || true
	says terraform/02-create-before-destroy-replace 'create_before_destroy'
	tf destroy -auto-approve || tf destroy -auto-approve -refresh=false || true
	says terraform/02-destroy 'Destroy complete'
fi
if chosen terraform/05; then
	started
	module terraform/05-fraction/main.tf.txt
	tf plan -var s=0 -var e=100 -var z=10 -var mp=1.5 || true
	says terraform/05-fraction 'whole number' 'always an error|big\.Float'
fi
if chosen terraform/07; then
	started
	module terraform/07-await-replaced-by-note-edit/main.tf.txt
	tf apply -auto-approve || true
	tf plan -var reason=b || true
	says terraform/07-await-replaced-by-note-edit '0 to add, 1 to change, 0 to destroy' 'must be replaced'
	tf destroy -auto-approve || true
fi
if chosen terraform/09; then
	started
	module terraform/09-host-password-in-error/main.tf.txt
	tf apply -auto-approve -var t=x -var h=http://user:SECRETCANARY@127.0.0.1:1 || true
	says terraform/09-host-password-in-error 'Error' 'SECRETCANARY'
fi

# 4. Rules of clusters
quota() { printf 'apiVersion: v1\nkind: ResourceQuota\nmetadata: {name: %s, namespace: default}\nspec: {hard: {%s}}\n' "$@"; }

rules=$(quota pods 'pods: "2"') online cluster/21-quota-false-stuck/s.backfill.hcl qstuck 'no quota since' 'stuck +not started'
rules=$(cat "$cases/cluster/22-quota-must-specify/quota.yaml")
online cluster/22-quota-must-specify/one.backfill.hcl must 'must specify'
online cluster/22-quota-must-specify/patched-small.backfill.hcl mustq 'phase +Complete'
rules=
if chosen cluster/23; then
	started
	kubectl label namespace default pod-security.kubernetes.io/enforce=restricted >/dev/null
	online cluster/23-psa-restricted/plain.backfill.hcl psa 'violates PodSecurity'
	online cluster/23-psa-restricted/patched.backfill.hcl psap 'step setup.*violates PodSecurity' # a setup without its own
	kubectl label namespace default pod-security.kubernetes.io/enforce- >/dev/null
fi
if chosen cluster/24; then
	started
	kubectl taint nodes --all dedicated=batch:NoSchedule >/dev/null
	online cluster/24-taints-launchers/one.backfill.hcl taintone 'phase +Complete'
	online cluster/24-taints-launchers/t.backfill.hcl taint 'phase +Complete'
	kubectl taint nodes --all dedicated- >/dev/null
fi
if chosen cluster/26; then
	started
	kubectl label namespace default workflows.argoproj.io/parallelism-limit=1 >/dev/null
	online cluster/26-namespace-parallelism/a.backfill.hcl par-a 'no place since'
	kubectl label namespace default workflows.argoproj.io/parallelism-limit- >/dev/null
fi
rules=$(cat "$cases/cluster/27-quota-workflows/quota.yaml") \
	online cluster/27-quota-workflows/w.backfill.hcl wfquota 'retrying .*exceeded quota'
online cluster/28-launcher-rbac/r.backfill.hcl lrbac 'retrying .*backfill-orchestrator'
online cluster/29-scheduling-gates/g.backfill.hcl gated 'not admitted since' 'stuck'
if chosen cluster/34; then
	started
	kubectl patch configmap workflow-controller-configmap -n argo --type merge \
		-p '{"data":{"retentionPolicy":"{completed: 1, failed: 1, errored: 1}"}}' >/dev/null
	for job in quickstart:quickstart retain:r retains:small; do
		want='phase +Complete'
		[ "${job%:*}" != retain ] || want='done +9|9/12'
		online cluster/34-retention-policy/${job#*:}.backfill.hcl "${job%:*}" "$want"
	done
fi
online cluster/36-refused-pods/badimg.backfill.hcl badimg 'RuntimeClass'
online cluster/36-refused-pods/initfail.backfill.hcl initfail 'fetch'
online cluster/36-refused-pods/nopc.backfill.hcl nopc 'PriorityClass'
online cluster/36-refused-pods/nosa.backfill.hcl nosa 'no-such-account'
online cluster/36-refused-pods/nosecret.backfill.hcl nosecret 'no-such-secret'
rules=$(cat "$cases/cluster/36-refused-pods/lr.yaml")
online cluster/36-refused-pods/lrange.backfill.hcl lrange 'maximum memory'
online cluster/36-refused-pods/lrcpu.backfill.hcl lrcpu 'cpu limit'
exit $differ
