// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package read

import "testing"

func TestDecodeNodesRefusesWhatIsDamaged(t *testing.T) {
	whole := `{"a":{"displayName":"p\"","children":["b"],"inputs":{"parameters":[{"name":"i","value":"7"}]},"n":12}}`
	for end := range whole {
		if nodes, err := decodeNodes([]byte(whole[:end])); err == nil {
			t.Errorf("%s gives %+v", whole[:end], nodes)
		}
	}
	for _, text := range []string{
		whole + "x",
		`[]`,
		`{"a":[]}`,
		`{"a":{"phase":7}}`,
		`{"a":{"n":nope}}`,
		`{"a":{"children":{}}}`,
		`{a:{}}`,
		"{\"a\":{}}\x00",
	} {
		if nodes, err := decodeNodes([]byte(text)); err == nil {
			t.Errorf("%s gives %+v", text, nodes)
		}
	}
}

// Nodes of which nothing is known are none, and what Argo has not written yet is empty.
func TestDecodeNodesWithNull(t *testing.T) {
	nodes, err := decodeNodes(
		[]byte(`{"a":null,"b":{"type":"Retry","startedAt":null,"inputs":null,"children":["a","c"]},"c":{}}`),
	)
	if err != nil || len(nodes) != 2 || !nodes["b"].StartedAt.IsZero() || nodes["b"].isAttempt || !nodes["c"].isAttempt {
		t.Errorf("%+v, %v", nodes, err)
	}
}
