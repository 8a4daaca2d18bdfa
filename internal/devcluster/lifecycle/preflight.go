// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package lifecycle

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"
)

// Preflight checks what cannot be made up for later: that this user may create
// the namespaces in which pods run. The error says what to enable.
func Preflight(ctx context.Context) error {
	if os.Geteuid() == 0 && tryNamespaces(ctx, 0) == nil {
		return nil
	}
	err := tryNamespaces(ctx, syscall.CLONE_NEWUSER)
	if err == nil {
		return nil
	}
	return errors.New(namespaceAdvice(os.Geteuid() == 0, err, readSysctl))
}

// tryNamespaces runs a program that does nothing in new mount and PID
// namespaces, and in those of flags.
func tryNamespaces(ctx context.Context, flags uintptr) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, "/proc/self/exe", "version")
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNS | syscall.CLONE_NEWPID | flags}
	if flags&syscall.CLONE_NEWUSER != 0 {
		cmd.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Geteuid(), Size: 1}}
		cmd.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getegid(), Size: 1}}
	}
	return cmd.Run()
}

// namespaceSettings are the kernel settings that forbid unprivileged user
// namespaces, and the value that allows them.
var namespaceSettings = []struct{ name, forbids, allow string }{
	{"user.max_user_namespaces", "0", "15000"},
	{"kernel.unprivileged_userns_clone", "0", "1"},
	{"kernel.apparmor_restrict_unprivileged_userns", "1", "0"},
}

func namespaceAdvice(root bool, cause error, sysctl func(string) string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "This user may not create the namespaces in which pods run (%v).\n", cause)
	var commands []string
	for _, s := range namespaceSettings {
		if sysctl(s.name) == s.forbids {
			commands = append(commands, fmt.Sprintf("sudo sysctl -w %s=%s", s.name, s.allow))
		}
	}
	switch {
	case len(commands) > 0:
		fmt.Fprintf(&b, "Enable unprivileged user namespaces with\n  %s\nor run this command as root.\n", strings.Join(commands, "\n  "))
	case root:
		b.WriteString("This looks like a container without CAP_SYS_ADMIN: start it privileged, or with a seccomp profile that allows unshare.\n")
	default:
		b.WriteString("Run this command as root, or enable unprivileged user namespaces in the kernel.\n")
	}
	b.WriteString("Any other cluster with Argo Workflows works as well: set KUBE_CONFIG_PATH to its kubeconfig and leave this one out.")
	return b.String()
}

func readSysctl(name string) string {
	raw, err := os.ReadFile("/proc/sys/" + strings.ReplaceAll(name, ".", "/"))
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(raw))
}
