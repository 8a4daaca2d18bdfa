// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package cluster

import (
	"errors"
	"fmt"
)

// Reason is why a call to the cluster failed.
type Reason string

// The reasons.
const (
	NotFound        Reason = "NotFound"
	NoSuchNamespace Reason = "NoSuchNamespace"
	NoSuchKind      Reason = "NoSuchKind" // the CRD is not installed
	AlreadyExists   Reason = "AlreadyExists"
	Conflict        Reason = "Conflict" // the object has changed since it was read
	Forbidden       Reason = "Forbidden"
	Unauthorized    Reason = "Unauthorized"
	Refused         Reason = "Refused" // by validation or an admission webhook
	TooLarge        Reason = "TooLarge"
	Throttled       Reason = "Throttled"
	Unavailable     Reason = "Unavailable" // the server failed: 500, 503, 504
	Unreachable     Reason = "Unreachable" // no answer from the server
	Untrusted       Reason = "Untrusted"   // TLS
	Canceled        Reason = "Canceled"    // by the caller's context
	NoCredentials   Reason = "NoCredentials"
	Misconfigured   Reason = "Misconfigured"
)

// Call is one request to the cluster.
type Call struct {
	Verb            string // get, list, create, update, patch or delete
	Kind            Kind
	Namespace, Name string // Name is the selector of a list
}

// String is the call for people: `create Workflow "data/orders-r1"`.
func (c Call) String() string {
	if c.Verb == "list" {
		return fmt.Sprintf("list %ss of namespace %q", c.Kind, c.Namespace)
	}
	return fmt.Sprintf("%s %s \"%s/%s\"", c.Verb, c.Kind, c.Namespace, c.Name)
}

// Error is a failed call, in words for the user.
type Error struct {
	Reason Reason
	Call   Call
	// Host is the URL of the API server, "" when there is none.
	Host string
	// Err is the cause; its text is part of Detail.
	Err error
	// Summary is a title without values; Detail says what, why and what next.
	Summary, Detail string
}

// Error returns summary and detail on one line.
func (e *Error) Error() string { return e.Summary + ": " + e.Detail }

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// NewError words a failed call. The cause may be nil.
func NewError(reason Reason, call Call, host string, cause error) *Error {
	e := &Error{Reason: reason, Call: call, Host: host, Err: cause}
	e.Summary, e.Detail = words(e)
	return e
}

func words(e *Error) (summary, detail string) {
	server := "the API server"
	if e.Host != "" {
		server += " " + e.Host
	}
	why := ""
	if e.Err != nil {
		why = " The answer was: " + e.Err.Error() + "."
	}
	failed := "Could not " + e.Call.String() + ": "
	switch e.Reason {
	case NotFound:
		return "Object Not Found", fmt.Sprintf("%s \"%s/%s\" does not exist.", e.Call.Kind, e.Call.Namespace, e.Call.Name)
	case NoSuchNamespace:
		return "Namespace Not Found", failed + fmt.Sprintf("namespace %q does not exist. Create it, or name another one in the job's \"namespace\".", e.Call.Namespace)
	case NoSuchKind:
		r := Resource(e.Call.Kind)
		return "Argo Workflows Not Installed", failed + fmt.Sprintf("%s does not know the kind %s of %s. "+
			"Install Argo Workflows 3.7 or newer in this cluster, or configure the cluster that has it.", server, e.Call.Kind, r.GroupVersion())
	case AlreadyExists:
		return "Object Already Exists", failed + "an object of this name exists already."
	case Conflict:
		return "Object Changed Meanwhile", failed + "somebody changed it since it was read. Try again." + why
	case Forbidden:
		r := Resource(e.Call.Kind)
		return "Not Permitted by the Cluster", failed + fmt.Sprintf("the credentials in use do not permit it. Ask an administrator for a Role in namespace %q "+
			"with the verb %q on %q; the command rbac prints the Roles that jobs need.", e.Call.Namespace, e.Call.Verb, r.GroupResource().String()) + why
	case Unauthorized:
		return "Credentials Refused by the Cluster", failed + server + " does not accept the configured credentials. They may have expired: renew them, " +
			"or check \"token\", \"client_certificate\", \"exec\" or the kubeconfig's user."
	case NoCredentials:
		return "No Credentials For The Cluster", failed + "the program that \"exec\", or the kubeconfig's user, names gave no credentials." + cause(e) +
			" Run it by hand with the same arguments and variables: it must print an ExecCredential. What it wrote to standard error is there, or in Terraform's log (TF_LOG=debug)."
	case Refused:
		return "Object Refused by the Cluster", failed + server + " refused it." + why
	case TooLarge:
		return "Object Too Large for the Cluster", failed + "it is larger than the cluster stores. Choose fewer partitions for a run, or a smaller \"shard_size\"." + why
	case Throttled:
		return "Cluster Overloaded", failed + server + " asked to slow down and kept asking. Try again later." + why
	case Unavailable:
		return "Cluster Failed to Answer", failed + server + " reported a failure of its own. Try again; if it stays, ask the cluster's administrator." + why
	case Unreachable:
		return "Cluster Not Reachable", failed + "no answer from " + server + ". Check the address, that the cluster runs, and the network, VPN or proxy between." + cause(e)
	case Untrusted:
		return "Cluster Not Trusted", failed + "the certificate of " + server + " could not be verified. Set \"cluster_ca_certificate\" to the cluster's CA, " +
			"or \"tls_server_name\" when it is reached under another name." + cause(e)
	case Canceled:
		return "Operation Cancelled", failed + "it was cancelled or its time was over." + cause(e)
	}
	return "Cluster Call Failed", failed + server + " gave an answer that was not expected." + why
}

func cause(e *Error) string {
	if e.Err == nil {
		return ""
	}
	return " The cause was: " + e.Err.Error() + "."
}

// ReasonOf returns the reason of an error of this package, or "".
func ReasonOf(err error) Reason {
	var e *Error
	if errors.As(err, &e) {
		return e.Reason
	}
	return ""
}

// IsNotFound tells that the object does not exist.
func IsNotFound(err error) bool { return ReasonOf(err) == NotFound }

// IsAlreadyExists tells that an object of this name exists.
func IsAlreadyExists(err error) bool { return ReasonOf(err) == AlreadyExists }

// IsConflict tells that the object is not as the caller assumed: another
// resourceVersion or another uid.
func IsConflict(err error) bool { return ReasonOf(err) == Conflict }

// IsTransient tells that the same call may succeed later, and that it may have
// been carried out although it failed.
func IsTransient(err error) bool {
	switch ReasonOf(err) {
	case Throttled, Unavailable, Unreachable:
		return true
	}
	return false
}
