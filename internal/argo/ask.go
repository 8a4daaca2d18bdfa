// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package argo

import (
	"fmt"
	"slices"
	"strings"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/domain"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/job"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/manifest"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/plan"
)

// A run that asks starts with the generator of a query. What that wrote is
// checked by an expression, which yields two numbers or a fixed text, so that
// no word of it goes on through Argo's templating. Between the two numbers the
// run then launches shards as any run does, except that their number, and with it the
// waves that there are, follows from arithmetic on the two.
//
// The generator is part of the run and not of the job's template, which is the
// same whether the bounds are known or not.

// Templates and steps of a run that asks, besides those of any run.
const (
	tmplGenerator = "generator"
	tmplFound     = "found" // starts the first wave
	stepAsk       = "ask"
	stepFound     = "go"
)

// Parameters of a run that asks. Those of the grid are argSize, argStep and, for
// windows, argUnit and argClock.
const (
	argAsk  = "ask"  // askNumbers or askTimes
	argMost = "most" // partitions that an answer may yield
	// argFormat is how runners get instants; only with windows.
	argFormat = "format"
)

const (
	askNumbers = "numbers"
	askTimes   = "times"
)

// Inputs of the templates behind the generator.
const (
	inLo    = "lo"
	inHi    = "hi"
	inWall  = "wall" // what clocks show at lo
	inTotal = "total"
)

// outAnswer is the generator's output.
const outAnswer = "out"

// answerVolume holds the answer, and no more than a multiple of what an answer
// may have: a program that writes without end gets an error instead.
const (
	answerDir    = "/backfill"
	answerFile   = answerDir + "/out"
	answerVolume = "backfill-out"
	answerRoom   = "64Ki"
	envOut       = "BACKFILL_OUT"
)

// Ask lowers a run that finds the bounds of the job's query. Unless it is only to
// find them, it then runs all partitions in between, by the job's template of
// the name.
func Ask(j *job.Job, template string, only bool, number int) ([]manifest.Object, error) {
	if err := tagError(tagged("job.partition.query", plainTexts(j.Query.Generator))); err != nil {
		return nil, err
	}
	a := asking{
		run: run{
			job: j, number: number, name: RunName(j.Name, number), template: template, attempts: attempts(j.Retry),
			formula: formula{applies: true},
		},
		query: j.Query, only: only, shard: ShardSize(j), most: MostPartitions(j),
	}
	if j.Query.Kind() == domain.Instant {
		w, _ := j.Query.Axis(domain.Interval{Start: job.FirstAnswer.Unix(), End: job.LastAnswer.Unix()}).(domain.Windows)
		grid, ok := windowsGrid(w, "")
		if !ok {
			return nil, fmt.Errorf("the clocks of %s were changed too often for a run to list the changes", w.Zone)
		}
		a.clock = grid
	}
	o, err := a.workflow()
	if err != nil {
		return nil, err
	}
	return []manifest.Object{o}, nil
}

// OnlyAsks tells whether the first run of a query can do no more than ask,
// because what follows depends on the answer in ways that a run cannot follow.
func OnlyAsks(j *job.Job) bool {
	return j.Canary.Partitions > 0 || len(j.Canary.Keys) > 0 || j.Gates != (plan.Gates{}) || skipsDays(j.Query)
}

// skipsDays tells whether the calendar of a query leaves out whole windows, as
// that of Samoa, which had no 30 December 2011.
func skipsDays(q *job.Query) bool {
	if q.Kind() != domain.Instant || q.Every.Unit != domain.Day || q.Every.N > 1 {
		return false
	}
	w, _ := q.Axis(domain.Interval{Start: job.FirstAnswer.Unix(), End: job.LastAnswer.Unix()}).(domain.Windows)
	offsets := w.Offsets()
	for i := 1; i < len(offsets); i++ {
		if d := offsets[i].Seconds - offsets[i-1].Seconds; d >= 20*60*60 || d <= -20*60*60 {
			return true
		}
	}
	return false
}

// MostPartitions is how many partitions an answer may yield: what the query
// says, or what the shards hold that one run can start.
func MostPartitions(j *job.Job) int64 {
	shards := max(1, (maxWorkflow(j)-overhead)/bytesPerLauncher)
	return min(j.Query.MaxPartitions, int64(shards)*int64(ShardSize(j)))
}

// asking is one lowering of a run that asks.
type asking struct {
	run
	query *job.Query
	only  bool
	shard int
	most  int64
	clock list // arguments of windows; nil for numbers
}

func (a asking) workflow() (manifest.Object, error) {
	generator, err := a.generator()
	if err != nil {
		return nil, err
	}
	kind := askNumbers
	if a.clock != nil {
		kind = askTimes
	}
	args := list{
		param(argRun, a.name), param(argNumber, fmt.Sprint(a.number)), param(argTemplate, a.template),
		param(argAsk, kind), param(argMost, decimal(a.most)), param(argStep, decimal(a.step())),
	}
	args = append(args, a.gridArgs()...)
	atOnce := a.job.MaxParallel
	var templates list
	if a.only {
		templates = a.onlyAsk()
	} else {
		a.plan = a.largest()
		atOnce = Concurrency(a.job.MaxParallel, a.width(), a.shard)
		args = append(args, launchArgs(a.job.MaxParallel, atOnce, a.width(), a.shard)...)
		if templates, err = a.askAndLaunch(); err != nil {
			return nil, err
		}
	}
	spec := workflowSpec("run", append(templates, generator), args, retention())
	spec["parallelism"] = int64(atOnce)
	if !a.only {
		a.closing(spec)
	}
	disruptionBudget(a.job, spec)
	override(a.job, spec)
	hash, err := manifest.Digest(spec)
	if err != nil {
		return nil, err
	}
	annotations := node{AnnotationSpecHash: hash}
	if a.job.Reason != "" {
		annotations[AnnotationReason] = a.job.Reason
	}
	o := newObject(apiVersion, "Workflow", a.job.Namespace, a.name, a.labels(), annotations)
	o.Object["spec"] = spec
	return o, nil
}

// gridArgs are the arguments that describe the grid before its bounds are known.
func (a asking) gridArgs() list {
	if a.clock == nil {
		return list{param(argSize, decimal(a.query.Size))}
	}
	args := slices.DeleteFunc(slices.Clone(a.clock), func(p any) bool {
		name, _ := p.(node)["name"].(string)
		return name == argOrigin || name == argWall
	})
	return append(args, param(argFormat, a.query.Format))
}

// step is the direction of the run.
func (a asking) step() int64 {
	if a.job.Order == plan.NewestFirst {
		return -1
	}
	return 1
}

// LargestAnswer stands for the domain between bounds that yield as many partitions
// as an answer may.
func LargestAnswer(j *job.Job) domain.Domain {
	axis := domain.Dimension{Axis: domain.Range{Start: 0, End: MostPartitions(j), Size: 1}}
	return domain.Domain{Dimensions: []domain.Dimension{axis}}
}

// largest is the plan of the largest answer: every other one has the first of
// its shards, and maybe fewer partitions in the last.
func (a asking) largest() plan.Plan {
	return plan.Uniform(LargestAnswer(a.job), a.most, a.shard, a.job.Waves, a.job.Budget)
}

// generator is the template of the container that writes the bounds.
func (a asking) generator() (node, error) {
	g := *a.job
	g.Runner, g.Spot, g.OOM, g.Spread, g.Argo = a.query.Generator, job.Spot{}, nil, "", job.Overrides{}
	g.Retry.RetryOn, g.Retry.FailOn = nil, nil
	container, err := container(&g, onceScope(), list{node{"name": envOut, "value": answerFile}})
	if err != nil {
		return nil, fmt.Errorf("partition.query: %w", err)
	}
	storedEnv(container)
	container["volumeMounts"] = list{node{"name": answerVolume, "mountPath": answerDir}}
	metadata := node{"labels": toAny(merged(a.job.Labels, map[string]string{LabelJob: a.job.Name, LabelRun: workflowTag(argNumber)}))}
	if annotations := protection(a.job.Anchor); len(annotations) > 0 {
		metadata["annotations"] = toAny(annotations)
	}
	t := node{
		"name": tmplGenerator, "metadata": metadata, "container": container, "retryStrategy": leafRetry(&g),
		"inputs":      node{},
		"tolerations": lostNodeTolerations(nil),
		"volumes":     list{node{"name": answerVolume, "emptyDir": node{"medium": "Memory", "sizeLimit": answerRoom}}},
		// A missing file is an answer too, of which the check says what it is.
		"outputs": node{"parameters": list{node{"name": outAnswer, "valueFrom": node{"path": answerFile, "default": ""}}}},
	}
	if sa := a.query.Generator.ServiceAccount; sa != "" {
		t["serviceAccountName"] = sa
	} else if sa := a.job.OrchestratorServiceAccount; sa != "" {
		t["serviceAccountName"] = sa
	}
	if d := a.query.Generator.Deadline; d > 0 {
		t["activeDeadlineSeconds"] = seconds(d)
	}
	if patch := podPatch(&g); patch != "" {
		t["podSpecPatch"] = patch
	}
	return unhurried(t), nil
}

// storedEnv leaves out what Argo does when it stores a Workflow, which a template
// in it is part of: values that are empty. Else it would look changed by hand.
func storedEnv(container node) {
	env, _ := container["env"].(list)
	for _, v := range env {
		if v, ok := v.(node); ok && v["value"] == "" {
			delete(v, "value")
		}
	}
}

// onlyAsk runs the generator and checks its answer: what fans out over nothing
// is skipped, and over a text that is no list fails with that text.
func (a asking) onlyAsk() list {
	check := node{"name": stepFound, "template": tmplGenerator, "withParam": a.checked(stepAsk, "[]")}
	return list{row("run", list{list{node{"name": stepAsk, "template": tmplGenerator}}, list{check}})}
}

// askAndLaunch runs the generator, and then the waves.
func (a asking) askAndLaunch() (list, error) {
	shardSalts, err := a.salts()
	if err != nil {
		return nil, err
	}
	salt, err := a.salt()
	if err != nil {
		return nil, err
	}
	launcher, err := a.launcher()
	if err != nil {
		return nil, err
	}
	ask := stepAsk + salt
	steps := append(a.opening(salt), list{node{"name": ask, "template": tmplGenerator}})
	args := list{param(inLo, a.found(ask, "lo")), param(inHi, a.found(ask, "hi")), param(inTotal, a.found(ask, "total"))}
	if a.clock != nil {
		args = append(args, param(inWall, a.found(ask, "start")))
	}
	found := node{"name": stepFound + salt, "template": tmplFound, "withParam": a.checked(ask, "[0]"), "arguments": node{"parameters": args}}
	templates := list{row("run", append(steps, list{found}))}
	for i := range a.plan.Waves {
		templates = append(templates, a.wave(i, salt, saltTag(shardSalts)))
	}
	return append(templates, launcher), nil
}

// bounds are the inputs that every wave and launcher has.
func (a asking) bounds() []string {
	if a.clock == nil {
		return []string{inLo, inHi, inTotal}
	}
	return []string{inLo, inHi, inTotal, inWall}
}

// passedOn hands the bounds on to another template.
func (a asking) passedOn() list {
	var out list
	for _, name := range a.bounds() {
		out = append(out, param(name, inputTag(name)))
	}
	return out
}

// wave is the template of wave i: its launchers, and then the next wave, if the
// answer is that large and the budget allows it.
func (a asking) wave(i int, salt, shardSalt string) node {
	w := a.plan.Waves[i]
	shards := fmt.Sprintf("int((%s + %d) / %d)", inputInt(inTotal), a.shard-1, a.shard)
	count := shards
	if i > 0 {
		count = fmt.Sprintf("%s - %d", shards, w.First)
	}
	here := fmt.Sprintf("min(%d, %s)", w.Shards, count)
	params := append(a.passedOn(),
		param(inK, "{{item}}"), param(inG, "0"), param(inFrom, expression("asInt(item) * %d", a.shard)), param(inCount, fmt.Sprint(a.shard)),
		param(inSalt, shardSalt), param(inWidth, expression("%s", a.widthOf(here, shards))))
	step := node{
		"name": shardsStep(i, salt), "template": tmplLauncher, "arguments": node{"parameters": params},
		"withParam": expression("toJson(map(%d..%d + %s - 1, {#}))", w.First, w.First, here),
	}
	steps := list{list{step}}
	wants := a.bounds()
	name := tmplFound
	if i > 0 {
		name = waveName(w)
	}
	if i > 0 && w.Allowed >= 0 {
		wants = append(slices.Clone(wants), inFailed)
	}
	if i+1 < len(a.plan.Waves) {
		steps = append(steps, list{a.next(i+1, salt)})
	}
	t := row(name, steps)
	t["inputs"] = inputs(wants...)
	return t
}

func waveName(w plan.Wave) string { return fmt.Sprintf("wave%d", w.Number) }

// widthOf is an expression for the number of shards by which the pods are
// divided: those of the wave, or of the run's largest.
func (a asking) widthOf(here, shards string) string {
	if !a.job.RampUp {
		return here
	}
	each := make([]string, 0, len(a.plan.Waves)+1)
	for _, w := range a.plan.Waves {
		each = append(each, fmt.Sprintf("min(%d, %s - %d)", w.Shards, shards, w.First))
	}
	return "max(" + strings.Join(append(each, "1"), ", ") + ")"
}

// next calls the template of wave i unless there is nothing left for it, or too
// many partitions have failed. All waves before it were full.
func (a asking) next(i int, salt string) node {
	w := a.plan.Waves[i]
	when := fmt.Sprintf("%s > %d", inputTag(inTotal), int64(w.First)*int64(a.shard))
	args := a.passedOn()
	if w.Allowed >= 0 {
		failed := a.failures(i, salt)
		args = append(args, param(inFailed, failed))
		when += fmt.Sprintf(" && %s <= %d", failed, w.Allowed)
	}
	return node{"name": stepThen + salt, "template": waveName(w), "arguments": node{"parameters": args}, "when": when}
}

// salt finds the suffix that keeps all names of the run apart.
func (a asking) salt() (string, error) {
	ids := borrowIDs()
	defer idSets.Put(ids)
	for salt := range suffixes() {
		ids.reset(a.attempts + 1 + a.onceNodes() + a.plan.ShardCount()*(launcherAttempts+1) + 5*len(a.plan.Waves) + 12)
		if a.apart(ids, salt) {
			return salt, nil
		}
	}
	return "", errNoSalt(a.name)
}

// apart walks through the names as Argo makes them.
func (a asking) apart(ids *idSet, salt string) bool {
	root, fresh := ids.root(a.name)
	group := 0
	next := func() uint32 {
		h := fnv(root, fmt.Sprintf("[%d]", group))
		group++
		return h
	}
	fresh = fresh && a.addOnce(ids, salt, next)
	asks, goes := next(), next()
	at, apart := ids.addOnlyOnce(fnv(goes, "."+stepFound+salt+"(0:0)"))
	fresh = fresh && ids.add(asks) && ids.addAttempts(fnv(asks, "."+stepAsk+salt), a.attempts) && ids.add(goes) && apart
	for i, w := range a.plan.Waves {
		if i > 0 {
			then := fnv(at, "[1]")
			fresh = fresh && ids.add(then)
			at, apart = ids.addOnlyOnce(fnv(then, "."+stepThen+salt))
			fresh = fresh && apart
		}
		shards := fnv(at, "[0]")
		fresh = fresh && ids.add(shards)
		prefix := fnv(shards, "."+shardsStep(i, salt))
		for k := range w.Shards {
			fresh = fresh && ids.addAttempts(fnv(prefix, fmt.Sprintf("(%d:%d)", k, w.First+k)), launcherAttempts)
		}
	}
	return fresh
}

// offsetsBetween is an expression for those of the zone's offsets that matter
// between lo and hi, and some days around: every pod reads the list many times.
// Double quotes, see childManifest.
func offsetsBetween() string {
	const margin = 3 * 24 * 60 * 60
	return oneLine(fmt.Sprintf(`let clock = map(split(workflow.parameters.%s, " "), {split(#, "/")});
		let lo = %s - %d;
		let hi = %s + %d;
		join(map(filter(0..len(clock) - 1, {int(clock[#][0]) <= hi && (# == 0 || int(clock[# - 1][0]) > lo)}), {clock[#][0] + "/" + clock[#][1]}), " ")`,
		argClock, inputInt(inLo), margin, inputInt(inHi), margin))
}

// launcher starts one shard between the bounds that were found.
func (a asking) launcher() (node, error) {
	total, last := inputInt(inTotal), "0"
	if a.step() < 0 {
		last = expression("%s - 1", total)
	}
	args := list{
		param(argRun, workflowTag(argRun)), param(argNumber, workflowTag(argNumber)), param(argData, ""), param(argWidth, inputTag(inWidth)),
		param(argOrigin, inputTag(inLo)), param(argSize, workflowTag(argSize)),
		param(argLo, inputTag(inLo)), param(argHi, inputTag(inHi)), param(argFirst, last), param(argStep, workflowTag(argStep)),
	}
	if a.clock != nil {
		args = append(args, param(argUnit, workflowTag(argUnit)), param(argWall, inputTag(inWall)), param(argClock, expression("%s", offsetsBetween())), param(argLine, last))
	}
	call := node{
		"name":        inputTag(inSalt),
		"templateRef": node{"name": workflowTag(argTemplate), "template": tmplShard},
		"arguments": node{"parameters": list{
			param(inFrom, inputTag(inFrom)),
			param(inCount, expression("min(%s, %s - %s)", inputInt(inCount), total, inputInt(inFrom))),
		}},
	}
	child, err := writeChild(a.job, call, args)
	if err != nil {
		return nil, err
	}
	return launcherFor(a.job, child, append([]string{inK, inG, inFrom, inCount, inSalt, inWidth}, a.bounds()...)...), nil
}
