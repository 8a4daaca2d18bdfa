// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"

	"github.com/hashicorp/terraform-plugin-framework/providerserver"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6/tf6server"
)

// jobType is the resource that is served here.
const jobType = "backfill_job"

// server serves backfill_job on the protocol itself, and everything else by the
// framework: each resource has one path, see internal/decisions/0033-jobs-on-the-protocol.md.
// What the framework answers for the job too follows from its schema alone: the
// schema, its identity's, and what a configuration generated after an import holds.
type server struct {
	frameworkServer
	jobs jobServer

	mu       sync.Mutex
	stopping context.Context
	stop     context.CancelFunc
}

// frameworkServer is all that the framework can serve. What is called deprecated
// will be part of the first one, and until then Terraform finds it by itself alone.
type frameworkServer interface {
	tfprotov6.ProviderServer
	tfprotov6.ProviderServerWithActions      //nolint:staticcheck // see above
	tfprotov6.ProviderServerWithListResource //nolint:staticcheck // see above
	tfprotov6.ProviderServerWithStateStores  //nolint:staticcheck // see above
}

// NewServer returns the constructor of a server for Terraform.
func NewServer(version string, options ...Option) func() (tfprotov6.ProviderServer, error) {
	return func() (tfprotov6.ProviderServer, error) {
		p := newProvider(version, options...)
		framework, ok := providerserver.NewProtocol6(p)().(frameworkServer)
		if !ok {
			return nil, fmt.Errorf("the framework's server lacks a part of the protocol")
		}
		s := &server{
			frameworkServer: framework,
			jobs:            jobServer{provider: p, types: sync.OnceValue(newJobTypes)},
		}
		s.stopping, s.stop = context.WithCancel(context.Background())
		return &escapingServer{s}, nil
	}
}

// StopProvider implements tfprotov6.ProviderServer: it cancels what is going on.
func (s *server) StopProvider(
	ctx context.Context, req *tfprotov6.StopProviderRequest,
) (*tfprotov6.StopProviderResponse, error) {
	s.mu.Lock()
	s.stop()
	s.stopping, s.stop = context.WithCancel(context.Background())
	s.mu.Unlock()
	return s.frameworkServer.StopProvider(ctx, req)
}

// forJob has a request answered where it is about a job, and else by the framework.
func forJob[Request, Response any](
	ctx context.Context, s *server, typeName string, req Request,
	ours func(context.Context, Request) Response, framework func(context.Context, Request) (Response, error),
) (resp Response, err error) {
	defer guardRequest(&err)
	if typeName != jobType {
		return framework(ctx, req)
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	s.mu.Lock()
	stopping := s.stopping
	s.mu.Unlock()
	defer context.AfterFunc(stopping, cancel)()
	return ours(ctx, req), nil
}

// guardRequest turns a panic into an error. Each operation of a job is guarded
// itself, and tells the job; this is for what is around it.
func guardRequest(err *error) {
	if r := recover(); r != nil {
		*err = errors.New(panicked("serving a resource", r))
	}
}

// What follows implements tfprotov6.ResourceServer.

func (s *server) ValidateResourceConfig(ctx context.Context, req *validateRequest) (*validateResponse, error) {
	return forJob(ctx, s, req.TypeName, req, s.jobs.validate, s.frameworkServer.ValidateResourceConfig)
}

func (s *server) UpgradeResourceState(ctx context.Context, req *upgradeRequest) (*upgradeResponse, error) {
	return forJob(ctx, s, req.TypeName, req, s.jobs.upgrade, s.frameworkServer.UpgradeResourceState)
}

func (s *server) ReadResource(ctx context.Context, req *readRequest) (*readResponse, error) {
	return forJob(ctx, s, req.TypeName, req, s.jobs.read, s.frameworkServer.ReadResource)
}

func (s *server) PlanResourceChange(ctx context.Context, req *planRequest) (*planResponse, error) {
	return forJob(ctx, s, req.TypeName, req, s.jobs.plan, s.frameworkServer.PlanResourceChange)
}

func (s *server) ApplyResourceChange(ctx context.Context, req *applyRequest) (*applyResponse, error) {
	return forJob(ctx, s, req.TypeName, req, s.jobs.apply, s.frameworkServer.ApplyResourceChange)
}

func (s *server) ImportResourceState(ctx context.Context, req *importRequest) (*importResponse, error) {
	return forJob(ctx, s, req.TypeName, req, s.jobs.importState, s.frameworkServer.ImportResourceState)
}

func (s *server) MoveResourceState(ctx context.Context, req *moveRequest) (*moveResponse, error) {
	return forJob(ctx, s, req.TargetTypeName, req, s.jobs.move, s.frameworkServer.MoveResourceState)
}

// Serve serves Terraform, which has started this process, until it ends; or with
// debug until the process is interrupted, and prints how Terraform can attach.
func Serve(version string, debug bool) error {
	if err := silence(); err != nil {
		return err
	}
	served, err := NewServer(version)()
	if err != nil {
		return err
	}
	var options []tf6server.ServeOpt
	if debug {
		options = append(options, tf6server.WithManagedDebug())
	}
	return tf6server.Serve(Address, func() tfprotov6.ProviderServer { return served }, options...)
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
