// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"context"
	"maps"
	"os"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	tfdiag "github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/providerserver"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
)

// newServer is a server of which each answer about a job is the framework's too.
func newServer(t testing.TB, options ...Option) tfprotov6.ProviderServer {
	t.Helper()
	s, err := NewServer("test", options...)()
	if err != nil {
		t.Fatal(err)
	}
	ours := s.(*escapingServer).frameworkServer.(*server)
	return &escapingServer{compared{ours, referenceServer(ours), t}}
}

// referenceServer is the framework, serving jobs by the same functions. It is what
// tells that jobServer does what Terraform expects of a provider.
func referenceServer(s *server) tfprotov6.ProviderServer {
	return providerserver.NewProtocol6(&reference{s.jobs.provider})()
}

type reference struct{ *backfillProvider }

// Resources implements provider.Provider.
func (p *reference) Resources(context.Context) []func() resource.Resource {
	return []func() resource.Resource{func() resource.Resource {
		return &referenceJob{jobResource{connection: p.connection}}
	}}
}

// referenceJob is what of a job changes nothing, as a resource of the framework.
type referenceJob struct{ jobResource }

func (r *referenceJob) ValidateConfig(
	ctx context.Context, req resource.ValidateConfigRequest, resp *resource.ValidateConfigResponse,
) {
	_, resp.Diagnostics = checkConfig(ctx, req.Config.Raw)
}

func (r *referenceJob) ModifyPlan(
	ctx context.Context, req resource.ModifyPlanRequest, resp *resource.ModifyPlanResponse,
) {
	if req.Plan.Raw.IsNull() {
		return
	}
	c := change{config: req.Config.Raw, state: req.State.Raw, plan: req.Plan.Raw, private: privateOf(ctx, req.Private)}
	resp.Diagnostics.Append(r.modify(ctx, &c)...)
	resp.Plan.Raw = c.plan
	if c.replaces {
		resp.RequiresReplace = append(resp.RequiresReplace, path.Root("id"))
	}
}

func (r *referenceJob) Read(ctx context.Context, req resource.ReadRequest, resp *resource.ReadResponse) {
	_, namespace, name := jobOf(req.State.Raw)
	identify(resp.Identity, namespace, name)
	before := privateOf(ctx, req.Private)
	private := maps.Clone(before)
	resp.State.Raw = r.refresh(ctx, req.State.Raw, private, &resp.Diagnostics)
	for _, key := range privateKeys {
		if before[key] != nil || private[key] != nil {
			resp.Diagnostics.Append(resp.Private.SetKey(ctx, key, private[key])...) // nil removes it
		}
	}
}

var privateKeys = []string{privateState, privatePhase, privateOwner, privateMoved, oldDeclaration, oldLedger, oldPolicy}

// privateOf reads what the framework hands over piece by piece.
func privateOf(ctx context.Context, from interface {
	GetKey(ctx context.Context, key string) ([]byte, tfdiag.Diagnostics)
}) privateValues {
	private := privateValues{}
	for _, key := range privateKeys {
		if value, _ := from.GetKey(ctx, key); value != nil {
			private[key] = value
		}
	}
	return private
}

// compared asks the framework too where that changes nothing.
type compared struct {
	*server
	framework tfprotov6.ProviderServer
	t         testing.TB
}

func (c compared) ValidateResourceConfig(
	ctx context.Context, req *tfprotov6.ValidateResourceConfigRequest,
) (*tfprotov6.ValidateResourceConfigResponse, error) {
	return both(ctx, c, req.TypeName, req, c.server.ValidateResourceConfig, c.framework.ValidateResourceConfig)
}

func (c compared) PlanResourceChange(
	ctx context.Context, req *tfprotov6.PlanResourceChangeRequest,
) (*tfprotov6.PlanResourceChangeResponse, error) {
	return both(ctx, c, req.TypeName, req, c.server.PlanResourceChange, c.framework.PlanResourceChange)
}

func (c compared) UpgradeResourceState(
	ctx context.Context, req *tfprotov6.UpgradeResourceStateRequest,
) (*tfprotov6.UpgradeResourceStateResponse, error) {
	return both(ctx, c, req.TypeName, req, c.server.UpgradeResourceState, c.framework.UpgradeResourceState)
}

func (c compared) ReadResource(
	ctx context.Context, req *tfprotov6.ReadResourceRequest,
) (*tfprotov6.ReadResourceResponse, error) {
	return both(ctx, c, req.TypeName, req, c.server.ReadResource, c.framework.ReadResource)
}

// both demands the same answer of the server and of the framework, which is asked
// second: a run that ended has been merged then.
func both[Request, Response any](
	ctx context.Context, c compared, typeName string, req Request,
	server, framework func(context.Context, Request) (Response, error),
) (Response, error) {
	got, err := server(ctx, req)
	if typeName != jobType {
		return got, err // by the framework
	}
	want, wantErr := framework(ctx, req)
	c.same(got, want, err, wantErr)
	return got, err
}

func (c compared) same(got, want any, err, wantErr error) {
	c.t.Helper()
	if err != nil || wantErr != nil {
		c.t.Fatal(err, wantErr)
	}
	diff := cmp.Diff(want, got,
		cmp.Comparer(func(a, b *tftypes.AttributePath) bool { return a.Equal(b) }),
		cmp.Comparer(c.sameValue),
		// What the framework says of a state that it cannot read is said in other words.
		cmp.FilterPath(func(p cmp.Path) bool {
			return ofDiagnostics(p) && otherWords(want) && otherWords(got)
		}, cmp.Ignore()),
		// Two panics have two stacks.
		cmp.FilterPath(func(p cmp.Path) bool { return p.Last().String() == ".Detail" }, cmp.Comparer(func(a, b string) bool {
			a, _, _ = strings.Cut(a, "runtime/debug.Stack()")
			b, _, _ = strings.Cut(b, "runtime/debug.Stack()")
			return a == b
		})),
	)
	if diff != "" {
		c.t.Errorf("the framework answers otherwise (-framework +ours):\n%s", diff)
	}
}

// ofDiagnostics tells whether a path is that of what a diagnostic says.
func ofDiagnostics(p cmp.Path) bool {
	last := p.Last().String()
	return last == ".Summary" || last == ".Detail"
}

// otherWords tells whether an answer is that a state cannot be read.
func otherWords(answer any) bool {
	upgraded, ok := answer.(*tfprotov6.UpgradeResourceStateResponse)
	return ok && len(errorsOf(upgraded.Diagnostics)) == 1
}

// sameValue compares states and identities, whose maps are written in any order.
func (c compared) sameValue(a, b *tfprotov6.DynamicValue) bool {
	if a == nil || b == nil {
		return a == b
	}
	for _, as := range []tftypes.Type{c.jobs.types().stateType, c.jobs.types().identityType} {
		x, err := a.Unmarshal(as)
		y, otherErr := b.Unmarshal(as)
		if err == nil && otherErr == nil {
			return x.Equal(y)
		}
	}
	return false
}

func TestUpgradeKeepsTheState(t *testing.T) {
	s := newServer(t)
	for name, req := range map[string]*tfprotov6.UpgradeResourceStateRequest{
		"a job": {RawState: &tfprotov6.RawState{JSON: []byte(`{"id":"default/orders","name":"orders","done_count":4,
			"runner":{"image":"i","command":["c"]},"drift":[],"next_run":null}`)}},
		"later attributes": {RawState: &tfprotov6.RawState{JSON: []byte(
			`{"id":"default/orders","colour":"red","runner":{"image":"i","sort":[1]}}`)}},
		"dynamic values": {RawState: &tfprotov6.RawState{JSON: []byte(
			`{"id":"a/b","variables":{"type":["object",{"n":"number"}],"value":{"n":7}}}`)}},
		"nothing":           {},
		"null":              {RawState: &tfprotov6.RawState{JSON: []byte(`null`)}},
		"no JSON":           {RawState: &tfprotov6.RawState{JSON: []byte(`{`)}},
		"wrong type":        {RawState: &tfprotov6.RawState{JSON: []byte(`{"done_count":"many"}`)}},
		"a later version":   {Version: 7, RawState: &tfprotov6.RawState{JSON: []byte(`{"id":"default/orders"}`)}},
		"a legacy flat map": {RawState: &tfprotov6.RawState{Flatmap: map[string]string{"id": "default/orders"}}},
	} {
		req.TypeName = jobType
		resp, err := s.UpgradeResourceState(t.Context(), req)
		if err != nil {
			t.Fatal(err)
		}
		if name == "a job" && (resp.UpgradedState == nil || len(resp.Diagnostics) > 0) {
			t.Errorf("%s: %+v", name, resp)
		}
	}
}

// Plans of attributes below others are not looked at: none of them is computed
// where the one above may be written.
func TestOnlyWholeAttributesAreComputed(t *testing.T) {
	var r jobResource
	var resp resource.SchemaResponse
	r.Schema(t.Context(), resource.SchemaRequest{}, &resp)
	var visit func(where string, attributes map[string]schema.Attribute)
	visit = func(where string, attributes map[string]schema.Attribute) {
		for name, a := range attributes {
			if where != "" && a.IsComputed() {
				t.Errorf("%s.%s is computed", where, name)
			}
			below := strings.TrimPrefix(where+"."+name, ".")
			switch a := a.(type) {
			case schema.SingleNestedAttribute:
				if a.IsOptional() {
					visit(below, a.Attributes)
				}
			case schema.ListNestedAttribute:
				if a.IsOptional() {
					visit(below, a.NestedObject.Attributes)
				}
			case schema.MapNestedAttribute:
				if a.IsOptional() {
					visit(below, a.NestedObject.Attributes)
				}
			}
			if a.IsWriteOnly() {
				t.Errorf("%s is write-only", below)
			}
		}
	}
	visit("", resp.Schema.Attributes)
	if len(newJobTypes().computed) == 0 {
		t.Error("nothing is computed")
	}
}

// Nobody runs what the schema may hold for the framework alone.
func TestAttributesHaveNoValidators(t *testing.T) {
	var r jobResource
	var resp resource.SchemaResponse
	r.Schema(t.Context(), resource.SchemaRequest{}, &resp)
	var visit func(where string, a schema.Attribute)
	visit = func(where string, a schema.Attribute) {
		fields := reflect.ValueOf(a)
		for _, name := range []string{"Validators", "DeprecationMessage", "WriteOnly"} {
			if f := fields.FieldByName(name); f.IsValid() && !f.IsZero() {
				t.Errorf("%s has %s", where, name)
			}
		}
		var below map[string]schema.Attribute
		switch a := a.(type) {
		case schema.SingleNestedAttribute:
			below = a.Attributes
		case schema.ListNestedAttribute:
			below = a.NestedObject.Attributes
		case schema.MapNestedAttribute:
			below = a.NestedObject.Attributes
		}
		for name, a := range below {
			visit(where+"."+name, a)
		}
	}
	for name, a := range resp.Schema.Attributes {
		visit(name, a)
	}
	if len(resp.Schema.Attributes) < 30 {
		t.Errorf("there are %d attributes", len(resp.Schema.Attributes))
	}
}

// A declaration is kept from its check to its plan, and for one plan.
func TestCheckedDeclarationsAreTakenOnce(t *testing.T) {
	var kept declarations
	wire := func(i int) *tfprotov6.DynamicValue { return &tfprotov6.DynamicValue{MsgPack: []byte{byte(i)}} }
	first := &declaration{}
	kept.keep(wire(0), first)
	if kept.take(wire(1)) != nil || kept.take(wire(0)) != first || kept.take(wire(0)) != nil {
		t.Error("it was not taken once")
	}
	kept.keep(&tfprotov6.DynamicValue{JSON: []byte(`{"name":"a"}`)}, &declaration{})
	if kept.take(&tfprotov6.DynamicValue{JSON: []byte(`{"name":"b"}`)}) != nil {
		t.Error("another declaration was taken, because both were sent as JSON")
	}
	for i := range 3 * mostChecked {
		kept.keep(wire(i), &declaration{})
	}
	if n := len(kept.kept); n > mostChecked {
		t.Errorf("%d are kept", n)
	}
}

func TestNobodyLogsUnasked(t *testing.T) {
	for name, want := range map[string]string{
		"": "WARN", "TF_LOG": "", "TF_LOG_PROVIDER": "", "TF_LOG_SDK_FRAMEWORK": "",
	} {
		for _, setting := range logSettings {
			t.Setenv(setting, "")
		}
		if name != "" {
			t.Setenv(name, "DEBUG")
		}
		if err := silence(); err != nil {
			t.Fatal(err)
		}
		if got := os.Getenv("TF_LOG_SDK"); got != want {
			t.Errorf("with %q set the libraries log at %q, want %q", name, got, want)
		}
	}
}
