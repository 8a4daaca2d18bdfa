// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package state

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"fmt"
	"io"
	"slices"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/manifest"
)

// Labels of records. Other objects of a job carry LabelJob too, and more.
const (
	LabelJob        = "backfill.dev/job"
	LabelTargetHash = "backfill.dev/target-hash"
	// LabelReservedHash is that of a target of which keys are reserved.
	LabelReservedHash = "backfill.dev/reserved-hash"
)

// packed is what the key of a part ends in whose text is gzipped, in binaryData.
const packed = ".gz"

// maxUnpacked bounds what a packed text may unfold to.
const maxUnpacked = 64 << 20

// readable are the parts that can be large, and up to which length together they
// are kept as text. A ConfigMap holds 1 MiB in all.
var readable = []struct {
	most  int
	parts []string
}{
	{200_000, []string{partDone, partFailed}},
	{300_000, []string{partDeclaration}},
	{64_000, []string{partFailures}},
	{64_000, []string{partReserved}},
	{64_000, []string{partSubmitted}},
}

// RecordName is the name of a job's record.
func RecordName(job string) string { return job + "-backfill" }

// TargetHash is the label value by which jobs with the same target find each
// other; "" for no target.
func TargetHash(target string) (string, error) {
	if target == "" {
		return "", nil
	}
	return manifest.Digest(target)
}

// EncodeRecord returns the ConfigMap of a state.
func EncodeRecord(s *State) (manifest.Object, error) {
	d, err := s.encode()
	if err != nil {
		return nil, err
	}
	text, binary := map[string]any{}, map[string]any{}
	for part, value := range d {
		text[part] = value
	}
	for _, group := range readable {
		if err := pack(d, group.most, group.parts, text, binary); err != nil {
			return nil, err
		}
	}
	labels, err := s.labels()
	if err != nil {
		return nil, err
	}
	o := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "v1", "kind": "ConfigMap",
		"metadata": map[string]any{"name": RecordName(s.Name), "namespace": s.Namespace, "labels": labels},
		"data":     text,
	}}
	if len(binary) > 0 {
		o.Object["binaryData"] = binary
	}
	if s.ResourceVersion != "" {
		o.SetResourceVersion(s.ResourceVersion)
	}
	return o, nil
}

func (s *State) labels() (map[string]any, error) {
	labels := map[string]any{LabelJob: s.Name}
	targets := map[string]string{LabelTargetHash: s.Target()}
	if s.Reserved != nil {
		targets[LabelReservedHash] = s.Reserved.Target
	}
	for label, target := range targets {
		hash, err := TargetHash(target)
		if err != nil {
			return nil, err
		}
		if hash != "" {
			labels[label] = hash
		}
	}
	return labels, nil
}

// pack moves parts to binaryData when they are too long together.
func pack(d document, most int, parts []string, text, binary map[string]any) error {
	total := 0
	for _, part := range parts {
		total += len(d[part])
	}
	if total <= most {
		return nil
	}
	for _, part := range parts {
		data, err := compress(d[part])
		if err != nil {
			return err
		}
		delete(text, part)
		binary[part+packed] = base64.StdEncoding.EncodeToString(data)
	}
	return nil
}

func compress(text string) ([]byte, error) {
	var b bytes.Buffer
	w, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
	if err != nil {
		return nil, err
	}
	if _, err := w.Write([]byte(text)); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

func uncompress(part, encoded string) (string, error) {
	data, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil {
		return "", invalid("%s is not base64: %w", part, err)
	}
	r, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		return "", invalid("%s is not gzip: %w", part, err)
	}
	text, err := io.ReadAll(io.LimitReader(r, maxUnpacked+1))
	if err != nil {
		return "", invalid("%s does not unpack: %w", part, err)
	}
	if len(text) > maxUnpacked {
		return "", invalid("%s unpacks to more than %d bytes", part, maxUnpacked)
	}
	return string(text), nil
}

// DecodeRecord reads a ConfigMap. An object that is not a record of ours is
// ErrForeign, one of a later format a NewerError; a damaged record is an error
// that says where.
func DecodeRecord(o manifest.Object) (*State, error) {
	job := o.GetLabels()[LabelJob]
	text, _, err := unstructured.NestedStringMap(o.Object, "data")
	if o.GetKind() != "ConfigMap" || job == "" || o.GetName() != RecordName(job) || err != nil || text[partFormat] == "" {
		return nil, fmt.Errorf("%s %q is %w", o.GetKind(), o.GetName(), ErrForeign)
	}
	binary, _, err := unstructured.NestedStringMap(o.Object, "binaryData")
	if err != nil {
		return nil, invalid("binaryData holds something else than text")
	}
	d := document(text)
	for key, encoded := range binary {
		part := key[:max(0, len(key)-len(packed))]
		if part+packed != key || !slices.Contains(packable(), part) {
			continue
		}
		if d[part], err = uncompress(key, encoded); err != nil {
			return nil, err
		}
	}
	s, err := d.decode(o.GetNamespace(), job)
	if err != nil {
		return nil, err
	}
	s.UID, s.ResourceVersion = string(o.GetUID()), o.GetResourceVersion()
	s.Created = o.GetCreationTimestamp().Time
	return s, nil
}

// packable are the parts that may be gzipped, in either format.
func packable() []string {
	parts := []string{oldDeclaration, oldDomain}
	for _, group := range readable {
		parts = append(parts, group.parts...)
	}
	return parts
}
