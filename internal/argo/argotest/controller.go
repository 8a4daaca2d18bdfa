// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package argotest

import (
	"fmt"
	hashfnv "hash/fnv"
	"strconv"
	"strings"
	"testing"

	wfv1 "github.com/argoproj/argo-workflows/v3/pkg/apis/workflow/v1alpha1"
	"github.com/argoproj/argo-workflows/v3/workflow/common"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/yaml"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/manifest"
)

// Controller stands in for Argo's: it takes emitted objects through every
// substitution that the real one makes, with Argo's own template code, and
// then through the kubelet's expansion. It knows steps, fan-outs, retries,
// launchers and containers, which is all that is emitted.
type Controller struct {
	t         *testing.T
	Templates map[string]*wfv1.WorkflowTemplate
	data      map[string]map[string]string
	// Outcome decides how attempt n of a pod ends; nil: all succeed.
	Outcome func(Started) (failed bool)
	// Answer is what generators write.
	Answer string
	// Broken tells that pods may fail to be made; refused counts those.
	Broken  bool
	Refused int
	// Message is what Argo says of a failed attempt.
	Message func(Started) string
	// Pods are the containers that ran, in order.
	Pods []Started
	// Workflows are the finished Workflows with node statuses.
	Workflows map[string]*wfv1.Workflow
}

// Started is one container as the kubelet starts it.
type Started struct {
	Workflow, Node string
	Attempt        int
	Command, Args  []string
	Env            map[string]string
	Pod            *corev1.Pod
}

func NewController(t *testing.T, objects ...manifest.Object) (*Controller, *wfv1.Workflow) {
	t.Helper()
	c := &Controller{
		t: t, Templates: map[string]*wfv1.WorkflowTemplate{}, data: map[string]map[string]string{},
		Workflows: map[string]*wfv1.Workflow{},
	}
	var run *wfv1.Workflow
	for _, o := range objects {
		switch o.GetKind() {
		case "WorkflowTemplate":
			tmpl := &wfv1.WorkflowTemplate{}
			c.strict(o, tmpl)
			c.Templates[tmpl.Name] = tmpl
		case "ConfigMap":
			cm := &corev1.ConfigMap{}
			c.strict(o, cm)
			c.data[cm.Name] = cm.Data
		case "Workflow":
			run = &wfv1.Workflow{}
			c.strict(o, run)
		}
	}
	return c, run
}

func (c *Controller) strict(o manifest.Object, into any) {
	c.t.Helper()
	text, err := manifest.Encode([]manifest.Object{o}, "yaml")
	if err != nil {
		c.t.Fatal(err)
	}
	if err := yaml.UnmarshalStrict(text, into); err != nil {
		c.t.Fatalf("%s is not strictly typed: %v\n%s", o.GetName(), err, text)
	}
}

// Run takes a Workflow to its end.
func (c *Controller) Run(w *wfv1.Workflow) {
	c.t.Helper()
	w.Status.Nodes = wfv1.Nodes{}
	globals := common.Parameters{"workflow.name": w.Name, "workflow.namespace": w.Namespace, "workflow.uid": "u"}
	for _, p := range w.Spec.Arguments.Parameters {
		globals["workflow.parameters."+p.Name] = p.Value.String()
	}
	for k, v := range w.Labels {
		globals["workflow.labels."+k] = v
	}
	s := scoped{c, w, globals, w.Spec.Templates}
	w.Status.Phase = wfv1.WorkflowSucceeded
	if !s.call(w.Name, &wfv1.WorkflowStep{Template: w.Spec.Entrypoint}) {
		w.Status.Phase = wfv1.WorkflowFailed
	}
	if exit := w.Spec.OnExit; exit != "" && !s.call(w.Name+".onExit", &wfv1.WorkflowStep{Template: exit}) {
		w.Status.Phase = wfv1.WorkflowFailed
	}
	done, pods := 0, 0
	for _, n := range w.Status.Nodes {
		if n.Type != wfv1.NodeTypePod {
			continue
		}
		pods++
		if n.Phase == wfv1.NodeSucceeded {
			done++
		}
	}
	w.Status.Progress = wfv1.Progress(fmt.Sprintf("%d/%d", done, pods))
	c.Workflows[w.Name] = w
}

// scoped runs templates of one Workflow or of a WorkflowTemplate it refers to.
type scoped struct {
	*Controller
	w         *wfv1.Workflow
	globals   common.Parameters
	templates []wfv1.Template
}

// nodeID is Argo's, see Workflow.NodeID.
func (s scoped) nodeID(name string) string {
	if name == s.w.Name {
		return name
	}
	h := hashfnv.New32a()
	_, _ = h.Write([]byte(name))
	return fmt.Sprintf("%s-%v", s.w.Name, h.Sum32())
}

func (s scoped) set(name string, kind wfv1.NodeType, step *wfv1.WorkflowStep, inputs wfv1.Inputs) *wfv1.NodeStatus {
	s.t.Helper()
	id := s.nodeID(name)
	if other, ok := s.w.Status.Nodes[id]; ok {
		s.t.Fatalf("nodes %q and %q share the id %s", name, other.Name, id)
	}
	n := wfv1.NodeStatus{
		ID: id, Name: name, DisplayName: name[strings.LastIndex(name, ".")+1:], Type: kind, Phase: wfv1.NodeSucceeded,
		TemplateName: step.Template, TemplateRef: step.TemplateRef,
	}
	if len(inputs.Parameters) > 0 {
		n.Inputs = &inputs
	}
	s.w.Status.Nodes[id] = n
	return &n
}

func (s scoped) save(n *wfv1.NodeStatus, succeeded bool) bool {
	if !succeeded {
		n.Phase = wfv1.NodeFailed
	}
	s.w.Status.Nodes[n.ID] = *n
	return succeeded
}

func (s scoped) call(name string, step *wfv1.WorkflowStep) bool {
	s.t.Helper()
	wanted := step.Template
	if ref := step.TemplateRef; ref != nil {
		of, ok := s.Controller.Templates[ref.Name]
		if !ok {
			s.t.Fatalf("no WorkflowTemplate %s", ref.Name)
		}
		wanted, s.templates = ref.Template, of.Spec.Templates
	}
	for i := range s.templates {
		if s.templates[i].Name == wanted {
			tmpl, err := common.ProcessArgs(
				&s.templates[i],
				&step.Arguments,
				s.globals,
				common.Parameters{},
				false,
				s.w.Namespace,
				nil,
			)
			if err != nil {
				s.t.Fatalf("%s: %v", name, err)
			}
			return s.execute(name, step, tmpl)
		}
	}
	s.t.Fatalf("no template %s", wanted)
	return false
}

func (s scoped) execute(name string, step *wfv1.WorkflowStep, tmpl *wfv1.Template) bool {
	if tmpl.RetryStrategy == nil {
		n := s.set(name, wfutilType(tmpl), step, tmpl.Inputs)
		return s.save(n, s.once(n, tmpl, 0))
	}
	parent := s.set(name, wfv1.NodeTypeRetry, step, tmpl.Inputs)
	parent.Message = "No more retries left"
	last := ""
	for attempt := 0; attempt <= tmpl.RetryStrategy.Limit.IntValue(); attempt++ {
		local := common.Parameters{
			"retries": strconv.Itoa(attempt), "pod.name": "p",
			"lastRetry.exitCode": "0", "lastRetry.duration": "0", "lastRetry.status": "", "lastRetry.message": last,
		}
		again, err := common.SubstituteParams(tmpl, s.globals, local)
		if err != nil {
			s.t.Fatalf("%s attempt %d: %v", name, attempt, err)
		}
		n := s.set(fmt.Sprintf("%s(%d)", name, attempt), wfutilType(tmpl), step, again.Inputs)
		parent.Children = append(parent.Children, n.ID)
		if s.save(n, s.once(n, again, attempt)) {
			parent.Outputs, parent.Message = n.Outputs, ""
			return s.save(parent, true)
		}
		last = n.Message
	}
	return s.save(parent, false)
}

func wfutilType(tmpl *wfv1.Template) wfv1.NodeType {
	if tmpl.Steps != nil {
		return wfv1.NodeTypeSteps
	}
	return wfv1.NodeTypePod
}

func (s scoped) once(n *wfv1.NodeStatus, tmpl *wfv1.Template, attempt int) bool {
	switch {
	case tmpl.Steps != nil:
		return s.steps(n.Name, tmpl)
	case tmpl.Resource != nil:
		return s.launch(n, tmpl)
	}
	pod := s.start(n.Name, tmpl, attempt)
	for _, p := range tmpl.Outputs.Parameters {
		p.Value = wfv1.AnyStringPtr(s.Answer)
		n.Outputs = &wfv1.Outputs{Parameters: []wfv1.Parameter{p}}
	}
	if s.Outcome != nil && s.Outcome(pod) {
		n.Message = fmt.Sprintf("main: Error (exit code 1), attempt %d", attempt)
		if s.Message != nil {
			n.Message = s.Message(pod)
		}
		return false
	}
	return true
}
