// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

// Package disruption says which nodes autoscalers would empty: the documented rules of the cluster autoscaler and of
// Karpenter, as functions of nodes, pods and disruption budgets. It is pure, and an implementation of our own: it shows
// what annotations on pods do, and is not a copy of either program. What is left out: replacing nodes by cheaper ones,
// drift, expiry, balancing between pools, and everything that needs prices.
package disruption
