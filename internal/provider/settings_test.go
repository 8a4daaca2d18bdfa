// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/cluster"
)

// environment is a lookup in fixed variables.
func environment(variables map[string]string) Option {
	return WithEnvironment(func(name string) (string, bool) {
		value, ok := variables[name]
		return value, ok
	})
}

// recorder keeps the settings that a connection was opened with.
func recorder(into *cluster.Config) Option {
	return func(p *backfillProvider) {
		p.connect = func(c cluster.Config) (cluster.Backend, error) {
			*into = c
			return nil, nil
		}
	}
}

// opened configures a provider and makes it reach for its cluster.
func opened(t *testing.T, settings object, variables map[string]string) (cluster.Config, string) {
	t.Helper()
	var c cluster.Config
	tf := newTerraform(t, settings, environment(variables), recorder(&c))
	if len(tf.lastErrors) > 0 {
		return c, written(tf.lastErrors[0])
	}
	tf.state = valueOf(t, tf.ty, object{"id": "default/none"})
	for _, d := range errorsOf(tf.refresh()) {
		return c, written(d)
	}
	return c, ""
}

func TestConfigurationWinsOverEnvironment(t *testing.T) {
	c, _ := opened(t, object{"host": "https://written.example", "token": "written"}, map[string]string{
		"KUBE_HOST": "https://other.example", "KUBE_CONFIG_PATH": "/other", "KUBE_TOKEN": "other",
		"KUBE_PROXY_URL": "http://proxy.example",
	})
	if c.Host != "https://written.example" || c.ConfigPath != "" || c.Token != "written" {
		t.Errorf("the environment replaced what is written: %s, token %s", c, c.Token)
	}
	if c.ProxyURL != "http://proxy.example" {
		t.Error("the environment did not fill in what is not written")
	}
}

func TestUnknownSettingsNeverFallThrough(t *testing.T) {
	_, problem := opened(t, object{"host": unknown{}}, map[string]string{
		"KUBE_CONFIG_PATH": "/other", "KUBE_HOST": "https://other.example",
	})
	if !strings.Contains(problem, "Cluster Not Known Yet") || !strings.Contains(problem, "host") {
		t.Errorf("got %q", problem)
	}
}

func TestNoSettingsNameWhatWasLookedAt(t *testing.T) {
	tf := newTerraform(t, object{}, environment(nil))
	tf.state = valueOf(t, tf.ty, object{"id": "default/none"})
	problems := errorsOf(tf.refresh())
	if len(problems) != 1 {
		t.Fatalf("got %d errors", len(problems))
	}
	for _, part := range []string{
		"host", "config_path", "config_paths", "in_cluster", "KUBE_HOST", "KUBE_CONFIG_PATH", "KUBE_CONFIG_PATHS",
	} {
		if !strings.Contains(problems[0].Detail, part) {
			t.Errorf("%s is not named in %q", part, problems[0].Detail)
		}
	}
}

func TestUnparsableVariableIsAnError(t *testing.T) {
	_, problem := opened(t, object{"host": "https://a.example"}, map[string]string{"KUBE_INSECURE": "maybe"})
	if !strings.Contains(problem, "KUBE_INSECURE") || !strings.Contains(problem, `"maybe"`) {
		t.Errorf("got %q", problem)
	}
}

func TestUnknownExecNeverFallsThrough(t *testing.T) {
	text, texts := tftypes.String, tftypes.Map{ElementType: tftypes.String}
	ty := tftypes.Object{AttributeTypes: map[string]tftypes.Type{
		"api_version": text, "command": text, "args": tftypes.List{ElementType: text}, "env": texts,
	}}
	written := func(name string, v any) tftypes.Value {
		values := map[string]tftypes.Value{
			"api_version": tftypes.NewValue(text, "client.authentication.k8s.io/v1"), "command": tftypes.NewValue(text, "a"),
			"args": tftypes.NewValue(ty.AttributeTypes["args"], nil), "env": tftypes.NewValue(texts, nil),
		}
		values[name] = tftypes.NewValue(ty.AttributeTypes[name], v)
		return tftypes.NewValue(ty, values)
	}
	for name, exec := range map[string]tftypes.Value{
		"exec":         tftypes.NewValue(ty, tftypes.UnknownValue),
		"exec.command": written("command", tftypes.UnknownValue),
		"exec.args":    written("args", tftypes.UnknownValue),
		"exec.env":     written("env", map[string]tftypes.Value{"A": tftypes.NewValue(text, tftypes.UnknownValue)}),
	} {
		_, problem := opened(t, object{"host": "https://a.example", "exec": exec}, map[string]string{"KUBE_TOKEN": "other"})
		if !strings.Contains(problem, "Cluster Not Known Yet") || !strings.Contains(problem, name) {
			t.Errorf("%s: got %q", name, problem)
		}
	}
}

func TestExecReachesTheCluster(t *testing.T) {
	c, problem := opened(t, object{"host": "https://a.example", "exec": object{
		"api_version": "client.authentication.k8s.io/v1", "command": "get-token", "args": []string{"-v"},
		"env": object{"A": "b"},
	}}, nil)
	if problem != "" {
		t.Log(problem)
	}
	if c.Exec == nil || c.Exec.Command != "get-token" || c.Exec.Args[0] != "-v" || c.Exec.Env["A"] != "b" {
		t.Errorf("got %+v", c.Exec)
	}
}
