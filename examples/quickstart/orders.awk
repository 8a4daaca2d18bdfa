# Copyright (c) The terraform-provider-backfill authors
# SPDX-License-Identifier: MPL-2.0

# Prints -v count=N orders as one JSON object per line; equal seeds give equal
# orders with every awk, because the random numbers are made here (Park and
# Miller's minimal standard generator: s = 16807 s mod 2^31-1).
function below(n) {
	seed = (seed * 16807) % 2147483647
	return int(seed / 2147483647 * n)
}
BEGIN {
	split("AT DE ES FR IT NL PL SE", countries)
	for (id = 1; id <= count; id++) {
		country = ship_to = countries[1 + below(8)]
		if (below(20) == 0) ship_to = countries[1 + below(8)]
		amount = 500 + below(60000)
		if (below(50) == 0) amount *= 4
		printf "{\"id\":%d,\"amount_cents\":%d,\"items\":%d,\"account_age_days\":%d,", id, amount, 1 + below(12), below(2000)
		printf "\"country\":\"%s\",\"ship_to\":\"%s\",\"express\":%s}\n", country, ship_to, below(10) == 0 ? "true" : "false"
	}
}
