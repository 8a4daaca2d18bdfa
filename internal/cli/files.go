// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package cli

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/diag"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/lang"
)

// maxFile limits how much of a file is read. The limit of the job language is lower;
// this one protects the memory from a wrong path.
const maxFile = 16 << 20

// The files of a module that is a directory.
var (
	jobSuffixes = []string{".backfill.hcl", ".backfill.hcl.json"}
	varSuffixes = []string{".auto.backfillvars", ".auto.backfillvars.json"}
	// Files of Terraform, which validate checks beside the module.
	terraformSuffixes = []string{".tf", ".tf.json"}
)

// found are the files of the arguments of a command.
type found struct {
	sources  []lang.Source
	varFiles []lang.Source // those found in directories
	dirs     []string      // that contain them, without repetitions
	// terraform are Terraform's files, where the command takes them.
	terraform []lang.Source
	checks    bool // the command takes them
}

// find reads job files, and the files of directories; for a command that checks them,
// also Terraform's.
func (a *app) find(names []string, checks bool) (found, hcl.Diagnostics) {
	f := found{checks: checks}
	var diags hcl.Diagnostics
	for _, name := range slices.Compact(slices.Clone(names)) {
		if info, err := os.Stat(name); err == nil && info.IsDir() {
			diags = append(diags, a.findDirectory(&f, name)...)
			continue
		}
		source, problem := a.source(name)
		if problem != nil {
			diags = append(diags, problem)
			continue
		}
		if hasSuffix(name, terraformSuffixes) {
			diags = append(diags, f.addTerraform(source)...)
			continue
		}
		f.sources = append(f.sources, source)
		if name != "-" {
			f.dirs = append(f.dirs, filepath.Dir(name))
		}
	}
	slices.Sort(f.dirs)
	f.dirs = slices.Compact(f.dirs)
	return f, diags
}

func (a *app) findDirectory(f *found, dir string) hcl.Diagnostics {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return hcl.Diagnostics{unreadable(dir, err)}
	}
	var diags hcl.Diagnostics
	before := len(f.sources) + len(f.terraform)
	for _, entry := range entries { // sorted by name
		var into *[]lang.Source
		switch {
		case entry.IsDir():
			continue
		case hasSuffix(entry.Name(), jobSuffixes):
			into = &f.sources
		case hasSuffix(entry.Name(), varSuffixes):
			into = &f.varFiles
		case f.checks && hasSuffix(entry.Name(), terraformSuffixes):
			into = &f.terraform
		default:
			continue
		}
		source, problem := a.source(filepath.Join(dir, entry.Name()))
		if problem != nil {
			diags = append(diags, problem)
			continue
		}
		*into = append(*into, source)
	}
	if len(f.sources)+len(f.terraform) == before && len(diags) == 0 {
		diags = append(diags, f.without(dir))
	}
	f.dirs = append(f.dirs, filepath.Clean(dir))
	return diags
}

// without reports a directory that has nothing for the command.
func (f *found) without(dir string) *hcl.Diagnostic {
	files, suffixes := "job files", jobSuffixes
	if f.checks {
		files, suffixes = "job files and no Terraform files", slices.Concat(jobSuffixes, terraformSuffixes)
	}
	last := len(suffixes) - 1
	return diag.At(diag.CodeUnreadable, nil, fmt.Sprintf("The directory %s contains no %s (names that end in %s or %s). "+
		"Pass another directory, or the files themselves.", dir, files, strings.Join(suffixes[:last], ", "), suffixes[last]))
}

// addTerraform takes a file of Terraform, where the command takes one.
func (f *found) addTerraform(source lang.Source) hcl.Diagnostics {
	if !f.checks {
		return hcl.Diagnostics{diag.At(diag.CodeUnreadable, nil, fmt.Sprintf("%s is a Terraform file, which validate checks "+
			"alone. Pass a job file, or run terraform plan.", source.Name))}
	}
	f.terraform = append(f.terraform, source)
	return nil
}

func hasSuffix(name string, suffixes []string) bool {
	return slices.ContainsFunc(suffixes, func(suffix string) bool { return strings.HasSuffix(name, suffix) })
}

// moduleFiles are the files for functions that read files: the directory of the
// module, if there is exactly one.
func (f found) moduleFiles() fs.FS {
	if len(f.dirs) != 1 {
		return nil
	}
	root, err := os.OpenRoot(f.dirs[0]) // links cannot escape from it
	if err != nil {
		return nil
	}
	return root.FS()
}

// source reads one file. Diagnostics show its name.
func (a *app) source(name string) (lang.Source, *hcl.Diagnostic) {
	data, err := a.read(name)
	if err != nil {
		return lang.Source{}, unreadable(name, err)
	}
	if name == "-" {
		name = "<stdin>"
	}
	return lang.Source{Name: name, Bytes: data}, nil
}

// read returns a file, truncated at maxFile.
func (a *app) read(name string) ([]byte, error) {
	if name == "-" {
		return io.ReadAll(io.LimitReader(a.Stdin, maxFile))
	}
	file, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }() // opened for reading only
	info, err := file.Stat()
	if err != nil {
		return nil, err
	}
	if info.IsDir() {
		return nil, errIsDirectory
	}
	return io.ReadAll(io.LimitReader(file, maxFile))
}

var errIsDirectory = errors.New("it is a directory, not a file")

func unreadable(name string, err error) *hcl.Diagnostic {
	detail := fmt.Sprintf("%s cannot be read: %s. Pass another file, or correct its permissions.", name, reason(err))
	if errors.Is(err, fs.ErrNotExist) {
		detail = fmt.Sprintf("The file %s does not exist. Check the path; it is relative to the current directory.", name)
	}
	return diag.At(diag.CodeUnreadable, nil, detail)
}

// reason removes the path from an error of package os.
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
