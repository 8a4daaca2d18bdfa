// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

// Package argoexec builds Argo's executor from the pinned Argo module, and lays
// the module's own manifests beside it.
//
// Argo's executor is not part of this binary: it copies itself into every pod,
// so it has to be small, and upstream builds it with dependencies of its own.
// The result is kept in a cache directory, keyed by version; nothing but Go is
// needed to make it.
//
// The package does not run the executor and does not read the manifests.
package argoexec

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/devcluster/supervise"
)

// ModulePath is the module that Argo's executor, manifests and controller come
// from.
const ModulePath = "github.com/argoproj/argo-workflows/v3"

// Pin is the exact Argo module to use.
type Pin struct {
	Version string
	// Sums are the module's lines of go.sum; the download is checked against
	// them, so no checksum database is asked.
	Sums string
}

// PinFrom reads the pin from the texts of a go.mod and a go.sum.
func PinFrom(goMod, goSum string) (Pin, error) {
	var pin Pin
	for line := range strings.Lines(goMod) {
		fields := strings.Fields(line)
		if len(fields) > 0 && fields[0] == "require" {
			fields = fields[1:]
		}
		if len(fields) >= 2 && fields[0] == ModulePath && fields[1] != "=>" {
			pin.Version = fields[1]
			break
		}
	}
	if pin.Version == "" {
		return Pin{}, errors.New("go.mod does not require " + ModulePath)
	}
	for line := range strings.Lines(goSum) {
		if strings.HasPrefix(line, ModulePath+" "+pin.Version) {
			pin.Sums += line
		}
	}
	if pin.Sums == "" {
		return Pin{}, fmt.Errorf("go.sum has no line for %s %s", ModulePath, pin.Version)
	}
	return pin, nil
}

// Assets are the files made from the Argo module. Paths are absolute.
type Assets struct {
	// Executable is argoexec.
	Executable string
	// MinimalCRDs and FullCRDs are directories of YAML files.
	MinimalCRDs, FullCRDs string
	// ControllerRBAC is the directory of the roles of a controller that serves
	// the whole cluster.
	ControllerRBAC string
}

func assetsIn(dir string) Assets {
	return Assets{
		Executable:     filepath.Join(dir, "argoexec"),
		MinimalCRDs:    filepath.Join(dir, "crds-minimal"),
		FullCRDs:       filepath.Join(dir, "crds-full"),
		ControllerRBAC: filepath.Join(dir, "controller-rbac"),
	}
}

// DefaultCache is the cache directory that all clusters of a user share.
func DefaultCache() (string, error) {
	dir, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("find a cache directory (name one with --cache): %w", err)
	}
	return filepath.Join(dir, "devcluster"), nil
}

// Ensure returns the assets of a pin, making them first when the cache does
// not have them. Progress is told to out. Several processes may call it at
// once; one of them builds, the others wait.
func Ensure(ctx context.Context, cache string, pin Pin, out io.Writer) (Assets, error) {
	absolute, err := filepath.Abs(cache)
	if err != nil {
		return Assets{}, fmt.Errorf("resolve the cache directory %s: %w", cache, err)
	}
	final := filepath.Join(absolute, cacheKey(pin.Version))
	if complete(final) {
		return assetsIn(final), nil
	}
	if err := os.MkdirAll(absolute, 0o755); err != nil {
		return Assets{}, fmt.Errorf("create the cache directory: %w", err)
	}
	lock, err := supervise.WaitLock(final + ".lock")
	if err != nil {
		return Assets{}, err
	}
	defer lock.Unlock()
	if complete(final) {
		return assetsIn(final), nil
	}

	fmt.Fprintf(out, "Building Argo's executor %s, once for this machine (2 to 5 minutes on 2 cores) ...\n", pin.Version)
	work, err := os.MkdirTemp(absolute, "build-")
	if err != nil {
		return Assets{}, fmt.Errorf("create a build directory: %w", err)
	}
	defer os.RemoveAll(work) //nolint:errcheck // leftovers do no harm
	if err := build(ctx, pin, work); err != nil {
		return Assets{}, fmt.Errorf("build Argo's executor %s: %w", pin.Version, err)
	}
	// Only a complete directory ever gets the final name.
	if err := os.Rename(filepath.Join(work, "out"), final); err != nil {
		return Assets{}, fmt.Errorf("keep the build: %w", err)
	}
	return assetsIn(final), nil
}

func cacheKey(version string) string {
	return fmt.Sprintf("argo-%s-%s-%s", version, runtime.GOOS, runtime.GOARCH)
}

func complete(dir string) bool {
	_, err := os.Stat(assetsIn(dir).Executable)
	return err == nil
}
