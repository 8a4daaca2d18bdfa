// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package read

import (
	"bytes"
	"compress/gzip"
	"sync"
	"time"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/argo"
)

// nodeStatus is the part of Argo's NodeStatus that outcomes are read from.
type nodeStatus struct {
	ID          string
	DisplayName string
	Type        string
	Phase       argo.Phase
	Message     string
	Inputs      parameters
	Outputs     parameters
	Children    []string
	// templateName and calledName are the two places for the name of a template.
	templateName, calledName      string
	hostNodeName, outputsExitCode string // the exit code among the outputs
	startedAt, finishedAt         stamp
}

func (n *nodeStatus) started() time.Time { return instant(n.startedAt) }

// stamp is a time as Argo writes it, in UTC and whole seconds. Few are ever asked
// for, so they stay as they are; as strings they would be most of what is kept.
type stamp [len("2006-01-02T15:04:05Z")]byte

func stampOf(text []byte) (s stamp) {
	if len(text) == len(s) {
		copy(s[:], text)
	}
	return s
}

// instant is the zero time where Argo has written null.
func instant(s stamp) time.Time {
	At, _ := time.Parse(time.RFC3339, string(s[:]))
	return At
}

func (s *scanner) stamp(into *stamp) error {
	if s.null() {
		return nil
	}
	text, err := s.quoted()
	*into = stampOf(text)
	return err
}

type parameter struct{ name, value string }

type parameters []parameter

func (p parameters) get(name string) (string, bool) {
	for _, param := range p {
		if param.name == name {
			return param.value, true
		}
	}
	return "", false
}

// template is the name of the template that the node runs.
func (n *nodeStatus) template() string {
	if n.calledName != "" {
		return n.calledName
	}
	return n.templateName
}

func (n *nodeStatus) failed() bool { return n.Phase == argo.PhaseFailed || n.Phase == argo.PhaseError }

// nodeSpace is the room for the node statuses of one Workflow. It is used again
// for others: those of a large run are hundreds of megabytes together.
type nodeSpace struct {
	nodes    []nodeStatus
	attempts map[string]bool // ids of the attempts of retried nodes

	words map[string]string // see scanner
	gzip  gzip.Reader
	text  bytes.Buffer // unpacked
}

var nodeSpaces = sync.Pool{New: func() any {
	return &nodeSpace{attempts: map[string]bool{}, words: map[string]string{}}
}}

// decode reads node statuses from JSON, an object of them by their ids. It takes
// the fields of nodeStatus and skips the others: decoding those too would be
// most of what reading a large run costs.
func (sp *nodeSpace) decode(text []byte) error {
	sp.nodes = sp.nodes[:0]
	clear(sp.attempts)
	clear(sp.words)
	s := &scanner{json: text, words: sp.words}
	err := s.object(func(id []byte) error {
		n := sp.next()
		n.ID = s.known(id)
		return s.object(s.node(n))
	})
	if err == nil {
		err = s.end()
	}
	for i := range sp.nodes {
		if n := &sp.nodes[i]; n.Type == "Retry" {
			for _, id := range n.Children {
				sp.attempts[id] = true
			}
		}
	}
	return err
}

// next is an empty node at the end, whose lists have the room of an earlier one.
func (sp *nodeSpace) next() *nodeStatus {
	if len(sp.nodes) < cap(sp.nodes) {
		sp.nodes = sp.nodes[:len(sp.nodes)+1]
	} else {
		sp.nodes = append(sp.nodes, nodeStatus{})
	}
	n := &sp.nodes[len(sp.nodes)-1]
	*n = nodeStatus{Inputs: n.Inputs[:0], Outputs: n.Outputs[:0], Children: n.Children[:0]}
	return n
}

// node reads the fields of a node.
func (s *scanner) node(n *nodeStatus) func(field []byte) error {
	return func(field []byte) error {
		switch string(field) {
		case "displayName":
			return s.text(&n.DisplayName)
		case "message":
			return s.text(&n.Message)
		case "type":
			return s.word(&n.Type)
		case "phase":
			return s.word((*string)(&n.Phase))
		case "templateName":
			return s.word(&n.templateName)
		case "hostNodeName":
			return s.word(&n.hostNodeName)
		case "startedAt":
			return s.stamp(&n.startedAt)
		case "finishedAt":
			return s.stamp(&n.finishedAt)
		case "templateRef":
			return s.object(s.only("template", func() error { return s.word(&n.calledName) }))
		case "inputs":
			return s.object(s.only("parameters", func() error { return s.parameters(&n.Inputs) }))
		case "outputs":
			return s.object(func(field []byte) error {
				switch string(field) {
				case "parameters":
					return s.parameters(&n.Outputs)
				case "exitCode":
					return s.word(&n.outputsExitCode)
				}
				return s.skip()
			})
		case "children":
			return s.array(func() error {
				n.Children = append(n.Children, "")
				return s.word(&n.Children[len(n.Children)-1])
			})
		}
		return s.skip()
	}
}

// only reads one field of an object.
func (s *scanner) only(name string, read func() error) func(field []byte) error {
	return func(field []byte) error {
		if string(field) == name {
			return read()
		}
		return s.skip()
	}
}

func (s *scanner) parameters(into *parameters) error {
	return s.array(func() error {
		var p parameter
		err := s.object(func(field []byte) error {
			switch string(field) {
			case "name":
				return s.word(&p.name)
			case "value":
				return s.text(&p.value)
			}
			return s.skip()
		})
		*into = append(*into, p)
		return err
	})
}
