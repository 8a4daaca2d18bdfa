// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package convert

import (
	"path"
	"regexp"
	"strings"
)

// place is the place of a container in the job.
type place int

const (
	inRunner  place = iota // where texts may refer to the partition
	inQuery                // where they may refer to the run
	inOnce                 // the same, in setup and teardown
	beforePod              // where they must not refer to either
)

// depth is the column of the attributes of the block.
func (p place) depth() int {
	if p == inQuery {
		return 6
	}
	return 4
}

// program is the command of a container or script template, with its environment.
func (c *converter) program(t template, s *scope, in place) []entry {
	out := []entry{}
	script := t.get("script")
	container := script
	if !script.isMap() {
		container = t.get("container")
	}
	container.get("name").use()
	out = c.plainAttribute(out, "image", container.get("image"), s)
	env := c.environment(container, s, in)
	c.rest = env.rest
	if script.isMap() {
		out = append(out, c.script(script, s, in)...)
	} else {
		out = append(out, c.command(container, s, env, in)...)
	}
	out = c.plainAttribute(out, "working_dir", container.get("workingDir"), s)
	return append(out, env.entries...)
}

// plainAttribute adds an attribute, if it is set, whose text must be known before
// the pod exists.
func (c *converter) plainAttribute(out []entry, name string, v value, s *scope) []entry {
	if !v.isScalar() {
		return out
	}
	return append(out, attribute(name, c.plain(v, s), c.decided()...))
}

// plain is a text that must be known before the pod exists.
func (c *converter) plain(v value, s *scope) expr {
	return quoted(c.withTODOs(v, s.read(v.text()), beforePod))
}

// withTODOs adds TODOs for the parts of a text that the job language cannot express,
// or not at this place.
func (c *converter) withTODOs(v value, t text, in place) text {
	var out text
	for _, p := range t {
		switch {
		case p.tag != "":
			c.todo(v, "%s", c.reason(p))
		case p.late() && (in == beforePod || in != inRunner && strings.HasPrefix(p.ref, "partition.")):
			c.todo(v, "%q is known only inside the pod of a partition, but this value must be known in advance.", "${"+p.ref+"}")
			p = part{tag: p.ref}
		}
		out = append(out, p)
	}
	return out
}

// advice says what to write instead of a tag, by the prefix of the tag.
var advice = []struct{ prefix, text string }{
	{"=", "only Argo can evaluate Argo expressions. Compute this in the container."},
	{"inputs.artifacts.", "artifacts are not passed to partitions. Download the file in the container, or mount a " +
		"volume."},
	{"inputs.parameters.", "the file contains no value of this input."},
	{"outputs.", "outputs of a partition are not collected. Write results to their destination in the runner."},
	{"steps.", "it is the output of another step, but a partition knows only its own bounds. Look it up in the " +
		"container."},
	{"tasks.", "it is the output of another task, but a partition knows only its own bounds. Look it up in the " +
		"container."},
	{"pod.name", "the environment variable HOSTNAME of the container is the name of its pod."},
	{"node.name", "the environment variable HOSTNAME of the container is the name of its pod."},
	{"lastRetry.", "only the number of previous attempts is known: ${attempt}."},
	{"workflow.", "only the name of the run is known: ${run.name}."},
	{".", "this is syntax of a template engine such as Helm. Render the file first, and convert the result."},
	{"$(", "Kubernetes inserts a variable here whose value is not in this file. Expand it in a shell, or read the " +
		"variable in the program."},
}

// reason explains why a tag cannot be converted.
func (c *converter) reason(p part) string {
	tag := "{{" + p.tag + "}}"
	if strings.HasPrefix(p.tag, "$(") {
		tag = p.tag
	}
	if p.tag == "item" || strings.HasPrefix(p.tag, "item.") {
		why := "there is no such item"
		if p.scope != nil && p.scope.axis != nil && p.scope.axis.why != "" {
			why = p.scope.axis.why
		}
		return tag + ": " + why + "."
	}
	for _, a := range advice {
		if strings.HasPrefix(p.tag, a.prefix) {
			return tag + ": " + a.text
		}
	}
	return tag + ": a job has no such reference. Write the value."
}

// command reads command and args, where Kubernetes expands variables.
func (c *converter) command(container value, s *scope, env environment, in place) []entry {
	var out []entry
	command := container.get("command")
	if len(command.items()) == 0 {
		c.todo(container, "the container runs the ENTRYPOINT of its image, which is not in the file, but a job needs a "+
			"command. Write it.")
		out = append(out, attribute("command", expr("["+placeholder("command")+"]"), c.decided()...))
	} else {
		out = append(out, attribute("command", c.texts(command.items(), s, env, in), c.decided()...))
	}
	if args := container.get("args"); len(args.items()) > 0 {
		out = append(out, attribute("args", c.texts(args.items(), s, env, in), c.decided()...))
	}
	return out
}

func (c *converter) texts(elements []value, s *scope, env environment, in place) expr {
	var out []expr
	for _, e := range elements {
		t := c.withTODOs(e, env.expand(s.read(e.text())), in)
		out = append(out, lines(t, layout{depth: in.depth() + 2}))
	}
	return list(out)
}

// flags are the options of interpreters for a program as text.
var flags = map[string]string{
	"sh": "-c", "bash": "-c", "ash": "-c", "dash": "-c", "ksh": "-c", "zsh": "-c", "python": "-c", "node": "-e",
	"ruby": "-e", "perl": "-e",
}

var version = regexp.MustCompile(`[0-9.]+$`)

// script reads a script template: Argo writes the source to a file and passes its
// name to the command.
func (c *converter) script(script value, s *scope, in place) []entry {
	source := s.read(script.get("source").text())
	var command []expr
	interpreter := ""
	for i, e := range script.get("command").items() {
		if i == 0 {
			interpreter = version.ReplaceAllString(path.Base(e.text()), "")
		}
		command = append(command, c.plain(e, s))
	}
	flag, known := flags[interpreter]
	switch {
	case len(command) == 0:
		command = []expr{literal("sh"), literal("-c")}
	case known:
		command = append(command, literal(flag))
	default:
		c.todo(script.get("command"), "Argo writes the source to a file and passes its name to %q. A job passes the text "+
			"itself as the last argument: add the option that accepts it.", interpreter)
		command = append(command, expr(placeholder("option")))
	}
	out := []entry{attribute("command", list(command), c.decided()...)}
	source = c.withTODOs(script.get("source"), source, in)
	if args := script.get("args"); len(args.items()) > 0 {
		c.note(args, "Argo passes no arguments to a script.")
	}
	if source.hasLate() {
		// References are resolved in arguments, but not in a script attribute. Argo
		// also inserts them into the source as text.
		return append(out, attribute("args", list([]expr{lines(source, layout{in.depth() + 2, true})}), c.decided()...))
	}
	return append(out, attribute("script", lines(source, layout{in.depth(), true}), c.decided()...))
}
