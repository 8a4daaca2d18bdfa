// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package engine

import (
	"errors"
	"fmt"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/cluster"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/diag"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/manifest"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/record"
)

func problem(code, format string, args ...any) *hcl.Diagnostic {
	return diag.At(code, nil, fmt.Sprintf(format, args...))
}

func warning(code, format string, args ...any) *hcl.Diagnostic {
	d := problem(code, format, args...)
	d.Severity = hcl.DiagWarning
	return d
}

func warningAt(code string, at cty.Path, format string, args ...any) *hcl.Diagnostic {
	return diag.Warning(code, at, diag.SummaryOf(code), fmt.Sprintf(format, args...))
}

func internal(doing string, err error) *hcl.Diagnostic {
	return problem(diag.CodeInternal, "Failure while %s: %v.", doing, err)
}

// canceled is the error of a wait within a call that its caller gave up.
func canceled(c cluster.Call, cause error) error {
	return cluster.NewError(cluster.Canceled, c, "", cause)
}

// canceledOn is canceled for a call that concerns one object.
func canceledOn(verb string, o manifest.Object, cause error) error {
	return canceled(cluster.Call{Verb: verb, Kind: cluster.Kind(o.GetKind()), Namespace: o.GetNamespace(), Name: o.GetName()}, cause)
}

// failed words an error of the cluster.
func failed(err error) *hcl.Diagnostic {
	var stays *lingering
	if errors.As(err, &stays) {
		return problem(diag.CodeLeftBehind, "An object of an earlier job of the name is being deleted, and is still there:\n\n  %s\n\nNo run was submitted. "+
			"See what holds the object in namespace %q, for example whether the Argo controller runs, and apply again.", listed(stays.Object), stays.GetNamespace())
	}
	var known *cluster.Error
	if !errors.As(err, &known) {
		return internal("talking to the cluster", err)
	}
	d := diag.Error(diag.CodeCluster, nil, known.Summary, known.Detail)
	d.Extra = diag.Extra{Code: diag.CodeCluster, Cause: known}
	return d
}

// caused tells whether an error among the problems has a cause of some kind.
func caused(diags hcl.Diagnostics, is func(error) bool) bool {
	for _, d := range diags {
		if d.Severity == hcl.DiagError && is(diag.CauseOf(d)) {
			return true
		}
	}
	return false
}

func damagedState(err error) *hcl.Diagnostic {
	return problem(diag.CodeRecordDamaged, "What the Terraform state remembers of the job cannot be read: %v. Remove the resource from the state and import it again: the job's record in the cluster holds everything.", err)
}

func damagedRecord(namespace, job string, err error) *hcl.Diagnostic {
	name := record.Name(job)
	if errors.Is(err, record.ErrForeign) {
		return notOurs(string(cluster.ConfigMap), namespace, name)
	}
	cure := "Restore it from a backup. Without one, delete it and plan again: what the Terraform state knows as done, and what the job's Workflows show, is kept."
	if errors.Is(err, record.ErrNewer) {
		cure = "Use the version of this program that wrote it, or a later one."
	}
	return problem(diag.CodeRecordDamaged, "ConfigMap \"%s/%s\" holds the record of the job, but %v. Nothing was changed. %s", namespace, name, err, cure)
}

func notOurs(kind, namespace, name string) *hcl.Diagnostic {
	return problem(diag.CodeNotOurs, "%s \"%s/%s\" exists and was not made for this job; it is never overwritten. Rename the job, or remove that object if nobody needs it.", kind, namespace, name)
}

func notOursObject(o manifest.Object) *hcl.Diagnostic {
	return notOurs(o.GetKind(), o.GetNamespace(), o.GetName())
}

func heldElsewhere(rec *record.Record) *hcl.Diagnostic {
	return problem(diag.CodeHeldElsewhere, "Job \"%s/%s\" is managed by another Terraform state (owner token %s…), or was created anew since this state was written; nothing was changed. "+
		"Manage it in one place: remove it from this state, or import it here with\n\n  terraform import <address> %s/%s\n\nafter removing it from the other one.",
		rec.Namespace, rec.Name, rec.Owner[:min(8, len(rec.Owner))], rec.Namespace, rec.Name)
}

func stalePlan(rec *record.Record, planned, left string) *hcl.Diagnostic {
	return problem(diag.CodeStalePlan, "Job \"%s/%s\" has changed since the plan was made: planned was %s, and left to run is %s. Nothing was submitted. Plan again.",
		rec.Namespace, rec.Name, planned, left)
}

func jobGone(namespace, name string) *hcl.Diagnostic {
	return problem(diag.CodeJobNotFound, "Namespace %q has no record of job %q. Check name, namespace and cluster; if the record was deleted by hand, plan again.", namespace, name)
}
