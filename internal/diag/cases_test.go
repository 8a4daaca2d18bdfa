// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package diag

import (
	"bytes"
	"io/fs"
	"os"
	"strings"
	"testing"
)

// withoutGolden are codes of the language that no file in testdata can show,
// and why. A Go test names their summaries or constants instead.
var withoutGolden = map[string]string{
	CodeTooLarge:        "the file would have more than 1 MiB",
	CodeHugeValue:       "the message would be as large as the value",
	CodeForbidden:       "it depends on the time of the apply",
	CodeInvalidManifest: "no input leads there",
	"BF2111":            "the job is good, and what is asked of it is not",
}

// Every diagnostic of the job language is shown by a golden case.
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
	for _, i := range Codes() {
		if i.Code >= "BF4000" { // what a cluster or Terraform says
			continue
		}
		golden := bytes.Contains(goldens.Bytes(), []byte(i.Code))
		_, exempt := withoutGolden[i.Code]
		switch {
		case !exempt && !golden:
			t.Errorf("no golden case shows %s %q", i.Code, i.Summary)
		case exempt && !golden && !bytes.Contains(tests.Bytes(), []byte(i.Summary)) && !bytes.Contains(tests.Bytes(), []byte("diag."+names[i.Code])):
			t.Errorf("no test names %s %q", i.Code, i.Summary)
		}
	}
}

// names are the constants of the exempt codes.
var names = map[string]string{CodeInvalidManifest: "CodeInvalidManifest", CodeForbidden: "CodeForbidden"}
