// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package argotest

import (
	"encoding/json"
	"fmt"
	hashfnv "hash/fnv"
	"maps"
	"strconv"
	"strings"
	"testing"

	wfv1 "github.com/argoproj/argo-workflows/v3/pkg/apis/workflow/v1alpha1"
	"github.com/argoproj/argo-workflows/v3/util/template"
	"github.com/argoproj/argo-workflows/v3/workflow/common"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/strategicpatch"
	"sigs.k8s.io/yaml"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/argo"
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

func (s scoped) steps(name string, tmpl *wfv1.Template) bool {
	ok := true
	scope := template.ToAnyMap(s.globals)
	for g, group := range tmpl.Steps {
		groupName := fmt.Sprintf("%s[%d]", name, g)
		node := s.set(groupName, wfv1.NodeTypeStepGroup, &wfv1.WorkflowStep{}, wfv1.Inputs{})
		for _, step := range group.Steps {
			if !s.proceeds(step.When, scope) {
				skipped := s.set(groupName+"."+step.Name, wfv1.NodeTypeSkipped, &step, wfv1.Inputs{})
				skipped.Phase = wfv1.NodeSkipped
				s.w.Status.Nodes[skipped.ID] = *skipped
				scope["steps."+step.Name+".status"] = string(skipped.Phase)
				continue
			}
			outputs := map[string][]string{}
			calls, err := s.expand(s.resolve(step, scope))
			if err != nil {
				node.Message = err.Error()
				return s.save(node, false)
			}
			for _, expanded := range calls {
				ok = (s.call(groupName+"."+expanded.Name, &expanded) || expanded.ContinuesOn(wfv1.NodeFailed)) && ok
				n := s.w.Status.Nodes[s.nodeID(groupName+"."+expanded.Name)]
				scope["steps."+expanded.Name+".status"] = string(n.Phase)
				if n.Outputs != nil {
					for _, p := range n.Outputs.Parameters {
						outputs[p.Name] = append(outputs[p.Name], p.Value.String())
					}
				}
			}
			for output, values := range outputs {
				text, _ := json.Marshal(values)
				if step.WithParam == "" && step.WithSequence == nil {
					text = []byte(values[0])
				}
				scope["steps."+step.Name+".outputs.parameters."+output] = string(text)
			}
		}
		if s.save(node, ok); !ok {
			return false
		}
	}
	return ok
}

// proceeds evaluates a condition as Argo does, expressions first and then the
// text as a whole; arithmetic is the same in both of the languages.
func (s scoped) proceeds(when string, scope map[string]any) bool {
	if when == "" {
		return true
	}
	for range 2 {
		text, _ := json.Marshal(when)
		resolved, err := template.ReplaceStrictAny(string(text), scope, []string{"steps", "tasks"})
		if err != nil {
			s.t.Fatalf("when %s: %v", when, err)
		}
		if err := json.Unmarshal([]byte(resolved), &when); err != nil {
			s.t.Fatal(err)
		}
		when = "{{=" + when + "}}"
	}
	return when == "{{=true}}"
}

func (s scoped) resolve(step wfv1.WorkflowStep, scope map[string]any) wfv1.WorkflowStep {
	text, err := json.Marshal(step)
	if err != nil {
		s.t.Fatal(err)
	}
	resolved, err := template.ReplaceStrictAny(string(text), scope, []string{"steps", "tasks"})
	if err != nil {
		s.t.Fatal(err)
	}
	var out wfv1.WorkflowStep
	if err := json.Unmarshal([]byte(resolved), &out); err != nil {
		s.t.Fatal(err)
	}
	return out
}

func (s scoped) expand(step wfv1.WorkflowStep) ([]wfv1.WorkflowStep, error) {
	var items []wfv1.Item
	switch {
	case step.WithParam != "":
		if err := json.Unmarshal([]byte(step.WithParam), &items); err != nil {
			return nil, fmt.Errorf("withParam value could not be parsed as a JSON list: %s: %w", step.WithParam, err)
		}
	case step.WithSequence != nil:
		start, err1 := strconv.Atoi(step.WithSequence.Start.String())
		count, err2 := strconv.Atoi(step.WithSequence.Count.String())
		if err1 != nil || err2 != nil {
			s.t.Fatalf("withSequence: %v %v", err1, err2)
		}
		for i := range count {
			item, err := wfv1.ParseItem(fmt.Sprintf("%q", strconv.Itoa(start+i)))
			if err != nil {
				s.t.Fatal(err)
			}
			items = append(items, item)
		}
	default:
		return []wfv1.WorkflowStep{step}, nil
	}
	step.WithParam, step.WithSequence = "", nil
	text, err := json.Marshal(step)
	if err != nil {
		s.t.Fatal(err)
	}
	var out []wfv1.WorkflowStep
	for i, item := range items {
		values := template.ToAnyMap(s.globals)
		values["item"] = fmt.Sprintf("%v", item)
		// As Argo's processItem does: nothing may be left unresolved.
		replaced, err := template.Replace(string(text), values, false)
		if err != nil {
			s.t.Fatalf("item %d: %v", i, err)
		}
		var one wfv1.WorkflowStep
		if err := json.Unmarshal([]byte(replaced), &one); err != nil {
			s.t.Fatal(err)
		}
		one.Name = fmt.Sprintf("%s(%d:%v)", step.Name, i, item)
		out = append(out, one)
	}
	return out, nil
}

func (s scoped) launch(n *wfv1.NodeStatus, tmpl *wfv1.Template) bool {
	child := &wfv1.Workflow{}
	if err := yaml.UnmarshalStrict([]byte(tmpl.Resource.Manifest), child); err != nil {
		s.t.Fatalf("%v\n%s", err, tmpl.Resource.Manifest)
	}
	s.Controller.Run(child)
	output := func(name, value string) wfv1.Parameter {
		return wfv1.Parameter{Name: name, Value: wfv1.AnyStringPtr(value)}
	}
	n.Outputs = &wfv1.Outputs{Parameters: []wfv1.Parameter{
		output(argo.OutProgress, string(child.Status.Progress)), output(argo.OutPhase, string(child.Status.Phase)),
	}}
	return true
}

// start makes the pod as createWorkflowPod does and starts its main container
// as the kubelet does.
func (s scoped) start(name string, tmpl *wfv1.Template, attempt int) Started {
	text, _ := json.Marshal(tmpl)
	pod := &corev1.Pod{Spec: corev1.PodSpec{
		InitContainers: []corev1.Container{
			{Name: "init", Env: []corev1.EnvVar{{Name: "ARGO_TEMPLATE", Value: string(text)}}},
		},
		Containers:   []corev1.Container{*tmpl.Container},
		Volumes:      tmpl.Volumes,
		NodeSelector: tmpl.NodeSelector,
		Affinity:     tmpl.Affinity,
		Tolerations:  tmpl.Tolerations,
	}}
	if tmpl.PodSpecPatch != "" {
		spec, _ := json.Marshal(pod.Spec)
		patched, err := strategicpatch.StrategicMergePatch(spec, []byte(tmpl.PodSpecPatch), corev1.PodSpec{})
		if err != nil {
			s.t.Fatalf("%s: patch %s: %v", name, tmpl.PodSpecPatch, err)
		}
		pod.Spec = corev1.PodSpec{}
		if err := json.Unmarshal(patched, &pod.Spec); err != nil {
			s.t.Fatalf("%s: patch %s: %v", name, tmpl.PodSpecPatch, err)
		}
	}
	pod.Name, pod.Labels, pod.Annotations = "p", maps.Clone(tmpl.Metadata.Labels), maps.Clone(tmpl.Metadata.Annotations)
	values := template.ToAnyMap(s.globals)
	for _, p := range tmpl.Inputs.Parameters {
		values["inputs.parameters."+p.Name] = p.Value.String()
	}
	values["pod.name"] = "p"
	whole, _ := json.Marshal(pod)
	replaced, err := template.Replace(string(whole), values, true)
	if err != nil && s.Broken {
		s.Controller.Refused++
		return Started{}
	}
	if err != nil {
		s.t.Fatal(err)
	}
	pod = &corev1.Pod{}
	if err := json.Unmarshal([]byte(replaced), pod); err != nil {
		s.t.Fatal(err)
	}
	main := pod.Spec.Containers[0]
	run := Started{Workflow: s.w.Name, Node: name, Attempt: attempt, Env: map[string]string{}, Pod: pod}
	for _, v := range main.Env {
		value := expand(v.Value, run.Env)
		if v.ValueFrom != nil && v.ValueFrom.ConfigMapKeyRef != nil {
			ref := v.ValueFrom.ConfigMapKeyRef
			found, ok := s.data[ref.Name][ref.Key]
			if !ok {
				s.t.Fatalf("%s: no key %q in ConfigMap %q", name, ref.Key, ref.Name)
			}
			value = found
		}
		if v.ValueFrom != nil && v.ValueFrom.FieldRef != nil {
			value = s.label(pod, v.ValueFrom.FieldRef.FieldPath)
		}
		run.Env[v.Name] = value
	}
	for _, c := range main.Command {
		run.Command = append(run.Command, expand(c, run.Env))
	}
	for _, a := range main.Args {
		run.Args = append(run.Args, expand(a, run.Env))
	}
	s.Controller.Pods = append(s.Controller.Pods, run)
	return run
}

// label is what the kubelet finds at the path of a label.
func (s scoped) label(pod *corev1.Pod, path string) string {
	s.t.Helper()
	name, is := strings.CutPrefix(path, "metadata.labels['")
	name, ends := strings.CutSuffix(name, "']")
	value, found := pod.Labels[name]
	if !is || !ends || !found {
		s.t.Fatalf("%s: no label at %s", pod.Name, path)
	}
	return value
}

// expand is the kubelet's expansion of $(NAME), as documented for the fields
// command, args and env of a container: $$ is a dollar, a reference to no
// variable stays as it is, and so does one without a closing parenthesis.
func expand(text string, env map[string]string) string {
	var out strings.Builder
	for i := 0; i < len(text); i++ {
		if text[i] != '$' || i+1 == len(text) {
			out.WriteByte(text[i])
			continue
		}
		i++
		switch text[i] {
		case '$':
			out.WriteByte('$')
		case '(':
			end := strings.IndexByte(text[i:], ')')
			if end < 0 {
				out.WriteString("$(")
				continue
			}
			name := text[i+1 : i+end]
			if value, ok := env[name]; ok {
				out.WriteString(value)
			} else {
				out.WriteString("$(" + name + ")")
			}
			i += end
		default:
			out.WriteByte('$')
			out.WriteByte(text[i])
		}
	}
	return out.String()
}
