// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package lifecycle

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"time"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/devcluster/controlplane"
)

// Preflight checks what cannot be made up for later: that this user may run
// containers. A process of its own tries, since it may have to enter a user
// namespace; its error says what to enable.
func Preflight(ctx context.Context, l controlplane.Layout) error {
	executable, err := os.Executable()
	if err != nil {
		return fmt.Errorf("find this program: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, executable, "--state", l.Root, "probe")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	if err := cmd.Run(); err != nil {
		text := strings.TrimPrefix(strings.TrimSpace(stderr.String()), "devcluster: ")
		if text == "" {
			return fmt.Errorf("try a container: %w", err)
		}
		return errors.New(text)
	}
	return nil
}
