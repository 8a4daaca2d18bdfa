// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package cluster

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net/http"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// classify converts an error of client-go to an Error; nil stays nil.
func classify(ctx context.Context, call Call, host string, err error) error {
	if err == nil {
		return nil
	}
	var known *Error
	if errors.As(err, &known) {
		return err
	}
	var away *redirect
	if errors.As(err, &away) {
		err = away // without the address of the request, which is told already
	}
	if what, ok := pluginFailure(err); ok && ctx.Err() == nil {
		return NewError(NoCredentials, call, host, errors.New(what))
	}
	return NewError(reasonOf(ctx, call, err), call, host, err)
}

func reasonOf(ctx context.Context, call Call, err error) Reason {
	if ctx.Err() != nil {
		return Canceled
	}
	var status apierrors.APIStatus
	if errors.As(err, &status) {
		return reasonOfStatus(call, status.Status())
	}
	var away *redirect
	switch {
	case errors.As(err, &away):
		return Redirected
	case unsendable(err):
		return Unsendable
	case untrusted(err):
		return Untrusted
	}
	return Unreachable
}

func reasonOfStatus(call Call, s metav1.Status) Reason {
	tooLarge := strings.Contains(s.Message, "request is too large") ||
		strings.Contains(s.Message, "Too long: may not be more than") ||
		strings.Contains(s.Message, "Too long: must have at most")
	switch {
	case tooLarge || s.Code == http.StatusRequestEntityTooLarge:
		return TooLarge
	case s.Code == http.StatusNotFound:
		return reasonOf404(call, s)
	case s.Reason == metav1.StatusReasonAlreadyExists:
		return AlreadyExists
	case s.Code == http.StatusConflict:
		return Conflict
	case s.Code == http.StatusUnauthorized:
		return Unauthorized
	case s.Code == http.StatusForbidden && !strings.Contains(s.Message, "admission") &&
		!strings.Contains(s.Message, "exceeded quota"):
		return Forbidden
	case s.Code == http.StatusTooManyRequests:
		return Throttled
	case s.Code >= 500:
		return Unavailable
	}
	return Refused
}

// reasonOf404 distinguishes a missing object, namespace and kind. The API server's
// response names a missing object or namespace, but not a missing kind.
func reasonOf404(call Call, s metav1.Status) Reason {
	if s.Details == nil || s.Details.Name == "" || s.Details.Kind == "" {
		return NoSuchKind
	}
	for _, c := range s.Details.Causes {
		if c.Type == metav1.CauseTypeUnexpectedServerResponse {
			return NoSuchKind
		}
	}
	if s.Details.Kind == "namespaces" && s.Details.Name == call.Namespace {
		return NoSuchNamespace
	}
	return NotFound
}

func isExpired(err error) bool {
	return apierrors.IsResourceExpired(err) || apierrors.IsGone(err)
}

func untrusted(err error) bool {
	var (
		verification *tls.CertificateVerificationError
		authority    x509.UnknownAuthorityError
		name         x509.HostnameError
		invalid      x509.CertificateInvalidError
	)
	return errors.As(err, &verification) || errors.As(err, &authority) || errors.As(err, &name) || errors.As(err, &invalid)
}
