// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"math/big"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
	"github.com/hashicorp/terraform-plugin-log/tflogtest"
	"github.com/hashicorp/terraform-plugin-log/tfsdklogtest"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/cluster"
)

// canary marks secrets; nothing that users can read may hold it.
const canary = "canary-4dc6a0c1"

// clientPair is a certificate and key whose texts hold the canary.
func clientPair(t *testing.T) (certificate, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalECPrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	comment := canary + "\n"
	return comment + string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})),
		comment + string(pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: secret}))
}

// Secrets of the provider's configuration are in no log line at level TRACE,
// no diagnostic and no state, also when every request fails.
func TestSecretsStaySecret(t *testing.T) {
	failing := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Error(w, "no: "+r.Header.Get("Accept"), http.StatusInternalServerError)
	}))
	t.Cleanup(failing.Close)
	certificate, key := clientPair(t)
	base := object{"host": failing.URL, "insecure": true}
	tests := map[string]object{
		"token":       {"token": canary},
		"password":    {"username": "someone", "password": canary},
		"certificate": {"client_certificate": certificate, "client_key": key},
		"broken pair": {"client_certificate": canary, "client_key": canary},
		"lone key":    {"client_key": canary},
		"proxy":       {"proxy_url": "http://user:" + canary + "@127.0.0.1:1"},
		"exec": {"exec": object{
			"api_version": "client.authentication.k8s.io/v1", "command": "false", "env": object{"SECRET": canary},
		}},
	}
	for name, secrets := range tests {
		t.Run(name, func(t *testing.T) {
			settings := object{}
			for _, part := range []object{base, secrets} {
				for attribute, value := range part {
					settings[attribute] = value
				}
			}
			for where, text := range everythingTold(t, settings) {
				if strings.Contains(text, canary) {
					t.Errorf("the secret is in the %s:\n%s", where, text)
				}
			}
		})
	}
}

// quick is the real connection without pauses between tries.
func quick() Option {
	return func(p *backfillProvider) {
		p.connect = func(c cluster.Config) (cluster.Backend, error) {
			return cluster.Connect(c, "test", cluster.Retry{Attempts: 2, Pause: func(context.Context, time.Duration) error { return nil }})
		}
	}
}

// everythingTold configures a provider, plans, applies and reads a job, and
// returns all that a user could see of it.
func everythingTold(t *testing.T, settings object) map[string]string {
	t.Helper()
	var logs bytes.Buffer
	t.Setenv("TF_LOG", "TRACE")
	ctx := tflogtest.RootLogger(tfsdklogtest.RootLogger(t.Context(), &logs), &logs)
	server := newServer(t, environment(nil), quick())
	schemas, err := server.GetProviderSchema(ctx, &tfprotov6.GetProviderSchemaRequest{})
	if err != nil {
		t.Fatal(err)
	}
	var told strings.Builder
	tell := func(diags []*tfprotov6.Diagnostic, states ...*tfprotov6.DynamicValue) {
		for _, d := range diags {
			told.WriteString(written(d) + "\n")
		}
		for _, s := range states {
			if s != nil {
				fmt.Fprintf(&told, "%s\n", s.MsgPack)
			}
		}
	}
	ty := schemas.ResourceSchemas[jobType].ValueType()
	config := encode(t, ty, valueOf(t, ty, orders()))
	none := encode(t, ty, tftypes.NewValue(ty, nil))
	providerType := schemas.Provider.ValueType()
	configured, err := server.ConfigureProvider(ctx, &tfprotov6.ConfigureProviderRequest{Config: encode(t, providerType, valueOf(t, providerType, settings))})
	if err != nil {
		t.Fatal(err)
	}
	tell(configured.Diagnostics)
	plan, err := server.PlanResourceChange(ctx, &tfprotov6.PlanResourceChangeRequest{TypeName: jobType, PriorState: none, ProposedNewState: config, Config: config})
	if err != nil {
		t.Fatal(err)
	}
	tell(plan.Diagnostics, plan.PlannedState)
	applied, err := server.ApplyResourceChange(ctx, &tfprotov6.ApplyResourceChangeRequest{TypeName: jobType, PriorState: none, PlannedState: plan.PlannedState, Config: config, PlannedPrivate: plan.PlannedPrivate})
	if err != nil {
		t.Fatal(err)
	}
	if len(errorsOf(applied.Diagnostics)) == 0 {
		t.Error("an apply on a failing cluster succeeded")
	}
	tell(applied.Diagnostics, applied.NewState)
	read, err := server.ReadResource(ctx, &tfprotov6.ReadResourceRequest{TypeName: jobType, CurrentState: encode(t, ty, valueOf(t, ty, object{"id": "default/orders"}))})
	if err != nil {
		t.Fatal(err)
	}
	tell(read.Diagnostics, read.NewState)
	if !strings.Contains(logs.String(), "@level\":\"trace") {
		t.Error("the log holds nothing of level TRACE")
	}
	return map[string]string{"log": logs.String(), "diagnostics or state": told.String()}
}
