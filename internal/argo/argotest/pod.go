// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package argotest

import (
	"encoding/json"
	"maps"
	"strings"

	wfv1 "github.com/argoproj/argo-workflows/v3/pkg/apis/workflow/v1alpha1"
	"github.com/argoproj/argo-workflows/v3/util/template"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/strategicpatch"
	"sigs.k8s.io/yaml"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/argo"
)

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
