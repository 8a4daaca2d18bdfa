// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package read

import (
	"regexp"
	"strings"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/argo"
)

// What the API server refuses it explains at the end of a long sentence, of which the
// beginning says what every refusal says. Messages are shortened at their end, so the
// beginning is left out first.
var (
	// podRefused are messages of the controller about a pod that it could not create. A
	// runner cannot write them: what it says comes behind the name of its container.
	podRefused = regexp.MustCompile(`^([Pp]ods? "[^"]*" is (forbidden|invalid): |admission webhook "|` +
		`Internal error occurred: failed calling webhook)`)
	// launchRefused are messages of a launcher, whose only container is Argo's own.
	launchRefused = regexp.MustCompile(`Error from server|is (forbidden|invalid): |` +
		`admission webhook "|failed calling webhook`)
	// explained is what stands before the reason.
	explained = regexp.MustCompile(`(?s)^.*?(admission webhook ".*|failed calling webhook .*)$|` +
		`^.*?[A-Za-z.]+ "[^"]*" is (?:forbidden|invalid): (.*)$`)
	// attempted is what argoexec says before what went wrong.
	attempted = regexp.MustCompile(`^main: Error \(exit code [0-9]+\): (no more retries )?`)
)

// refusal is why the API server did not take what a node was to create; false when
// it did.
func (n *nodeStatus) refusal() (reason string, refused bool) {
	which := podRefused
	if n.template() == argo.TemplateLauncher && strings.HasPrefix(n.Message, "main:") {
		which = launchRefused
	}
	if !which.MatchString(n.Message) {
		return "", false
	}
	if found := explained.FindStringSubmatch(n.Message); found != nil {
		return found[1] + found[2], true
	}
	return n.launched(), true
}

// launched is the message of a node without what argoexec says in every launcher.
func (n *nodeStatus) launched() string {
	if n.template() != argo.TemplateLauncher {
		return n.Message
	}
	return attempted.ReplaceAllString(n.Message, "")
}

// told is the message of a node such that its beginning tells the most.
func (n *nodeStatus) told() string {
	if reason, refused := n.refusal(); refused {
		return reason
	}
	return n.launched()
}
