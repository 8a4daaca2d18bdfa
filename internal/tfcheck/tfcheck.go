// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

// Package tfcheck finds misspelt names in Terraform files, at any depth of the
// resources, data sources and settings of this provider.
//
// Terraform itself drops unknown names inside of nested attributes, before the
// provider sees them and without a message. So this package reads the text. It looks
// at names that are written out: of blocks, of attributes, and of keys in object
// constructors, also in locals and in the types of variables that an attribute is set
// to. It evaluates nothing.
// See internal/decisions/0043-names-are-checked-in-the-text.md.
package tfcheck

import (
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/diag"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/lang"
)

// Schemas are the types of what a provider has. All of its attributes are attributes
// for Terraform too; none is a block.
type Schemas struct {
	// Provider is its name, which begins the names of its resources.
	Provider               string
	Settings               cty.Type
	Resources, DataSources map[string]cty.Type
}

// Result is what Check found.
type Result struct {
	Diagnostics hcl.Diagnostics
	Files       map[string]*hcl.File
	// Blocks counts the blocks of the provider in each file.
	Blocks map[string]int
}

// The arguments that Terraform itself has in each kind of block, and "//", which is a
// comment in JSON.
var (
	ofResources = []string{
		"count", "for_each", "depends_on", "provider", "lifecycle", "connection", "provisioner", "//",
	}
	ofProviders = []string{"alias", "version", "//"}
)

var topLevel = &hcl.BodySchema{Blocks: []hcl.BlockHeaderSchema{
	{Type: "resource", LabelNames: []string{"type", "name"}},
	{Type: "data", LabelNames: []string{"type", "name"}},
	{Type: "provider", LabelNames: []string{"name"}},
	{Type: "variable", LabelNames: []string{"name"}},
	{Type: "locals"},
}}

// Check checks files. Those in one directory are one module.
func Check(sources []lang.Source, schemas Schemas) Result {
	r := Result{Files: map[string]*hcl.File{}, Blocks: map[string]int{}}
	modules := map[string]*module{}
	for _, s := range sources {
		file, diags := lang.Parse(s)
		r.Diagnostics = append(r.Diagnostics, diags...)
		if file == nil {
			continue
		}
		r.Files[s.Name] = file
		if diags.HasErrors() {
			continue
		}
		dir := filepath.Dir(s.Name)
		if modules[dir] == nil {
			modules[dir] = newModule(schemas)
		}
		modules[dir].collect(file)
	}
	for _, dir := range slices.Sorted(maps.Keys(modules)) {
		m := modules[dir]
		for _, b := range m.blocks {
			r.Blocks[b.DefRange.Filename]++
			m.block(b)
		}
		r.Diagnostics = append(r.Diagnostics, m.diags...)
	}
	r.Diagnostics = diag.Sort(r.Diagnostics)
	return r
}

// module is one directory.
type module struct {
	schemas   Schemas
	blocks    []*hcl.Block // of the provider
	locals    map[string]hcl.Expression
	variables map[string]hcl.Expression // the types
	followed  map[reached]bool
	diags     hcl.Diagnostics
}

func newModule(schemas Schemas) *module {
	return &module{
		schemas: schemas, locals: map[string]hcl.Expression{}, variables: map[string]hcl.Expression{},
		followed: map[reached]bool{},
	}
}

func (m *module) collect(file *hcl.File) {
	// What is wrong with the labels of a block is Terraform's to say.
	content, _, _ := file.Body.PartialContent(topLevel)
	for _, b := range content.Blocks {
		switch b.Type {
		case "locals":
			for name, a := range attributesOf(b.Body) {
				m.locals[name] = a.Expr
			}
		case "variable":
			if a := attributesOf(b.Body)["type"]; a != nil {
				m.variables[b.Labels[0]] = a.Expr
			}
		case "provider":
			if b.Labels[0] == m.schemas.Provider {
				m.blocks = append(m.blocks, b)
			}
		default:
			if strings.HasPrefix(b.Labels[0], m.schemas.Provider+"_") {
				m.blocks = append(m.blocks, b)
			}
		}
	}
}

// attributesOf are the attributes of a body. Those of a native body are read without
// the complaint about blocks beside them.
func attributesOf(body hcl.Body) hcl.Attributes {
	native, ok := body.(*hclsyntax.Body)
	if !ok {
		attributes, _ := body.JustAttributes()
		return attributes
	}
	out := hcl.Attributes{}
	for name, a := range native.Attributes {
		out[name] = a.AsHCLAttribute()
	}
	return out
}

func (m *module) report(at hcl.Range, format string, args ...any) {
	m.diags = append(m.diags, diag.InSource(diag.CodeTerraformName, at, fmt.Sprintf(format, args...)))
}

// block checks one block of the provider.
func (m *module) block(b *hcl.Block) {
	ty, what, own := m.schemas.Settings, "the provider's settings", ofProviders
	if b.Type != "provider" {
		types := m.schemas.Resources
		if b.Type == "data" {
			types = m.schemas.DataSources
		}
		var known bool
		if ty, known = types[b.Labels[0]]; !known {
			m.report(b.LabelRanges[0], "The provider has no %s %q.%s", kindOf(b), b.Labels[0],
				suggestion(b.Labels[0], slices.Sorted(maps.Keys(types))))
			return
		}
		what, own = b.Labels[0], ofResources
	}
	written := attributesOf(b.Body)
	for _, name := range slices.Sorted(maps.Keys(written)) {
		a := written[name]
		switch {
		case slices.Contains(own, name):
		case !ty.HasAttribute(name):
			m.report(a.NameRange, "%q is not an attribute of %s.%s", name, what, suggestion(name, namesOf(ty)))
		default:
			m.value(a.Expr, ty.AttributeType(name), place{what: what, path: name})
		}
	}
	if native, ok := b.Body.(*hclsyntax.Body); ok {
		m.nestedBlocks(native, ty, what, own)
	}
}

// nestedBlocks reports blocks where only attributes are.
func (m *module) nestedBlocks(body *hclsyntax.Body, ty cty.Type, what string, own []string) {
	for _, nested := range body.Blocks {
		name := nested.Type
		if name == "dynamic" && len(nested.Labels) == 1 {
			name = nested.Labels[0]
		}
		switch {
		case slices.Contains(own, name):
		case ty.HasAttribute(name):
			m.report(nested.TypeRange, "%q is an attribute of %s, not a block. Write %s = { … }.", name, what, name)
		default:
			m.report(nested.TypeRange, "%q is not an attribute of %s.%s", name, what, suggestion(name, namesOf(ty)))
		}
	}
}

func kindOf(b *hcl.Block) string {
	if b.Type == "data" {
		return "data source"
	}
	return "resource"
}

func namesOf(ty cty.Type) []string { return slices.Sorted(maps.Keys(ty.AttributeTypes())) }

// suggestion is the name that was meant, or the names that there are.
func suggestion(name string, known []string) string {
	const most = 30
	if s := diag.DidYouMean(name, known); s != "" {
		return s
	}
	if len(known) > most {
		return " The documentation lists all names."
	}
	return " Valid names are " + diag.List(known, true) + "."
}
