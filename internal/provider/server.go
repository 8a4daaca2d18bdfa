// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"sync"

	tfdiag "github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/providerserver"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/jobschema"
)

// jobType is the resource whose plans are answered here.
const jobType = "backfill_job"

// server answers what Terraform asks for each job of every plan: to check its
// configuration, to read its state, to refresh and to plan it. Everything else, and whatever is out of the
// ordinary in these four, is left to the framework, which would give the same answers; a
// test compares them. But it copies the whole schema for each attribute that it
// comes by, and does that for each attribute of the resource again: a plan of a hundred
// jobs that were finished took it five seconds and allocated two gigabytes.
type server struct {
	frameworkServer
	provider *backfillProvider
	job      func() jobTypes
	checked  declarations
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
		return &server{frameworkServer: framework, provider: p, job: sync.OnceValue(newJobTypes)}, nil
	}
}

// jobTypes are what the framework would compute for each request anew.
type jobTypes struct {
	version  int64 // of the schema
	state    tftypes.Object
	identity tftypes.Object
	computed []string // attributes that may be unknown before an apply
	declared []string // attributes of which declare checks everything
}

func newJobTypes() jobTypes {
	ctx := context.Background()
	var r jobResource
	var schema resource.SchemaResponse
	var identity resource.IdentitySchemaResponse
	r.Schema(ctx, resource.SchemaRequest{}, &schema)
	r.IdentitySchema(ctx, resource.IdentitySchemaRequest{}, &identity)
	t := jobTypes{version: schema.Schema.Version}
	t.state, _ = schema.Schema.Type().TerraformType(ctx).(tftypes.Object)
	t.identity, _ = identity.IdentitySchema.Type().TerraformType(ctx).(tftypes.Object)
	for name, attribute := range schema.Schema.Attributes {
		if attribute.IsComputed() {
			t.computed = append(t.computed, name)
		}
	}
	for _, row := range jobschema.Job() {
		t.declared = append(t.declared, row.Name)
	}
	t.declared = slices.AppendSeq(t.declared, maps.Keys(sourceAttributes()))
	return t
}

func (s *server) resource() *jobResource { return &jobResource{connection: s.provider.connection} }

// ValidateResourceConfig implements tfprotov6.ResourceServer.
func (s *server) ValidateResourceConfig(ctx context.Context, req *tfprotov6.ValidateResourceConfigRequest) (*tfprotov6.ValidateResourceConfigResponse, error) {
	if req.TypeName == jobType && s.valid(req.Config) {
		return &tfprotov6.ValidateResourceConfigResponse{}, nil
	}
	return s.frameworkServer.ValidateResourceConfig(ctx, req)
}

// valid tells that nothing is wrong with a configuration; where it returns
// false, the framework may know what.
func (s *server) valid(wire *tfprotov6.DynamicValue) bool {
	config, ok := s.decode(s.job().state, wire)
	if !ok {
		return false
	}
	attributes, err := attributesOf(config)
	if err != nil {
		return false
	}
	for name, v := range attributes {
		if !v.IsNull() && !slices.Contains(s.job().declared, name) {
			return false
		}
	}
	var (
		d     *declaration
		diags tfdiag.Diagnostics
	)
	func() {
		defer guard(&diags, "checking", "job", config)
		d, diags = checkConfig(config)
	}()
	if len(diags) > 0 {
		return false
	}
	if d != nil {
		s.checked.keep(wire, d)
	}
	return true
}

// UpgradeResourceState implements tfprotov6.ResourceServer.
func (s *server) UpgradeResourceState(ctx context.Context, req *tfprotov6.UpgradeResourceStateRequest) (*tfprotov6.UpgradeResourceStateResponse, error) {
	if req.TypeName == jobType && req.RawState != nil && req.Version == s.job().version {
		state, err := req.RawState.UnmarshalWithOpts(s.job().state, tfprotov6.UnmarshalOpts{
			ValueFromJSONOpts: tftypes.ValueFromJSONOpts{IgnoreUndefinedAttributes: true},
		})
		if wire := s.encode(s.job().state, state); err == nil && wire != nil {
			return &tfprotov6.UpgradeResourceStateResponse{UpgradedState: wire}, nil
		}
	}
	return s.frameworkServer.UpgradeResourceState(ctx, req)
}

// ReadResource implements tfprotov6.ResourceServer.
func (s *server) ReadResource(ctx context.Context, req *tfprotov6.ReadResourceRequest) (*tfprotov6.ReadResourceResponse, error) {
	if req.TypeName == jobType {
		if resp := s.refresh(ctx, req); resp != nil {
			return resp, nil
		}
	}
	return s.frameworkServer.ReadResource(ctx, req)
}

// refresh is nil for what it leaves to the framework.
func (s *server) refresh(ctx context.Context, req *tfprotov6.ReadResourceRequest) *tfprotov6.ReadResourceResponse {
	state, ok := s.decode(s.job().state, req.CurrentState)
	private, err := readPrivate(req.Private)
	if !ok || state.IsNull() || err != nil || private.ofFramework() {
		return nil
	}
	var diags tfdiag.Diagnostics
	_, namespace, name, ok := jobOf(state, &diags)
	identity := tftypes.NewValue(s.job().identity, map[string]tftypes.Value{"namespace": text(namespace), "name": text(name)})
	if before, has := s.identity(req.CurrentIdentity); !ok || has && !before.IsFullyNull() && !before.Equal(identity) {
		return nil
	}
	func() {
		defer guard(&diags, "reading", "job", state)
		state = s.resource().refresh(ctx, state, private, &diags)
	}()
	resp := &tfprotov6.ReadResourceResponse{
		NewState: s.encode(s.job().state, state), NewIdentity: &tfprotov6.ResourceIdentityData{IdentityData: s.encode(s.job().identity, identity)},
	}
	if resp.Private, err = private.bytes(); err != nil {
		internalError(&diags, "writing private state", err)
	}
	resp.Diagnostics = onWire(diags)
	return resp
}

// PlanResourceChange implements tfprotov6.ResourceServer.
func (s *server) PlanResourceChange(ctx context.Context, req *tfprotov6.PlanResourceChangeRequest) (*tfprotov6.PlanResourceChangeResponse, error) {
	if req.TypeName == jobType {
		if resp := s.plan(ctx, req); resp != nil {
			return resp, nil
		}
	}
	return s.frameworkServer.PlanResourceChange(ctx, req)
}

// plan is nil for what it leaves to the framework.
func (s *server) plan(ctx context.Context, req *tfprotov6.PlanResourceChangeRequest) *tfprotov6.PlanResourceChangeResponse {
	config, ok1 := s.decode(s.job().state, req.Config)
	state, ok2 := s.decode(s.job().state, req.PriorState)
	proposed, ok3 := s.decode(s.job().state, req.ProposedNewState)
	private, err := readPrivate(req.PriorPrivate)
	identity := req.PriorIdentity
	if identity == nil || identity.IdentityData == nil {
		identity = &tfprotov6.ResourceIdentityData{IdentityData: s.encode(s.job().identity, tftypes.NewValue(s.job().identity, nil))}
	}
	if !ok1 || !ok2 || !ok3 || err != nil || proposed.IsNull() {
		return nil
	}
	c := change{state: state, plan: proposed, private: private}
	if !proposed.Equal(state) {
		if c.plan, err = s.unknownIfComputed(proposed, config); err != nil {
			return nil
		}
	}
	var diags tfdiag.Diagnostics
	func() {
		defer guard(&diags, "planning", "job", config, state)
		if c.declared, diags = s.declare(req.Config, config); c.declared != nil {
			diags.Append(s.resource().plan(ctx, &c)...)
		}
	}()
	resp := &tfprotov6.PlanResourceChangeResponse{
		PlannedState: s.encode(s.job().state, c.plan), PlannedPrivate: req.PriorPrivate, PlannedIdentity: identity, Diagnostics: onWire(diags),
	}
	if c.replaces {
		resp.RequiresReplace = []*tftypes.AttributePath{onWirePath(path.Root("id"))}
	}
	return resp
}

// declare is the declaration that was checked, or read now.
func (s *server) declare(wire *tfprotov6.DynamicValue, config tftypes.Value) (*declaration, tfdiag.Diagnostics) {
	if d := s.checked.take(wire); d != nil {
		return d, nil
	}
	return declare(config)
}

// unknownIfComputed marks what is computed and not written as unknown.
func (s *server) unknownIfComputed(proposed, config tftypes.Value) (tftypes.Value, error) {
	written, err := attributesOf(config)
	if err != nil {
		return proposed, err
	}
	unknown := values{}
	for _, name := range s.job().computed {
		if written[name].IsNull() {
			unknown[name] = tftypes.NewValue(s.job().state.AttributeTypes[name], tftypes.UnknownValue)
		}
	}
	return unknown.merge(proposed)
}

// decode reads a value; what is absent is null.
func (s *server) decode(as tftypes.Type, wire *tfprotov6.DynamicValue) (tftypes.Value, bool) {
	if wire == nil {
		return tftypes.NewValue(as, nil), true
	}
	v, err := wire.Unmarshal(as)
	return v, err == nil
}

// encode is nil for a value that is not of the type.
func (s *server) encode(as tftypes.Type, v tftypes.Value) *tfprotov6.DynamicValue {
	if v.Type() == nil {
		return nil
	}
	wire, err := tfprotov6.NewDynamicValue(as, v)
	if err != nil {
		return nil
	}
	return &wire
}

func (s *server) identity(data *tfprotov6.ResourceIdentityData) (tftypes.Value, bool) {
	if data == nil {
		return tftypes.Value{}, false
	}
	return s.decode(s.job().identity, data.IdentityData)
}

// privateValues are the private state of a resource as the framework keeps it.
type privateValues map[string][]byte

func readPrivate(data []byte) (privateValues, error) {
	private := privateValues{}
	if len(data) == 0 {
		return private, nil
	}
	err := json.Unmarshal(data, &private)
	return private, err
}

// ofFramework tells whether the framework has left something for itself.
func (p privateValues) ofFramework() bool {
	for key := range p {
		if key != "" && key[0] == '.' {
			return true
		}
	}
	return false
}

func (p privateValues) bytes() ([]byte, error) {
	if len(p) == 0 {
		return nil, nil
	}
	return json.Marshal(p)
}

// GetKey implements privateReader.
func (p privateValues) GetKey(_ context.Context, key string) ([]byte, tfdiag.Diagnostics) {
	return p[key], nil
}

// SetKey implements privateWriter.
func (p privateValues) SetKey(_ context.Context, key string, value []byte) tfdiag.Diagnostics {
	p[key] = value
	return nil
}

// onWire are diagnostics as the protocol has them.
func onWire(diags tfdiag.Diagnostics) []*tfprotov6.Diagnostic {
	var out []*tfprotov6.Diagnostic
	for _, d := range diags {
		wire := &tfprotov6.Diagnostic{Severity: tfprotov6.DiagnosticSeverityError, Summary: d.Summary(), Detail: d.Detail()}
		if d.Severity() == tfdiag.SeverityWarning {
			wire.Severity = tfprotov6.DiagnosticSeverityWarning
		}
		if at, ok := d.(tfdiag.DiagnosticWithPath); ok {
			wire.Attribute = onWirePath(at.Path())
		}
		out = append(out, wire)
	}
	return out
}

func onWirePath(p path.Path) *tftypes.AttributePath {
	out := tftypes.NewAttributePath()
	for _, step := range p.Steps() {
		switch s := step.(type) {
		case path.PathStepAttributeName:
			out = out.WithAttributeName(string(s))
		case path.PathStepElementKeyInt:
			out = out.WithElementKeyInt(int(s))
		case path.PathStepElementKeyString:
			out = out.WithElementKeyString(string(s))
		}
	}
	return out
}
