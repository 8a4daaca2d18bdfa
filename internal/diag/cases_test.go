// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package diag

import (
	"bytes"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"strings"
	"testing"
)

// withoutGolden are codes that no file in testdata can show, and why. A Go test
// shows them or names their constants instead.
var withoutGolden = map[string]string{
	CodeEncoding:        "the file would not be UTF-8",
	CodeTooLarge:        "the file would have more than 1 MiB",
	CodeHugeValue:       "the message would be as large as the value",
	CodeTimeout:         "no input leads there, only a signal or a fault",
	CodeManifestLarge:   "the manifest would be very large",
	CodeInvalidManifest: "no input leads there",
	CodeInternal:        "no input leads there, and the message holds a stack",
}

// Every diagnostic is shown word by word by a golden case. Those of files and
// jobs are in the cases of the language and the command line; those of the
// cluster and of Terraform in tables of package engine and package provider,
// which demand that their own are complete.
func TestEveryCodeHasACase(t *testing.T) {
	var goldens, tests bytes.Buffer
	root := os.DirFS("..")
	err := fs.WalkDir(root, ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		data := []byte(nil)
		switch {
		case strings.HasSuffix(path, ".txtar"):
			data, err = fs.ReadFile(root, path)
			goldens.Write(data)
		case strings.HasSuffix(path, "_test.go") && !strings.HasPrefix(path, "diag/"):
			data, err = fs.ReadFile(root, path)
			tests.Write(data)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	names := constants(t)
	for _, i := range Codes() {
		golden := bytes.Contains(goldens.Bytes(), []byte("["+i.Code+"]"))
		why, exempt := withoutGolden[i.Code]
		switch {
		case names[i.Code] == "":
			t.Errorf("no constant stands for %s", i.Code)
		case exempt && golden:
			t.Errorf("a golden case shows %s, of which it is said that none can: %s", i.Code, why)
		case !exempt && !golden:
			t.Errorf("no golden case shows %s %q", i.Code, i.Summary)
		case exempt && !bytes.Contains(tests.Bytes(), []byte("diag."+names[i.Code])) &&
			!bytes.Contains(tests.Bytes(), []byte("["+i.Code+"]")):
			t.Errorf("no test shows %s or names diag.%s, %q", i.Code, names[i.Code], i.Summary)
		}
	}
	if len(names) != len(Codes()) {
		t.Errorf("%d constants stand for %d codes", len(names), len(Codes()))
	}
}

// constants are the names of the codes' constants.
func constants(t *testing.T) map[string]string {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), "codes.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	names := map[string]string{}
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok || len(spec.Values) != 1 || !strings.HasPrefix(spec.Names[0].Name, "Code") {
			return true
		}
		if value, ok := spec.Values[0].(*ast.BasicLit); ok {
			names[strings.Trim(value.Value, `"`)] = spec.Names[0].Name
		}
		return true
	})
	return names
}
