// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package acceptance

import (
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// sequences is how many random sequences of actions are tried on the local
// cluster; hundreds are tried on a fake one, in package engine.
const sequences = 20

// model is what must hold of keys, as plain maps. How often each was processed is
// in a file that the runners write, and base is how often it had been when it
// last became due. Since then it may be processed once.
type model struct {
	*run
	*rand.Rand
	proxy *proxy

	lo, hi, size, shards, parallel, version int
	reason                                  string
	// base counts the processings that do not matter any more.
	base map[int]int
	// forgotten are the keys that were outside of a declared domain.
	forgotten map[int]bool
	// from is the line of the file where what a run has processed begins.
	from map[string]int
	// known tells that Terraform's state has the job.
	known bool
	trace []string
}

// Keys are between these bounds, whatever is declared.
const (
	firstKey = 0
	lastKey  = 50
)

// TestRandomSequencesOnTheCluster takes the real provider under Terraform through
// random edits, applies, failures, deletions, losses and kills, while the real
// controller runs the jobs. No key is lost, none that is done runs again unless
// the edit says so, and the plan is empty in the end.
func TestRandomSequencesOnTheCluster(t *testing.T) {
	if os.Getenv(envLong) == "" {
		t.Skip(
			"long: make test-long tries sequences on the local cluster; every day the tests of the engine do on a fake one",
		)
	}
	c := cluster(t)
	binary := buildProvider(t)
	slots := make(chan struct{}, 4)
	for seed := range uint64(sequences) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			slots <- struct{}{}
			defer func() { <-slots }()
			m := newModel(t, c, binary, seed)
			defer func() {
				if t.Failed() {
					t.Logf("seed %d: %s", seed, strings.Join(m.trace, "; "))
				}
			}()
			m.act("apply", m.applies)
			for range 4 + m.IntN(4) {
				a := m.actions()[m.IntN(len(m.actions()))]
				m.act(a.name, a.do)
			}
			m.act("end", m.end)
		})
	}
}

// newModel is a sequence with a provider of its own, so that a kill meets no
// other.
func newModel(t *testing.T, c *localCluster, binary string, seed uint64) *model {
	own := filepath.Join(t.TempDir(), filepath.Base(binary))
	if err := os.Link(binary, own); err != nil {
		t.Fatal(err)
	}
	log := t.TempDir()
	if err := os.Mkdir(filepath.Join(log, "waiting"), 0o777); err != nil {
		t.Fatal(err)
	}
	p := newProxy(t, c)
	m := &model{
		run: &run{newSession(t, p, own, fmt.Sprintf("model-%d-%d", seed, os.Getpid())), c, log}, proxy: p,
		Rand: rand.New(rand.NewPCG(seed, 20)),
		hi:   24, size: 3, shards: 500, parallel: 4, reason: "a",
		base: map[int]int{}, forgotten: map[int]bool{}, from: map[string]int{},
	}
	m.set("hold", 0)
	m.set("fails", 0)
	t.Cleanup(func() {
		m.set("hold", lastKey)
		if m.known {
			m.terraform("destroy", "-auto-approve")
		}
	})
	return m
}

type action struct {
	name string
	do   func()
}

func (m *model) actions() []action {
	return []action{
		{
			"apply",
			m.applies,
		},
		{"apply", m.applies},
		{"edit", m.edits},
		{"edit", m.edits},
		{"tick", m.ticks},
		{"tick", m.ticks},
		{"finish", m.finishes},
		{
			"fail",
			m.fails,
		},
		{"look", m.looks},
		{"kill", m.kills},
		{"delete run", m.deletesRun},
		{"delete template", m.deletesTemplate},
		{
			"edit by hand",
			m.editsByHand,
		},
		{"lose state", m.losesState},
		{"lose record", m.losesRecord},
		{"destroy", m.destroys},
		{"stop", m.stops},
		{"pause", m.pauses},
	}
}

// act does one thing, lets what follows from it come to rest, and looks how
// often keys were processed.
func (m *model) act(name string, do func()) {
	m.Helper()
	m.trace = append(m.trace, name)
	do()
	m.rest()
	for k, n := range m.times() {
		if !m.forgotten[k] && n > m.base[k]+1 {
			m.Fatalf("after %s: key %d was processed %d times, of which %d were due", name, k, n, m.base[k]+1)
		}
	}
}

// set writes a number that runners read: partitions from key "hold" on wait, and
// of five that start one after the other as many as "fails" says fail.
func (m *model) set(name string, n int) {
	m.Helper()
	next := filepath.Join(m.log, name+".next")
	if err := os.WriteFile(next, []byte(fmt.Sprint(n)), 0o644); err != nil {
		m.Fatal(err)
	}
	if err := os.Rename(next, filepath.Join(m.log, name)); err != nil {
		m.Fatal(err)
	}
}

func (m *model) configure() {
	m.Helper()
	m.declare(fmt.Sprintf(`
  partition    = { range = { start = %d, end = %d, size = %d } }
  shard_size   = %d
  max_parallel = %d
  reason       = %q
  retry        = { limit = 0 }
  stop_timeout = "10m"
  runner = {
    image   = "busybox"
    command = ["/bin/sh", "-c", <<-EOT
      start=$BACKFILL_PARTITION_START
      mark=/log/waiting/$BACKFILL_RUN--$start
      trap 'rm -f $mark; exit 143' TERM
      touch $mark
      while [ $start -ge $(cat /log/hold) ]; do sleep 0.2; done
      rm $mark
      [ $((start %% 5)) -ge $(cat /log/fails) ] || exit 3
      echo $start $BACKFILL_PARTITION_END $BACKFILL_ATTEMPT $BACKFILL_RUN >> /log/done
    EOT
    ]
    env             = { VERSION = "%d" }
    service_account = "backfill-runner"
    volumes         = [{ name = "log", mount_path = "/log", host_path = %q }]
  }
  orchestrator = { service_account = "backfill-orchestrator" }
`, m.lo, m.hi, m.size, m.shards, m.parallel, m.reason, m.version, m.log))
}

// processed is one line of the runners' file.
type processed struct {
	start, end, attempt int
	run                 string
}

func (m *model) processed() []processed {
	m.Helper()
	text, err := os.ReadFile(filepath.Join(m.log, "done"))
	if err != nil && !os.IsNotExist(err) {
		m.Fatal(err)
	}
	var all []processed
	for line := range strings.Lines(string(text)) {
		var p processed
		if _, err := fmt.Sscan(line, &p.start, &p.end, &p.attempt, &p.run); err != nil {
			m.Fatalf("%q: %v", line, err)
		}
		all = append(all, p)
	}
	return all
}

// times counts how often keys were processed.
func (m *model) times() map[int]int {
	m.Helper()
	counts := map[int]int{}
	for _, p := range m.processed() {
		for k := p.start; k < p.end; k++ {
			counts[k]++
		}
	}
	return counts
}

// since is what a run has processed since it was made: a name may be used again.
func (m *model) since(run string) []processed {
	m.Helper()
	all := m.processed()[m.from[run]:]
	return slices.DeleteFunc(all, func(p processed) bool { return p.run != run })
}

// forget notes that the runs are gone.
func (m *model) forget(runs ...string) {
	for _, name := range runs {
		m.from[name] = len(m.processed())
	}
}

// applied notes what an apply of the current declaration means for the keys.
func (m *model) applied(complete bool) {
	times := m.times()
	for k := firstKey; k < lastKey; k++ {
		switch inside := m.lo <= k && k < m.hi; {
		case !inside:
			m.forgotten[k] = true
		case complete && m.forgotten[k]:
			delete(m.forgotten, k)
			m.base[k] = times[k]
		}
	}
}

func (m *model) applies() {
	m.Helper()
	m.configure()
	out, code := m.terraform("apply", "-auto-approve")
	if code != 0 && strings.Contains(out, "Job Already Exists") {
		m.trace = append(m.trace, "import")
		m.must("import", "backfill_job.it", namespace+"/"+m.name)
		out, code = m.terraform("apply", "-auto-approve")
	}
	if code != 0 {
		m.Fatalf("apply ended with %d:\n%s", code, out)
	}
	m.known = true
	m.applied(true)
}

func (m *model) edits() {
	switch m.IntN(6) {
	case 0, 1:
		m.lo = m.IntN(3) * 5
		m.hi, m.size = m.lo+(1+m.IntN(3))*10, []int{3, 4, 10}[m.IntN(3)]
	case 2:
		m.version = m.IntN(3)
	case 3:
		m.shards = []int{2, 3, 500}[m.IntN(3)]
	case 4:
		m.parallel = 1 + m.IntN(9)
	case 5:
		m.reason = []string{"a", "b"}[m.IntN(2)]
	}
	m.trace = append(
		m.trace,
		fmt.Sprintf(
			"[%d,%d) by %d, shards of %d, %d at once, version %d, %s",
			m.lo,
			m.hi,
			m.size,
			m.shards,
			m.parallel,
			m.version,
			m.reason,
		),
	)
}

func (m *model) ticks()    { m.set("hold", m.lo+m.IntN(m.hi-m.lo)) }
func (m *model) finishes() { m.set("hold", lastKey) }
func (m *model) fails()    { m.set("fails", m.IntN(5)) }

// looks saves what a refresh shows.
func (m *model) looks() {
	if m.known {
		m.must("refresh")
	}
}

func (m *model) kills() {
	m.configure()
	m.proxy.aim(m.IntN(25), killer(m.binary))
	_, code := m.terraform("apply", "-auto-approve")
	killed := m.proxy.rest()
	m.known = m.known || code == 0
	m.trace = append(m.trace, fmt.Sprintf("killed: %t, ended with %d", killed, code))
	m.applied(code == 0)
}

// deletesRun removes the run under way, or that nobody has looked at yet: what it did counts
// as not done.
func (m *model) deletesRun() {
	for _, wf := range m.workflows() {
		if wf.shard || !wf.unsettled {
			continue
		}
		times := m.times()
		for _, p := range m.since(wf.name) {
			for k := p.start; k < p.end; k++ {
				m.base[k] = times[k]
			}
		}
		m.kubectl("delete", "workflow", wf.name)
		m.gone(wf.name)
	}
}

func (m *model) deletesTemplate() {
	m.kubectl("delete", "workflowtemplates", "-l", "backfill.dev/job="+m.name)
}

func (m *model) editsByHand() {
	for _, wf := range m.workflows() {
		m.kubectl("patch", "workflow", wf.name, "--type=merge", "-p", `{"spec":{"parallelism":17}}`)
	}
	for _, name := range m.c.objects(m.T, m.name) {
		if template, ok := strings.CutPrefix(name, "workflowtemplates/"); ok {
			m.kubectl("patch", "workflowtemplate", template, "--type=merge", "-p", `{"spec":{"activeDeadlineSeconds":100000}}`)
		}
	}
}

// losesState loses the state, but not together with the record: then nobody
// knows anything.
func (m *model) losesState() {
	if !slices.Contains(m.c.objects(m.T, m.name), "configmaps/"+m.name+"-backfill") {
		return
	}
	for _, name := range []string{"terraform.tfstate", "terraform.tfstate.backup"} {
		if err := os.Remove(filepath.Join(m.dir, name)); err != nil && !os.IsNotExist(err) {
			m.Fatal(err)
		}
	}
	m.known = false
}

// losesRecord deletes the record right after the state was saved.
func (m *model) losesRecord() {
	if !m.known {
		return
	}
	m.must("refresh")
	if out, _ := m.terraform("state", "list"); !strings.Contains(out, "backfill_job.it") {
		return
	}
	m.kubectl("delete", "configmap", m.name+"-backfill", "--ignore-not-found")
}

func (m *model) destroys() {
	if !m.known {
		return
	}
	m.must("destroy", "-auto-approve")
	m.known = false
	if names := m.c.objects(m.T, m.name); len(names) != 0 {
		m.Fatalf("left are %q", names)
	}
	for _, p := range m.processed() {
		m.forget(p.run)
	}
	for k := firstKey; k < lastKey; k++ {
		m.forgotten[k] = true
	}
}

func (m *model) stops() { m.control("stop") }

func (m *model) pauses() {
	m.control("pause")
	m.ticks()
	m.rest()
	m.control("resume")
}

// control runs one of the commands, if there is a job.
func (m *model) control(name string) {
	m.Helper()
	out, err := exec.Command(m.binary, name, m.name, "--kubeconfig", m.c.kubeconfig).CombinedOutput()
	if err != nil && !strings.Contains(string(out), "Job Not Found") {
		m.Fatalf("%s: %v\n%s", name, err, out)
	}
}

// end brings the job to rest without failures and checks the outcome.
func (m *model) end() {
	m.set("fails", 0)
	for range 4 {
		m.act("apply", m.applies)
		m.act("finish", m.finishes)
	}
	m.must("plan", "-detailed-exitcode")
	times := m.times()
	for k := m.lo; k < m.hi; k++ {
		if times[k] == 0 {
			m.Errorf("key %d was never processed", k)
		}
	}
	m.act("destroy", m.destroys)
}

// kubectl runs the cluster's own kubectl.
func (m *model) kubectl(args ...string) {
	m.Helper()
	cmd := exec.Command(m.c.binary, append([]string{"--state", m.c.state, "kubectl", "-n", namespace}, args...)...)
	cmd.Env = append(os.Environ(), "KUBECONFIG="+m.c.kubeconfig)
	if out, err := cmd.CombinedOutput(); err != nil {
		m.Fatalf("%q: %v\n%s", args, err, out)
	}
}
