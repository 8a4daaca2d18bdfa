// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package observe

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/argo"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/manifest"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/text"
)

// maxDrift bounds the sentences about one object.
const maxDrift = 20

// machines are the field managers whose writes are never somebody's edit.
var machines = []string{
	"terraform-provider-backfill", "workflow-controller", "argo-controller", "argo-workflows", "argoexec",
}

// defaults are fields of containers and volumes that an API server with Argo's
// full CRDs fills in.
var defaults = map[string]any{
	"protocol": "TCP", "name": "", "service": "", "user": "admin", "pool": "rbd", "keyring": "/etc/ceph/keyring",
	"iscsiInterface": "default", "storageMode": "ThinProvisioned", "fsType": "xfs", "readOnly": false,
}

// differ collects one sentence per field of an object that differs.
type differ struct {
	what   string
	object manifest.Object
	// additions tells that fields differ too that were not written.
	additions bool
	found     []string
}

func differing(o manifest.Object) *differ {
	return &differ{what: o.GetKind() + " " + o.GetName(), object: o}
}

// compareMarks compares the labels and annotations that this program reads
// again.
func (d *differ) compareMarks(want, live manifest.Object) {
	for _, m := range []struct {
		where      string
		want, live map[string]string
	}{{"labels", want.GetLabels(), live.GetLabels()}, {"annotations", want.GetAnnotations(), live.GetAnnotations()}} {
		for _, name := range slices.Sorted(maps.Keys(Marks(m.want))) {
			switch value, found := m.live[name]; {
			case !found:
				d.note([]string{"metadata", m.where, name}, m.want[name], nil)
			case value != m.want[name]:
				d.note([]string{"metadata", m.where, name}, m.want[name], value)
			}
		}
	}
}

// Marks are the labels or annotations of ours that do not change.
func Marks(all map[string]string) map[string]any {
	out := map[string]any{}
	for name, value := range all {
		if strings.HasPrefix(name, "backfill.dev/") && name != argo.AnnotationReason && name != argo.AnnotationDeclaration {
			out[name] = value
		}
	}
	return out
}

// compare compares the field at a path. Lists of named things are compared by
// name, as Kubernetes merges them.
func (d *differ) compare(path string, want, live any) { d.walk([]string{path}, want, live) }

func (d *differ) walk(path []string, want, live any) {
	how := manifest.Comparing{Additions: d.additions, FilledIn: filledIn}
	for _, found := range manifest.Differences(want, live, how) {
		d.note(append(slices.Clone(path), found.Path...), found.Want, found.Live)
	}
}

// filledIn tells whether a field may be the API server's own.
func filledIn(name string, value any) bool {
	if m, ok := value.(map[string]any); ok && len(m) == 0 {
		return true
	}
	byServer, ok := defaults[name]
	return ok && byServer == value
}

// note adds the sentence about a field; want is nil for what was not written.
func (d *differ) note(path []string, want, live any) {
	if len(d.found) > maxDrift {
		return
	}
	if len(d.found) == maxDrift {
		d.found = append(d.found, d.what+" differs in more fields.")
		return
	}
	field := strings.ReplaceAll(strings.Join(path, "."), ".[", "[")
	written := "was written as " + shown(want)
	if want == nil {
		written = "was not written"
	}
	d.found = append(d.found, fmt.Sprintf("%s: %s is %s and "+
		"%s%s.", d.what, field, shown(live), written, editor(d.object, path)))
}

func shown(v any) string {
	if v == nil {
		return "gone"
	}
	data, err := json.Marshal(v)
	if err != nil {
		return fmt.Sprint(v)
	}
	return text.Shorten(string(data), 80)
}

// editor tells who last wrote a field besides this program and Argo. The API
// server keeps that for each field but not inside of lists, and not for fields
// that are gone: then it is who last wrote to the object.
func editor(o manifest.Object, path []string) string {
	var last metav1.ManagedFieldsEntry
	deepest := -1
	for _, m := range o.GetManagedFields() {
		if slices.Contains(machines, m.Manager) || m.Time == nil {
			continue
		}
		depth := owned(m.FieldsV1, path)
		if depth > deepest || depth == deepest && last.Time.Before(m.Time) {
			last, deepest = m, depth
		}
	}
	if last.Time == nil {
		return ""
	}
	return fmt.Sprintf(" (last written by %s at %s)", last.Manager, last.Time.UTC().Format(time.RFC3339))
}

// owned is how many steps of a path a field manager's own fields go along.
func owned(fields *metav1.FieldsV1, path []string) int {
	if fields == nil {
		return 0
	}
	var at map[string]json.RawMessage
	if json.Unmarshal(fields.Raw, &at) != nil {
		return 0
	}
	for depth, name := range path {
		next, ok := at["f:"+name]
		if !ok {
			return depth
		}
		at = nil
		if json.Unmarshal(next, &at) != nil {
			return depth + 1
		}
	}
	return len(path)
}
