// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package convert

import (
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/job"
)

// job makes the block of one fan-out.
func (c *converter) job(name string, f fanOut) entry {
	steps, leaf, ok := c.chain(f)
	if !ok {
		return entry{}
	}
	c.leaves[leaf.node] = true
	scope, partition := c.partition(steps, f)
	comments := c.decided() // of what is above the partition
	runner := c.program(leaf, scope, inRunner)
	pod := c.podOf(leaf, scope, c.rest, inRunner)

	var body []entry
	if c.namespace != "" {
		body = append(body, attribute("namespace", literal(c.namespace)))
	}
	body = append(body, c.describe()...)
	body = append(body,
		block("partition", nil, partition),
		block("runner", nil, append(runner, pod.runner...), comments...),
	)
	for _, once := range c.once(f) {
		body = append(body, placedAsBefore(once, pod.runner))
	}
	body = append(body, c.parallelism(f)...)
	body = append(body, c.retry(leaf, steps, scope)...)
	if pod.spot != nil {
		body = append(body, attribute("spot", object(pod.spot)))
	}
	if pod.anchor != nil {
		body = append(body, attribute("anchor", object(pod.anchor)))
	}
	return block("job", []string{name}, body)
}

// once converts the exit handler of the workflow to teardown, and a separate step
// before everything else to setup.
func (c *converter) once(f fanOut) []entry {
	var out []entry
	for _, k := range f.beside {
		if first := calls(f.above[0], f.call.scope); len(f.above) == 1 && c.fans == 1 && len(first) > 0 &&
			k.step.node == first[0].step.node && !c.isConsumed(k) {
			if t, ok := c.callee(k); ok && hasContainer(t) && !k.step.get("when").set() {
				k.step.get("name").use()
				c.consumed = append(c.consumed, k.step)
				c.leaves[t.node] = true
				out = append(out, c.onceBlock("setup", t, c.enter(t, k)))
			}
		}
	}
	if t, ok := c.workflow.template(c.workflow.field("onExit").peekText()); ok && hasContainer(t) {
		c.workflow.field("onExit").use()
		out = append(out, c.onceBlock("teardown", t, c.start(t)))
	}
	return out
}

// placedAsBefore has a container that runs once keep its nodes: where it says nothing
// of them in a job, it follows the runner.
func placedAsBefore(once entry, runner []entry) entry {
	has := func(all []entry, name string) bool {
		return slices.ContainsFunc(all, func(e entry) bool { return e.name == name })
	}
	for _, none := range []struct {
		name  string
		value expr
	}{{"node_selector", "{}"}, {"tolerations", "[]"}} {
		if has(runner, none.name) && !has(once.body, none.name) {
			once.body = append(once.body, attribute(none.name, none.value, "As in the original. Without it, the runner's."))
		}
	}
	return once
}

func hasContainer(t template) bool {
	return t.get("container").isMap() || t.get("script").isMap()
}

func (c *converter) onceBlock(name string, t template, s *scope) entry {
	body := c.program(t, s, inOnce)
	return block(name, nil, append(body, c.podOf(t, s, c.rest, inOnce).runner...))
}

// describe reads reason, labels and the controller from the workflow's metadata.
func (c *converter) describe() []entry {
	meta := c.workflow.document.get("metadata")
	var out []entry
	for _, m := range meta.get("annotations").members() {
		if m.name == "workflows.argoproj.io/description" || m.name == "kubectl.kubernetes.io/last-applied-configuration" {
			line, _, _ := strings.Cut(strings.TrimSpace(m.value.text()), "\n")
			if m.name == "workflows.argoproj.io/description" && line != "" {
				out = append(out, attribute("reason", literal(line)))
			}
		}
	}
	var labels []entry
	for _, m := range meta.get("labels").members() {
		if m.name == job.LabelInstance && m.value.isScalar() {
			out = append(out, attribute("instance_id", c.plain(m.value, &scope{c: c})))
		}
		if !m.value.isScalar() || strings.HasPrefix(m.name, "workflows.argoproj.io/") ||
			strings.HasPrefix(m.name, "backfill.dev/") {
			continue
		}
		labels = append(labels, attribute(m.name, c.plain(m.value, &scope{c: c})))
	}
	if len(labels) > 0 {
		out = append(out, attribute("labels", object(labels)))
	}
	return out
}

// partition describes the keys, and gives the scope of the runner's template.
func (c *converter) partition(steps []call, f fanOut) (*scope, []entry) {
	fans := 0
	for _, k := range steps {
		if k.fansOut() {
			fans++
		}
	}
	taken := map[string]bool{"start": true, "end": true, "key": true, "index": true, "value": true}
	inner := f.call.scope
	var out []entry
	var dimensions []expr
	for _, k := range steps {
		at := *inner
		k.scope = &at
		if k.fansOut() {
			prefix := "partition"
			dimension := ""
			if fans > 1 {
				dimension = dimensionName(k.name(), taken)
				prefix += "." + dimension
			}
			a := c.axisOf(k, prefix, fans == 1)
			k.scope.axis = a
			if out = append(out, a.keys...); fans > 1 {
				dimensions = append(dimensions, object(append([]entry{attribute("name", literal(dimension))}, a.keys...)))
			}
		}
		t, ok := c.callee(k)
		if !ok {
			break
		}
		inner = c.enter(t, k)
		// The inputs of the template define the item inside the template.
		inner.axis = nil
	}
	if fans > 1 {
		out = []entry{attribute("dimensions", expr("[\n"+join(dimensions, ",\n")+",\n]"))}
	}
	return inner, out
}

var notDimension = regexp.MustCompile(`[^a-z0-9]+`)

func dimensionName(name string, taken map[string]bool) string {
	base := strings.Trim(notDimension.ReplaceAllString(strings.ToLower(name), "_"), "_")
	if base == "" || base[0] < 'a' {
		base = "dimension_" + base
	}
	out := base
	for n := 2; taken[out]; n++ {
		out = fmt.Sprintf("%s_%d", base, n)
	}
	taken[out] = true
	return out
}

// parallelism is the lowest limit of the templates above.
func (c *converter) parallelism(f fanOut) []entry {
	least := int64(math.MaxInt64)
	all := []value{c.workflow.field("parallelism")}
	for _, t := range f.above {
		all = append(all, t.get("parallelism"))
	}
	for _, v := range all {
		if n, err := strconv.ParseInt(v.text(), 10, 64); err == nil {
			least = min(least, n)
		}
	}
	if least == math.MaxInt64 {
		return []entry{attribute("max_parallel", "10", "The original has no limit: it runs as many pods in parallel as fit.")}
	}
	return []entry{attribute("max_parallel", expr(strconv.FormatInt(least, 10)))}
}

// retry reads the strategy of the runner's template.
func (c *converter) retry(leaf template, steps []call, s *scope) []entry {
	strategy := leaf.get("retryStrategy")
	for _, k := range steps[:len(steps)-1] {
		if t, ok := c.callee(k); ok && !strategy.set() {
			strategy = t.get("retryStrategy")
		}
	}
	if !strategy.set() {
		strategy = c.workflow.field("retryStrategy")
	}
	if !strategy.set() {
		return []entry{attribute("retry", "{ limit = 0 }", "The original does not retry. Interrupted partitions are "+
			"always retried here.")}
	}
	var out []entry
	var comments []string
	limit := strategy.get("limit")
	switch n, err := strconv.ParseInt(limit.text(), 10, 64); {
	case !limit.set():
		comments = append(comments, "The original retries without a limit.")
		out = append(out, attribute("limit", "100"))
	case err == nil:
		out = append(out, attribute("limit", expr(strconv.FormatInt(n, 10))))
	case s.read(limit.text()).isVariable():
		out = append(out, attribute("limit", quoted(s.read(limit.text()))))
	default:
		c.todo(limit, "the limit is %q, but it must be known in advance. Write the number.", limit.text())
		out = append(out, attribute("limit", expr(placeholder("limit"))))
	}
	backoff := strategy.get("backoff")
	for _, f := range []struct{ theirs, ours string }{{"duration", "backoff"}, {"cap", "max_backoff"}} {
		v := backoff.get(f.theirs)
		if d, ok := duration(v.text()); ok {
			out = append(out, attribute(f.ours, literal(job.DurationText(d))))
		} else if v.set() {
			c.todo(v, "the wait is %q, but it must be a known number of whole seconds. Write it as 30s or 10m.", v.text())
			out = append(out, attribute(f.ours, expr(placeholder(f.ours))))
		}
	}
	if factor := backoff.get("factor"); factor.set() {
		out = append(out, attribute("factor", bare(factor)))
	} else if backoff.set() {
		out = append(out, attribute("factor", "1"))
	}
	out = append(out, exitCodes(strategy.get("expression"))...)
	return []entry{attribute("retry", object(out), slices.Concat(comments, c.decided())...)}
}

var (
	notThese  = regexp.MustCompile(`^(?:(?:^|\s*&&)\s*(?:asInt\()?lastRetry\.exitCode\)?\s*!=\s*['"]?\d+['"]?\s*)+$`)
	onlyThese = regexp.MustCompile(`^(?:(?:^|\s*\|\|)\s*(?:asInt\()?lastRetry\.exitCode\)?\s*==\s*['"]?\d+['"]?\s*)+$`)
	digits    = regexp.MustCompile(`\d+`)
)

// exitCodes reads an expression that only compares exit codes.
func exitCodes(v value) []entry {
	raw := v.peekText()
	name := ""
	switch {
	case notThese.MatchString(raw):
		name = "fail_on"
	case onlyThese.MatchString(raw):
		name = "retry_on"
	default:
		return nil
	}
	var codes []expr
	for _, d := range digits.FindAllString(raw, -1) {
		if code := expr(strings.TrimLeft(d, "0")); !slices.Contains(codes, code) {
			codes = append(codes, code)
		}
	}
	if slices.Contains(codes, "") {
		return nil
	}
	v.use()
	return []entry{attribute(name, list(codes))}
}

// duration reads Argo's form: a number is seconds.
func duration(s string) (time.Duration, bool) {
	if n, err := strconv.ParseInt(s, 10, 32); err == nil {
		return time.Duration(n) * time.Second, n >= 0
	}
	d, err := time.ParseDuration(s)
	return d, err == nil && d%time.Second == 0 && d >= 0
}

// isConsumed is true if a step became part of a job.
func (c *converter) isConsumed(k call) bool {
	return slices.ContainsFunc(c.consumed, func(v value) bool { return v.node == k.step.node })
}

// besides lists the steps that run once, before or after the fan-outs.
func (c *converter) besides(fans []fanOut) {
	told := map[*yaml.Node]bool{}
	for _, f := range fans {
		for _, k := range f.beside {
			consumed := c.isConsumed(k)
			if t, ok := c.callee(k); ok && !c.leaves[t.node] {
				t.use()
			}
			if !consumed && !told[k.step.node] {
				c.note(k.step, "the step %q runs once. Run it before or after the job, or in the runner.", k.name())
			}
			told[k.step.node] = true
		}
	}
}
