// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"context"
	"errors"
	"reflect"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"

	escape "github.com/terraform-backfill/terraform-provider-backfill/internal/text"
)

// escapingServer is what Terraform talks to: a server whose problems are escaped,
// wherever they were made. Terraform prints them as they are, so text of a pod or of
// the cluster in them would take hold of the terminal.
// See internal/decisions/0042-escaped-by-the-writer.md.
type escapingServer struct{ frameworkServer }

// escaped escapes the problems of an answer.
func escaped[Response any](resp *Response, err error) (*Response, error) {
	if err != nil && !escape.Plain(err.Error()) {
		err = errors.New(escape.EscapeBlock(err.Error()))
	}
	if resp == nil {
		return nil, err
	}
	fields := reflect.ValueOf(resp).Elem()
	if diags, ok := fieldOf[[]*tfprotov6.Diagnostic](fields, "Diagnostics"); ok {
		for _, d := range diags {
			d.Summary, d.Detail = escape.Escape(d.Summary), escape.EscapeBlock(d.Detail)
		}
	}
	if failed, ok := fieldOf[*tfprotov6.FunctionError](fields, "Error"); ok && failed != nil {
		failed.Text = escape.EscapeBlock(failed.Text)
	}
	return resp, err
}

func fieldOf[T any](fields reflect.Value, name string) (value T, ok bool) {
	field := fields.FieldByName(name)
	if !field.IsValid() {
		return value, false
	}
	value, ok = field.Interface().(T)
	return value, ok
}

// What follows implements tfprotov6.ProviderServer. A test holds that no method is
// missing.

func (s *escapingServer) ValidateProviderConfig(
	ctx context.Context, req *tfprotov6.ValidateProviderConfigRequest,
) (*tfprotov6.ValidateProviderConfigResponse, error) {
	return escaped(s.frameworkServer.ValidateProviderConfig(ctx, req))
}

func (s *escapingServer) ConfigureProvider(
	ctx context.Context, req *tfprotov6.ConfigureProviderRequest,
) (*tfprotov6.ConfigureProviderResponse, error) {
	return escaped(s.frameworkServer.ConfigureProvider(ctx, req))
}

func (s *escapingServer) ValidateDataResourceConfig(
	ctx context.Context, req *tfprotov6.ValidateDataResourceConfigRequest,
) (*tfprotov6.ValidateDataResourceConfigResponse, error) {
	return escaped(s.frameworkServer.ValidateDataResourceConfig(ctx, req))
}

func (s *escapingServer) ReadDataSource(
	ctx context.Context, req *tfprotov6.ReadDataSourceRequest,
) (*tfprotov6.ReadDataSourceResponse, error) {
	return escaped(s.frameworkServer.ReadDataSource(ctx, req))
}

func (s *escapingServer) CallFunction(
	ctx context.Context, req *tfprotov6.CallFunctionRequest,
) (*tfprotov6.CallFunctionResponse, error) {
	return escaped(s.frameworkServer.CallFunction(ctx, req))
}

func (s *escapingServer) ValidateResourceConfig(
	ctx context.Context, req *tfprotov6.ValidateResourceConfigRequest,
) (*tfprotov6.ValidateResourceConfigResponse, error) {
	return escaped(s.frameworkServer.ValidateResourceConfig(ctx, req))
}

func (s *escapingServer) UpgradeResourceState(
	ctx context.Context, req *tfprotov6.UpgradeResourceStateRequest,
) (*tfprotov6.UpgradeResourceStateResponse, error) {
	return escaped(s.frameworkServer.UpgradeResourceState(ctx, req))
}

func (s *escapingServer) UpgradeResourceIdentity(
	ctx context.Context, req *tfprotov6.UpgradeResourceIdentityRequest,
) (*tfprotov6.UpgradeResourceIdentityResponse, error) {
	return escaped(s.frameworkServer.UpgradeResourceIdentity(ctx, req))
}

func (s *escapingServer) ReadResource(
	ctx context.Context, req *tfprotov6.ReadResourceRequest,
) (*tfprotov6.ReadResourceResponse, error) {
	return escaped(s.frameworkServer.ReadResource(ctx, req))
}

func (s *escapingServer) PlanResourceChange(
	ctx context.Context, req *tfprotov6.PlanResourceChangeRequest,
) (*tfprotov6.PlanResourceChangeResponse, error) {
	return escaped(s.frameworkServer.PlanResourceChange(ctx, req))
}

func (s *escapingServer) ApplyResourceChange(
	ctx context.Context, req *tfprotov6.ApplyResourceChangeRequest,
) (*tfprotov6.ApplyResourceChangeResponse, error) {
	return escaped(s.frameworkServer.ApplyResourceChange(ctx, req))
}

func (s *escapingServer) ImportResourceState(
	ctx context.Context, req *tfprotov6.ImportResourceStateRequest,
) (*tfprotov6.ImportResourceStateResponse, error) {
	return escaped(s.frameworkServer.ImportResourceState(ctx, req))
}

func (s *escapingServer) MoveResourceState(
	ctx context.Context, req *tfprotov6.MoveResourceStateRequest,
) (*tfprotov6.MoveResourceStateResponse, error) {
	return escaped(s.frameworkServer.MoveResourceState(ctx, req))
}

func (s *escapingServer) GenerateResourceConfig(
	ctx context.Context, req *tfprotov6.GenerateResourceConfigRequest,
) (*tfprotov6.GenerateResourceConfigResponse, error) {
	return escaped(s.frameworkServer.GenerateResourceConfig(ctx, req))
}
