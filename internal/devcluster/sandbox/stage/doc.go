// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

// Package stage is the code that runs between the clone and the exec of a container process: it
// builds the private root, gives up every privilege and becomes the container's command.
//
// The program that starts containers runs itself again with a marker as its argv[0]. This package
// sees the marker in its init function, before main, and takes over. That is deliberate: a program
// with a whole control plane inside spends some 60 ms in the init functions of other packages, a
// pod starts three containers, and the Go linker runs init functions of packages with few imports
// first. So this package imports the standard library and golang.org/x/sys/unix only.
//
// It does not choose what to run or mount, and keeps no state: everything arrives as one Spec on
// descriptor 3.
package stage
