// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package cli

import (
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/compile"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/decide"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/diag"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/jobschema"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/lang"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/ledger"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/state"
)

// envPrefix is the prefix of environment variables that set variables.
const envPrefix = "BACKFILL_VAR_"

// moduleFlags select a module. Every command that reads job files has them.
type moduleFlags struct {
	Files   []string `arg:"" name:"file" help:"Job files or directories, which form one module. \"-\" is standard input."`
	Var     []string `sep:"none" placeholder:"NAME=VALUE" help:"Value of a variable. Repeatable. Precedence: --var, --var-file, *.auto.backfillvars files of a directory, BACKFILL_VAR_NAME."`
	VarFile []string `sep:"none" placeholder:"FILE" help:"File of variable values (name = value). Repeatable; later files take precedence."`
	Job     string   `placeholder:"NAME" help:"Only this job of the module."`
	// checks is true for a command that takes Terraform's files too.
	checks bool
}

// limitFlags override limits. Commands that check limits have them.
type limitFlags struct {
	OverrideLimits []string `placeholder:"NAME" help:"Comma-separated limits that jobs may exceed, such as max_partitions."`
}

// names checks the flag.
func (f limitFlags) names() ([]string, error) {
	known := jobschema.LimitNames()
	for _, name := range f.OverrideLimits {
		if !slices.Contains(known, name) {
			return nil, usagef("--override-limits must be names of limits (%s), not %q", strings.Join(known, ", "), name)
		}
	}
	return f.OverrideLimits, nil
}

// module is the module of the flags: its jobs, and the files for the snippets of
// diagnostics.
type module struct {
	loaded *lang.Module
	bodies []lang.Body
	files  map[string]*hcl.File
	// terraform are the files to check beside the module.
	terraform []lang.Source
}

// load reads and evaluates the module. After errors, it is still usable for
// reporting.
func (a *app) load(f moduleFlags) (module, hcl.Diagnostics, error) {
	a.doing = "reading " + strings.Join(f.Files, ", ")
	texts, err := assignments(f.Var)
	if err != nil {
		return module{}, nil, err
	}
	found, diags := a.find(f.Files, f.checks)
	in := lang.Inputs{Texts: texts, VarFiles: found.varFiles, Environment: a.environment(), Files: found.moduleFiles()}
	for _, name := range f.VarFile {
		source, problem := a.source(name)
		if problem != nil {
			diags = append(diags, problem)
			continue
		}
		in.VarFiles = append(in.VarFiles, source)
	}
	if diags.HasErrors() {
		return module{}, diags, nil
	}
	if len(found.sources) == 0 && len(found.terraform) > 0 {
		return module{files: map[string]*hcl.File{}, terraform: found.terraform}, nil, nil
	}
	loaded, diags := lang.Load(a.ctx, found.sources, in)
	if a.ctx.Err() != nil {
		return module{}, nil, errInterrupted
	}
	m := module{loaded: loaded, bodies: loaded.Bodies, files: loaded.Files, terraform: found.terraform}
	if f.Job == "" || diags.HasErrors() {
		return m, diags, nil
	}
	m.bodies, err = selectJob(loaded.Bodies, f.Job)
	return m, diags, err
}

// assignments reads name=value texts. The last value of a name takes precedence.
func assignments(texts []string) (map[string]string, error) {
	values := map[string]string{}
	for _, text := range texts {
		name, value, ok := strings.Cut(text, "=")
		if name = strings.TrimSpace(name); !ok || name == "" {
			return nil, usagef("--var must be name=value, not %q", text)
		}
		values[name] = value
	}
	return values, nil
}

// environment collects the values of environment variables.
func (a *app) environment() map[string]string {
	values := map[string]string{}
	for _, text := range a.Environ() {
		name, value, _ := strings.Cut(text, "=")
		if name, ok := strings.CutPrefix(name, envPrefix); ok && name != "" {
			values[name] = value
		}
	}
	return values
}

func selectJob(bodies []lang.Body, name string) ([]lang.Body, error) {
	names := []string{}
	for _, body := range bodies {
		if body.Name == name {
			return []lang.Body{body}, nil
		}
		names = append(names, body.Name)
	}
	return nil, usagef("there is no job %q in these files; they contain %s", name, strings.Join(names, ", "))
}

// compile compiles every job of the module, and maps problems to source ranges.
func (a *app) compile(m module, run int) ([]*compile.Compiled, hcl.Diagnostics, error) {
	return a.compileWith(m, run, func(*compile.Compiled) hcl.Diagnostics { return nil })
}

// compileGuarded is compile with limits: it rejects jobs that exceed a limit that is
// not overridden.
func (a *app) compileGuarded(m module, run int, lifted []string) ([]*compile.Compiled, hcl.Diagnostics, error) {
	return a.compileWith(m, run, func(c *compile.Compiled) hcl.Diagnostics {
		return decide.Guard(state.Policy{OverrideLimits: lifted}, c.Job, c.Spec.Template)
	})
}

func (a *app) compileWith(m module, run int, guard func(*compile.Compiled) hcl.Diagnostics) ([]*compile.Compiled,
	hcl.Diagnostics, error) {
	var all []*compile.Compiled
	var diags hcl.Diagnostics
	for _, body := range m.bodies {
		a.doing = fmt.Sprintf("compiling job %q", body.Name)
		var compiled *compile.Compiled
		var more hcl.Diagnostics
		if err := a.bounded(func() {
			compiled, more = compile.Value(body.Value, ledger.Set{}, run)
			if compiled != nil {
				more = append(more, guard(compiled)...)
			}
		}); err != nil {
			return nil, nil, err
		}
		diags = append(diags, diag.Resolve(more, body.Origin)...)
		if compiled != nil {
			all = append(all, compiled)
		}
	}
	return all, diag.Sort(diags), nil
}
