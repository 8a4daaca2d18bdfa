// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package argoexec

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
)

const sums = "github.com/argoproj/argo-workflows/v3 v3.7.18 h1:a=\n" +
	"github.com/argoproj/argo-workflows/v3 v3.7.18/go.mod h1:b=\n"

func TestPinFrom(t *testing.T) {
	other := "github.com/argoproj/argo-events v1.9.6 h1:c=\n"
	for name, mod := range map[string]string{
		"block":  "require (\n\tgithub.com/argoproj/argo-events v1.9.6\n\tgithub.com/argoproj/argo-workflows/v3 v3.7.18\n)\n",
		"single": "require github.com/argoproj/argo-workflows/v3 v3.7.18\n",
	} {
		pin, err := PinFrom(mod, other+sums)
		if err != nil || pin.Version != "v3.7.18" || pin.Sums != sums {
			t.Errorf("%s: %+v, %v", name, pin, err)
		}
	}
	if _, err := PinFrom("module m\n", sums); err == nil {
		t.Error("no error for a go.mod without Argo")
	}
	if _, err := PinFrom("require github.com/argoproj/argo-workflows/v3 v3.7.18\n", other); err == nil {
		t.Error("no error for a go.sum without Argo")
	}
}

func TestEnsureTakesACompleteBuildFromTheCache(t *testing.T) {
	cache := t.TempDir()
	dir := filepath.Join(cache, cacheKey("v3.7.18"))
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "argoexec"), nil, 0o755); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	assets, err := Ensure(t.Context(), cache, Pin{Version: "v3.7.18"}, &out)
	if err != nil {
		t.Fatal(err)
	}
	if assets.Executable != filepath.Join(dir, "argoexec") || out.Len() > 0 {
		t.Errorf("assets %+v, output %q", assets, out.String())
	}
}

func TestEnsureWithoutGoSaysSoAndLeavesNothing(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	cache := t.TempDir()
	_, err := Ensure(t.Context(), cache, Pin{Version: "v3.7.18", Sums: sums}, &bytes.Buffer{})
	const want = "build Argo's executor v3.7.18: the go command is not on the PATH; install Go (https://go.dev/dl) or " +
		"add it to the PATH"
	if err == nil || err.Error() != want {
		t.Errorf("error %q", err)
	}
	left, err := filepath.Glob(filepath.Join(cache, "build-*"))
	if err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

func TestCopyTreeGivesWritableFiles(t *testing.T) {
	from, to := t.TempDir(), filepath.Join(t.TempDir(), "copy")
	for _, file := range []string{"pkg/a.go", "docs/b.md", "pkg/docs/c.go"} {
		path := filepath.Join(from, file)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(file), 0o444); err != nil {
			t.Fatal(err)
		}
	}
	if err := copyTree(from, to, []string{"docs"}); err != nil {
		t.Fatal(err)
	}
	for _, file := range []string{"pkg/a.go", "pkg/docs/c.go"} {
		raw, err := os.ReadFile(filepath.Join(to, file))
		if err != nil || string(raw) != file {
			t.Errorf("%s: %q, %v", file, raw, err)
		}
		if info, err := os.Stat(filepath.Join(to, file)); err != nil || info.Mode().Perm()&0o200 == 0 {
			t.Errorf("%s is not writable", file)
		}
	}
	if _, err := os.Stat(filepath.Join(to, "docs")); err == nil {
		t.Error("docs was copied")
	}
}

func TestRestoreLink(t *testing.T) {
	source := t.TempDir()
	if err := restoreLink(source); err == nil {
		t.Error("no error without the file that the link points to")
	}
	dir := filepath.Join(source, "workflow", "executor", "osspecific")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "signal_darwin.go"), []byte("package osspecific\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := restoreLink(source); err != nil {
		t.Fatal(err)
	}
	raw, err := os.ReadFile(filepath.Join(dir, "signal_linux.go"))
	if err != nil || string(raw) != "package osspecific\n" {
		t.Errorf("%q, %v", raw, err)
	}
}

func TestInstall(t *testing.T) {
	dir := t.TempDir()
	executable, to := filepath.Join(dir, "argoexec"), filepath.Join(dir, "copy")
	if err := os.WriteFile(executable, []byte("program"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := Install(Assets{Executable: executable}, to); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(to)
	if err != nil || info.Mode().Perm() != 0o755 {
		t.Errorf("%v, %v", info, err)
	}
}
