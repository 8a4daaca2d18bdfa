// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package cluster

import (
	"errors"
	"fmt"
)

// Reason is the reason of a failed call.
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
	Unreachable     Reason = "Unreachable" // no response from the server
	Untrusted       Reason = "Untrusted"   // TLS
	Redirected      Reason = "Redirected"  // to another host
	Canceled        Reason = "Canceled"    // by the caller's context
	NoCredentials   Reason = "NoCredentials"
	Unsendable      Reason = "Unsendable" // credentials that no request can carry
	Misconfigured   Reason = "Misconfigured"
)

// Call is one request to the cluster.
type Call struct {
	Verb            string // get, list, create, update, patch or delete
	Kind            Kind
	Namespace, Name string // Name is the selector of a list
}

// String describes the call: `create Workflow "data/orders-r1"`.
func (c Call) String() string {
	if c.Verb == "list" {
		return fmt.Sprintf("list %ss of namespace %q", c.Kind, c.Namespace)
	}
	return fmt.Sprintf("%s %s \"%s/%s\"", c.Verb, c.Kind, c.Namespace, c.Name)
}

// Error is a failed call, with a message for the user.
type Error struct {
	Reason Reason
	Call   Call
	// Host is the URL of the API server, "" if there is none.
	Host string
	// Err is the cause. Its text is part of Detail.
	Err error
	// Summary is a title without values. Detail says what failed, why, and what
	// to do next.
	Summary, Detail string
}

// Error returns summary and detail on one line.
func (e *Error) Error() string { return e.Summary + ": " + e.Detail }

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// NewError makes the error of a failed call. The cause may be nil.
func NewError(reason Reason, call Call, host string, cause error) *Error {
	e := &Error{Reason: reason, Call: call, Host: host, Err: cause}
	e.Summary, e.Detail = words(e)
	e.Detail = withoutPasswords(e.Detail)
	return e
}

func words(e *Error) (summary, detail string) {
	server := "the API server"
	if e.Host != "" {
		server += " " + e.Host
	}
	why := ""
	if e.Err != nil {
		why = " The response was: " + e.Err.Error() + "."
	}
	failed := "Could not " + e.Call.String() + ": "
	switch e.Reason {
	case NotFound:
		return "Object Not Found", fmt.Sprintf("%s \"%s/%s\" does not exist.", e.Call.Kind, e.Call.Namespace, e.Call.Name)
	case NoSuchNamespace:
		return "Namespace Not Found", failed + fmt.Sprintf("namespace %q does not exist. Create it, or set another one in "+
			"the job's \"namespace\".", e.Call.Namespace)
	case NoSuchKind:
		r := Resource(e.Call.Kind)
		return "Argo Workflows Not Installed", failed + fmt.Sprintf("%s does not know the kind %s of %s. "+
			"Install Argo Workflows 3.7 or later in this cluster, or configure a cluster that has it.", server, e.Call.Kind,
			r.GroupVersion())
	case AlreadyExists:
		return "Object Already Exists", failed + "an object with this name already exists."
	case Conflict:
		return "Object Changed Concurrently", failed + "the object has changed since it was read. Try again." + why
	case Forbidden:
		r := Resource(e.Call.Kind)
		return "Not Permitted by the Cluster", failed + fmt.Sprintf("the credentials do not have the permission. Ask an "+
			"administrator for a Role in namespace %q "+
			"with the verb %q on %q. The command rbac prints the Roles that jobs need.", e.Call.Namespace, e.Call.Verb,
			r.GroupResource().String()) + why
	case Unauthorized:
		return "Credentials Rejected by the Cluster", failed + server + " rejected the configured credentials. They may " +
			"have expired: renew them, " +
			"or check \"token\", \"client_certificate\", \"exec\" or the kubeconfig's user."
	case NoCredentials:
		return "No Credentials For The Cluster", failed + "the credential plugin of \"exec\" or of the kubeconfig's user " +
			"returned no credentials." + cause(e) +
			" Run it by hand with the same arguments and variables: it must print an ExecCredential. Its standard error is " +
			"in Terraform's log (TF_LOG=debug), or on the terminal."
	case Refused:
		return "Object Rejected by the Cluster", failed + server + " rejected it." + why
	case TooLarge:
		return "Object Too Large for the Cluster", failed + "the object is too large for the cluster. Choose fewer " +
			"partitions per run, or a smaller \"shard_size\"." + why
	case Throttled:
		return "Cluster Overloaded", failed + server + " throttled all attempts. Try again later." + why
	case Unavailable:
		return "Cluster Unavailable", failed + server + " reported an internal failure. Try again. If it fails again, " +
			"contact the cluster's administrator." + why
	case Unreachable:
		return "Cluster Not Reachable", failed + "no response from " + server + ". Check the address, the cluster, and " +
			"the network, VPN or proxy." + cause(e)
	case Untrusted:
		return "Cluster Not Trusted", failed + "the certificate of " + server +
			" is not trusted. Set \"cluster_ca_certificate\" to the cluster's CA, " +
			"or \"tls_server_name\" if the certificate has another name." + cause(e)
	case Redirected:
		return "Redirected to Another Host", failed + server + " answered with a redirect, which is not followed: the " +
			"credentials are for the configured host alone." + cause(e) + " Set \"host\", or the kubeconfig's server, to " +
			"the address of the API server itself. If the redirect leads to a login page, a proxy in front of the server " +
			"does not accept these credentials."
	case Unsendable:
		return "Unusable Credentials", failed + "no request can carry the credentials." + cause(e) + " Check what " +
			"\"exec\", the kubeconfig's user or its plugin gives: each value is one line of ASCII characters."
	case Canceled:
		return "Operation Cancelled", failed + "it was cancelled or timed out." + cause(e)
	}
	return "Cluster Call Failed", failed + server + " returned an unexpected response." + why
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

// IsNotFound is true if the object does not exist.
func IsNotFound(err error) bool { return ReasonOf(err) == NotFound }

// IsAlreadyExists is true if an object with this name exists.
func IsAlreadyExists(err error) bool { return ReasonOf(err) == AlreadyExists }

// IsConflict is true if the object has another resourceVersion or uid than the
// caller assumed.
func IsConflict(err error) bool { return ReasonOf(err) == Conflict }

// IsTransient is true if the same call may succeed later. It may have taken effect
// although it failed.
func IsTransient(err error) bool {
	switch ReasonOf(err) {
	case Throttled, Unavailable, Unreachable:
		return true
	}
	return false
}
