// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package cli

import (
	"fmt"
	"io"
	"strings"

	"github.com/alecthomas/kong"
)

type completionCmd struct {
	Shell string `arg:"" enum:"bash,zsh,fish" help:"bash, zsh or fish."`
}

// Run prints a script for the shell's own start-up file.
func (c *completionCmd) Run(a *app, model *kong.Kong) error {
	words := completions(model.Model.Node)
	var text string
	switch c.Shell {
	case "fish":
		text = fishScript(a.Name, words)
	case "zsh":
		text = zshScript(a.Name, words)
	default:
		text = bashScript(a.Name, words)
	}
	_, err := io.WriteString(a.Stdout, text)
	return err
}

// completion is a command with its flags and their choices.
type completion struct {
	command, help string
	flags         []string // with two dashes
	choices       []string // of its argument
}

func completions(root *kong.Node) []completion {
	var out []completion
	for _, node := range root.Children {
		c := completion{command: node.Name, help: node.Help}
		for _, flag := range append(node.Flags, root.Flags...) {
			c.flags = append(c.flags, "--"+flag.Name)
		}
		for _, positional := range node.Positional {
			c.choices = append(c.choices, positional.EnumSlice()...)
		}
		out = append(out, c)
	}
	return out
}

// shellFunction is a name for the shell's function.
func shellFunction(program string) string {
	return "_" + strings.NewReplacer("-", "_", ".", "_").Replace(program)
}

// branches are the branches of a shell's case statement, one per command.
func branches(words []completion, format string) string {
	var b strings.Builder
	for _, c := range words {
		fmt.Fprintf(&b, "\t%s) "+format+" ;;\n", c.command, strings.Join(append(c.flags, c.choices...), " "))
	}
	return b.String()
}

func commandNames(words []completion) string {
	var names []string
	for _, c := range words {
		names = append(names, c.command)
	}
	return strings.Join(names, " ")
}

func bashScript(program string, words []completion) string {
	return fmt.Sprintf(`%[1]s() {
	local current=${COMP_WORDS[COMP_CWORD]} words
	if [ "$COMP_CWORD" -eq 1 ]; then
		mapfile -t COMPREPLY < <(compgen -W "%[2]s" -- "$current")
		return
	fi
	case ${COMP_WORDS[1]} in
%[3]s	esac
	mapfile -t COMPREPLY < <(compgen -W "$words" -- "$current"; compgen -f -- "$current")
}
complete -o filenames -F %[1]s %[4]s
`, shellFunction(program), commandNames(words), branches(words, `words="%s"`), program)
}

func zshScript(program string, words []completion) string {
	return fmt.Sprintf(`%[1]s() {
	if (( CURRENT == 2 )); then
		compadd -- %[2]s
		return
	fi
	case ${words[2]} in
%[3]s	esac
	_files
}
compdef %[1]s %[4]s
`, shellFunction(program), commandNames(words), branches(words, `compadd -- %s`), program)
}

func fishScript(name string, words []completion) string {
	var b strings.Builder
	quote := func(s string) string { return "'" + strings.ReplaceAll(s, "'", `\'`) + "'" }
	for _, c := range words {
		fmt.Fprintf(&b, "complete -c %s -n __fish_use_subcommand -f -a %s -d %s\n", name, c.command, quote(c.help))
		seen := quote("__fish_seen_subcommand_from " + c.command)
		for _, flag := range c.flags {
			fmt.Fprintf(&b, "complete -c %s -n %s -l %s\n", name, seen, strings.TrimPrefix(flag, "--"))
		}
		if len(c.choices) > 0 {
			fmt.Fprintf(&b, "complete -c %s -n %s -f -a %s\n", name, seen, quote(strings.Join(c.choices, " ")))
		}
	}
	return b.String()
}
