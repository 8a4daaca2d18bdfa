// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

// Package interrupt takes away what runs: single nodes or a storm of them, by asking the node
// agent to end their machines, and single pods, by asking the API server to evict them. It ends
// nothing itself: what a reclaim means is the agent's and the cloud profile's business, and
// whether a pod may be evicted that of disruption budgets.
package interrupt
