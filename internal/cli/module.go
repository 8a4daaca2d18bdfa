// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package cli

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"

	"github.com/hashicorp/hcl/v2"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/diag"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/engine"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/lang"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/ledger"
)

// maxFile is how much of a file is read at all. The language's own limit is
// lower; this one keeps a wrong path from filling the memory.
const maxFile = 16 << 20

// moduleFlags name a module; every command that reads job files has them.
type moduleFlags struct {
	Files   []string `arg:"" name:"file" help:"Job files; several are one module. \"-\" is standard input."`
	Var     []string `sep:"none" placeholder:"NAME=VALUE" help:"Value of a variable; may be repeated."`
	VarFile []string `sep:"none" placeholder:"FILE" help:"File of variable values (name = value); may be repeated, later ones win, and --var wins over all."`
	Job     string   `placeholder:"NAME" help:"Treat only this job of the module."`
}

// module is what the flags named: the jobs to treat, and the files for the
// snippets of diagnostics.
type module struct {
	bodies []lang.Body
	files  map[string]*hcl.File
}

// load reads and evaluates the module. It can be used for reporting also when
// there are errors.
func (a *app) load(f moduleFlags) (module, hcl.Diagnostics, error) {
	a.doing = "reading " + strings.Join(f.Files, ", ")
	in, varFiles, diags, err := a.inputs(f)
	if err != nil {
		return module{}, nil, err
	}
	sources, more := a.sources(f.Files)
	diags = append(diags, more...)
	if diags.HasErrors() {
		return module{files: varFiles}, diags, nil
	}
	loaded, more := lang.Load(sources, in)
	diags = append(diags, more...)
	m := module{bodies: loaded.Bodies, files: loaded.Files}
	if m.files == nil {
		m.files = map[string]*hcl.File{}
	}
	for name, file := range varFiles {
		m.files[name] = file
	}
	if f.Job == "" || diags.HasErrors() {
		return m, diags, nil
	}
	m.bodies, err = selectJob(loaded.Bodies, f.Job)
	return m, diags, err
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
	var all []*engine.Compiled
	var diags hcl.Diagnostics
	for _, body := range m.bodies {
		a.doing = fmt.Sprintf("compiling job %q", body.Name)
		compiled, more := engine.Compile(body.Value, ledger.Set{}, run)
		diags = append(diags, diag.Resolve(more, body.Origin)...)
		if compiled != nil {
			all = append(all, compiled)
		}
	}
	return all, diag.Sort(diags)
}

func (a *app) sources(names []string) ([]lang.Source, hcl.Diagnostics) {
	var sources []lang.Source
	var diags hcl.Diagnostics
	seen := map[string]bool{}
	for _, name := range names {
		if seen[name] {
			continue
		}
		seen[name] = true
		data, err := a.read(name)
		if err != nil {
			diags = append(diags, unreadable(name, err))
			continue
		}
		if name == "-" {
			name = "<stdin>"
		}
		sources = append(sources, lang.Source{Name: name, Bytes: data})
	}
	return sources, diags
}

// read returns a file, cut off where it is certainly too large.
func (a *app) read(name string) ([]byte, error) {
	if name == "-" {
		return io.ReadAll(io.LimitReader(a.Stdin, maxFile))
	}
	file, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }() // it was only read
	info, err := file.Stat()
	if err != nil {
		return nil, err
	}
	if info.IsDir() {
		return nil, errIsDirectory
	}
	return io.ReadAll(io.LimitReader(file, maxFile))
}

var errIsDirectory = errors.New("is a directory")

func unreadable(name string, err error) *hcl.Diagnostic {
	detail := fmt.Sprintf("%s cannot be read: %s. Check its permissions.", name, reason(err))
	switch {
	case errors.Is(err, errIsDirectory):
		detail = fmt.Sprintf("%s is a directory. Name the job files in it one by one, for example %s/*.hcl.",
			name, strings.TrimSuffix(name, "/"))
	case errors.Is(err, fs.ErrNotExist):
		detail = fmt.Sprintf("There is no file %s. Check the path; it is taken from the directory in which the command runs.", name)
	}
	return diag.Error(codeUnreadable, nil, "Unreadable File", detail)
}

// reason drops what an error of package os repeats about the path.
func reason(err error) string {
	var path *fs.PathError
	if errors.As(err, &path) {
		return path.Err.Error()
	}
	var link *os.LinkError
	if errors.As(err, &link) {
		return link.Err.Error()
	}
	return err.Error()
}

const codeUnreadable = "BF1006"
