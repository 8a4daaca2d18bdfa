// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-framework/function"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/cluster"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/cluster/fake"
)

// A fault of the provider never reaches Terraform as a crash: the diagnostic
// says what was being done, to which job, and where to report it.
func TestPanicsAreReported(t *testing.T) {
	c := fake.New(start)
	tf := onFake(t, c)
	tf.mustApply(orders())
	playArgo(t, c, "orders-r1", "Failed", 4, map[int]string{1: "exit code 1"})
	mustSucceed(t, "refresh", tf.refresh())
	other := onFake(t, c)
	c.Before = func(cluster.Call) error { panic("boom") }
	for doing, diags := range map[string]func() []*tfprotov6.Diagnostic{
		"reading job default/orders": tf.refresh,
		"updating job default/orders": func() []*tfprotov6.Diagnostic {
			_, diags := tf.apply(orders())
			return diags
		},
		"deleting job default/orders": tf.destroy,
		"creating job data/others": func() []*tfprotov6.Diagnostic {
			_, diags := other.apply(orders(object{"name": "others", "namespace": "data"}))
			return diags
		},
		"waiting for job data/orders": func() []*tfprotov6.Diagnostic {
			return other.wait(object{"job": "orders", "namespace": "data"})
		},
	} {
		d := oneError(t, diags())
		for _, part := range []string{
			"The provider failed while " + doing + ": boom.", "a fault of the provider, not of your configuration",
			"https://github.com/terraform-backfill/terraform-provider-backfill/issues", "goroutine", "[BF9001]",
		} {
			if d.Summary != "Internal Error" || !strings.Contains(d.Detail, part) {
				t.Errorf("%s: %q is not in %s", doing, part, written(d))
			}
		}
	}
}

func TestPanicsOfFunctionsAreReported(t *testing.T) {
	err := func() (failed *function.FuncError) {
		defer guardFunction(&failed, new("compiling job \"orders\""))
		panic("boom")
	}()
	for _, part := range []string{
		`The provider failed while compiling job "orders": boom.`, "https://github.com/", "goroutine",
	} {
		if err == nil || !strings.Contains(err.Text, part) {
			t.Errorf("%q is not in %v", part, err)
		}
	}
}

// Whatever Terraform calls recovers from panics before it does anything else.
func TestEveryEntryPointIsGuarded(t *testing.T) {
	entries := []string{
		"Create", "Read", "Update", "Delete", "Run", "ImportState", "compileArguments",
		"checkConfig", "refresh", "modify", "create", "update", "delete", "moveJob", "forJob",
	}
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	guarded := 0
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, decl := range file.Decls {
			f, ok := decl.(*ast.FuncDecl)
			if !ok || !slices.Contains(entries, f.Name.Name) || len(f.Body.List) == 0 {
				continue
			}
			if !defersGuard(f.Body.List) {
				t.Errorf("%s: %s does not recover from panics", name, f.Name.Name)
			}
			guarded++
		}
	}
	if guarded < 18 {
		t.Errorf("only %d entry points were found", guarded)
	}
}

// defersGuard tells whether one of the first statements defers a guard.
func defersGuard(body []ast.Stmt) bool {
	for _, stmt := range body[:min(2, len(body))] {
		d, ok := stmt.(*ast.DeferStmt)
		if !ok {
			continue
		}
		if called, ok := d.Call.Fun.(*ast.Ident); ok && strings.HasPrefix(called.Name, "guard") {
			return true
		}
	}
	return false
}
