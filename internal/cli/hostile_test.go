// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/alecthomas/kong"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/cluster"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/provider"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/text"
)

// hostile is a text that takes hold of terminals and of build servers: it erases a
// line, writes to the clipboard, goes back to the start of the line, turns the
// direction, hides, and commands.
const hostile = "\x1b[2K\x1b]52;c;cm0\a\u009b2J\rok\u202etxt\u200b ##[error]forged\n ::error::forged"

// inline is the text without line breaks, as it can stand inside of quotes.
var inline = strings.NewReplacer("\n", " ", "\r", "").Replace(hostile)

// hostileRun is a command that is fed the text.
type hostileRun struct {
	args  []string
	stdin string
	// reaches is false if the output has nothing of what the command is fed.
	reaches bool
	// raw is why the output is the text itself.
	raw string
	// json is true if standard output is JSON, one value or one a line.
	json bool
	env  map[string]string
	// refuses has the cluster refuse everything with the text.
	refuses bool
}

// hostileFiles are files in the current directory, by a name for the table.
func hostileFiles(t *testing.T) map[string]string {
	t.Helper()
	t.Chdir(t.TempDir())
	written, err := json.Marshal(hostile)
	if err != nil {
		t.Fatal(err)
	}
	quoted := string(written) // as JSON, YAML and job files have it
	write := func(name, content string) string {
		if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		return name
	}
	job := func(values, size string) string {
		return `job "orders" {
  partition { ` + values + ` }
  runner {
    image   = "example.com/orders:1"
    command = ["run", ` + quoted + `]
    env     = { TEXT = "` + inline + `" } # ` + inline + `
  }
  reason = ` + strings.NewReplacer(`\n`, " ", `\r`, "").Replace(quoted) + size + `
}
`
	}
	if err := os.Mkdir(inline, 0o700); err != nil {
		t.Fatal(err)
	}
	manifest := `apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: {generateName: ` + quoted + `}
spec:
  entrypoint: main
  templates:
    - name: main
      steps:
        - - name: a
            template: work
            withItems: [a, ` + quoted + `]
            arguments: {parameters: [{name: x, value: "{{item}}"}]}
    - name: work
      inputs: {parameters: [{name: x}]}
      container:
        image: example.com/a
        command: [run, ` + quoted + `]
        args: [{{workflow.parameters.` + strings.Trim(quoted, `"`) + `}}]
        env: [{name: A, value: ` + quoted + `}]
        unknown: ` + quoted + `
`
	return map[string]string{
		"good":  write(inline+".good.backfill.hcl", job(`values = ["`+inline+`", "b"]`, "")),
		"other": write(inline+".other.backfill.hcl", job(`values = ["`+inline+`", "c"]`, "\n  labels = { a = \"b\" }")),
		"odd":   write(inline+".odd.backfill.hcl", job(`values = ["`+inline+`"]`, "\n\n  nothing  = ")),
		"bad": write(inline+".bad.backfill.hcl",
			job(`range = { start = 1, end = 9, size = "`+inline+`" }`, "\n  "+`"`+inline+`" = 1`)),
		"typed": write(inline+".typed.backfill.hcl", job(`range = { start = 1, end = 9, size = "`+inline+`" }`, "")),
		"long":  write(inline+".long.backfill.hcl", job("values    =  [\"a\"]", "")),
		"wrong": write(inline+".wrong.yaml", "a: \x1b["),
		"argo":  write(inline+".yaml", manifest),
		"terraform": write(inline+".tf", `resource "backfill_job" "`+inline+`" {
  canary = { "`+inline+`" = 1 } # `+inline+`
}
`),
		"empty": inline,
	}
}

// hostileRuns are runs of each command.
func hostileRuns(f map[string]string) map[string][]hostileRun {
	cluster := func(command string, more ...string) []hostileRun {
		args := func(name string) []string { return append([]string{command, name}, more...) }
		return []hostileRun{
			{args: args("orders")},
			{args: args(inline), reaches: true},
			{args: args("orders"), refuses: true, reaches: true},
			{args: append(args("orders"), "--kubeconfig", inline, "--context", inline, "-n", inline), reaches: true},
		}
	}
	runs := map[string][]hostileRun{
		"compile": {
			{args: []string{"compile", f["good"]}, reaches: true},
			{args: []string{"compile", "-o", "json", f["good"]}, reaches: true, json: true},
			{args: []string{"compile", "--explain", f["good"]}, reaches: true},
			{args: []string{"compile", f["good"], "--job", hostile}, reaches: true},
			{args: []string{"compile", f["good"], "--var", hostile}, reaches: true},
			{args: []string{"compile", f["good"], "--var", hostile + "=1"}, reaches: true},
			{args: []string{"compile", f["good"], "--var-file", inline + ".missing"}, reaches: true},
			{args: []string{"compile", f["good"], "--out", inline + "/no/where"}, reaches: true},
			{args: []string{"compile", f["good"], "--" + hostile}, reaches: true},
			{args: []string{"compile", f["good"]}, env: map[string]string{"BACKFILL_VAR_" + inline: inline}, reaches: true},
			{args: []string{"compile", f["bad"]}, reaches: true},
			{args: []string{"compile", "-"}, stdin: hostile, reaches: true},
		},
		"validate": {
			{args: []string{"validate", f["good"]}},
			{args: []string{"validate", f["typed"]}, reaches: true},
			{args: []string{"validate", f["odd"]}, reaches: true},
			{args: []string{"validate", f["terraform"]}, reaches: true},
			{args: []string{"validate", "--json", f["terraform"]}, reaches: true, json: true},
			{args: []string{"validate", f["empty"]}, reaches: true},
			{args: []string{"validate", f["bad"], inline + ".missing"}, reaches: true},
			{args: []string{"validate", "--json", f["typed"]}, reaches: true, json: true},
			{args: []string{"validate", f["good"], "--override-limits", hostile}, reaches: true},
		},
		"partitions": {
			{args: []string{"partitions", f["good"]}, reaches: true},
			{args: []string{"partitions", "-o", "json", f["good"]}, reaches: true, json: true},
			{args: []string{"partitions", "-o", "csv", f["good"]}, reaches: true},
			{args: []string{"partitions", "-o", hostile, f["good"]}, reaches: true},
		},
		"diff": {
			{args: []string{"diff", f["good"], f["other"]}, reaches: true},
			{args: []string{"diff", f["good"], f["argo"]}, reaches: true},
			{args: []string{"diff", f["wrong"], f["argo"]}, reaches: true},
		},
		"fmt": {
			{args: []string{"fmt", "--check", f["long"]}, reaches: true},
			{args: []string{"fmt", "--diff", f["long"]}, reaches: true},
			{args: []string{"fmt", f["odd"]}, reaches: true},
			{args: []string{"fmt", inline + ".json"}, reaches: true},
			{args: []string{"fmt", "-"}, stdin: "# " + inline + "\n", raw: "the user's own file, formatted, is what is asked for"},
		},
		"convert": {
			{args: []string{"convert", f["argo"]}, reaches: true},
			{args: []string{"convert", "--json", f["argo"]}, reaches: true},
			{args: []string{"convert", f["wrong"]}, reaches: true},
			{args: []string{"convert", inline + ".missing"}, reaches: true},
		},
		"rbac": {
			{args: []string{"rbac", "-n", inline, "--runner", hostile, "--provider", "user:" + hostile}, reaches: true},
			{args: []string{"rbac", "-o", "json", "-n", inline, "--reader", "group:" + hostile}, reaches: true, json: true},
			{args: []string{"rbac", "--reader", "a:" + hostile}, reaches: true},
		},
		"status":     append(cluster("status"), cluster("status", "--attempts")...),
		"stop":       cluster("stop"),
		"pause":      cluster("pause"),
		"resume":     cluster("resume"),
		"approve":    cluster("approve"),
		"schema":     {{args: []string{"schema"}, json: true}, {args: []string{"schema", hostile}, reaches: true}},
		"docs":       {{args: []string{"docs"}}, {args: []string{"docs", "errors"}}, {args: []string{"docs", hostile}, reaches: true}},
		"completion": {{args: []string{"completion", "zsh"}}, {args: []string{"completion", hostile}, reaches: true}},
		"version":    {{args: []string{"version"}}, {args: []string{"version", hostile}, reaches: true}},
	}
	runs["status"] = append(runs["status"], hostileRun{args: []string{"status", "--watch", "orders"}, reaches: true})
	for i, run := range runs["status"] {
		if run.args[1] == "orders" {
			runs["status"][i].reaches = true // what failed
		}
	}
	return runs
}

// Whatever others wrote, no command hands it to a terminal or a build server as it
// is. A command that is new is not covered until it is in the table.
func TestHostileTextIsEscapedByEveryCommand(t *testing.T) {
	model, err := kong.New(&commands{})
	if err != nil {
		t.Fatal(err)
	}
	runs := hostileRuns(hostileFiles(t))
	for _, command := range model.Model.Children {
		if len(runs[command.Name]) == 0 {
			t.Errorf("no hostile text is fed to %s", command.Name)
		}
		for _, run := range runs[command.Name] {
			t.Run(text.Escape(strings.Join(run.args, " ")), func(t *testing.T) {
				stdout, stderr := runHostile(t, run)
				if run.raw != "" {
					return
				}
				demandEscaped(t, stdout)
				demandEscaped(t, stderr)
				if out := stdout + stderr; run.reaches != strings.Contains(out, "forged") {
					t.Errorf("the text is in the output: %v\n%s", !run.reaches, out)
				}
				if run.json {
					demandJSON(t, stdout)
				}
			})
		}
	}
}

func runHostile(t *testing.T, run hostileRun) (stdout, stderr string) {
	t.Helper()
	o := newTerminal(t)
	o.play("Failed", 2)
	o.patch(map[string]any{"status": map[string]any{"message": hostile, "nodes": map[string]any{
		"d": map[string]any{"message": hostile, "hostNodeName": hostile, "templateRef": map[string]any{"template": hostile}},
		"c": map[string]any{"message": hostile, "hostNodeName": hostile},
	}}})
	if run.refuses {
		o.cluster.Before = func(call cluster.Call) error {
			return cluster.NewError(cluster.Refused, call, hostile, errors.New(hostile))
		}
	}
	var out, err bytes.Buffer
	Run(t.Context(), Env{
		Name: "backfill", Args: run.args, Version: "test", Schemas: provider.Schemas,
		Stdin: strings.NewReader(run.stdin), Stdout: &out, Stderr: &err,
		Getenv: func(name string) string { return map[string]string{"KUBE_HOST": "https://a.example"}[name] },
		Environ: func() []string {
			var all []string
			for name, value := range run.env {
				all = append(all, name+"="+value)
			}
			return all
		},
		Connect: func(c cluster.Config) (cluster.Backend, error) {
			if c.ConfigPath != "" {
				return nil, &cluster.Error{Reason: cluster.Misconfigured, Summary: "Bad " + hostile, Detail: hostile}
			}
			return o.cluster, nil
		},
		Sleep: func(ctx context.Context, _ time.Duration) error { return ctx.Err() },
	})
	return out.String(), err.String()
}

var (
	commandLine = regexp.MustCompile(`^[\s\p{Z}]*::`)
	anyCommand  = regexp.MustCompile(`##\w*\[`)
)

// demandEscaped demands that a terminal and a build server see text alone.
func demandEscaped(t *testing.T, output string) {
	t.Helper()
	for line := range strings.Lines(output) {
		line = strings.TrimSuffix(line, "\n")
		hidden := strings.ContainsFunc(line, func(r rune) bool { return r != '\t' && text.Hidden(r) })
		if hidden || commandLine.MatchString(line) || anyCommand.MatchString(line) {
			t.Errorf("the output has the line %q", line)
		}
	}
}

func demandJSON(t *testing.T, output string) {
	t.Helper()
	// Keys say another text: they are percent-encoded.
	wanted := strings.Contains(output, `##\u005berror]forged`)
	found := false
	for decoder := json.NewDecoder(strings.NewReader(output)); decoder.More(); {
		var v any
		if err := decoder.Decode(&v); err != nil {
			t.Fatalf("%v in %s", err, output)
		}
		back, _ := json.Marshal(v)
		found = found || bytes.Contains(back, []byte(`##[error]forged`))
	}
	if found != wanted {
		t.Errorf("the text is read back: %v", found)
	}
}

// One file alone writes to the standard streams, so no command can go around what
// escapes.
func TestOneFileWritesToTheStandardStreams(t *testing.T) {
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") || name == "output.go" {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			if s, ok := n.(*ast.SelectorExpr); ok && (s.Sel.Name == "Stdout" || s.Sel.Name == "Stderr") {
				t.Errorf("%s uses %s", name, s.Sel.Name)
			}
			return true
		})
	}
}
