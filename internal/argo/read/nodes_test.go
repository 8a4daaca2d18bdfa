// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package read

import (
	"cmp"
	"encoding/json"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"

	wfv1 "github.com/argoproj/argo-workflows/v3/pkg/apis/workflow/v1alpha1"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/argo"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/argo/argotest"
)

// plainNode is nodeStatus as encoding/json decodes it.
type plainNode struct {
	ID           string     `json:"-"`
	DisplayName  string     `json:"displayName"`
	Type         string     `json:"type"`
	Phase        argo.Phase `json:"phase"`
	Message      string     `json:"message"`
	TemplateName string     `json:"templateName"`
	TemplateRef  struct {
		Template string `json:"template"`
	} `json:"templateRef"`
	Inputs   plainParameters `json:"inputs"`
	Outputs  plainParameters `json:"outputs"`
	Children []string        `json:"children"`

	HostNodeName string `json:"hostNodeName"`
	StartedAt    string `json:"startedAt"`
	FinishedAt   string `json:"finishedAt"`
}

type plainParameters struct {
	Parameters []struct {
		Name  string `json:"name"`
		Value string `json:"value"`
	} `json:"parameters"`
	ExitCode string `json:"exitCode"`
}

func (p plainParameters) convert() parameters {
	var out parameters
	for _, param := range p.Parameters {
		out = append(out, parameter{param.Name, param.Value})
	}
	return out
}

// plainNodes decodes by encoding/json, in the order of the ids.
func plainNodes(text []byte) ([]nodeStatus, error) {
	var byID map[string]plainNode
	if err := json.Unmarshal(text, &byID); err != nil {
		return nil, err
	}
	var nodes []nodeStatus
	for id, n := range byID {
		nodes = append(nodes, nodeStatus{
			ID: id, DisplayName: n.DisplayName, Type: n.Type, Phase: n.Phase, Message: n.Message,
			Inputs: n.Inputs.convert(), Outputs: n.Outputs.convert(), Children: slices.Clip(n.Children),
			templateName: n.TemplateName, calledName: n.TemplateRef.Template,
			hostNodeName: n.HostNodeName, outputsExitCode: n.Outputs.ExitCode, startedAt: stampOf([]byte(n.StartedAt)), finishedAt: stampOf([]byte(n.FinishedAt)),
		})
	}
	return sorted(nodes), nil
}

func sorted(nodes []nodeStatus) []nodeStatus {
	slices.SortFunc(nodes, func(a, b nodeStatus) int { return cmp.Compare(a.ID, b.ID) })
	return nodes
}

// sameNodes takes empty lists for absent ones.
func sameNodes(a, b []nodeStatus) bool {
	return slices.EqualFunc(a, b, func(a, b nodeStatus) bool {
		same := slices.Equal(a.Children, b.Children) && slices.Equal(a.Inputs, b.Inputs) && slices.Equal(a.Outputs, b.Outputs)
		a.Children, a.Inputs, a.Outputs, b.Children, b.Inputs, b.Outputs = nil, nil, nil, nil, nil, nil
		return same && reflect.DeepEqual(a, b)
	})
}

func newNodeSpace() *nodeSpace {
	sp, _ := nodeSpaces.New().(*nodeSpace)
	return sp
}

func decodeNodes(text []byte) ([]nodeStatus, error) {
	sp := newNodeSpace()
	err := sp.decode(text)
	return sp.nodes, err
}

// TestNodeSpaceIsEmptyAgain reads into the same room whatever is read.
func TestNodeSpaceIsEmptyAgain(t *testing.T) {
	sp := newNodeSpace()
	for _, test := range []struct {
		text     string
		attempts []string
	}{
		{`{"a":{"type":"Retry","phase":"Failed","message":"m","children":["b","c"],"inputs":{"parameters":[{"name":"i","value":"7"},{"name":"k"}]},"outputs":{"exitCode":"1"},"startedAt":"2026-01-01T00:00:00Z"},"b":{},"c":{}}`, []string{"b", "c"}},
		{`{"x":{"children":["b"]}}`, nil},
		{`{"x":{"children":["b"`, nil},
		{`{"d":{"type":"Retry","children":["e"]},"e":{"inputs":{"parameters":[{"value":"1"}]}},"f":{},"g":{}}`, []string{"e"}},
		{`null`, nil},
	} {
		err := sp.decode([]byte(test.text))
		want, wantErr := decodeNodes([]byte(test.text))
		if (err == nil) != (wantErr == nil) || !sameNodes(sp.nodes, want) {
			t.Errorf("%s\ngot  %+v, %v\nwant %+v, %v", test.text, sp.nodes, err, want, wantErr)
		}
		if got := slices.Sorted(maps.Keys(sp.attempts)); err == nil && !slices.Equal(got, test.attempts) {
			t.Errorf("%s: attempts %v, want %v", test.text, got, test.attempts)
		}
	}
}

func TestDecodeNodesAgreesWithEncodingJSON(t *testing.T) {
	large, err := json.Marshal(argotest.Worst(50, 3))
	if err != nil {
		t.Fatal(err)
	}
	odd, err := json.Marshal(wfv1.Nodes{"a\"b\\": {DisplayName: "p(0:\u2028\x01\U0001F600)", Message: `quo"te \u0041 and back\slash\\`, Children: []string{}}})
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range [][]byte{
		large, odd, []byte("{}"), []byte("null"), []byte(` { "a" : { "inputs" : null , "children" : [ "b" , "c" ] , "x" : [ 1 , -2.5e3 , true , { "y" : "}" } ] } } `),
		[]byte(`{"a":{"inputs":{"parameters":[{"name":"i","value":"7","more":[[]]}],"artifacts":[]},"templateRef":{"name":"t","template":"p"},"outputs":{"exitCode":"0"}}}`),
	} {
		want, err := plainNodes(text)
		if err != nil {
			t.Fatal(err)
		}
		got, err := decodeNodes(text)
		if err != nil || !sameNodes(sorted(got), want) {
			t.Errorf("%.200s\ngot  %+v, %v\nwant %+v", text, got, err, want)
		}
	}
}

func TestDecodeNodesRefusesWhatIsDamaged(t *testing.T) {
	whole := `{"a":{"displayName":"p\"","children":["b"],"inputs":{"parameters":[{"name":"i","value":"7"}]},"n":12}}`
	for end := range whole {
		if nodes, err := decodeNodes([]byte(whole[:end])); err == nil {
			t.Errorf("%s gives %+v", whole[:end], nodes)
		}
	}
	for _, text := range []string{whole + "x", `[]`, `{"a":[]}`, `{"a":{"phase":7}}`, `{"a":{"n":nope}}`, `{"a":{"children":{}}}`, `{a:{}}`, "{\"a\":{}}\x00"} {
		if nodes, err := decodeNodes([]byte(text)); err == nil {
			t.Errorf("%s gives %+v", text, nodes)
		}
	}
}

// Whatever encoding/json can read, decodeNodes reads alike; whatever it is given, it ends.
func FuzzDecodeNodes(f *testing.F) {
	f.Add([]byte(`{"a":{"displayName":"p\u00e9","children":["b"],"inputs":{"parameters":[{"name":"i","value":"7"}]},"n":[1,{}]}}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		got, err := decodeNodes(text)
		want, wantErr := plainNodes(text)
		// Argo writes no field twice, or in other letters.
		if wantErr != nil || !canonical(text) {
			return
		}
		if err != nil || !sameNodes(sorted(got), want) {
			t.Errorf("got  %+v, %v\nwant %+v", got, err, want)
		}
	})
}

// canonical tells whether encoding/json, which takes field names in any letters,
// found every field under its exact name.
func canonical(text []byte) bool {
	var value any
	if json.Unmarshal(text, &value) != nil {
		return false
	}
	back, err := json.Marshal(value)
	return err == nil && string(back) == string(text) && exact(value)
}

// fieldNames are those that are read, in lower case.
var fieldNames = map[string]string{
	"displayname": "displayName", "type": "type", "phase": "phase", "message": "message", "templatename": "templateName",
	"templateref": "templateRef", "template": "template", "inputs": "inputs", "outputs": "outputs", "children": "children",
	"parameters": "parameters", "hostnodename": "hostNodeName", "startedat": "startedAt", "finishedat": "finishedAt", "exitcode": "exitCode", "name": "name", "value": "value", "id": "-",
}

func exact(value any) bool {
	switch v := value.(type) {
	case map[string]any:
		for name, inner := range v {
			if want, read := fieldNames[strings.ToLower(name)]; (read && name != want) || !exact(inner) {
				return false
			}
		}
	case []any:
		return !slices.ContainsFunc(v, func(item any) bool { return !exact(item) })
	}
	return true
}

// BenchmarkDecodeNodes compares the scanner with encoding/json, on the statuses of a
// shard of 500 partitions that took one attempt each.
func BenchmarkDecodeNodes(b *testing.B) {
	text, err := json.Marshal(argotest.Worst(500, 1))
	if err != nil {
		b.Fatal(err)
	}
	sp := newNodeSpace()
	for name, decode := range map[string]func() error{
		"scanner": func() error { return sp.decode(text) },
		"encoding-json": func() error {
			var byID map[string]plainNode
			return json.Unmarshal(text, &byID)
		},
	} {
		b.Run(name, func(b *testing.B) {
			begin := argotest.ProcessorTime(b)
			b.ReportAllocs()
			for b.Loop() {
				if err := decode(); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64((argotest.ProcessorTime(b)-begin).Microseconds())/1000/float64(b.N), "cpu-ms/op")
		})
	}
}
