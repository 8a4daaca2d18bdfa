// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

// Package quiet lowers the log level of logrus before Argo's packages are
// initialised: some of them log during initialisation, which would print lines
// on every start of the binary, whatever it was started for.
//
// It works because Go initialises packages in the order of their import paths
// as soon as all they import is initialised, and this package needs nothing but
// logrus. Whoever wants logrus' messages sets the level again.
package quiet

import "github.com/sirupsen/logrus"

func init() { logrus.SetLevel(logrus.WarnLevel) }
