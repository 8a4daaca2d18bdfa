// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package cli

import (
	"fmt"
	"slices"
	"strings"

	"github.com/alecthomas/kong"
)

type completionCmd struct {
	Shell string `arg:"" enum:"bash,zsh,fish" help:"bash, zsh or fish."`
}

// Run prints a script for the shell's start-up file.
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
	return a.document([]byte(text))
}

// completion is a command with its flags and their choices.
type completion struct {
	command, help string
	flags         []flagWords
	choices       []string // of its argument
}

// flagWords are a flag and the choices of its value, if they are known.
type flagWords struct {
	name    string // with two dashes
	short   string // with one dash, or ""
	choices []string
}

func completions(root *kong.Node) []completion {
	var out []completion
	for _, node := range root.Children {
		c := completion{command: node.Name, help: node.Help}
		for _, f := range append(node.Flags, root.Flags...) {
			of := flagWords{name: "--" + f.Name, choices: choices(f.Value)}
			if f.Short != 0 {
				of.short = "-" + string(f.Short)
			}
			c.flags = append(c.flags, of)
		}
		for _, positional := range node.Positional {
			c.choices = append(c.choices, choices(positional)...)
		}
		out = append(out, c)
	}
	return out
}

// choices are the valid values; nil if any value is valid.
func choices(v *kong.Value) []string {
	return slices.DeleteFunc(v.EnumSlice(), func(word string) bool { return word == "" })
}

// shellFunction is a name for the shell's function.
func shellFunction(program string) string {
	return "_" + strings.NewReplacer("-", "_", ".", "_").Replace(program)
}

// branches are the branches of a shell's case statement, one per command.
func branches(words []completion, format string) string {
	var b strings.Builder
	for _, c := range words {
		var offered []string
		for _, f := range c.flags {
			offered = append(offered, f.name)
		}
		fmt.Fprintf(&b, "\t%s) "+format+" ;;\n", c.command, strings.Join(append(offered, c.choices...), " "))
	}
	return b.String()
}

// valueBranches are those for the value of a flag, one per command and flag.
func valueBranches(words []completion, format string) string {
	var b strings.Builder
	for _, c := range words {
		for _, f := range c.flags {
			if len(f.choices) == 0 {
				continue
			}
			names := c.command + `\ ` + f.name
			if f.short != "" {
				names += "|" + c.command + `\ ` + f.short
			}
			fmt.Fprintf(&b, "\t%s) "+format+" ;;\n", names, strings.Join(f.choices, " "))
		}
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
	local current=${COMP_WORDS[COMP_CWORD]} words=
	if [ "$COMP_CWORD" -eq 1 ]; then
		mapfile -t COMPREPLY < <(compgen -W "%[2]s" -- "$current")
		return
	fi
	case ${COMP_WORDS[1]}\ ${COMP_WORDS[COMP_CWORD-1]} in
%[5]s	esac
	if [ -n "$words" ]; then
		mapfile -t COMPREPLY < <(compgen -W "$words" -- "$current")
		return
	fi
	case ${COMP_WORDS[1]} in
%[3]s	esac
	mapfile -t COMPREPLY < <(compgen -W "$words" -- "$current"; compgen -f -- "$current")
}
complete -o filenames -F %[1]s %[4]s
`, shellFunction(program), commandNames(words), branches(words, `words="%s"`), program,
		valueBranches(words, `words="%s"`))
}

func zshScript(program string, words []completion) string {
	return fmt.Sprintf(`%[1]s() {
	if (( CURRENT == 2 )); then
		compadd -- %[2]s
		return
	fi
	case "${words[2]} ${words[CURRENT-1]}" in
%[5]s	esac
	case ${words[2]} in
%[3]s	esac
	_files
}
compdef %[1]s %[4]s
`, shellFunction(program), commandNames(words), branches(words, `compadd -- %s`), program,
		valueBranches(words, `compadd -- %s; return`))
}

func fishScript(name string, words []completion) string {
	var b strings.Builder
	quote := func(s string) string { return "'" + strings.ReplaceAll(s, "'", `\'`) + "'" }
	for _, c := range words {
		fmt.Fprintf(&b, "complete -c %s -n __fish_use_subcommand -f -a %s -d %s\n", name, c.command, quote(c.help))
		seen := quote("__fish_seen_subcommand_from " + c.command)
		for _, f := range c.flags {
			fmt.Fprintf(&b, "complete -c %s -n %s -l %s", name, seen, strings.TrimPrefix(f.name, "--"))
			if f.short != "" {
				fmt.Fprintf(&b, " -s %s", strings.TrimPrefix(f.short, "-"))
			}
			if len(f.choices) > 0 {
				fmt.Fprintf(&b, " -x -a %s", quote(strings.Join(f.choices, " ")))
			}
			b.WriteString("\n")
		}
		if len(c.choices) > 0 {
			fmt.Fprintf(&b, "complete -c %s -n %s -f -a %s\n", name, seen, quote(strings.Join(c.choices, " ")))
		}
	}
	return b.String()
}
