// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package clustertest

import (
	"bytes"
	"encoding/hex"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// processesOf finds the processes that have to do with a directory: it is on
// their command line, in their environment, or mounted in their namespace.
func processesOf(t *testing.T, dir string) []int {
	t.Helper()
	entries, err := os.ReadDir("/proc")
	if err != nil {
		t.Fatal(err)
	}
	var found []int
	for _, entry := range entries {
		pid, err := strconv.Atoi(entry.Name())
		if err != nil || pid == os.Getpid() {
			continue
		}
		for _, file := range []string{"cmdline", "environ", "mountinfo"} {
			raw, err := os.ReadFile(filepath.Join("/proc", entry.Name(), file))
			if err == nil && bytes.Contains(raw, []byte(dir)) {
				found = append(found, pid)
				break
			}
		}
	}
	return found
}

// listeners returns the addresses on which processes listen for TCP.
func listeners(t *testing.T, pids []int) []net.IP {
	t.Helper()
	byInode := listeningSockets(t)
	var found []net.IP
	for _, pid := range pids {
		fds, err := filepath.Glob("/proc/" + strconv.Itoa(pid) + "/fd/*")
		if err != nil {
			t.Fatal(err)
		}
		for _, fd := range fds {
			target, err := os.Readlink(fd)
			if err != nil {
				continue // closed meanwhile
			}
			if ip, ok := byInode[strings.TrimSuffix(strings.TrimPrefix(target, "socket:["), "]")]; ok {
				found = append(found, ip)
			}
		}
	}
	return found
}

// listeningSockets maps the inodes of listening TCP sockets to their addresses
// (proc_net_tcp: local address in field 2, state in field 4, inode in field
// 10).
func listeningSockets(t *testing.T) map[string]net.IP {
	t.Helper()
	const listening = "0A"
	found := map[string]net.IP{}
	for _, table := range []string{"/proc/net/tcp", "/proc/net/tcp6"} {
		raw, err := os.ReadFile(table)
		if err != nil {
			continue // no IPv6
		}
		for line := range strings.Lines(string(raw)) {
			fields := strings.Fields(line)
			if len(fields) > 9 && fields[3] == listening {
				found[fields[9]] = parseAddress(t, fields[1])
			}
		}
	}
	return found
}

// parseAddress decodes an address of the kernel: 32-bit words in the machine's
// byte order, which is little-endian on every machine that runs these tests.
func parseAddress(t *testing.T, text string) net.IP {
	t.Helper()
	address, _, _ := strings.Cut(text, ":")
	raw, err := hex.DecodeString(address)
	if err != nil || len(raw)%4 != 0 {
		t.Fatalf("address %q: %v", text, err)
	}
	for word := range slices.Chunk(raw, 4) {
		slices.Reverse(word)
	}
	return net.IP(raw)
}

func TestParseAddress(t *testing.T) {
	for text, want := range map[string]string{
		"0100007F:1F90":                         "127.0.0.1",
		"00000000:1F90":                         "0.0.0.0",
		"00000000000000000000000001000000:1F90": "::1",
	} {
		if got := parseAddress(t, text).String(); got != want {
			t.Errorf("%s is %s, want %s", text, got, want)
		}
	}
}
