// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package controlplane

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/devcluster/supervise"
)

// Host is the address that everything listens on.
const Host = "127.0.0.1"

// serviceIP is the first address of serviceRange: the API server gives it to
// the service "kubernetes", so its certificate carries it.
const (
	serviceRange = "10.96.0.0/16"
	serviceIP    = "10.96.0.1"
)

// The users that components act as. The Argo controller takes the name of its
// service account, so that Argo's own role bindings fit it unchanged.
const (
	UserAdmin             = "devcluster-admin"
	UserControllerManager = "system:kube-controller-manager"
	UserScheduler         = "system:kube-scheduler"
	UserArgo              = "system:serviceaccount:argo:argo"
	UserNodeAgent         = "devcluster:node-agent"
	groupMasters          = "system:masters"
)

// WriteCredentials makes every certificate, token and kubeconfig of a cluster
// whose API server listens on port. Authorities, the service account key and
// the administrator's token are kept from an earlier start; everything else is
// issued anew, so nothing runs out in a cluster that is restarted now and then.
//
// There are three authorities, because each of them is trusted for something
// else: the cluster's clients, etcd's one client, and the one client that may
// read logs and run commands on the nodes.
func WriteCredentials(l Layout, port int, now time.Time) error {
	cluster, err := loadOrCreateAuthority(l.cert("cluster-ca"), l.key("cluster-ca"), "devcluster", now)
	if err != nil {
		return err
	}
	etcd, err := loadOrCreateAuthority(l.cert("etcd-ca"), l.key("etcd-ca"), "devcluster-etcd", now)
	if err != nil {
		return err
	}
	node, err := loadOrCreateAuthority(l.cert("node-ca"), l.key("node-ca"), "devcluster-node", now)
	if err != nil {
		return err
	}
	if err := writeCertificates(l, cluster, etcd, node, now); err != nil {
		return err
	}
	if err := ensureServiceAccountKey(l); err != nil {
		return err
	}
	if err := ensureAdminToken(l); err != nil {
		return err
	}
	return writeKubeconfigs(l, cluster, port, now)
}

func writeCertificates(l Layout, cluster, etcd, node *authority, now time.Time) error {
	for _, c := range []struct {
		file string
		by   *authority
		leaf leaf
	}{
		{"etcd", etcd, leaf{name: "etcd", both: true}},
		{"etcd-client", etcd, leaf{name: "kube-apiserver"}},
		{"kube-apiserver", cluster, leaf{name: "kube-apiserver", serves: true,
			names: []string{
				"kubernetes", "kubernetes.default", "kubernetes.default.svc", "kubernetes.default.svc.cluster.local",
			},
			ips: []net.IP{net.ParseIP(serviceIP)}}},
		{"kube-controller-manager", cluster, leaf{name: "kube-controller-manager", serves: true}},
		{"kube-scheduler", cluster, leaf{name: "kube-scheduler", serves: true}},
		{"node", node, leaf{name: "node-agent", serves: true}},
		{"node-client", node, leaf{name: "kube-apiserver"}},
	} {
		pair, err := c.by.issue(c.leaf, now)
		if err != nil {
			return err
		}
		if err := supervise.WriteFile(l.cert(c.file), pair.cert); err != nil {
			return err
		}
		if err := supervise.WriteFile(l.key(c.file), pair.key); err != nil {
			return err
		}
	}
	return nil
}

func ensureServiceAccountKey(l Layout) error {
	file := l.key("service-account")
	if exists(file) {
		return nil
	}
	key, err := newKey()
	if err != nil {
		return err
	}
	pem, err := encodeKey(key)
	if err != nil {
		return err
	}
	return supervise.WriteFile(file, pem)
}

// ensureAdminToken writes the token file of the API server: one line of
// token,user,uid,groups.
func ensureAdminToken(l Layout) error {
	raw, err := os.ReadFile(l.AdminToken())
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("read the administrator's token: %w", err)
	}
	token := strings.TrimSpace(string(raw))
	if token == "" {
		secret := make([]byte, 32)
		if _, err := rand.Read(secret); err != nil {
			return fmt.Errorf("draw a token: %w", err)
		}
		token = hex.EncodeToString(secret)
	}
	if err := supervise.WriteFile(l.AdminToken(), []byte(token+"\n")); err != nil {
		return err
	}
	line := fmt.Sprintf("%s,%s,%s,%q\n", token, UserAdmin, UserAdmin, groupMasters)
	return supervise.WriteFile(l.tokens(), []byte(line))
}

func writeKubeconfigs(l Layout, ca *authority, port int, now time.Time) error {
	for _, c := range []struct {
		file string
		leaf leaf
	}{
		{l.Kubeconfig(), leaf{name: UserAdmin, groups: []string{groupMasters}}},
		{l.ComponentKubeconfig(ControllerManager), leaf{name: UserControllerManager}},
		{l.ComponentKubeconfig(Scheduler), leaf{name: UserScheduler}},
		{l.ComponentKubeconfig(ArgoController), leaf{
			name: UserArgo, groups: []string{"system:serviceaccounts", "system:serviceaccounts:argo"},
		}},
		{l.ComponentKubeconfig(NodeAgent), leaf{name: UserNodeAgent}},
	} {
		pair, err := ca.issue(c.leaf, now)
		if err != nil {
			return err
		}
		raw, err := kubeconfig(ca.pem, pair, port)
		if err != nil {
			return err
		}
		if err := supervise.WriteFile(c.file, raw); err != nil {
			return err
		}
	}
	return nil
}

// ServerURL is the address of an API server on a port of this machine.
func ServerURL(port int) string {
	u := url.URL{Scheme: "https", Host: net.JoinHostPort(Host, strconv.Itoa(port))}
	return u.String()
}

func kubeconfig(ca []byte, pair keyPair, port int) ([]byte, error) {
	const name = "devcluster"
	config := clientcmdapi.NewConfig()
	config.Clusters[name] = &clientcmdapi.Cluster{Server: ServerURL(port), CertificateAuthorityData: ca}
	config.AuthInfos[name] = &clientcmdapi.AuthInfo{ClientCertificateData: pair.cert, ClientKeyData: pair.key}
	config.Contexts[name] = &clientcmdapi.Context{Cluster: name, AuthInfo: name, Namespace: "default"}
	config.CurrentContext = name
	raw, err := clientcmd.Write(*config)
	if err != nil {
		return nil, fmt.Errorf("encode a kubeconfig: %w", err)
	}
	return raw, nil
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
