// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package cli

import (
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/diag"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/engine"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/jobschema"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/lang"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/ledger"
)

// envPrefix starts the environment variables that give variables their values.
const envPrefix = "BACKFILL_VAR_"

// moduleFlags name a module; every command that reads job files has them.
type moduleFlags struct {
	Files   []string `arg:"" name:"file" help:"Job files or directories of them; several are one module. \"-\" is standard input."`
	Var     []string `sep:"none" placeholder:"NAME=VALUE" help:"Value of a variable; may be repeated. Wins over --var-file, that over *.auto.backfillvars files of a directory, these over BACKFILL_VAR_NAME."`
	VarFile []string `sep:"none" placeholder:"FILE" help:"File of variable values (name = value); may be repeated, later ones win."`
	Job     string   `placeholder:"NAME" help:"Treat only this job of the module."`
}

// limitFlags lift limits; commands that check them have it.
type limitFlags struct {
	OverrideLimits []string `placeholder:"NAME" help:"Limits that jobs may exceed, such as max_partitions; several are separated by commas."`
}

// names checks the flag.
func (f limitFlags) names() ([]string, error) {
	known := jobschema.LimitNames()
	for _, name := range f.OverrideLimits {
		if !slices.Contains(known, name) {
			return nil, usagef("--override-limits takes names of limits (%s), not %q", strings.Join(known, ", "), name)
		}
	}
	return f.OverrideLimits, nil
}

// module is what the flags named: the jobs to treat, and the files for the
// snippets of diagnostics.
type module struct {
	loaded *lang.Module
	bodies []lang.Body
	files  map[string]*hcl.File
}

// load reads and evaluates the module. It can be used for reporting also when
// there are errors.
func (a *app) load(f moduleFlags) (module, hcl.Diagnostics, error) {
	a.doing = "reading " + strings.Join(f.Files, ", ")
	texts, err := assignments(f.Var)
	if err != nil {
		return module{}, nil, err
	}
	found, diags := a.find(f.Files)
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
	loaded, diags := lang.Load(found.sources, in)
	m := module{loaded: loaded, bodies: loaded.Bodies, files: loaded.Files}
	if f.Job == "" || diags.HasErrors() {
		return m, diags, nil
	}
	m.bodies, err = selectJob(loaded.Bodies, f.Job)
	return m, diags, err
}

// assignments reads name=value texts; of several for one name the last wins.
func assignments(texts []string) (map[string]string, error) {
	values := map[string]string{}
	for _, text := range texts {
		name, value, ok := strings.Cut(text, "=")
		if name = strings.TrimSpace(name); !ok || name == "" {
			return nil, usagef("--var takes name=value, not %q", text)
		}
		values[name] = value
	}
	return values, nil
}

// environment collects the values that environment variables give.
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
	return nil, usagef("there is no job %q in these files; they hold %s", name, strings.Join(names, ", "))
}

// compile compiles every job of the module, with problems pointed at their
// place in the source.
func (a *app) compile(m module, run int) ([]*engine.Compiled, hcl.Diagnostics) {
	return a.compileWith(m, run, func(*engine.Compiled) hcl.Diagnostics { return nil })
}

// compileGuarded is compile for those who submit what comes of it: jobs that
// exceed their limits, but for those lifted, are refused.
func (a *app) compileGuarded(m module, run int, lifted []string) ([]*engine.Compiled, hcl.Diagnostics) {
	return a.compileWith(m, run, func(c *engine.Compiled) hcl.Diagnostics {
		return engine.Guard(c, engine.Policy{OverrideLimits: lifted})
	})
}

func (a *app) compileWith(m module, run int, guard func(*engine.Compiled) hcl.Diagnostics) ([]*engine.Compiled, hcl.Diagnostics) {
	var all []*engine.Compiled
	var diags hcl.Diagnostics
	for _, body := range m.bodies {
		a.doing = fmt.Sprintf("compiling job %q", body.Name)
		compiled, more := engine.Compile(body.Value, ledger.Set{}, run)
		if compiled != nil {
			more = append(more, guard(compiled)...)
		}
		diags = append(diags, diag.Resolve(more, body.Origin)...)
		if compiled != nil {
			all = append(all, compiled)
		}
	}
	return all, diag.Sort(diags)
}
