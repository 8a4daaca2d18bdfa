// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"text/tabwriter"
	"time"

	"k8s.io/component-base/version"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/devcluster/argoexec"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/devcluster/component"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/devcluster/controlplane"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/devcluster/lifecycle"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/devcluster/sandbox"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/devcluster/supervise"
)

type globals struct {
	State string `help:"Directory of everything the cluster writes." default:".devcluster" env:"DEVCLUSTER_STATE" type:"path"`
	Cache string `help:"Directory of builds that clusters share (default: devcluster in the user's cache directory)." env:"DEVCLUSTER_CACHE" type:"path"`
}

type commands struct {
	globals

	Up            upCommand            `cmd:"" help:"Start the cluster and print its kubeconfig."`
	Down          downCommand          `cmd:"" help:"Stop the cluster."`
	Status        statusCommand        `cmd:"" help:"Say what runs."`
	Kubectl       kubectlCommand       `cmd:"" passthrough:"" help:"Run kubectl against the cluster."`
	Pool          poolCommand          `cmd:"" help:"Print or change a node pool."`
	Reclaim       reclaimCommand       `cmd:"" help:"Take a node back, as a cloud does with a spot node."`
	Storm         stormCommand         `cmd:"" help:"Take nodes back again and again."`
	Consolidate   consolidateCommand   `cmd:"" help:"Remove nodes that are not needed, by an autoscaler's rules."`
	Evict         evictCommand         `cmd:"" help:"Evict a pod through the API, which respects disruption budgets."`
	Logs          logsCommand          `cmd:"" help:"Print the end of a component's log."`
	Simulate      simulateCommand      `cmd:"" help:"Change how simulated pods behave that start from now on."`
	BuildArgoexec buildArgoexecCommand `cmd:"" help:"Build Argo's executor."`
	Version       versionCommand       `cmd:"" help:"Print versions."`
	Supervise     superviseCommand     `cmd:"" hidden:""`
	Probe         probeCommand         `cmd:"" hidden:""`
}

type upCommand struct {
	Runtime       string        `help:"How containers run: as processes; or simulated, if they are leaves of workflows." enum:"process,simulate" default:"process"`
	Simulation    string        `help:"How simulated pods behave, such as seed=7,median=2s,exit=0.02 (see devcluster simulate --help)."`
	Tuned         bool          `help:"Take more load than a person makes: spend memory to save processor time, queue and log less."`
	Profile       string        `help:"Whose node labels and taints the nodes carry." enum:"gke,eks,karpenter,aks,custom" default:"gke"`
	OnDemand      int           `help:"Number of on-demand nodes." default:"1"`
	Spot          int           `help:"Number of spot nodes." default:"2"`
	OnDemandMax   int           `help:"How far the on-demand pool grows for pods that find no node."`
	SpotMax       int           `help:"How far the spot pool grows for pods that find no node."`
	NodeDelay     time.Duration `help:"Time from ordering a machine to its node." default:"5s"`
	NodeGrace     time.Duration `help:"How long a node may be silent before Kubernetes takes it for lost." default:"50s"`
	TaskResults   time.Duration `help:"How long Argo waits for the results of a pod that ended without reporting." default:"10m"`
	CPUPerNode    string        `help:"CPU capacity of each node." default:"4" name:"cpu-per-node"`
	MemoryPerNode string        `help:"Memory capacity of each node." default:"8Gi"`
	PodsPerNode   string        `help:"Pod capacity of each node." default:"110"`
	MemoryLimits  string        `help:"How memory limits are kept: by the kernel where a memory cgroup can be written, else by watching; or always by watching." enum:"auto,watch" default:"auto"`
	CRDs          string        `help:"Argo's CRDs: without schema, or with." enum:"minimal,full" default:"minimal" name:"crds"`
	Requeue       time.Duration `help:"Argo's pause between two looks at one Workflow (stock: 10s)." default:"1s"`
	ArgoQPS       int           `help:"Requests a second of Argo's controller (stock: 20)." default:"200" name:"argo-qps"`
	ArgoBurst     int           `help:"Requests at once of Argo's controller (stock: 30)." default:"400"`
	MaxWorkflow   int           `help:"Size in bytes above which Argo compresses the status of a Workflow." default:"1048576" name:"max-workflow-size"`
	NoWriteBack   bool          `help:"Have Argo wait a second after each look until it hears of what it wrote, instead of keeping that in memory uncompressed."`
	Foreground    bool          `help:"Stay, and stop the cluster on interrupt."`
}

// Run starts the cluster.
func (c *upCommand) Run(g *globals, pin argoexec.Pin) error {
	ctx, stop := interruptible()
	defer stop()
	begin := time.Now()

	l, err := controlplane.NewLayout(g.State)
	if err != nil {
		return err
	}
	if _, running, err := lifecycle.Running(l); err != nil {
		return err
	} else if running {
		if err := lifecycle.Join(ctx, l, os.Stderr); err != nil {
			return err
		}
		fmt.Fprintln(os.Stderr, "The cluster is running already; options of this call are not applied.")
		fmt.Print(lifecycle.Access(l))
		return nil
	}
	if err := lifecycle.Preflight(ctx, l); err != nil {
		return err
	}
	options, err := c.options(ctx, g, pin)
	if err != nil {
		return err
	}
	if err := writeSimulation(l, c.Simulation); err != nil {
		return err
	}
	ready := func() {
		fmt.Fprintf(os.Stderr, "The cluster is ready after %.1f s.\n", time.Since(begin).Seconds())
		fmt.Print(lifecycle.Access(l))
	}
	if c.Foreground {
		return lifecycle.Foreground(ctx, l, options, os.Stderr, ready)
	}
	if err := lifecycle.Detach(ctx, l, options, os.Stderr); err != nil {
		return err
	}
	ready()
	return nil
}

func (c *upCommand) options(ctx context.Context, g *globals, pin argoexec.Pin) (lifecycle.Options, error) {
	assets, err := ensureAssets(ctx, g, pin)
	if err != nil {
		return lifecycle.Options{}, err
	}
	return lifecycle.Options{
		Runtime:     c.Runtime,
		Profile:     c.Profile,
		OnDemand:    c.OnDemand,
		Spot:        c.Spot,
		OnDemandMax: c.OnDemandMax,
		SpotMax:     c.SpotMax,
		NodeDelay:   c.NodeDelay,
		NodeGrace:   c.NodeGrace,
		TaskResults: c.TaskResults,
		CPU:         c.CPUPerNode,
		Memory:      c.MemoryPerNode,
		Pods:        c.PodsPerNode,
		WatchMemory: c.MemoryLimits == "watch",
		CRDs:        c.CRDs,
		Argo: controlplane.ArgoPace{
			Requeue:     c.Requeue,
			QPS:         c.ArgoQPS,
			Burst:       c.ArgoBurst,
			MaxWorkflow: c.MaxWorkflow,
			NoWriteBack: c.NoWriteBack,
		},
		Tuned:       c.Tuned,
		ArgoVersion: pin.Version,
		Assets:      assets,
	}, nil
}

func ensureAssets(ctx context.Context, g *globals, pin argoexec.Pin) (argoexec.Assets, error) {
	cache := g.Cache
	if cache == "" {
		var err error
		if cache, err = argoexec.DefaultCache(); err != nil {
			return argoexec.Assets{}, err
		}
	}
	return argoexec.Ensure(ctx, cache, pin, os.Stderr)
}

type superviseCommand struct{}

// Run is the supervisor that "up" starts in the background.
func (c *superviseCommand) Run(g *globals) error {
	ctx, stop := interruptible()
	defer stop()
	l, err := controlplane.NewLayout(g.State)
	if err != nil {
		return err
	}
	executable, err := os.Executable()
	if err != nil {
		return fmt.Errorf("find this program: %w", err)
	}
	return lifecycle.Serve(ctx, l, executable, func(line string) {
		fmt.Printf("%s %s\n", time.Now().Format(time.RFC3339), line)
	})
}

type probeCommand struct{}

// Run tries a container the way the node agent does, and says what is missing.
func (c *probeCommand) Run(g *globals) error {
	ctx, stop := interruptible()
	defer stop()
	if entered, err := sandbox.Enter(ctx); entered {
		// The inner process has printed its own message.
		var exit *exec.ExitError
		if errors.As(err, &exit) {
			os.Exit(1)
		}
		return err
	}
	l, err := controlplane.NewLayout(g.State)
	if err != nil {
		return err
	}
	return sandbox.Probe(l.Root)
}

type downCommand struct {
	Remove bool `help:"Delete the state directory as well."`
}

// Run stops the cluster.
func (c *downCommand) Run(g *globals) error {
	root, err := filepath.Abs(g.State)
	if err != nil {
		return fmt.Errorf("resolve the state directory: %w", err)
	}
	stopped, err := lifecycle.Down(controlplane.Layout{Root: root}, os.Stderr)
	if err != nil {
		return err
	}
	if !stopped {
		fmt.Fprintln(os.Stderr, "The cluster is not running.")
	}
	if !c.Remove {
		return nil
	}
	return lifecycle.Remove(root)
}

type statusCommand struct{}

// Run prints one line per component; it fails when the cluster is not up.
func (c *statusCommand) Run(g *globals) error {
	root, err := filepath.Abs(g.State)
	if err != nil {
		return fmt.Errorf("resolve the state directory: %w", err)
	}
	l := controlplane.Layout{Root: root}
	state, running, err := lifecycle.Running(l)
	if err != nil {
		return err
	}
	if !running {
		return errors.New("the cluster is not running")
	}
	fmt.Printf("%s, kubeconfig %s\n", state.Phase, l.Kubeconfig())
	table := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	for _, child := range state.Children {
		phase := "running"
		if !child.Identity.Alive() {
			phase = "ended"
		}
		fmt.Fprintf(
			table,
			"%s\t%s\tpid %d\trestarts %d\t%s\n",
			child.Name,
			phase,
			child.Identity.PID,
			child.Restarts,
			child.Log,
		)
	}
	if err := table.Flush(); err != nil {
		return fmt.Errorf("print the status: %w", err)
	}
	if state.Phase != supervise.PhaseReady {
		return errors.New("the cluster is not ready")
	}
	return nil
}

type kubectlCommand struct {
	Args []string `arg:"" optional:"" help:"Arguments of kubectl."`
}

// Run becomes kubectl.
func (c *kubectlCommand) Run(g *globals) error {
	root, err := filepath.Abs(g.State)
	if err != nil {
		return fmt.Errorf("resolve the state directory: %w", err)
	}
	kubeconfig := controlplane.Layout{Root: root}.Kubeconfig()
	// Without the file kubectl would try port 8080 of this machine.
	if _, err := os.Stat(kubeconfig); err != nil {
		return fmt.Errorf("no cluster was started in %s; run devcluster up, or name another directory with --state", root)
	}
	component.Kubectl(kubeconfig, c.Args)
	return nil
}

type logsCommand struct {
	Component string `arg:"" optional:"" help:"Which component; the supervisor by default." default:"supervisor"`
	Lines     int    `help:"How many lines." default:"100"`
}

// Run prints the last lines of a log.
func (c *logsCommand) Run(g *globals) error {
	root, err := filepath.Abs(g.State)
	if err != nil {
		return fmt.Errorf("resolve the state directory: %w", err)
	}
	l := controlplane.Layout{Root: root}
	lines, err := supervise.Tail(l.Log(c.Component), 0, c.Lines)
	if errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf(
			"there is no log of %q; components are supervisor, %s",
			c.Component,
			strings.Join(controlplane.Components(), ", "),
		)
	}
	if err != nil {
		return err
	}
	for _, line := range lines {
		fmt.Println(line)
	}
	return nil
}

type buildArgoexecCommand struct {
	Out string `help:"Copy the executor to this file." required:"" type:"path"`
}

// Run builds the executor, or takes it from the cache.
func (c *buildArgoexecCommand) Run(g *globals, pin argoexec.Pin) error {
	ctx, stop := interruptible()
	defer stop()
	assets, err := ensureAssets(ctx, g, pin)
	if err != nil {
		return err
	}
	return argoexec.Install(assets, c.Out)
}

type versionCommand struct{}

// Run prints the versions of what is linked in.
func (c *versionCommand) Run(pin argoexec.Pin) error {
	_, err := fmt.Printf("Kubernetes %s\nArgo Workflows %s\n", version.Get().GitVersion, pin.Version)
	return err
}

func interruptible() (context.Context, context.CancelFunc) {
	return signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
}
