// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"context"
	"fmt"

	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
)

// The requests about a resource.
type (
	validateRequest  = tfprotov6.ValidateResourceConfigRequest
	validateResponse = tfprotov6.ValidateResourceConfigResponse
	upgradeRequest   = tfprotov6.UpgradeResourceStateRequest
	upgradeResponse  = tfprotov6.UpgradeResourceStateResponse
	readRequest      = tfprotov6.ReadResourceRequest
	readResponse     = tfprotov6.ReadResourceResponse
	planRequest      = tfprotov6.PlanResourceChangeRequest
	planResponse     = tfprotov6.PlanResourceChangeResponse
	applyRequest     = tfprotov6.ApplyResourceChangeRequest
	applyResponse    = tfprotov6.ApplyResourceChangeResponse
	importRequest    = tfprotov6.ImportResourceStateRequest
	importResponse   = tfprotov6.ImportResourceStateResponse
	moveRequest      = tfprotov6.MoveResourceStateRequest
	moveResponse     = tfprotov6.MoveResourceStateResponse
)

// jobServer answers what Terraform asks of a job. It decodes, lets jobResource do
// it, and encodes; what cannot be decoded stays as it is. It does what the framework
// would do in its place, and a test compares the two.
type jobServer struct {
	provider *backfillProvider
	types    func() jobTypes
	checked  declarations
}

func (s *jobServer) resource() *jobResource { return &jobResource{connection: s.provider.connection} }

func (s *jobServer) wire() *wire { return &wire{jobTypes: s.types()} }

func (s *jobServer) validate(ctx context.Context, req *validateRequest) *validateResponse {
	w := s.wire()
	config := w.state("configuration", req.Config)
	if !w.failed() {
		d, diags := checkConfig(ctx, config)
		written := attributesOf(config)
		for _, name := range w.readOnly {
			if !written[name].IsNull() {
				diags.AddAttributeError(path.Root(name), "Invalid Configuration for Read-Only Attribute",
					"The provider computes this attribute. Remove the line that sets it.")
			}
		}
		if d != nil && len(diags) == 0 {
			s.checked.keep(req.Config, d)
		}
		w.diags.Append(diags...)
	}
	return &validateResponse{Diagnostics: onWire(w.diags)}
}

func (s *jobServer) upgrade(_ context.Context, req *upgradeRequest) *upgradeResponse {
	w, resp := s.wire(), &upgradeResponse{}
	switch {
	case req.RawState == nil:
	case req.Version != w.version:
		internalError(&w.diags, "reading the state",
			fmt.Errorf("it is of version %d, and this provider knows version %d alone", req.Version, w.version))
	default:
		v, err := req.RawState.UnmarshalWithOpts(w.stateType, tfprotov6.UnmarshalOpts{
			// Of a later version of the provider that had no need for another version.
			ValueFromJSONOpts: tftypes.ValueFromJSONOpts{IgnoreUndefinedAttributes: true},
		})
		if err != nil {
			internalError(&w.diags, "reading the state", err)
		} else {
			resp.UpgradedState = w.encode(w.stateType, v)
		}
	}
	resp.Diagnostics = onWire(w.diags)
	return resp
}

func (s *jobServer) read(ctx context.Context, req *readRequest) *readResponse {
	w := s.wire()
	resp := &readResponse{
		NewState:    req.CurrentState,
		NewIdentity: req.CurrentIdentity,
		Private:     req.Private,
	}
	state, private := w.state("state", req.CurrentState), w.private(req.Private)
	before := w.identity(req.CurrentIdentity)
	if !w.failed() {
		_, namespace, name := jobOf(state)
		identity := identityOf(namespace, name)
		if !before.IsFullyNull() && !before.Equal(identity) {
			internalError(&w.diags, "reading the state", fmt.Errorf("its id and its identity name two jobs"))
		}
		resp.NewIdentity = w.encodeIdentity(identity)
	}
	if !w.failed() {
		next := s.resource().refresh(ctx, state, private, &w.diags)
		resp.NewState = w.encode(w.stateType, next)
		resp.Private = encodePrivate(private)
	}
	resp.Diagnostics = onWire(w.diags)
	return resp
}

func (s *jobServer) plan(ctx context.Context, req *planRequest) *planResponse {
	w := s.wire()
	resp := &planResponse{
		PlannedState:    req.ProposedNewState,
		PlannedPrivate:  req.PriorPrivate,
		PlannedIdentity: w.encodeIdentity(w.identity(req.PriorIdentity)),
	}
	c := change{
		config:  w.state("configuration", req.Config),
		state:   w.state("state", req.PriorState),
		plan:    w.state("plan", req.ProposedNewState),
		private: w.private(req.PriorPrivate),
	}
	if !w.failed() && !c.plan.Equal(c.state) {
		c.plan = w.unknownIfComputed(c.plan, c.config)
	}
	if !w.failed() && !c.plan.IsNull() { // null to destroy
		c.declared = s.checked.take(req.Config)
		w.diags.Append(s.resource().modify(ctx, &c)...)
		resp.PlannedState = w.encode(w.stateType, c.plan)
		if c.replaces {
			resp.RequiresReplace = []*tftypes.AttributePath{tftypes.NewAttributePath().WithAttributeName("id")}
		}
	}
	resp.Diagnostics = onWire(w.diags)
	return resp
}

func (s *jobServer) apply(ctx context.Context, req *applyRequest) *applyResponse {
	w := s.wire()
	resp := &applyResponse{
		NewState:    req.PriorState,
		NewIdentity: w.encodeIdentity(w.identity(req.PlannedIdentity)),
		Private:     req.PlannedPrivate,
	}
	private := w.private(req.PlannedPrivate)
	a := applying{
		plan:    w.state("plan", req.PlannedState),
		state:   w.state("state", req.PriorState),
		private: private,
	}
	if w.failed() {
		resp.Diagnostics = onWire(w.diags)
		return resp
	}
	switch {
	case a.state.IsNull():
		clear(private) // whatever it is, it is of another job
		s.resource().create(ctx, &a)
	case a.plan.IsNull():
		s.resource().delete(ctx, &a)
		if a.state.IsNull() {
			clear(private)
			resp.NewIdentity = w.encodeIdentity(w.identity(nil))
		}
	default:
		s.resource().update(ctx, &a)
	}
	if a.name != "" {
		resp.NewIdentity = w.encodeIdentity(identityOf(a.namespace, a.name))
	}
	resp.NewState, resp.Private = w.encode(w.stateType, a.state), encodePrivate(private)
	w.diags.Append(a.diags...)
	resp.Diagnostics = onWire(w.diags)
	return resp
}

func (s *jobServer) importState(_ context.Context, req *importRequest) *importResponse {
	w := s.wire()
	given := attributesOf(w.identity(req.Identity))
	namespace, name, diags := importName("job", req.ID, stringOf(given["namespace"]), stringOf(given["name"]))
	w.diags.Append(diags...)
	resp := &importResponse{}
	if !w.failed() {
		resp.ImportedResources = []*tfprotov6.ImportedResource{{
			TypeName: jobType,
			State:    w.named(namespace, name),
			Identity: w.encodeIdentity(identityOf(namespace, name)),
		}}
	}
	resp.Diagnostics = onWire(w.diags)
	return resp
}

func (s *jobServer) move(_ context.Context, req *moveRequest) *moveResponse {
	w := s.wire()
	private := privateValues{}
	m := moving{provider: req.SourceProviderAddress, resource: req.SourceTypeName, private: private}
	if req.SourceState != nil {
		m.state = req.SourceState.JSON
	}
	moveJob(&m)
	w.diags.Append(m.diags...)
	resp := &moveResponse{}
	if !w.failed() {
		resp.TargetState = w.named(m.namespace, m.name)
		resp.TargetIdentity = w.encodeIdentity(identityOf(m.namespace, m.name))
		resp.TargetPrivate = encodePrivate(private)
	}
	resp.Diagnostics = onWire(w.diags)
	return resp
}
