// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package argo

import (
	"cmp"
	"fmt"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"unicode/utf8"

	"golang.org/x/sync/errgroup"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/domain"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/ledger"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/manifest"
)

// maxMessage bounds the message of a failure, in bytes.
const maxMessage = 256

// Wanted names the children that must be observed besides the run: those that
// are active, and those whose launcher reported less than full success.
func Wanted(run manifest.Object) ([]string, error) {
	w, err := parseWorkflow(run)
	if err != nil {
		return nil, err
	}
	s, err := shapeOf(w.name, w.args)
	if err == nil {
		err = s.answer(w)
	}
	if err != nil || !s.launches {
		return nil, err
	}
	launched, err := launchers(w, s)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, l := range launched {
		if !l.complete {
			names = append(names, childName(s.run, int(l.k)))
		}
	}
	return names, nil
}

// NeedsData tells whether the data ConfigMaps of the run must be observed.
func NeedsData(run manifest.Object) bool {
	s, err := shapeOf(run.GetName(), arguments(run))
	return err == nil && s.needsData()
}

// launched is a shard whose launcher has begun.
type launched struct {
	shard
	// complete tells that the launcher saw the child succeed with every
	// partition; then the child itself is not needed any more.
	complete bool
}

func launchers(w workflow, s shape) ([]launched, error) {
	var out []launched
	for _, n := range w.running(tmplLauncher) {
		var text [4]string
		for i, name := range []string{inK, inG, inFrom, inCount} {
			text[i], _ = n.Inputs.get(name)
		}
		shard, err := s.shardOf(w.name, text[0], text[1], text[2], text[3])
		if err != nil {
			return nil, err
		}
		out = append(out, launched{shard, n.Phase == PhaseSucceeded && fullSuccess(n, shard.count)})
	}
	slices.SortFunc(out, func(a, b launched) int { return cmp.Compare(a.k, b.k) })
	return out, nil
}

// fullSuccess reads a launcher's outputs. Progress counts pods, so failed
// attempts raise the denominator; the numerator is the partitions that
// succeeded.
func fullSuccess(n *nodeStatus, count int64) bool {
	phase, _ := n.Outputs.get(outPhase)
	progress, _ := n.Outputs.get(outProgress)
	done, _, _ := strings.Cut(progress, "/")
	return Phase(phase) == PhaseSucceeded && done == decimal(count)
}

// Read turns observations into the outcome of the run; compressed node
// statuses are understood. A wanted child that is missing counts as not done.
func Read(d domain.Domain, o Observed) (Outcome, error) {
	run, err := parseWorkflow(o.Run)
	if err != nil {
		return Outcome{}, err
	}
	s, err := shapeOf(run.name, run.args)
	if err == nil {
		err = s.answer(run)
	}
	if err != nil {
		return Outcome{}, err
	}
	if s.product {
		if err := checkProduct(run.name, run.args, d); err != nil {
			return Outcome{}, err
		}
	}
	r := reader{domain: d, shape: s, written: map[string][]domain.Partition{}, on: capacityOf(o.Run)}
	if s.needsData() {
		for _, data := range o.Data {
			if !strings.HasPrefix(data.GetName(), s.run+"-d") {
				continue // of values or boundaries
			}
			if r.written[data.GetName()], err = partitionsOf(data); err != nil {
				return Outcome{}, err
			}
		}
	}
	out := Outcome{
		Phase: run.phase, Message: run.message, Started: run.started, Finished: run.finished,
		Ended: run.phase.Ended(),
	}
	covers, err := r.covers()
	if err != nil {
		return Outcome{}, err
	}
	out.Canary, out.OverBudget = run.canary(), run.heldBack() && !s.launchedAll(run)
	out.Setup, out.Teardown = run.once(tmplSetup), run.once(tmplTeardown)
	err = r.leaves(run, shard{g: noSegment}, s.data)
	if err == nil && s.launches {
		err = r.children(run, o.Children, &out)
	}
	if err != nil {
		return Outcome{}, err
	}
	out.Covers = covers
	out.Done = ledger.Of(d, slices.Values(r.done))
	out.Failed = ledger.Of(d, slices.Values(r.failed))
	out.Running = ledger.Of(d, slices.Values(r.running))
	out.Failures = r.failures()
	if !out.Ended {
		r.steps(run)
		out.Waiting, out.Retried = r.sorted(), r.retried
	}
	return out, nil
}

// Abandoned tells whether a Workflow has ended while pods of it had not, as when
// Argo can make no sense of it any more. They go on, and nobody hears of it.
func Abandoned(workflow manifest.Object) bool {
	w, err := parseWorkflow(workflow)
	return err == nil && w.phase.Ended() && slices.ContainsFunc(w.nodes, func(n nodeStatus) bool {
		return n.Type == "Pod" && (n.Phase == PhaseRunning || n.Phase == PhasePending)
	})
}

// launchedAll tells whether a run that asks has started all of its shards: then a
// further wave was left out because there was nothing for it.
func (s shape) launchedAll(w workflow) bool {
	return s.asks && s.shard > 0 && int64(len(w.running(tmplLauncher)))*s.shard >= s.total
}

// reader gathers the outcomes of partitions from the Workflows of a run.
type reader struct {
	domain  domain.Domain
	shape   shape
	written map[string][]domain.Partition // by ConfigMap
	on      func(attempt int) string      // see capacityOf
	tally
}

// tally is what became of some partitions.
type tally struct {
	done, failed, running []domain.Partition
	found                 []placedFailure
	trouble
}

func (t *tally) add(o tally) {
	t.done = append(t.done, o.done...)
	t.failed = append(t.failed, o.failed...)
	t.running = append(t.running, o.running...)
	t.found = append(t.found, o.found...)
	t.join(o.trouble)
}

// placedFailure is a failure with its place in run order.
type placedFailure struct {
	shard, i int64
	Failure
}

func (r *reader) failures() []Failure {
	slices.SortFunc(r.found, func(a, b placedFailure) int {
		return cmp.Or(cmp.Compare(a.shard, b.shard), cmp.Compare(a.i, b.i))
	})
	var out []Failure
	for _, f := range r.found {
		out = append(out, f.Failure)
	}
	return out
}

// listed returns the partitions of a data ConfigMap.
func (r *reader) listed(name string) ([]domain.Partition, error) {
	ps, ok := r.written[name]
	if !ok {
		return nil, fmt.Errorf("ConfigMap %s is gone, which listed the partitions of run %s: what the run did cannot be told. Delete the Workflow %s and plan again", name, r.shape.run, r.shape.run)
	}
	return ps, nil
}

// covers is every key that the run was made to process.
func (r *reader) covers() (ledger.Set, error) {
	var pieces []domain.Partition
	if r.shape.data != "" {
		own, err := r.listed(r.shape.data)
		if err != nil {
			return ledger.Set{}, err
		}
		pieces = append(pieces, own...)
	}
	for _, s := range r.shape.shards {
		some, err := r.whole(s, r.shape.dataName(s.k))
		if err != nil {
			return ledger.Set{}, err
		}
		pieces = append(pieces, some...)
	}
	if len(r.shape.shards) == 0 {
		for _, s := range r.shape.segments {
			pieces = append(pieces, r.keys(s.lo, s.hi)...)
		}
	}
	return ledger.Of(r.domain, slices.Values(pieces)), nil
}

// whole is all keys of a shard, in as few pieces as are at hand.
func (r *reader) whole(s shard, data string) ([]domain.Partition, error) {
	if s.g == noSegment {
		return r.listed(data)
	}
	part := r.shape.segments[s.g].stretch(s.from, s.count).Parts[0]
	return r.keys(part.Start, part.End), nil
}

// keys is what lies between two positions of an axis, or two indexes of a
// product.
func (r *reader) keys(lo, hi int64) []domain.Partition {
	if r.shape.product {
		return indexed(r.domain, lo, hi)
	}
	return []domain.Partition{{Parts: []domain.Part{{Start: lo, End: hi}}}}
}

// children reads the shards of a run that launches.
func (r *reader) children(run workflow, observed []manifest.Object, out *Outcome) error {
	byName := map[string]manifest.Object{}
	for _, child := range observed {
		byName[child.GetName()] = child
	}
	shards, err := launchers(run, r.shape)
	if err != nil {
		return err
	}
	var open []observedShard
	for _, l := range shards {
		if l.complete {
			all, err := r.whole(l.shard, r.shape.dataName(l.k))
			if err != nil {
				return err
			}
			r.done = append(r.done, all...)
			continue
		}
		if child, ok := byName[childName(r.shape.run, int(l.k))]; ok {
			open = append(open, observedShard{l.shard, child})
		}
	}
	return r.readAll(open, out)
}

// observedShard is a shard whose child has to be read.
type observedShard struct {
	shard
	child manifest.Object
}

// readAll reads children side by side: unpacking their statuses is what reading
// a large run costs. Only as many as there are processors are unpacked at once.
func (r *reader) readAll(shards []observedShard, out *Outcome) error {
	tallies := make([]tally, len(shards))
	ended := make([]bool, len(shards))
	var group errgroup.Group
	group.SetLimit(runtime.GOMAXPROCS(0))
	for i, s := range shards {
		group.Go(func() error {
			child, err := parseWorkflow(s.child)
			if err != nil {
				return err
			}
			defer child.release()
			one := reader{domain: r.domain, shape: r.shape, written: r.written, on: r.on}
			err = one.leaves(child, s.shard, r.shape.dataName(s.k))
			tallies[i], ended[i] = one.tally, child.phase.Ended()
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	done := 0
	for i := range shards {
		done += len(tallies[i].done)
	}
	r.done = slices.Grow(r.done, done)
	for i := range shards {
		r.add(tallies[i])
		out.Ended = out.Ended && ended[i]
	}
	return nil
}

// leaves reads the partitions that a Workflow ran itself.
func (r *reader) leaves(w workflow, s shard, data string) error {
	formula, written := r.lookup(w), func(i int64) (domain.Partition, error) { return r.listedAt(w.name, data, i) }
	nodes := w.running(tmplPartition, tmplPartitionData)
	r.done = slices.Grow(r.done, len(nodes))
	for _, n := range nodes {
		i, err := numberOf(w.name, n)
		if err != nil {
			return err
		}
		lookup := formula
		if n.template() == tmplPartitionData {
			lookup = written
		}
		p, err := lookup(i)
		if err != nil {
			return err
		}
		switch {
		case n.Phase == PhaseSucceeded || w.lastAttempt(n).Phase == PhaseSucceeded:
			// The second alone while a run is suspended, and in one that Argo has given
			// up, as it does when its template is deleted.
			r.done = append(r.done, p)
		case n.failed() && w.stopped(n):
			// Nobody let it finish: it is left to do.
		case n.failed():
			r.failed = append(r.failed, p)
			r.found = append(r.found, placedFailure{s.k, i, Failure{p, n.attempts(), w.reason(n), w.failedAttempts(n, r.on)}})
		case !w.phase.Ended() && (n.Phase == PhaseRunning || n.Phase == PhasePending):
			r.running = append(r.running, p)
			r.look(w, n, r.on, &p)
		}
	}
	return nil
}

// steps looks at what is no partition and has not ended.
func (r *reader) steps(run workflow) {
	for _, n := range run.running(tmplLauncher, tmplSetup, tmplTeardown) {
		if n.Phase == PhaseRunning || n.Phase == PhasePending {
			r.look(run, n, func(int) string { return CapacityAny }, nil)
		}
	}
}

// lookup maps the numbers of a Workflow's computed partitions to partitions, by
// the arguments that its pods used.
func (r *reader) lookup(w workflow) func(i int64) (domain.Partition, error) {
	read := sync.OnceValues(func() (segment, error) {
		lines, err := linesOf(w.name, w.args)
		if err != nil {
			return segment{}, err
		}
		return segmentOf(w.name, w.args, lines)
	})
	return func(i int64) (domain.Partition, error) {
		one, err := read()
		if err != nil {
			return domain.Partition{}, err
		}
		p := one.partition(i)
		if r.shape.product {
			p = r.domain.At(p.Index)
		}
		return p, nil
	}
}

// listedAt is partition i of a data ConfigMap.
func (r *reader) listedAt(workflow, data string, i int64) (domain.Partition, error) {
	ps, err := r.listed(data)
	if err != nil {
		return domain.Partition{}, err
	}
	if i < 0 || i >= int64(len(ps)) {
		return domain.Partition{}, foreign{workflow, inI, decimal(i)}
	}
	return ps[i], nil
}

// numberOf is the input i of a leaf. A node that failed before it had inputs
// still carries the number in its name, "p(index:number)".
func numberOf(workflow string, n *nodeStatus) (int64, error) {
	text, ok := n.Inputs.get(inI)
	if !ok {
		_, text, _ = strings.Cut(strings.TrimSuffix(n.DisplayName, ")"), ":")
	}
	i, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return 0, foreign{workflow, inI, text}
	}
	return i, nil
}

// reason is why a node failed: what its last attempt says, or else itself.
func (w workflow) reason(n *nodeStatus) string {
	message := w.lastAttempt(n).Message
	if message == "" {
		message = n.Message
	}
	return clip(message)
}

// clip shortens a message to maxMessage bytes without cutting a character.
func clip(message string) string { return clipTo(message, maxMessage) }

func clipTo(message string, most int) string {
	const mark = "…"
	message = strings.ToValidUTF8(message, "?")
	if len(message) <= most {
		return message
	}
	end := most - len(mark)
	for !utf8.RuneStart(message[end]) {
		end--
	}
	return message[:end] + mark
}
