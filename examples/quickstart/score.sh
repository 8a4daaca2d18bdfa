#!/bin/sh
# Copyright (c) The terraform-provider-backfill authors
# SPDX-License-Identifier: MPL-2.0

# The runner: scores the orders of one partition, which it finds in its
# environment variables. It needs a POSIX shell and awk. It may run any number of
# times for one partition: it writes a file named after the partition's key, and
# the file appears complete or not at all.
set -eu

input=/data/orders.ndjson
result=/results/$BACKFILL_PARTITION_KEY.ndjson
unfinished=/results/.$BACKFILL_PARTITION_KEY.$BACKFILL_RUN.$BACKFILL_ATTEMPT

# One partition fails the first time, to show a retry.
if [ "$BACKFILL_PARTITION_KEY" = "${STUMBLE_ON:-}" ] && [ "$BACKFILL_ATTEMPT" -eq 0 ]; then
	echo "stumbling over partition $BACKFILL_PARTITION_KEY on purpose; the next attempt will do better" >&2
	exit 1
fi

trap 'rm -f "$unfinished"' EXIT
awk -v from="$BACKFILL_PARTITION_START" -v to="$BACKFILL_PARTITION_END" '
	# field returns the value of a field of a one-line JSON object of
	# numbers, booleans and strings without quotes inside.
	function field(name,    at) {
		at = index($0, "\"" name "\":")
		if (!at) {
			print "line " NR " has no " name > "/dev/stderr"
			exit 1
		}
		split(substr($0, at + length(name) + 3), value, /[,}]/)
		return value[1]
	}
	{ id = field("id") + 0 }
	id < from { next }
	id >= to { exit }
	{
		score = 5
		if (field("amount_cents") > 100000) score += 30
		if (field("account_age_days") < 30) score += 25
		if (field("country") != field("ship_to")) score += 20
		if (field("items") > 10) score += 10
		if (field("express") == "true") score += 10
		printf "{\"id\":%d,\"risk_score\":%d}\n", id, score
	}
' "$input" >"$unfinished"

mv "$unfinished" "$result"
echo "scored $(wc -l <"$result") orders of [$BACKFILL_PARTITION_START, $BACKFILL_PARTITION_END)"
