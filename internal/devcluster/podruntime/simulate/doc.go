// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

// Package simulate is the pod runtime that pretends to run the leaf pods of Argo's workflows:
// those that run a container and report nothing but how it ended. They take a time drawn from a
// distribution and end as other draws say, so that one machine can show what hundreds of nodes
// would. Everything else (launchers, generators, pods that Argo did not make) goes to another
// runtime, and so do leaves with outputs, which only a program can produce.
//
// All draws follow from a seed and from names, never from the clock or from the order in which
// pods come: a test can compute beforehand which partitions will fail.
//
// A simulated pod writes no WorkflowTaskResult. Argo waits for one only once it has seen one that
// is incomplete, so the requests of argoexec's wait container are what a simulation saves, besides
// processes.
package simulate
