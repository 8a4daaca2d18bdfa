// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package argotest

import (
	"encoding/json"
	"fmt"
	"strconv"

	wfv1 "github.com/argoproj/argo-workflows/v3/pkg/apis/workflow/v1alpha1"
	"github.com/argoproj/argo-workflows/v3/util/template"
)

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
