// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package cli

import (
	"fmt"
	"strings"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/access"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/manifest"
)

type rbacCmd struct {
	Namespace    string `short:"n" default:"default" help:"Namespace of the jobs; run the command once for each."`
	Provider     string `default:"backfill-provider" placeholder:"WHO" help:"Who applies jobs: a service account of the namespace, NAMESPACE/NAME, user:NAME or group:NAME. Empty for no Role."`
	Reader       string `placeholder:"WHO" help:"Who may read the state of jobs, in the same form. No Role by default."`
	Orchestrator string `default:"backfill-orchestrator" placeholder:"NAME" help:"Service account of the steps that start shards; empty for none."`
	Runner       string `default:"backfill-runner" placeholder:"NAME" help:"Service account of runners; empty for none."`
	Output       string `short:"o" enum:"yaml,json" default:"yaml" help:"Output format: yaml, or json (one v1 List)."`
	Out          string `placeholder:"FILE" help:"Write to this file instead of standard output."`
}

// Run prints the Roles. It does not apply them, which needs an administrator.
func (c *rbacCmd) Run(a *app) error {
	provider, err := c.subject("--provider", c.Provider)
	if err != nil {
		return err
	}
	reader, err := c.subject("--reader", c.Reader)
	if err != nil {
		return err
	}
	objects := access.Roles(access.Access{
		Namespace: c.Namespace, Provider: provider, Reader: reader, Orchestrator: c.Orchestrator, Runner: c.Runner,
	})
	data, err := manifest.Encode(objects, c.Output)
	if err != nil {
		return fmt.Errorf("writing the Roles: %w", err)
	}
	return a.write(c.Out, data)
}

// subject reads the subject of a Role.
func (c *rbacCmd) subject(flag, text string) (access.Subject, error) {
	if text == "" {
		return access.Subject{}, nil
	}
	if kind, name, found := strings.Cut(text, ":"); found {
		kinds := map[string]string{"user": "User", "group": "Group"}
		if kinds[kind] == "" || name == "" {
			return access.Subject{}, usagef("%s must be a service account, NAMESPACE/NAME, user:NAME or group:NAME, not %q",
				flag, text)
		}
		return access.Subject{Kind: kinds[kind], Name: name}, nil
	}
	namespace, name, found := strings.Cut(text, "/")
	if !found {
		namespace, name = c.Namespace, text
	}
	if namespace == "" || name == "" || strings.Contains(name, "/") {
		return access.Subject{}, usagef("%s must be a service account, NAMESPACE/NAME, user:NAME or group:NAME, not %q",
			flag, text)
	}
	return access.Subject{Kind: "ServiceAccount", Name: name, Namespace: namespace}, nil
}
