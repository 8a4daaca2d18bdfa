// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package convert

import (
	"path"
	"regexp"
	"strings"
)

// place is where a container ends up in the job.
type place int

const (
	inRunner  place = iota // where texts may refer to the partition
	inQuery                // where they may refer to the run
	inOnce                 // the same, in setup and teardown
	beforePod              // where they may not refer to either
)

// depth is the column of the attributes of the block.
func (p place) depth() int {
	if p == inQuery {
		return 6
	}
	return 4
}

// program is what a container or script template runs, and its environment.
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

// plainAttribute adds an attribute whose text must be known before there is a
// pod, if it is set.
func (c *converter) plainAttribute(out []entry, name string, v value, s *scope) []entry {
	if !v.isScalar() {
		return out
	}
	return append(out, attribute(name, c.plain(v, s), c.decided()...))
}

// plain is a text that must be known before there is a pod.
func (c *converter) plain(v value, s *scope) expr {
	return quoted(c.settled(v, s.read(v.text()), beforePod))
}

// settled asks for decisions about the parts of a text that have no form in
// the job language, or none at this place.
func (c *converter) settled(v value, t text, in place) text {
	var out text
	for _, p := range t {
		switch {
		case p.tag != "":
			c.todo(v, "%s", c.reason(p))
		case p.late() && (in == beforePod || in != inRunner && strings.HasPrefix(p.ref, "partition.")):
			c.todo(v, "%q is known only in the pod of a partition, and this must be known before.", "${"+p.ref+"}")
			p = part{tag: p.ref}
		}
		out = append(out, p)
	}
	return out
}

// advice says what to write instead of a tag, by how the tag begins.
var advice = []struct{ prefix, text string }{
	{"=", "expressions of Argo are evaluated by Argo alone. Compute this in the container."},
	{"inputs.artifacts.", "artifacts are not passed to partitions. Let the container fetch the file, or mount a volume."},
	{"inputs.parameters.", "this input has no value that the file shows."},
	{"outputs.", "outputs of a partition are not collected. Let the runner write its result where it belongs."},
	{"steps.", "it is the output of another step, and a partition knows only its own bounds. Let the container look it up."},
	{"tasks.", "it is the output of another task, and a partition knows only its own bounds. Let the container look it up."},
	{"pod.name", "the environment variable HOSTNAME of the container holds the name of its pod."},
	{"node.name", "the environment variable HOSTNAME of the container holds the name of its pod."},
	{"lastRetry.", "of the attempts before, only their number is known: ${attempt}."},
	{"workflow.", "of the run, only its name is known: ${run.name}."},
	{".", "this belongs to a template engine such as Helm. Render the file first, and convert the result."},
	{"$(", "Kubernetes puts the value of a variable here that is not written in this file. Let a shell expand it, or let the program read the variable."},
}

// reason words why a tag has no form in the job language.
func (c *converter) reason(p part) string {
	tag := "{{" + p.tag + "}}"
	if strings.HasPrefix(p.tag, "$(") {
		tag = p.tag
	}
	if p.tag == "item" || strings.HasPrefix(p.tag, "item.") {
		why := "there is no such item here"
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
	return tag + ": there is no such reference in a job. Write what belongs here."
}

// command reads command and args, in which Kubernetes puts variables.
func (c *converter) command(container value, s *scope, env environment, in place) []entry {
	var out []entry
	command := container.get("command")
	if len(command.items()) == 0 {
		c.todo(container, "the container runs what its image says (ENTRYPOINT), which is not in the file, and a job names its command. Write it.")
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
		t := c.settled(e, env.expand(s.read(e.text())), in)
		out = append(out, lines(t, layout{depth: in.depth() + 2}))
	}
	return list(out)
}

// flags are the options with which interpreters take their program as text.
var flags = map[string]string{
	"sh": "-c", "bash": "-c", "ash": "-c", "dash": "-c", "ksh": "-c", "zsh": "-c", "python": "-c", "node": "-e", "ruby": "-e", "perl": "-e",
}

var version = regexp.MustCompile(`[0-9.]+$`)

// script reads a script template: Argo writes the source to a file and hands
// its name to the command.
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
		c.todo(script.get("command"), "Argo writes the source to a file and gives %q its name. Here the text itself is the last argument: write the option that takes it.", interpreter)
		command = append(command, expr(placeholder("option")))
	}
	out := []entry{attribute("command", list(command), c.decided()...)}
	source = c.settled(script.get("source"), source, in)
	if args := script.get("args"); len(args.items()) > 0 {
		c.note(args, "Argo gives a script no arguments.")
	}
	if source.hasLate() {
		// What a script attribute holds is never searched for references, and
		// an argument is: Argo puts them into the source as text, too.
		return append(out, attribute("args", list([]expr{lines(source, layout{in.depth() + 2, true})}), c.decided()...))
	}
	return append(out, attribute("script", lines(source, layout{in.depth(), true}), c.decided()...))
}
