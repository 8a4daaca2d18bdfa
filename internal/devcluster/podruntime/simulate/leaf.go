// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package simulate

import (
	"encoding/json"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/kubernetes/third_party/forked/golang/expansion"
)

// Names in the pods that Argo's controller makes.
const (
	mainContainer      = "main"
	waitContainer      = "wait"
	initContainer      = "init"
	templateVariable   = "ARGO_TEMPLATE"
	nodeNameAnnotation = "workflows.argoproj.io/node-name"
)

// keyVariable names what a pod works on. Pods without it are known by the name of their node in the workflow.
const keyVariable = "BACKFILL_PARTITION_KEY"

// template is what matters of a workflow's template.
type template struct {
	Container json.RawMessage `json:"container"`
	Script    json.RawMessage `json:"script"`
	Outputs   struct {
		Parameters []json.RawMessage `json:"parameters"`
		Artifacts  []json.RawMessage `json:"artifacts"`
		Result     *string           `json:"result"`
	} `json:"outputs"`
}

// isLeaf tells whether all that Argo learns from a pod is how its container ends.
func isLeaf(pod *corev1.Pod) bool {
	text, ok := templateOf(pod)
	if !ok {
		return false
	}
	var t template
	if json.Unmarshal([]byte(text), &t) != nil {
		return false // too large for a variable, so Argo has put it elsewhere
	}
	return (t.Container != nil || t.Script != nil) &&
		len(t.Outputs.Parameters) == 0 && len(t.Outputs.Artifacts) == 0 && t.Outputs.Result == nil
}

func templateOf(pod *corev1.Pod) (string, bool) {
	for i := range pod.Spec.InitContainers {
		if c := &pod.Spec.InitContainers[i]; c.Name == initContainer {
			for _, v := range c.Env {
				if v.Name == templateVariable {
					return v.Value, true
				}
			}
		}
	}
	return "", false
}

// attemptName is the name of the pod's node in its workflow, which tells attempts, runs and partitions apart.
func attemptName(pod *corev1.Pod) string {
	if name := pod.Annotations[nodeNameAnnotation]; name != "" {
		return name
	}
	return pod.Name
}

// lookup is the value of a key of a ConfigMap.
type lookup func(configMap, key string) (string, error)

// keyOf is what the pod works on: the value of keyVariable in its main container.
func keyOf(pod *corev1.Pod, data lookup) (string, error) {
	for i := range pod.Spec.Containers {
		if c := &pod.Spec.Containers[i]; c.Name == mainContainer {
			if key, found, err := variable(c.Env, keyVariable, data); err != nil || found {
				return key, err
			}
		}
	}
	return partitionNode(attemptName(pod)), nil
}

// variable computes one variable of a container; those that it does not refer to are not looked up.
func variable(env []corev1.EnvVar, name string, data lookup) (value string, found bool, err error) {
	for i := len(env) - 1; i >= 0; i-- {
		v := &env[i]
		if v.Name != name {
			continue
		}
		if v.ValueFrom == nil {
			value = expansion.Expand(v.Value, func(other string) string {
				text, known, failed := variable(env[:i], other, data)
				if failed != nil {
					err = failed
				}
				if !known {
					return "$(" + other + ")"
				}
				return text
			})
			return value, true, err
		}
		if ref := v.ValueFrom.ConfigMapKeyRef; ref != nil {
			value, err = data(ref.Name, ref.Key)
			return value, err == nil, err
		}
		return "", false, nil
	}
	return "", false, nil
}

// partitionNode is the name of the node without the number of the attempt, "…(7:7)(2)".
func partitionNode(name string) string {
	open := strings.LastIndexByte(name, '(')
	if open <= 0 || name[open-1] != ')' || strings.ContainsRune(name[open:], ':') {
		return name
	}
	return name[:open]
}
