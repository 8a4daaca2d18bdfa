// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package acceptance

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// meter reads what a local cluster spent.
type meter struct {
	*testing.T
	c    *localCluster
	etcd *http.Client
	url  string
}

// newMeter asks etcd itself, as the API server does, for what it holds.
func newMeter(t *testing.T, c *localCluster) *meter {
	t.Helper()
	pki := func(name string) string { return filepath.Join(c.state, "pki", name) }
	certificate, err := tls.LoadX509KeyPair(pki("etcd-client.crt"), pki("etcd-client.key"))
	if err != nil {
		t.Fatal(err)
	}
	ca, err := os.ReadFile(pki("etcd-ca.crt"))
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(ca)
	text, err := os.ReadFile(filepath.Join(c.state, "state.json"))
	if err != nil {
		t.Fatal(err)
	}
	var state struct{ Ports map[string]int }
	if err := json.Unmarshal(text, &state); err != nil {
		t.Fatal(err)
	}
	config := &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: roots, Certificates: []tls.Certificate{certificate}}
	return &meter{
		T: t, c: c, url: fmt.Sprintf("https://127.0.0.1:%d", state.Ports["etcd"]),
		etcd: &http.Client{Transport: &http.Transport{TLSClientConfig: config}},
	}
}

// held is what etcd holds of the objects that workflows leave.
type heldBytes struct {
	all       int            // keys and values
	kinds     map[string]int // the same, by kind of object
	largest   map[string]int // the largest value, by kind of object
	workflows map[string]int // the value, by name
}

// staying is what is there without Workflows, and what leaves with them.
func (h heldBytes) staying() int { return h.kinds["ConfigMap"] + h.kinds["WorkflowTemplate"] }

// kinds are where the API server keeps what a backfill makes.
var kinds = map[string]string{
	"Workflow":           "/registry/argoproj.io/workflows/" + namespace + "/",
	"WorkflowTemplate":   "/registry/argoproj.io/workflowtemplates/" + namespace + "/",
	"WorkflowTaskResult": "/registry/argoproj.io/workflowtaskresults/" + namespace + "/",
	"CronWorkflow":       "/registry/argoproj.io/cronworkflows/" + namespace + "/",
	"ConfigMap":          "/registry/configmaps/" + namespace + "/",
	"Pod":                "/registry/pods/" + namespace + "/",
}

// holds adds up what etcd holds, without the events, which leave by themselves.
func (m *meter) holds() heldBytes {
	m.Helper()
	h := heldBytes{kinds: map[string]int{}, largest: map[string]int{}, workflows: map[string]int{}}
	for kind, prefix := range kinds {
		end := prefix[:len(prefix)-1] + "0" // what follows a slash
		for from := prefix; from != ""; {
			from = m.page(from, end, func(value int, key string) {
				h.all += value + len(key)
				h.kinds[kind] += value + len(key)
				if kind == "Workflow" {
					h.workflows[strings.TrimPrefix(key, prefix)] = value
				}
				h.largest[kind] = max(h.largest[kind], value)
			})
		}
	}
	return h
}

// page visits some keys from one on and returns where the next page begins.
func (m *meter) page(from, end string, visit func(value int, key string)) string {
	m.Helper()
	const limit = 20
	request, _ := json.Marshal(map[string]any{"key": []byte(from), "range_end": []byte(end), "limit": limit})
	response, err := m.etcd.Post(m.url+"/v3/kv/range", "application/json", bytes.NewReader(request))
	if err != nil {
		m.Fatal(err)
	}
	defer response.Body.Close()
	var found struct {
		KVs []struct{ Key, Value string }
	}
	if err := json.NewDecoder(response.Body).Decode(&found); err != nil {
		m.Fatal(err)
	}
	last := ""
	for _, kv := range found.KVs {
		key, err := base64.StdEncoding.DecodeString(kv.Key)
		if err != nil {
			m.Fatal(err)
		}
		last = string(key)
		visit(base64.StdEncoding.DecodedLen(len(kv.Value))-strings.Count(kv.Value, "="), last)
	}
	if len(found.KVs) < limit {
		return ""
	}
	return last + "\x00"
}

var requestLine = regexp.MustCompile(`(?m)^apiserver_request_total\{(.*)\} ([0-9.e+]+)$`)

// requests is how many the API server has answered, without watches and the
// leases and health checks that go on at all times.
func (m *meter) requests() int {
	m.Helper()
	text, err := m.c.core.Discovery().RESTClient().Get().AbsPath("/metrics").DoRaw(m.Context())
	if err != nil {
		m.Fatal(err)
	}
	total := 0.0
	for _, match := range requestLine.FindAllSubmatch(text, -1) {
		labels := string(match[1])
		if strings.Contains(labels, `verb="WATCH"`) || strings.Contains(labels, `,resource="leases"`) ||
			strings.Contains(labels, `,resource=""`) {
			continue // the comma tells a resource from a subresource
		}
		n, err := strconv.ParseFloat(string(match[2]), 64)
		if err != nil {
			m.Fatal(err)
		}
		total += n
	}
	return int(total)
}

// pid is the process of a component.
func (m *meter) pid(component string) string {
	m.Helper()
	out, err := m.c.command("status").Output()
	if err != nil {
		m.Fatal(err)
	}
	for line := range strings.Lines(string(out)) {
		if fields := strings.Fields(line); len(fields) > 3 && fields[0] == component {
			return fields[3]
		}
	}
	m.Fatalf("no component %s:\n%s", component, out)
	return ""
}

// seconds is the processor time that a component has taken.
func (m *meter) seconds(component string) float64 {
	m.Helper()
	text, err := os.ReadFile("/proc/" + m.pid(component) + "/stat")
	if err != nil {
		m.Fatal(err)
	}
	fields := strings.Fields(string(text[bytes.LastIndexByte(text, ')')+1:]))
	user, _ := strconv.Atoi(fields[11])
	system, _ := strconv.Atoi(fields[12])
	const ticks = 100 // a second, on Linux
	return float64(user+system) / ticks
}

// megabytes is the most memory that a component has held.
func (m *meter) megabytes(component string) int {
	m.Helper()
	text, err := os.ReadFile("/proc/" + m.pid(component) + "/status")
	if err != nil {
		m.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if fields := strings.Fields(line); len(fields) > 1 && fields[0] == "VmHWM:" {
			kB, _ := strconv.Atoi(fields[1])
			return kB / 1024
		}
	}
	m.Fatal("no VmHWM")
	return 0
}
