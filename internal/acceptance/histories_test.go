// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package acceptance

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// history is a command of Terraform that something interrupts, what comes
// before it, and what must hold after it was repeated.
type history struct {
	name string
	// long tells that it is for BACKFILL_TEST_LONG alone.
	long bool
	// before brings the job to where the command starts.
	before func(*run)
	// command is given to Terraform, with -auto-approve.
	command string
	// after lets the job come to its end, when the command leaves it waiting.
	after func(*run)
	// want is how often each partition is done in the end.
	want map[string]int
	// fewest is the least number of points that make sense.
	fewest int
}

// run is a session with the files of its runners.
type run struct {
	*session
	c   *localCluster
	log string
}

// counted is a job whose runners append a line per partition to /log/done, and to
// /log/tried when they begin. The
// partition 10--20 fails as long as there is no file "fixed". While HOLD is
// set, all partitions but the first wait until they are stopped, or until there
// is a file "go".
func (r *run) counted(hold string, more string) string {
	return fmt.Sprintf(`
  partition = { range = { start = 0, end = 30, size = 10 } }
  retry     = { limit = 0, backoff = "1s" }
  runner = {
    image           = "busybox"
    command         = ["/bin/sh", "-c", <<-EOT
      trap 'exit 143' TERM
      echo $BACKFILL_PARTITION_KEY $BACKFILL_ATTEMPT >> /log/tried
      while [ -n "$HOLD" ] && [ $BACKFILL_PARTITION_START != 0 ] && [ ! -e /log/go ]; do sleep 0.1; done
      [ $BACKFILL_PARTITION_START != 10 ] || [ -e /log/fixed ] || exit 3
      echo $BACKFILL_PARTITION_KEY $BACKFILL_ATTEMPT $BACKFILL_RUN >> /log/done
    EOT
    ]
    env             = { HOLD = %q }
    service_account = "backfill-runner"
    volumes         = [{ name = "log", mount_path = "/log", host_path = %q }]
  }
%s
`, hold, r.log, more)
}

// touch makes a file that runners look for.
func (r *run) touch(name string) {
	r.Helper()
	if err := os.WriteFile(filepath.Join(r.log, name), nil, 0o600); err != nil {
		r.Fatal(err)
	}
}

// failed is a job of which one partition has failed, and would not any more.
func failed(r *run) {
	r.must("apply", "-auto-approve")
	r.watch(r.c, 1)
	r.touch("fixed")
}

// holding is a job of which one partition is done and two are under way.
func holding(r *run) {
	r.touch("fixed")
	r.declare(r.counted("1", ""))
	r.must("apply", "-auto-approve")
	var progress string
	for end := time.Now().Add(2 * time.Minute); time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
		wf, err := r.c.dynamic.Resource(workflows).Namespace(namespace).Get(r.Context(), r.name+"-r1", metav1.GetOptions{})
		if err != nil {
			r.Fatal(err)
		}
		if progress, _, _ = unstructured.NestedString(wf.Object, "status", "progress"); progress == "1/3" {
			return
		}
	}
	r.Fatalf("progress is %q\n%s", progress, r.c.describe(r.name+"-r1"))
}

func histories() []history {
	once := map[string]int{"0--10": 1, "10--20": 1, "20--30": 1}
	twice := maps.Clone(once)
	twice["0--10"], twice["20--30"] = 2, 2
	edit := func(before func(*run), hold, more string) func(*run) {
		return func(r *run) {
			before(r)
			r.declare(r.counted(hold, more))
		}
	}
	release := func(r *run) { r.touch("go") }
	resume := func(r *run) {
		r.touch("go")
		r.declare(r.counted("1", "paused = false"))
		r.must("apply", "-auto-approve")
	}
	return []history{
		{name: "create", before: func(r *run) { r.touch("fixed") }, command: "apply", want: once, fewest: 8},
		{name: "update", long: true, before: failed, command: "apply", want: once, fewest: 12},
		{name: "destroy", long: true, before: failed, command: "destroy", fewest: 10},
		{name: "destroy-active", long: true, before: holding, command: "destroy", fewest: 10},
		{name: "revision", long: true, before: edit(failed, "", `revision = "2"`), command: "apply", want: twice, fewest: 12},
		{
			name:    "paused",
			long:    true,
			before:  edit(holding, "1", "paused = true"),
			command: "apply",
			after:   resume,
			want:    once,
			fewest:  8,
		},
		{
			name:    "parallel",
			long:    true,
			before:  edit(holding, "1", "max_parallel = 2"),
			command: "apply",
			after:   release,
			want:    once,
			fewest:  8,
		},
		{name: "stop", long: true, before: edit(holding, "", ""), command: "apply", want: once, fewest: 12},
		{
			name:    "finish",
			long:    true,
			before:  edit(holding, "", `on_change = "finish"`),
			command: "apply",
			after:   release,
			want:    once,
			fewest:  6,
		},
	}
}

// begin brings a job to where the command of the history starts.
func (h history) begin(t *testing.T, c *localCluster, p *proxy, binary, name string) *run {
	log := t.TempDir()
	if err := os.Chmod(log, 0o777); err != nil {
		t.Fatal(err)
	}
	r := &run{newSession(t, p, binary, name), c, log}
	r.declare(r.counted("", ""))
	t.Cleanup(func() { r.terraform("destroy", "-auto-approve") })
	h.before(r)
	return r
}

// end repeats the command, and checks what must hold then.
func (h history) end(r *run, c *localCluster) {
	if out, code := r.terraform(h.command, "-auto-approve"); code != 0 {
		// The creation was over, and nobody was left to write the state.
		if !strings.Contains(out, "Job Already Exists") {
			r.Fatalf("%s ended with %d:\n%s", h.command, code, out)
		}
		r.must("import", "backfill_job.it", namespace+"/"+r.name)
		r.must(h.command, "-auto-approve")
	}
	if h.command == "apply" {
		if h.after != nil {
			h.after(r)
		}
		r.watch(c, 0)
		r.must("plan", "-detailed-exitcode")
		if counts := linesByKey(r.T, filepath.Join(r.log, "done")); !maps.Equal(counts, h.want) {
			r.Errorf("partitions were done %v, want %v", counts, h.want)
		}
		r.must("destroy", "-auto-approve")
	}
	if names := c.objects(r.T, r.name); len(names) != 0 {
		r.Errorf("left are %q", names)
	}
}
