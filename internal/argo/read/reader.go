// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package read

import (
	"fmt"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/argo"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/argo/expr"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/domain"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/ledger"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/manifest"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/text"
)

// reader gathers the outcomes of partitions from the Workflows of a run.
type reader struct {
	domain  domain.Domain
	shape   shape
	written map[string][]domain.Partition // by ConfigMap
	on      func(attempt int) string      // see argo.CapacityOf
	// byPods are the ids of nodes whose pods have finished their work.
	byPods map[string]bool
	tally
}

// tally is what became of some partitions.
type tally struct {
	done, failed, running []domain.Partition
	failures              []Failure
	active                bool // something of it has not ended
	trouble
}

func (t *tally) add(o tally) {
	t.done = append(t.done, o.done...)
	t.failed = append(t.failed, o.failed...)
	t.running = append(t.running, o.running...)
	t.failures = append(t.failures, o.failures...)
	t.active = t.active || o.active
	t.join(o.trouble)
}

// readData reads the data ConfigMaps of the run, if any are needed.
func (r *reader) readData(data []manifest.Object) error {
	if !r.shape.NeedsData() {
		return nil
	}
	for _, o := range data {
		if !strings.HasPrefix(o.GetName(), argo.DataPrefix(r.shape.run)) {
			continue // of values or boundaries
		}
		partitions, err := argo.PartitionsOf(o)
		if err != nil {
			return err
		}
		r.written[o.GetName()] = partitions
	}
	return nil
}

// listed returns the partitions of a data ConfigMap.
func (r *reader) listed(name string) ([]domain.Partition, error) {
	ps, ok := r.written[name]
	if !ok {
		return nil, fmt.Errorf("ConfigMap %s is gone, which listed the partitions of run %[2]s: "+
			"what the run did cannot be told. Delete the Workflow %[2]s and plan again", name, r.shape.run)
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
			pieces = append(pieces, r.keys(s.Lo, s.Hi)...)
		}
	}
	return ledger.Of(r.domain, slices.Values(pieces)), nil
}

// whole is all keys of a shard, in as few pieces as are at hand.
func (r *reader) whole(s shard, data string) ([]domain.Partition, error) {
	if s.g == argo.NoSegment {
		return r.listed(data)
	}
	part := r.shape.segments[s.g].Stretch(s.from, s.count).Parts[0]
	return r.keys(part.Start, part.End), nil
}

// keys is what lies between two positions of an axis, or two indexes of a
// product.
func (r *reader) keys(lo, hi int64) []domain.Partition {
	if r.shape.product {
		return expr.Indexed(r.domain, lo, hi)
	}
	return []domain.Partition{{Parts: []domain.Part{{Start: lo, End: hi}}}}
}

// children reads the shards of a run that launches, side by side: unpacking the
// statuses of children is what reading a large run costs. Only as many as there are
// processors are unpacked at once.
func (r *reader) children(shards []launched, observed []manifest.Object) error {
	byName := map[string]manifest.Object{}
	for _, child := range observed {
		byName[child.GetName()] = child
	}
	tallies := make([]tally, len(shards))
	var group errgroup.Group
	group.SetLimit(runtime.GOMAXPROCS(0))
	for i, l := range shards {
		group.Go(func() (err error) {
			data := r.shape.dataName(l.k)
			if l.complete {
				tallies[i].ended(l.at)
				tallies[i].done, err = r.whole(l.shard, data)
				return err
			}
			observed, ok := byName[argo.ChildName(r.shape.run, int(l.k))]
			if !ok {
				return nil
			}
			child, err := parseWorkflow(observed)
			if err != nil {
				return err
			}
			one := reader{domain: r.domain, shape: r.shape, written: r.written, on: r.on, byPods: r.byPods}
			one.notePlace(child)
			err = one.leaves(child, l.shard, data)
			tallies[i] = one.tally
			return err
		})
	}
	err := group.Wait()
	for _, t := range tallies {
		r.add(t)
	}
	return err
}

// leaves reads the partitions that a Workflow ran itself.
func (r *reader) leaves(w workflow, s shard, data string) error {
	formula := r.lookup(w)
	w.finish(r.byPods)
	r.active = r.active || !w.phase.Ended()
	for _, n := range w.running(argo.TemplatePartition, argo.TemplatePartitionData) {
		i, err := numberOf(w.args.Workflow, n)
		if err != nil {
			return err
		}
		var p domain.Partition
		if n.template() == argo.TemplatePartition {
			p, err = formula(i)
		} else {
			p, err = r.listedAt(w.args.Workflow, data, i)
		}
		if err != nil {
			return err
		}
		switch {
		case n.Phase == argo.PhaseSucceeded || w.lastAttempt(n).Phase == argo.PhaseSucceeded:
			// The second alone while a run is suspended, and in one that Argo has given
			// up, as it does when its template is deleted.
			r.done = append(r.done, p)
			r.ended(w.lastAttempt(n).FinishedAt)
		case n.failed() && w.stopped(n):
			// Nobody let it finish: it is left to do.
		case n.failed():
			r.failed = append(r.failed, p)
			r.failures = append(r.failures, Failure{
				Partition: p,
				Attempts:  len(w.pods(n)),
				Message:   w.reason(n),
				Details:   w.failedAttempts(n, r.on),
				shard:     s.k,
				number:    i,
			})
		case !w.phase.Ended() && (n.Phase == argo.PhaseRunning || n.Phase == argo.PhasePending):
			r.running = append(r.running, p)
			r.note(w, n, r.on, &p)
		}
	}
	return nil
}

// steps notes what is no partition and has not ended.
func (r *reader) steps(run workflow) {
	for _, n := range run.running(
		argo.TemplateLauncher, argo.TemplateSetup, argo.TemplateTeardown, argo.TemplateGenerator,
	) {
		switch n.Phase {
		case argo.PhaseRunning, argo.PhasePending:
			r.note(run, n, func(int) string { return argo.CapacityAny }, nil)
		case argo.PhaseSucceeded:
			r.ended(n.FinishedAt)
		}
	}
}

// lookup maps the numbers of a Workflow's computed partitions to partitions, by
// the arguments that its pods used.
func (r *reader) lookup(w workflow) func(i int64) (domain.Partition, error) {
	read := sync.OnceValues(func() (expr.Segment, error) {
		lines, err := expr.LinesOf(w.args)
		if err != nil {
			return expr.Segment{}, err
		}
		return expr.SegmentOf(w.args, lines)
	})
	return func(i int64) (domain.Partition, error) {
		one, err := read()
		if err != nil {
			return domain.Partition{}, err
		}
		p := one.Partition(i)
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
		return domain.Partition{}, argo.Foreign(workflow, argo.InI, argo.Decimal(i))
	}
	return ps[i], nil
}

// numberOf is the input i of a leaf. A node that failed before it had inputs
// still carries the number in its name, "p(index:number)".
func numberOf(workflow string, n *nodeStatus) (int64, error) {
	text, ok := n.Inputs.get(argo.InI)
	if !ok {
		_, text, _ = strings.Cut(strings.TrimSuffix(n.DisplayName, ")"), ":")
	}
	i, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return 0, argo.Foreign(workflow, argo.InI, text)
	}
	return i, nil
}

// reason is why a node failed: what its last attempt says, or else itself.
func (w workflow) reason(n *nodeStatus) string {
	message := w.lastAttempt(n).told()
	if message == "" {
		message = n.Message
	}
	return text.Shorten(message, argo.MaxMessage)
}
