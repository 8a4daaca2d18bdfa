// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/hashicorp/go-plugin"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6/tf6server"
)

// shell is a directory in which commands of the real Terraform (or OpenTofu) run
// with a provider of this process, for tests of what a user reads.
type shell struct {
	testing.TB
	dir    string
	binary string
	env    []string
}

const required = `
terraform {
  required_providers {
    backfill = { source = "terraform-backfill/backfill" }
  }
}
`

// inShell writes a configuration. It skips the test as other tests of Terraform are
// skipped.
func inShell(t testing.TB, config string, options ...Option) *shell {
	t.Helper()
	if os.Getenv("TF_ACC") == "" {
		t.Skip("TF_ACC is not set")
	}
	binary := os.Getenv("TF_ACC_TERRAFORM_PATH")
	if binary == "" {
		var err error
		if binary, err = exec.LookPath("terraform"); err != nil {
			t.Skip("there is no Terraform")
		}
	}
	t.Setenv("TF_LOG_SDK", "OFF")
	s := &shell{TB: t, dir: t.TempDir(), binary: binary}
	s.env = append(os.Environ(), "TF_REATTACH_PROVIDERS="+attach(t, options...), "CHECKPOINT_DISABLE=1",
		"TF_CLI_CONFIG_FILE="+os.DevNull)
	if err := os.WriteFile(filepath.Join(s.dir, "main.tf"), []byte(required+config), 0o600); err != nil {
		t.Fatal(err)
	}
	s.must("init", "-no-color")
	return s
}

// attach serves a provider, and says in Terraform's words where.
func attach(t testing.TB, options ...Option) string {
	t.Helper()
	served, err := NewServer("test", options...)()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	at, closed := make(chan *plugin.ReattachConfig), make(chan struct{})
	go func() {
		_ = tf6server.Serve(Address, func() tfprotov6.ProviderServer { return served }, tf6server.WithDebug(ctx, at, closed))
	}()
	t.Cleanup(func() {
		cancel()
		<-closed
	})
	where := <-at
	type address struct{ Network, String string }
	data, err := json.Marshal(map[string]any{Address: map[string]any{
		"Protocol": where.Protocol, "ProtocolVersion": where.ProtocolVersion, "Pid": where.Pid, "Test": true,
		"Addr": address{where.Addr.Network(), where.Addr.String()},
	}})
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// run runs a command, and tells its output and exit code.
func (s *shell) run(args ...string) (string, int) {
	s.Helper()
	c := exec.Command(s.binary, args...)
	c.Dir, c.Env = s.dir, s.env
	out, err := c.CombinedOutput()
	var failed *exec.ExitError
	if err != nil && !errors.As(err, &failed) {
		s.Fatal(err)
	}
	return string(out), c.ProcessState.ExitCode()
}

func (s *shell) must(args ...string) string {
	s.Helper()
	out, code := s.run(args...)
	if code != 0 {
		s.Fatalf("terraform %q ended with %d:\n%s", args, code, out)
	}
	return out
}
