// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package job

import (
	"errors"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/distribution/reference"
	"github.com/zclconf/go-cty/cty"
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/diag"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/jobschema"
)

// maxName leaves room for the longest suffix of an object's name (`-r<N>-s<K>`
// and the suffix of Argo's pods) within the 63 characters of a label.
const maxName = 40

// maxLine is the maximum length of a one-line text, which annotations store.
const maxLine = 1024

// maxDuration is the largest activeDeadlineSeconds that Kubernetes accepts.
const maxDuration = (1<<31 - 1) * time.Second

// text checks one string by its choices and its format.
func (d *decoder) text(a jobschema.Attribute, s string, p cty.Path) {
	if strings.ContainsRune(s, 0) {
		d.report(diag.CodeText, p, "%q contains a NUL character, which cannot be passed to a program. Remove it.", a.Name)
		return
	}
	if len(a.Enum) > 0 && !slices.Contains(a.Enum, s) {
		d.report(diag.CodeChoice, p, "%q is %q.%s Use %s.", a.Name, s, diag.DidYouMean(s, a.Enum),
			orList(a.Enum))
		return
	}
	if check := formats[a.Format]; check != nil {
		check(d, a, s, p)
	}
}

func orList(words []string) string {
	quoted := make([]string, len(words))
	for i, w := range words {
		quoted[i] = fmt.Sprintf("%q", w)
	}
	if len(quoted) == 1 {
		return quoted[0]
	}
	return strings.Join(quoted[:len(quoted)-1], ", ") + " or " + quoted[len(quoted)-1]
}

// formats are the checks of single texts, by format.
var formats map[jobschema.Format]func(d *decoder, a jobschema.Attribute, s string, p cty.Path)

func init() {
	formats = map[jobschema.Format]func(*decoder, jobschema.Attribute, string, cty.Path){
		jobschema.Line:       (*decoder).line,
		jobschema.JobName:    (*decoder).jobName,
		jobschema.DNSLabel:   (*decoder).dnsLabel,
		jobschema.DNSName:    (*decoder).dnsName,
		jobschema.Image:      (*decoder).image,
		jobschema.Duration:   (*decoder).durationText,
		jobschema.Quantity:   (*decoder).quantity,
		jobschema.Ratio:      (*decoder).ratio,
		jobschema.DataKey:    (*decoder).dataKey,
		jobschema.AbsPath:    (*decoder).absolutePath,
		jobschema.RelPath:    (*decoder).relativePath,
		jobschema.PlainText:  (*decoder).plainText,
		jobschema.EnvName:    (*decoder).envPrefix,
		jobschema.Capability: (*decoder).capability,
		jobschema.LabelKey:   (*decoder).labelKeyText,
		jobschema.LabelValue: (*decoder).labelValue,
		jobschema.Clock:      (*decoder).clock,
	}
}

func (d *decoder) line(a jobschema.Attribute, s string, p cty.Path) {
	if strings.ContainsAny(s, "\r\n") {
		d.report(diag.CodeText, p, "%q has more than one line. Write it in one line.", a.Name)
		return
	}
	if n := utf8.RuneCountInString(s); n > maxLine {
		d.report(diag.CodeText, p, "%q has %d characters; the maximum is %d. Shorten it.", a.Name, n, maxLine)
	}
}

func (d *decoder) jobName(a jobschema.Attribute, s string, p cty.Path) {
	if len(s) > maxName {
		d.report(diag.CodeName, p, "The job name %q has %d characters; the maximum is %d, because the names of runs, "+
			"shards and pods append to it. Shorten it.", s, len(s), maxName)
		return
	}
	if len(validation.IsDNS1123Label(s)) > 0 {
		d.report(diag.CodeName, p, "%q is not a valid job name: Kubernetes object names are derived from it. Use at most "+
			"%d lower-case letters, digits and dashes, starting and ending with a letter or digit.", s, maxName)
	}
}

const labelForm = "Use at most 63 lower-case letters, digits and dashes, starting and ending with a letter or digit."

func (d *decoder) dnsLabel(a jobschema.Attribute, s string, p cty.Path) {
	if len(validation.IsDNS1123Label(s)) > 0 {
		d.report(diag.CodeName, p, "%q is %q, which is not a valid Kubernetes name. %s", a.Name, s, labelForm)
	}
}

func (d *decoder) dnsName(a jobschema.Attribute, s string, p cty.Path) {
	if len(validation.IsDNS1123Subdomain(s)) > 0 {
		d.report(diag.CodeName, p, "%q is %q, which is not a valid Kubernetes name. Use at most 253 lower-case letters, "+
			"digits, dashes and dots, starting and ending with a letter or digit.", a.Name, s)
	}
}

func (d *decoder) dataKey(a jobschema.Attribute, s string, p cty.Path) {
	if len(validation.IsConfigMapKey(s)) > 0 {
		d.report(diag.CodeName, p, "%q is %q, which is not a valid key of a Secret or ConfigMap. Use at most 253 letters, "+
			"digits, dashes, underscores and dots.", a.Name, s)
	}
}

func (d *decoder) image(a jobschema.Attribute, s string, p cty.Path) {
	if _, err := reference.ParseNormalizedNamed(s); err != nil {
		d.report(diag.CodeImage, p, "%q is %q, which is not a valid image reference (%s). Use the form "+
			"registry.example.com/team/app:1.2 or app@sha256:….", a.Name, s, err)
	}
}

func (d *decoder) durationText(a jobschema.Attribute, s string, p cty.Path) {
	if _, err := parseDuration(s); err != nil {
		d.report(diag.CodeDuration, p, "%q is %q, which is not a valid duration: %s. For example: 30s, 10m or 1h30m.",
			a.Name, s, err)
	}
}

// parseDuration reads whole seconds from 1 s to about 68 years.
func parseDuration(s string) (time.Duration, error) {
	v, err := time.ParseDuration(s)
	switch {
	case err != nil && strings.HasSuffix(s, "d"):
		return 0, errors.New("days are not supported, because their length varies; use hours, such as 24h")
	case err != nil:
		return 0, errors.New("it must be a number with the unit h, m or s")
	case v < time.Second:
		return 0, errors.New("it is shorter than a second")
	case v%time.Second != 0:
		return 0, errors.New("it is not a whole number of seconds")
	case v > maxDuration:
		return 0, errors.New("it is longer than 2147483647 seconds, the maximum in Kubernetes")
	}
	return v, nil
}

func (d *decoder) quantity(a jobschema.Attribute, s string, p cty.Path) {
	d.checkQuantity(a.Name, s, p)
}

// checkQuantity checks the amount of a resource.
func (d *decoder) checkQuantity(name, s string, p cty.Path) {
	q, err := resource.ParseQuantity(s)
	switch {
	case err != nil:
		d.report(diag.CodeQuantity, p, "%q is %q, which is not a valid quantity. For example: 500m or 2 for cpu, 512Mi or "+
			"1Gi for memory.", name, s)
	case q.Sign() <= 0:
		d.report(diag.CodeQuantity, p, "%q is %q; it must be greater than zero.", name, s)
	case name == "memory" && q.MilliValue()%1000 != 0:
		d.report(diag.CodeQuantity, p, "%q is %q, which is a fraction of a byte: the suffix m means thousandths. For "+
			"mebibytes, use Mi.", name, s)
	}
}

// plainText rejects {{, which Argo evaluates everywhere. Only command, args, env
// and script are escaped for Argo.
func (d *decoder) plainText(a jobschema.Attribute, s string, p cty.Path) {
	if strings.Contains(s, "{{") {
		d.report(diag.CodeText, p, "%q contains {{, which Argo Workflows would evaluate and which cannot be escaped here. "+
			"Remove the double braces, or pass the text in env.", a.Name)
	}
}

func (d *decoder) envPrefix(_ jobschema.Attribute, s string, p cty.Path) { d.envName(s, p) }

var capabilityForm = regexp.MustCompile(`^[A-Z][A-Z_]*$`)

func (d *decoder) capability(a jobschema.Attribute, s string, p cty.Path) {
	if !capabilityForm.MatchString(s) || strings.HasPrefix(s, "CAP_") {
		d.report(diag.CodeName, p, "%q is %q, which is not a valid capability. Use names without CAP_, such as ALL or "+
			"NET_RAW.", a.Name, s)
	}
}

func (d *decoder) absolutePath(a jobschema.Attribute, s string, p cty.Path) {
	switch {
	case !strings.HasPrefix(s, "/"):
		d.report(diag.CodePath, p, "%q is %q; it must be an absolute path, starting with a slash.", a.Name, s)
	case slices.Contains(strings.Split(s, "/"), ".."):
		d.report(diag.CodePath, p, "%q is %q; it must not contain “..”. Write the resulting path.", a.Name, s)
	case strings.Contains(s, "{{"):
		d.report(diag.CodePath, p, "%q is %q; it must not contain “{{”, which Argo would evaluate. Only command, args and "+
			"env may contain it.", a.Name, s)
	case strings.Contains(s, ":") && a.Name == "mount_path":
		d.report(diag.CodePath, p, "%q is %q; it must not contain a colon, which Kubernetes rejects.", a.Name, s)
	case path.Clean(s) == "/" && a.Name == "mount_path":
		d.report(diag.CodePath, p, "%q is the root directory; a mount there would hide the whole image. Mount to a "+
			"subdirectory.", a.Name)
	}
}

func (d *decoder) relativePath(a jobschema.Attribute, s string, p cty.Path) {
	if strings.Contains(s, "{{") {
		d.report(diag.CodePath, p, "%q is %q; it must not contain “{{”, which Argo would evaluate. Only command, args and "+
			"env may contain it.", a.Name, s)
		return
	}
	if s == "" || strings.HasPrefix(s, "/") || slices.Contains(strings.Split(s, "/"), "..") {
		d.report(diag.CodePath, p, "%q is %q; it must be a relative path without “..”.", a.Name, s)
	}
}
