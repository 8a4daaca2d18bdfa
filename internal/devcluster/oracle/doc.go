// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

// Package oracle holds a test only: Argo's own validator reads the manifests
// that the compiler is shown to emit. It lives in the module of the local
// cluster, which depends on Argo's controller anyway, so that the compiler's
// module does not.
package oracle
