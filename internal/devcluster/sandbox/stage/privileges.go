// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package stage

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// dropPrivileges takes every capability from this thread for good, in the order that the kernel permits: the bounding
// set needs CAP_SETPCAP, the identity needs CAP_SETUID and CAP_SETGID, and the sets go last. With an empty bounding set
// an exec as uid 0 gains nothing back (capabilities(7)).
func dropPrivileges(identity Identity) error {
	for capability := uintptr(0); ; capability++ {
		if err := unix.Prctl(unix.PR_CAPBSET_DROP, capability, 0, 0, 0); err != nil {
			if err == unix.EINVAL && capability > 0 {
				break
			}
			return fmt.Errorf("drop capability %d from the bounding set: %w", capability, err)
		}
	}
	if err := unix.Prctl(unix.PR_CAP_AMBIENT, unix.PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0); err != nil {
		return fmt.Errorf("clear ambient capabilities: %w", err)
	}
	if err := setIdentity(identity); err != nil {
		return err
	}
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var none [2]unix.CapUserData
	if err := unix.Capset(&header, &none[0]); err != nil {
		return fmt.Errorf("drop capabilities: %w", err)
	}
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("set no_new_privs: %w", err)
	}
	return nil
}

func setIdentity(identity Identity) error {
	if identity.GID == nil && identity.UID == nil && len(identity.Groups) == 0 {
		return nil
	}
	groups := make([]int, len(identity.Groups))
	for i, group := range identity.Groups {
		groups[i] = int(group)
	}
	if err := unix.Setgroups(groups); err != nil {
		return fmt.Errorf("set supplementary groups %v: %w", groups, err)
	}
	if gid := identity.GID; gid != nil {
		if err := unix.Setresgid(int(*gid), int(*gid), int(*gid)); err != nil {
			return fmt.Errorf("run as group %d: %w", *gid, err)
		}
	}
	if uid := identity.UID; uid != nil {
		if err := unix.Setresuid(int(*uid), int(*uid), int(*uid)); err != nil {
			return fmt.Errorf("run as user %d: %w", *uid, err)
		}
	}
	return nil
}
