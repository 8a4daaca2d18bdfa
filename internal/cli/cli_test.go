// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package cli

import (
	"context"
	"flag"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/alecthomas/kong"
	"github.com/rogpeppe/go-internal/testscript"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/provider"
)

var update = flag.Bool("update", false, "write what the commands print into the scripts")

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"backfill": func() {
			os.Exit(Run(context.Background(), Env{
				Name: "backfill", Args: os.Args[1:],
				Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr,
				Getenv: os.Getenv, Environ: os.Environ, Version: "test", Schemas: provider.Schemas,
			}))
		},
	})
}

func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		UpdateScripts:       *update,
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
			"exit": exitCode,
		},
	})
}

// exitCode runs a command and demands an exit code: exit CODE COMMAND ….
func exitCode(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) < 2 {
		ts.Fatalf("usage: exit CODE COMMAND…")
	}
	err := ts.Exec(args[1], args[2:]...)
	got := "0"
	if err != nil {
		got = codeOf(err)
	}
	if got != args[0] {
		ts.Fatalf("exit code %s, want %s", got, args[0])
	}
}

func TestNormalize(t *testing.T) {
	parser, err := kong.New(&commands{})
	if err != nil {
		t.Fatal(err)
	}
	tests := map[string]struct{ in, want []string }{
		"one dash":               {[]string{"compile", "-var", "a=b", "f"}, []string{"compile", "--var", "a=b", "f"}},
		"one dash with equals":   {[]string{"compile", "f", "-var=a=-b"}, []string{"compile", "f", "--var=a=-b"}},
		"two dashes stay":        {[]string{"compile", "--var", "-out", "f"}, []string{"compile", "--var", "-out", "f"}},
		"a value is no flag":     {[]string{"compile", "-out", "-var", "f"}, []string{"compile", "--out", "-var", "f"}},
		"short flags stay":       {[]string{"compile", "-o", "json", "f"}, []string{"compile", "-o", "json", "f"}},
		"switches take no value": {[]string{"validate", "-json", "-job", "a"}, []string{"validate", "--json", "--job", "a"}},
		"standard input stays":   {[]string{"validate", "-"}, []string{"validate", "-"}},
		"after the end of flags": {[]string{"validate", "--", "-json"}, []string{"validate", "--", "-json"}},
		"unknown flags stay":     {[]string{"validate", "-bogus"}, []string{"validate", "-bogus"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if got := normalize(parser.Model, test.in); !slices.Equal(got, test.want) {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

// The guide names every command.
func TestGuideIsComplete(t *testing.T) {
	guide, err := os.ReadFile("../../templates/guides/command-line.md")
	if err != nil {
		t.Fatal(err)
	}
	parser, err := kong.New(&commands{})
	if err != nil {
		t.Fatal(err)
	}
	for _, node := range parser.Model.Children {
		if !strings.Contains(string(guide), "`"+node.Name) {
			t.Errorf("the guide does not name %s", node.Name)
		}
	}
}
