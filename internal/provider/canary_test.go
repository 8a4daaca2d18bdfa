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
	"io"
	"maps"
	"math/big"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
	"github.com/hashicorp/terraform-plugin-log/tflogtest"
	"github.com/hashicorp/terraform-plugin-log/tfsdklogtest"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/cluster"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/cluster/fake"
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

// sending is a server that keeps the bodies of all requests.
func sending(t *testing.T, handler http.Handler) (url string, sent *bytes.Buffer) {
	t.Helper()
	sent = &bytes.Buffer{}
	var mu sync.Mutex
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		mu.Lock()
		fmt.Fprintf(sent, "%s %s\n%s\n", r.Method, r.URL, body)
		mu.Unlock()
		r.Body = io.NopCloser(bytes.NewReader(body))
		handler.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	return server.URL, sent
}

// Secrets of the provider's configuration are in no log line at level TRACE,
// no diagnostic, no plan, no state and no manifest, whether every request
// succeeds or every one fails.
func TestSecretsStaySecret(t *testing.T) {
	failing := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Error(w, "no: "+r.Header.Get("Accept"), http.StatusInternalServerError)
	})
	certificate, key := clientPair(t)
	plugin := func(script string) object {
		return object{"exec": object{
			"api_version": "client.authentication.k8s.io/v1",
			"command":     "sh",
			"args":        []any{"-c", script},
			"env":         object{"SECRET": canary},
		}}
	}
	tests := map[string]struct {
		secrets object
		works   bool
	}{
		"token":       {object{"token": canary}, true},
		"password":    {object{"username": "someone", "password": canary}, true},
		"certificate": {object{"client_certificate": certificate, "client_key": key}, true},
		"plugin": {
			plugin(
				`printf '{"kind":"ExecCredential","apiVersion":"client.authentication.k8s.io/v1","status":{"token":"%s"}}' "$SECRET"`,
			),
			true,
		},
		"broken pair":  {object{"client_certificate": canary, "client_key": canary}, false},
		"lone key":     {object{"client_key": canary}, false},
		"proxy":        {object{"proxy_url": "http://user:" + canary + "@127.0.0.1:1"}, false},
		"plugin fails": {plugin("exit 1"), false},
	}
	tried := map[string]bool{}
	for name, test := range tests {
		for attribute := range test.secrets {
			tried[attribute] = true
		}
		for _, works := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, works: %t", name, works), func(t *testing.T) {
				handler := http.Handler(failing)
				if works {
					handler = fake.Handler(fake.New(start))
				}
				host, sent := sending(t, handler)
				settings := object{"host": host, "insecure": true}
				maps.Copy(settings, test.secrets)
				told := everythingTold(t, settings, works && test.works)
				told["requests"] = sent.String()
				if works && test.works && strings.Count(sent.String(), "POST ") < 3 {
					t.Errorf("what was sent is %s", sent)
				}
				for where, text := range told {
					if strings.Contains(text, canary) {
						t.Errorf("the secret is in the %s:\n%s", where, text)
					}
				}
			})
		}
	}
	for name, a := range providerSchema(t).Attributes {
		if (a.IsSensitive() || name == "exec") && !tried[name] {
			t.Errorf("the secret %s was not tried", name)
		}
	}
}

// quick is the real connection without pauses between tries.
func quick() Option {
	return func(p *backfillProvider) {
		p.connect = func(c cluster.Config) (cluster.Backend, error) {
			return cluster.Connect(
				c,
				"test",
				cluster.Retry{Attempts: 2, Pause: func(context.Context, time.Duration) error { return nil }},
			)
		}
	}
}

// everythingTold configures a provider, plans, applies and reads a job, and
// returns all that a user could see of it.
func everythingTold(t *testing.T, settings object, succeeds bool) map[string]string {
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
	configured, err := server.ConfigureProvider(
		ctx,
		&tfprotov6.ConfigureProviderRequest{Config: encode(t, providerType, valueOf(t, providerType, settings))},
	)
	if err != nil {
		t.Fatal(err)
	}
	tell(configured.Diagnostics)
	plan, err := server.PlanResourceChange(
		ctx,
		&tfprotov6.PlanResourceChangeRequest{TypeName: jobType, PriorState: none, ProposedNewState: config, Config: config},
	)
	if err != nil {
		t.Fatal(err)
	}
	tell(plan.Diagnostics, plan.PlannedState)
	applied, err := server.ApplyResourceChange(
		ctx,
		&tfprotov6.ApplyResourceChangeRequest{
			TypeName:       jobType,
			PriorState:     none,
			PlannedState:   plan.PlannedState,
			Config:         config,
			PlannedPrivate: plan.PlannedPrivate,
		},
	)
	if err != nil {
		t.Fatal(err)
	}
	if failed := len(errorsOf(applied.Diagnostics)) > 0; failed == succeeds {
		t.Errorf("the apply failed: %t; %s", failed, told.String())
	}
	tell(applied.Diagnostics, applied.NewState)
	state := applied.NewState
	if !succeeds {
		state = encode(t, ty, valueOf(t, ty, object{"id": "default/orders"}))
	}
	read, err := server.ReadResource(
		ctx,
		&tfprotov6.ReadResourceRequest{TypeName: jobType, CurrentState: state, Private: applied.Private},
	)
	if err != nil {
		t.Fatal(err)
	}
	tell(read.Diagnostics, read.NewState)
	for _, private := range [][]byte{plan.PlannedPrivate, applied.Private, read.Private} {
		fmt.Fprintf(&told, "%s\n", private)
	}
	if !strings.Contains(logs.String(), "@level\":\"trace") {
		t.Error("the log holds nothing of level TRACE")
	}
	return map[string]string{"log": logs.String(), "diagnostics or state": told.String()}
}
