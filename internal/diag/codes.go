// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package diag

import (
	"fmt"
	"slices"
)

// Info explains one code for the troubleshooting page.
type Info struct {
	Code    string
	Summary string // the title of every diagnostic with this code
	Cause   string
	Fix     string
}

// The codes. BF10–BF14 are about files, blocks, variables, expressions and
// references of the job language, BF16 about converting workflows, Terraform files
// and, from BF1610, limits of evaluation, BF20–BF22
// about one job, BF30 about its objects, BF40 about the cluster, BF50 about
// Terraform; BF90 is a bug. A code never changes its meaning.
const (
	CodeEncoding       = "BF1001"
	CodeTooLarge       = "BF1002"
	CodeSyntax         = "BF1003"
	CodeNesting        = "BF1004"
	CodeNoJob          = "BF1005"
	CodeUnreadable     = "BF1006"
	CodeHugeNumber     = "BF1007"
	CodeHugeValue      = "BF1008"
	CodeUnknownBlock   = "BF1101"
	CodeUnknownAttr    = "BF1102"
	CodeMissingAttr    = "BF1103"
	CodeWrongType      = "BF1104"
	CodeNotABlock      = "BF1105"
	CodeRepeatedBlock  = "BF1106"
	CodeBothForms      = "BF1107"
	CodeLabels         = "BF1108"
	CodeDuplicateJob   = "BF1109"
	CodeUnknownVar     = "BF1201"
	CodeNoValue        = "BF1202"
	CodeVarValue       = "BF1203"
	CodeVarDecl        = "BF1204"
	CodeUnknownRef     = "BF1205"
	CodeDuplicateVar   = "BF1206"
	CodeValidation     = "BF1207"
	CodeDuplicateLocal = "BF1208"
	CodeCycle          = "BF1209"
	CodeForEach        = "BF1210"
	CodeExpression     = "BF1301"
	CodeLateNotAllowed = "BF1401"
	CodeLateWrapped    = "BF1402"
	CodeLateUnknown    = "BF1403"
	CodeLateMalformed  = "BF1404"
	CodeManifestSyntax = "BF1601"
	CodeManifestShape  = "BF1602"
	CodeNoWorkflow     = "BF1603"
	CodeNoFanOut       = "BF1604"
	CodeNoTemplate     = "BF1605"
	CodeNotARunner     = "BF1606"
	CodeDecision       = "BF1607"
	CodeSteps          = "BF1610"
	CodeTimeout        = "BF1611"
	CodeManifestLarge  = "BF1612"
	CodeTerraformName  = "BF1640"
	CodeEmptyObject    = "BF1641"

	CodeName         = "BF2001"
	CodeOutOfRange   = "BF2002"
	CodeChoice       = "BF2003"
	CodeWholeNumber  = "BF2004"
	CodeQuantity     = "BF2005"
	CodeDuration     = "BF2006"
	CodeImage        = "BF2007"
	CodePath         = "BF2008"
	CodeLabel        = "BF2009"
	CodeEnvName      = "BF2010"
	CodeReserved     = "BF2011"
	CodeClash        = "BF2012"
	CodeNullElement  = "BF2013"
	CodeText         = "BF2014"
	CodeSensitive    = "BF2015"
	CodeRatio        = "BF2020"
	CodeNoDomain     = "BF2101"
	CodeTwoDomains   = "BF2102"
	CodeRange        = "BF2103"
	CodeValues       = "BF2104"
	CodeTooMany      = "BF2105"
	CodeValuesSize   = "BF2106"
	CodeTime         = "BF2107"
	CodeDimensions   = "BF2108"
	CodeQuery        = "BF2110"
	CodeOpenBounds   = "BF2111"
	CodeLimitBelow   = "BF2201"
	CodeNoCommand    = "BF2202"
	CodeRetryBackoff = "BF2203"
	CodeNoSource     = "BF2204"
	CodeTwoSources   = "BF2205"
	CodeKubernetes   = "BF2206"
	CodeArgoVersion  = "BF2209"
	CodeArgoOverride = "BF2210"
	CodeSpot         = "BF2220"
	CodeAnchorPins   = "BF2221"
	CodeExitCode     = "BF2222"
	CodeOOM          = "BF2223"
	CodeCanary       = "BF2230"
	CodeBudget       = "BF2231"
	CodeCanaryKeys   = "BF2232"
	CodeCreation     = "BF2233"
	CodeLimits       = "BF2240"
	CodeLimit        = "BF2241"
	CodeForbidden    = "BF2242"
	CodeLimitLifted  = "BF2243"
	CodeMoved        = "BF2250"
	CodeWindows      = "BF2251"
	CodeKillCommand  = "BF2252"
	CodeSetTwice     = "BF2253"

	CodeInvalidManifest = "BF3001"
	CodeObjectTooLarge  = "BF3002"
	CodeStatusTooLarge  = "BF3003"

	CodeCluster       = "BF4001"
	CodeJobNotFound   = "BF4002"
	CodeJobExists     = "BF4003"
	CodeNotOurs       = "BF4004"
	CodeHeldElsewhere = "BF4005"
	CodeStalePlan     = "BF4006"
	CodeRunActive     = "BF4007"
	CodeRecordDamaged = "BF4008"
	CodeLeftBehind    = "BF4009"
	CodeRunLost       = "BF4010"
	CodeNotRecorded   = "BF4011"
	CodeAdopted       = "BF4012"
	CodeOverlap       = "BF4013"
	CodeRunUnreadable = "BF4014"
	CodeHealed        = "BF4015"
	CodeReprocess     = "BF4016"
	CodeTeardown      = "BF4017"
	CodeImposed       = "BF4018"
	CodeNotWaiting    = "BF4020"
	CodeStuck         = "BF4021"
	CodeUndeclared    = "BF4030"
	CodeNoPool        = "BF4031"
	CodePoolExists    = "BF4032"
	CodePoolInUse     = "BF4033"
	CodeForgotten     = "BF4040"
	CodeRunNotNeeded  = "BF4050"

	CodeNoDeclaration   = "BF5001"
	CodeTwoDeclarations = "BF5002"
	CodeWithoutSource   = "BF5003"
	CodeManyJobs        = "BF5004"
	CodeUnknownJob      = "BF5005"
	CodeVariablesType   = "BF5006"
	CodeImportID        = "BF5007"
	CodeReplacement     = "BF5008"
	CodeClusterUnknown  = "BF5009"
	CodeAwaitFailed     = "BF5010"
	CodeAwaitTime       = "BF5011"
	CodeAwaitNothing    = "BF5012"
	CodeAwaitCanary     = "BF5013"
	CodeMoveSource      = "BF5030"
	CodeMovePart        = "BF5031"
	CodeMovedGone       = "BF5032"
	CodePodsRefused     = "BF5050"
	CodeNoPlace         = "BF5051"
	CodePodsLive        = "BF5070"
	CodePodsUnlisted    = "BF5071"

	CodeInternal = "BF9001"
)

// registry lists every code, ascending.
var registry = slices.Concat(languageCodes, jobCodes, clusterCodes, terraformCodes, internalCodes)

var byCode = func() map[string]Info {
	m := make(map[string]Info, len(registry))
	for _, i := range registry {
		m[i.Code] = i
	}
	return m
}()

// Codes lists every registered code, ascending.
func Codes() []Info { return slices.Clone(registry) }

func mustLookup(code string) Info {
	i, ok := byCode[code]
	if !ok {
		panic(fmt.Sprintf("diag: code %q is not registered", code))
	}
	return i
}
