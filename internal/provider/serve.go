// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"os"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6/tf6server"
)

// Serve serves Terraform, which has started this process, until it ends; or with
// debug until the process is interrupted, and prints how Terraform can attach.
func Serve(version string, debug bool) error {
	if err := silence(); err != nil {
		return err
	}
	construct := NewServer(version)
	server, err := construct()
	if err != nil {
		return err
	}
	var options []tf6server.ServeOpt
	if debug {
		options = append(options, tf6server.WithManagedDebug())
	}
	return tf6server.Serve(Address, func() tfprotov6.ProviderServer { return server }, options...)
}

// logSettings are what tells Terraform, and the libraries that a provider is made
// of, to log.
var logSettings = []string{"TF_LOG", "TF_LOG_PROVIDER", "TF_LOG_SDK", "TF_LOG_SDK_FRAMEWORK", "TF_LOG_SDK_PROTO"}

// silence keeps the libraries from logging each step unless somebody asks for a
// log: by default they write all of it, and Terraform reads it, takes it apart
// and drops it.
func silence() error {
	for _, name := range logSettings {
		if os.Getenv(name) != "" {
			return nil
		}
	}
	return os.Setenv("TF_LOG_SDK", "WARN")
}
