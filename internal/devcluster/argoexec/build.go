// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package argoexec

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// notNeeded are top directories of the module without Go packages of the
// executor; leaving them out halves the copy.
var notNeeded = []string{"sdks", "docs", "examples", "community", "hack", "test"}

// build makes work/out with everything that assetsIn names.
func build(ctx context.Context, pin Pin, work string) error {
	module, err := download(ctx, pin, work)
	if err != nil {
		return err
	}
	source := filepath.Join(work, "src")
	if err := copyTree(module, source, notNeeded); err != nil {
		return err
	}
	if err := restoreLink(source); err != nil {
		return err
	}
	out := filepath.Join(work, "out")
	if err := compile(ctx, pin, source, assetsIn(out).Executable); err != nil {
		return err
	}
	manifests := filepath.Join(module, "manifests")
	for from, to := range map[string]string{
		filepath.Join(manifests, "base", "crds", "minimal"):                             assetsIn(out).MinimalCRDs,
		filepath.Join(manifests, "base", "crds", "full"):                                assetsIn(out).FullCRDs,
		filepath.Join(manifests, "cluster-install-no-crds", "workflow-controller-rbac"): assetsIn(out).ControllerRBAC,
	} {
		if err := copyTree(from, to, nil); err != nil {
			return err
		}
	}
	return nil
}

// download returns the directory of the module in Go's module cache. It works
// from a throw-away module that knows the checksums, so the answer is the same
// wherever the binary runs.
func download(ctx context.Context, pin Pin, work string) (string, error) {
	dir := filepath.Join(work, "pin")
	if err := os.Mkdir(dir, 0o755); err != nil {
		return "", fmt.Errorf("create a build directory: %w", err)
	}
	mod := fmt.Sprintf("module pin\n\ngo 1.25\n\nrequire %s %s\n", ModulePath, pin.Version)
	for name, text := range map[string]string{"go.mod": mod, "go.sum": pin.Sums} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			return "", fmt.Errorf("write %s: %w", name, err)
		}
	}
	raw, err := runGo(ctx, dir, "mod", "download", "-json", ModulePath+"@"+pin.Version)
	var answer struct{ Dir, Error string }
	if jsonErr := json.Unmarshal(raw, &answer); jsonErr == nil && answer.Error != "" {
		return "", fmt.Errorf("download %s@%s: %s", ModulePath, pin.Version, answer.Error)
	}
	if err != nil {
		return "", err
	}
	if answer.Dir == "" {
		return "", fmt.Errorf("go mod download named no directory for %s@%s", ModulePath, pin.Version)
	}
	return answer.Dir, nil
}

// restoreLink puts back a file that the module lacks. Upstream,
// signal_linux.go is a symbolic link to signal_darwin.go, and Go's module zips
// drop links; without it the executor does not compile on Linux.
func restoreLink(source string) error {
	dir := filepath.Join(source, "workflow", "executor", "osspecific")
	link := filepath.Join(dir, "signal_linux.go")
	if _, err := os.Stat(link); err == nil {
		return nil
	}
	raw, err := os.ReadFile(filepath.Join(dir, "signal_darwin.go"))
	if err != nil {
		return fmt.Errorf("restore signal_linux.go: %w", err)
	}
	if err := os.WriteFile(link, raw, 0o644); err != nil {
		return fmt.Errorf("restore signal_linux.go: %w", err)
	}
	return nil
}

func compile(ctx context.Context, pin Pin, source, out string) error {
	_, err := runGo(ctx, source, "build", "-buildvcs=false", "-trimpath",
		"-ldflags", "-s -w -X "+ModulePath+".version="+pin.Version,
		"-o", out, "./cmd/argoexec")
	return err
}

// runGo runs the go command, free of settings that would bend the build: the
// executor is linked statically, since pods may see another file system.
func runGo(ctx context.Context, dir string, args ...string) ([]byte, error) {
	path, err := exec.LookPath("go")
	if err != nil {
		return nil, errors.New("the go command is not on the PATH; install Go (https://go.dev/dl) or add it to the PATH")
	}
	cmd := exec.CommandContext(ctx, path, args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOWORK=off", "GOFLAGS=", "CGO_ENABLED=0", "GOOS=", "GOARCH=")
	cmd.WaitDelay = 5 * time.Second
	var stdout, stderr bytes.Buffer
	cmd.Stdout = &stdout
	cmd.Stderr = &stderr
	if err := cmd.Run(); err != nil {
		return stdout.Bytes(), fmt.Errorf("go %s: %w\n%s", args[0], err, lastLines(stderr.String(), 20))
	}
	return stdout.Bytes(), nil
}

func lastLines(text string, n int) string {
	lines := strings.Split(strings.TrimRight(text, "\n"), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}

// copyTree copies a directory to writable files, without the named top-level
// entries. Anything but directories and regular files is left out.
func copyTree(from, to string, without []string) error {
	err := filepath.WalkDir(from, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		if slices.Contains(without, rel) {
			return filepath.SkipDir
		}
		target := filepath.Join(to, rel)
		switch {
		case entry.IsDir():
			return os.MkdirAll(target, 0o755)
		case entry.Type().IsRegular():
			return copyFile(path, target)
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("copy %s: %w", from, err)
	}
	return nil
}

func copyFile(from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close() //nolint:errcheck // read only
	out, err := os.OpenFile(to, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Close())
}

// Install copies the executor to a file, in one step.
func Install(assets Assets, to string) error {
	tmp := to + ".tmp"
	if err := copyFile(assets.Executable, tmp); err != nil {
		return fmt.Errorf("copy the executor: %w", err)
	}
	if err := errors.Join(os.Chmod(tmp, 0o755), os.Rename(tmp, to)); err != nil {
		return fmt.Errorf("copy the executor: %w", err)
	}
	return nil
}
