// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package convert

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"unicode/utf8"

	"github.com/hashicorp/hcl/v2"
	"go.yaml.in/yaml/v3"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/diag"
)

// source is one input file. It records which of its values were used; the rest
// could not be converted.
type source struct {
	name  string
	bytes []byte
	used  map[*yaml.Node]bool
	// budget is shared by all files of a conversion.
	budget *budget
}

// value is one value of a manifest, or no value if the node is nil.
type value struct {
	node *yaml.Node
	path string // such as spec.templates[2].container
	in   *source
}

// Limits of nesting and of expanded aliases. Real manifests are far below them.
const (
	maxDepth = 100
	maxNodes = 200_000
)

// parse reads the documents of a YAML stream or JSON file.
func parse(in Input, b *budget) (documents []value, problem *hcl.Diagnostic) {
	if len(in.Bytes) > maxBytes {
		return nil, tooLarge(in)
	}
	src := &source{name: in.Name, bytes: in.Bytes, used: map[*yaml.Node]bool{}, budget: b}
	if !utf8.Valid(in.Bytes) {
		return nil, src.syntax(1, "it is not UTF-8")
	}
	text := in.Bytes
	if json.Valid(text) {
		// JSON may be indented with tabs, which YAML rejects. JSON strings contain
		// no tabs, so columns stay the same.
		text = bytes.ReplaceAll(text, []byte("\t"), []byte(" "))
	}
	for decoder := yaml.NewDecoder(bytes.NewReader(text)); ; {
		var document yaml.Node
		err := decoder.Decode(&document)
		if errors.Is(err, io.EOF) {
			return documents, nil
		}
		if err != nil {
			return nil, src.syntaxOf(err)
		}
		if len(document.Content) == 0 {
			continue
		}
		if count := measure(document.Content[0], 0); count > maxNodes {
			return nil, src.syntax(document.Line, "it is nested too deeply, or its aliases expand to too many values")
		}
		documents = append(documents, value{node: resolved(document.Content[0]), in: src})
	}
}

// measure counts the nodes below a node, with aliases expanded. It stops at
// maxNodes.
func measure(n *yaml.Node, depth int) int {
	if depth > maxDepth {
		return maxNodes + 1
	}
	if n.Kind == yaml.AliasNode {
		return measure(n.Alias, depth+1)
	}
	count := 1
	for _, c := range n.Content {
		if count += measure(c, depth+1); count > maxNodes {
			return count
		}
	}
	return count
}

func resolved(n *yaml.Node) *yaml.Node {
	for n != nil && n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	return n
}

var yamlLine = regexp.MustCompile(`^yaml: (?:line (\d+): )?(?s:(.*))$`)

func (s *source) syntaxOf(err error) *hcl.Diagnostic {
	line, what := 1, err.Error()
	if m := yamlLine.FindStringSubmatch(what); m != nil {
		what = m[2]
		if n, err := strconv.Atoi(m[1]); err == nil {
			line = n
		}
	}
	return s.syntax(line, what)
}

func (s *source) syntax(line int, what string) *hcl.Diagnostic {
	return diag.InSource(diag.CodeManifestSyntax, s.position(line, 1, 0),
		fmt.Sprintf("%s is not valid YAML or JSON: %s. Correct it here.", s.name, what))
}

// position converts a line and column, counted in characters from 1, to a range of
// the given length in bytes.
func (s *source) position(line, column, length int) hcl.Range {
	if s.budget.left -= len(s.bytes) / bytesPerLook; s.budget.left < 0 {
		s.budget.left = maxWork // for this position
		panic(exhausted{s.position(line, column, length)})
	}
	start := 0
	for n := 1; n < line; n++ {
		i := bytes.IndexByte(s.bytes[start:], '\n')
		if i < 0 {
			line = n
			break
		}
		start += i + 1
	}
	at := start
	for n := 1; n < column && at < len(s.bytes) && s.bytes[at] != '\n'; n++ {
		_, size := utf8.DecodeRune(s.bytes[at:])
		at += size
	}
	end := min(at+length, len(s.bytes))
	if i := bytes.IndexByte(s.bytes[at:end], '\n'); i >= 0 {
		end = at + i
	}
	return hcl.Range{
		Filename: s.name,
		Start:    hcl.Pos{Line: line, Column: column, Byte: at},
		End:      hcl.Pos{Line: line, Column: column + utf8.RuneCount(s.bytes[at:end]), Byte: end},
	}
}

// set is true if there is a value other than null.
func (v value) set() bool {
	return v.node != nil && v.node.Tag != "!!null"
}

func (v value) line() int {
	if v.node == nil {
		return 1
	}
	return v.node.Line
}

func (v value) rng() hcl.Range {
	if v.node == nil {
		return v.in.position(1, 1, 0)
	}
	return v.in.position(v.node.Line, v.node.Column, max(1, len(v.node.Value)))
}

func (v value) isMap() bool  { return v.node != nil && v.node.Kind == yaml.MappingNode }
func (v value) isList() bool { return v.node != nil && v.node.Kind == yaml.SequenceNode }
func (v value) isScalar() bool {
	return v.set() && v.node.Kind == yaml.ScalarNode
}

// member is one entry of a mapping.
type member struct {
	name  string
	value value
}

// members lists the entries of a mapping, those of merge keys included, and
// marks the mapping as used.
func (v value) members() []member {
	if !v.isMap() {
		return nil
	}
	v.in.used[v.node] = true
	return v.collect(v.node, map[string]bool{}, 0)
}

func (v value) collect(n *yaml.Node, seen map[string]bool, depth int) []member {
	var out, merged []member
	if n = resolved(n); n == nil || depth > maxDepth {
		return nil
	}
	v.spend(1 + len(n.Content))
	if n.Kind == yaml.SequenceNode { // << : [*a, *b]
		for _, c := range n.Content {
			out = append(out, v.collect(c, seen, depth+1)...)
		}
		return out
	}
	if n.Kind != yaml.MappingNode {
		return nil
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key := resolved(n.Content[i])
		if key.Tag == "!!merge" {
			continue
		}
		if key.Kind != yaml.ScalarNode || seen[key.Value] {
			continue
		}
		seen[key.Value] = true
		out = append(out, member{key.Value, value{resolved(n.Content[i+1]), joinPath(v.path, key.Value), v.in}})
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if resolved(n.Content[i]).Tag == "!!merge" {
			merged = append(merged, v.collect(n.Content[i+1], seen, depth+1)...)
		}
	}
	return append(out, merged...)
}

func joinPath(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}

// get returns the member with a name, or no value.
func (v value) get(names ...string) value {
	for _, name := range names {
		next := value{path: joinPath(v.path, name), in: v.in}
		for _, m := range v.members() {
			if m.name == name {
				next = m.value
			}
		}
		v = next
	}
	return v
}

// items lists the elements of a list and marks the list as used.
func (v value) items() []value {
	if !v.isList() {
		return nil
	}
	v.in.used[v.node] = true
	v.spend(len(v.node.Content))
	var out []value
	for i, n := range v.node.Content {
		out = append(out, value{resolved(n), fmt.Sprintf("%s[%d]", v.path, i), v.in})
	}
	return out
}

// text is a scalar as written, and marks it as used; "" for other values.
func (v value) text() string {
	if !v.isScalar() {
		return ""
	}
	v.in.used[v.node] = true
	return v.node.Value
}

// use marks a value with everything below it as used.
func (v value) use() {
	if v.node == nil {
		return
	}
	v.in.used[v.node] = true
	for _, m := range v.members() {
		m.value.use()
	}
	for _, e := range v.items() {
		e.use()
	}
}

// unused lists the topmost unused values below a value.
func (v value) unused() []value {
	if !v.set() {
		return nil
	}
	if !v.in.used[v.node] {
		return []value{v}
	}
	var out []value
	for _, m := range v.members() {
		out = append(out, m.value.unused()...)
	}
	for _, e := range v.items() {
		out = append(out, e.unused()...)
	}
	return out
}

// plain is the value in the form of package encoding/json. The tags of scalars
// determine their types. It marks everything as used.
func (v value) plain() any {
	switch {
	case !v.set():
		v.use()
		return nil
	case v.isMap():
		out := map[string]any{}
		for _, m := range v.members() {
			out[m.name] = m.value.plain()
		}
		return out
	case v.isList():
		out := []any{}
		for _, e := range v.items() {
			out = append(out, e.plain())
		}
		return out
	}
	text := v.text()
	switch v.node.Tag {
	case "!!bool":
		var b bool
		if v.node.Decode(&b) == nil {
			return b
		}
	case "!!int", "!!float":
		if json.Valid([]byte(text)) {
			return json.Number(text)
		}
		var n int64
		if v.node.Decode(&n) == nil { // 0o17, 0x1f, 1_000
			return json.Number(strconv.FormatInt(n, 10))
		}
	}
	return text
}
