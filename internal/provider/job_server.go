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

func (s *jobServer) validate(
	ctx context.Context, req *tfprotov6.ValidateResourceConfigRequest,
) *tfprotov6.ValidateResourceConfigResponse {
	w := s.wire()
	config := w.state("configuration", req.Config)
	if !w.failed() {
		d, diags := checkConfig(config)
		diags.Append(s.types().check(ctx, config)...)
		if d != nil && len(diags) == 0 {
			s.checked.keep(req.Config, d)
		}
		w.diags.Append(diags...)
	}
	return &tfprotov6.ValidateResourceConfigResponse{Diagnostics: onWire(w.diags)}
}

func (s *jobServer) upgrade(
	_ context.Context, req *tfprotov6.UpgradeResourceStateRequest,
) *tfprotov6.UpgradeResourceStateResponse {
	if req.RawState == nil {
		return &tfprotov6.UpgradeResourceStateResponse{}
	}
	w := s.wire()
	if req.Version != w.version {
		internalError(&w.diags, "reading the state",
			fmt.Errorf("it is of version %d, and this provider knows version %d alone", req.Version, w.version))
		return &tfprotov6.UpgradeResourceStateResponse{Diagnostics: onWire(w.diags)}
	}
	resp := &tfprotov6.UpgradeResourceStateResponse{}
	state, err := req.RawState.UnmarshalWithOpts(w.stateType, tfprotov6.UnmarshalOpts{
		// Of a later version of the provider that had no need for another version.
		ValueFromJSONOpts: tftypes.ValueFromJSONOpts{IgnoreUndefinedAttributes: true},
	})
	if err != nil {
		internalError(&w.diags, "reading the state", err)
	} else {
		resp.UpgradedState = w.encode(w.stateType, state)
	}
	resp.Diagnostics = onWire(w.diags)
	return resp
}

func (s *jobServer) read(ctx context.Context, req *tfprotov6.ReadResourceRequest) *tfprotov6.ReadResourceResponse {
	w := s.wire()
	resp := &tfprotov6.ReadResourceResponse{
		NewState:    req.CurrentState,
		NewIdentity: req.CurrentIdentity,
		Private:     req.Private,
	}
	state, private := w.state("state", req.CurrentState), w.private(req.Private)
	before := w.identity(req.CurrentIdentity)
	if !w.failed() {
		_, namespace, name, _ := jobOf(state, &w.diags)
		identity := w.identityOf(namespace, name)
		if !before.IsFullyNull() && !before.Equal(identity) {
			internalError(&w.diags, "reading the state", fmt.Errorf("its id and its identity name two jobs"))
		}
		resp.NewIdentity = w.encodeIdentity(identity)
	}
	if !w.failed() {
		next := s.resource().refresh(ctx, state, private, &w.diags)
		resp.NewState = w.encode(w.stateType, next)
		resp.Private = w.encodePrivate(private)
	}
	resp.Diagnostics = onWire(w.diags)
	return resp
}

func (s *jobServer) plan(
	ctx context.Context, req *tfprotov6.PlanResourceChangeRequest,
) *tfprotov6.PlanResourceChangeResponse {
	w := s.wire()
	resp := &tfprotov6.PlanResourceChangeResponse{
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
			resp.RequiresReplace = []*tftypes.AttributePath{onWirePath(path.Root("id"))}
		}
	}
	resp.Diagnostics = onWire(w.diags)
	return resp
}

func (s *jobServer) apply(
	ctx context.Context, req *tfprotov6.ApplyResourceChangeRequest,
) *tfprotov6.ApplyResourceChangeResponse {
	w := s.wire()
	resp := &tfprotov6.ApplyResourceChangeResponse{
		NewState:    req.PriorState,
		NewIdentity: w.encodeIdentity(w.identity(req.PlannedIdentity)),
		Private:     req.PlannedPrivate,
	}
	private := w.private(req.PlannedPrivate)
	a := applying{
		config:  w.state("configuration", req.Config),
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
		resp.NewIdentity = w.encodeIdentity(w.identityOf(a.namespace, a.name))
	}
	resp.NewState, resp.Private = w.encode(w.stateType, a.state), w.encodePrivate(private)
	w.diags.Append(a.diags...)
	resp.Diagnostics = onWire(w.diags)
	return resp
}

func (s *jobServer) importState(
	_ context.Context, req *tfprotov6.ImportResourceStateRequest,
) *tfprotov6.ImportResourceStateResponse {
	w := s.wire()
	var given map[string]tftypes.Value
	if identity := w.identity(req.Identity); !identity.IsNull() {
		given, _ = attributesOf(identity) // decoded, and no null
	}
	namespace, name, diags := importName("job", req.ID, stringOf(given["namespace"]), stringOf(given["name"]))
	w.diags.Append(diags...)
	resp := &tfprotov6.ImportResourceStateResponse{}
	if !w.failed() {
		resp.ImportedResources = []*tfprotov6.ImportedResource{{
			TypeName: jobType,
			State:    w.encode(w.stateType, w.only("id", text(namespace+"/"+name))),
			Identity: w.encodeIdentity(w.identityOf(namespace, name)),
		}}
	}
	resp.Diagnostics = onWire(w.diags)
	return resp
}

func (s *jobServer) move(
	ctx context.Context, req *tfprotov6.MoveResourceStateRequest,
) *tfprotov6.MoveResourceStateResponse {
	w := s.wire()
	private := privateValues{}
	m := moving{provider: req.SourceProviderAddress, resource: req.SourceTypeName, private: private}
	if req.SourceState != nil {
		m.state = req.SourceState.JSON
	}
	moveJob(ctx, &m)
	w.diags.Append(m.diags...)
	resp := &tfprotov6.MoveResourceStateResponse{}
	if !w.failed() {
		resp.TargetState = w.encode(w.stateType, w.only("id", text(m.namespace+"/"+m.name)))
		resp.TargetIdentity = w.encodeIdentity(w.identityOf(m.namespace, m.name))
		resp.TargetPrivate = w.encodePrivate(private)
	}
	resp.Diagnostics = onWire(w.diags)
	return resp
}
