// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package stage

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// ProgramDir holds the programs that a container is given by name; it exists in private roots
// only. They are run whatever the PATH holds, but programs that look for them need it there.
const ProgramDir = "/.backfill"

// lookPath finds the file to execute. It reads the container's PATH, as container runtimes do, not this process's.
func lookPath(command Command) (string, error) {
	if len(command.Args) == 0 || command.Args[0] == "" {
		return "", errors.New("no command given")
	}
	name := command.Args[0]
	if strings.Contains(name, "/") {
		return name, nil
	}
	if given := filepath.Join(ProgramDir, name); executable(given) {
		return given, nil
	}
	for _, dir := range filepath.SplitList(variable(command.Env, "PATH")) {
		if dir == "" {
			dir = "."
		}
		if candidate := filepath.Join(dir, name); executable(candidate) {
			if !filepath.IsAbs(candidate) {
				candidate = "./" + candidate
			}
			return candidate, nil
		}
	}
	return "", fmt.Errorf("exec: %q: executable file not found in $PATH", name)
}

// variable returns the last value of a name: later entries win, as they do in a shell.
func variable(env []string, name string) string {
	for i := len(env) - 1; i >= 0; i-- {
		if value, ok := strings.CutPrefix(env[i], name+"="); ok {
			return value
		}
	}
	return ""
}

func executable(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0
}
