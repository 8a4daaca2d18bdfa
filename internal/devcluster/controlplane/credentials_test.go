// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package controlplane

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"k8s.io/client-go/tools/clientcmd"
)

var now = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)

func written(t *testing.T) Layout {
	t.Helper()
	l, err := NewLayout(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if err := WriteCredentials(l, 20001, now); err != nil {
		t.Fatal(err)
	}
	return l
}

func readCert(t *testing.T, file string) *x509.Certificate {
	t.Helper()
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return parseCert(t, raw)
}

func parseCert(t *testing.T, raw []byte) *x509.Certificate {
	t.Helper()
	block, _ := pem.Decode(raw)
	if block == nil {
		t.Fatalf("no PEM in %q", raw)
	}
	cert, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	return cert
}

func verify(cert, ca *x509.Certificate, at time.Time, name string, usage x509.ExtKeyUsage) error {
	roots := x509.NewCertPool()
	roots.AddCert(ca)
	_, err := cert.Verify(
		x509.VerifyOptions{Roots: roots, CurrentTime: at, DNSName: name, KeyUsages: []x509.ExtKeyUsage{usage}},
	)
	return err
}

func TestServingCertificates(t *testing.T) {
	l := written(t)
	for _, test := range []struct{ file, ca, name string }{
		{"etcd", "etcd-ca", "127.0.0.1"},
		{"kube-apiserver", "cluster-ca", "127.0.0.1"},
		{"kube-apiserver", "cluster-ca", "localhost"},
		{"kube-apiserver", "cluster-ca", "kubernetes.default.svc"},
		{"kube-apiserver", "cluster-ca", serviceIP},
		{"kube-controller-manager", "cluster-ca", "127.0.0.1"},
		{"kube-scheduler", "cluster-ca", "127.0.0.1"},
		{"node", "node-ca", "127.0.0.1"},
	} {
		cert, ca := readCert(t, l.cert(test.file)), readCert(t, l.cert(test.ca))
		if err := verify(cert, ca, now.Add(300*24*time.Hour), test.name, x509.ExtKeyUsageServerAuth); err != nil {
			t.Errorf("%s for %s: %v", test.file, test.name, err)
		}
		if _, err := tls.LoadX509KeyPair(l.cert(test.file), l.key(test.file)); err != nil {
			t.Errorf("%s: %v", test.file, err)
		}
	}
}

func TestAuthoritiesAreSeparate(t *testing.T) {
	l := written(t)
	client := readCert(t, l.cert("etcd-client"))
	for _, ca := range []string{"cluster-ca", "node-ca"} {
		if err := verify(client, readCert(t, l.cert(ca)), now, "", x509.ExtKeyUsageClientAuth); err == nil {
			t.Errorf("etcd's client is accepted by %s", ca)
		}
	}
	if err := verify(client, readCert(t, l.cert("etcd-ca")), now, "", x509.ExtKeyUsageClientAuth); err != nil {
		t.Errorf("etcd's client: %v", err)
	}
	if err := verify(client, readCert(t, l.cert("etcd-ca")), now, "", x509.ExtKeyUsageServerAuth); err == nil {
		t.Error("a client's certificate may serve")
	}
}

func TestKubeconfigs(t *testing.T) {
	l := written(t)
	for file, want := range map[string]struct {
		user   string
		groups []string
	}{
		l.Kubeconfig():                           {UserAdmin, []string{"system:masters"}},
		l.ComponentKubeconfig(ControllerManager): {UserControllerManager, nil},
		l.ComponentKubeconfig(Scheduler):         {UserScheduler, nil},
		l.ComponentKubeconfig(NodeAgent):         {UserNodeAgent, nil},
		l.ComponentKubeconfig(ArgoController): {
			UserArgo, []string{"system:serviceaccounts", "system:serviceaccounts:argo"},
		},
	} {
		config, err := clientcmd.BuildConfigFromFlags("", file)
		if err != nil {
			t.Fatal(err)
		}
		if config.Host != "https://127.0.0.1:20001" {
			t.Errorf("%s: server %s", file, config.Host)
		}
		cert := parseCert(t, config.CertData)
		if cert.Subject.CommonName != want.user || !slices.Equal(cert.Subject.Organization, want.groups) {
			t.Errorf("%s: subject %s", file, cert.Subject)
		}
		if err := verify(cert, parseCert(t, config.CAData), now, "", x509.ExtKeyUsageClientAuth); err != nil {
			t.Errorf("%s: %v", file, err)
		}
	}
}

func TestRestartKeepsWhatWasHandedOut(t *testing.T) {
	l := written(t)
	kept := []string{l.CA(), l.key("service-account"), l.AdminToken(), l.tokens(), l.cert("etcd-ca"), l.cert("node-ca")}
	before := map[string][]byte{}
	for _, file := range kept {
		before[file] = read(t, file)
	}
	oldKubeconfig, err := clientcmd.BuildConfigFromFlags("", l.Kubeconfig())
	if err != nil {
		t.Fatal(err)
	}
	later := now.Add(350 * 24 * time.Hour)
	if err := WriteCredentials(l, 20001, later); err != nil {
		t.Fatal(err)
	}
	for _, file := range kept {
		if !bytes.Equal(before[file], read(t, file)) {
			t.Errorf("%s changed", file)
		}
	}
	ca := readCert(t, l.CA())
	if err := verify(parseCert(t, oldKubeconfig.CertData), ca, later, "", x509.ExtKeyUsageClientAuth); err != nil {
		t.Errorf("an earlier kubeconfig: %v", err)
	}
	renewed := readCert(t, l.cert("kube-apiserver"))
	if err := verify(renewed, ca, later.Add(300*24*time.Hour), "127.0.0.1", x509.ExtKeyUsageServerAuth); err != nil {
		t.Errorf("the API server's certificate was not renewed: %v", err)
	}
}

// The directory is deleted with the cluster, so it must be the cluster's alone.
func TestNewLayoutRefusesAForeignDirectory(t *testing.T) {
	dir := t.TempDir()
	for range 2 { // an empty one, and then one of our own
		if _, err := NewLayout(dir); err != nil {
			t.Fatal(err)
		}
	}
	foreign := t.TempDir()
	if err := os.WriteFile(filepath.Join(foreign, "mine"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := NewLayout(foreign); err == nil {
		t.Error("no error for a directory with other files")
	}
	if entries, err := os.ReadDir(foreign); err != nil || len(entries) != 1 {
		t.Errorf("it was written to: %v, %v", entries, err)
	}
}

func TestDamagedAuthorityIsReported(t *testing.T) {
	l := written(t)
	if err := os.WriteFile(l.CA(), []byte("damaged"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := WriteCredentials(l, 20001, now); err == nil {
		t.Error("no error")
	}
}

func TestEveryFileIsPrivate(t *testing.T) {
	l := written(t)
	files := 0
	err := filepath.WalkDir(l.Root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || path == l.Root {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		want := fs.FileMode(0o600)
		if entry.IsDir() {
			want = 0o700
		} else {
			files++
		}
		if info.Mode().Perm() != want {
			t.Errorf("%s has mode %v, want %v", path, info.Mode().Perm(), want)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if files < 20 {
		t.Errorf("found only %d files", files)
	}
}

func read(t *testing.T, file string) []byte {
	t.Helper()
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}
