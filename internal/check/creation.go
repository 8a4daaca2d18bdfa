// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package check

import (
	"fmt"
	"time"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/diag"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/job"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/plan"
)

// longCreation is the time for pod creation above which Creation warns.
const longCreation = 24 * time.Hour

// Creation warns if creating the pods of a run takes more than a day, because the
// controller creates them at a limited rate. It also warns if creation is the
// bottleneck: even if every runner used its whole deadline, there would never be
// max_parallel of them.
func Creation(j *job.Job, p plan.Plan) hcl.Diagnostics {
	rate := int64(j.Controller.PodsPerSecond)
	if rate <= 0 {
		return nil
	}
	takes := time.Duration(p.Partitions/rate) * time.Second
	rateText := fmt.Sprintf("%d pods per second (controller.pods_per_second)", rate)
	if takes > longCreation {
		times := int64(takes/longCreation) + 1
		return slow(cty.GetAttrPath("partition"), "Creating the %d pods of the run takes about %d hours at %s, "+
			"regardless of max_parallel. With partitions %d times as large it would take less than a day.",
			p.Partitions, int64(takes.Round(time.Hour)/time.Hour), rateText, times)
	}
	busy := int64(j.Runner.Deadline/time.Second) * rate
	if most := min(int64(j.MaxParallel), p.Partitions); busy > 0 && busy < most {
		return slow(cty.GetAttrPath("runner").GetAttr("deadline"), "At %s and with a deadline of %s, at most %d pods run "+
			"in parallel, although max_parallel is %d: creating the pods takes longer than running them. To reach "+
			"max_parallel, make partitions %d times as large, with a longer deadline.",
			rateText, job.DurationText(j.Runner.Deadline), busy, j.MaxParallel, (most+busy-1)/busy)
	}
	return nil
}

func slow(at cty.Path, format string, args ...any) hcl.Diagnostics {
	d := diag.At(diag.CodeCreation, at, fmt.Sprintf(format, args...))
	d.Severity = hcl.DiagWarning
	return hcl.Diagnostics{d}
}
