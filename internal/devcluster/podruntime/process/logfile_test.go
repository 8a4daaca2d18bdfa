// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package process

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"pgregory.net/rapid"
)

func writeLog(t interface{ Fatal(...any) }, path, text string) {
	log, err := newLogWriter(path)
	if err != nil {
		t.Fatal(err)
	}
	log.copy("stdout", strings.NewReader(text))
	if err := log.close(); err != nil {
		t.Fatal(err)
	}
}

func read(t interface{ Fatal(...any) }, path string, options corev1.PodLogOptions) string {
	ended := make(chan struct{})
	close(ended)
	var out bytes.Buffer
	if err := readLog(context.Background(), path, &options, ended, &out); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// What is written to a container's output is what kubectl logs shows, byte for byte, and the last
// lines are the last lines.
func TestLogRoundTrip(t *testing.T) {
	dir := t.TempDir()
	files := 0
	rapid.Check(t, func(t *rapid.T) {
		lines := rapid.SliceOfN(rapid.StringMatching(`[^\n]{0,40}`), 0, 20).Draw(t, "lines")
		text := strings.Join(lines, "\n")
		files++
		path := filepath.Join(dir, fmt.Sprint(files))
		writeLog(t, path, text)
		if got := read(t, path, corev1.PodLogOptions{}); got != text {
			t.Fatalf("got %q, want %q", got, text)
		}
		follow := read(t, path, corev1.PodLogOptions{Follow: true})
		if follow != text {
			t.Fatalf("followed %q, want %q", follow, text)
		}
		n := rapid.Int64Range(0, 25).Draw(t, "tail")
		all := strings.SplitAfter(text, "\n")
		if all[len(all)-1] == "" {
			all = all[:len(all)-1]
		}
		want := strings.Join(all[max(0, len(all)-int(n)):], "")
		if got := read(t, path, corev1.PodLogOptions{TailLines: &n}); got != want {
			t.Fatalf("tail %d of %q is %q, want %q", n, text, got, want)
		}
		limit := rapid.Int64Range(1, 200).Draw(t, "limit")
		if got := read(t, path, corev1.PodLogOptions{LimitBytes: &limit}); got != text[:min(int(limit), len(text))] {
			t.Fatalf("%d bytes of %q are %q", limit, text, got)
		}
	})
}

func TestLongLinesStayWhole(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	text := strings.Repeat("x", 3*maxLogLine+5) + "\nshort"
	writeLog(t, path, text)
	if got := read(t, path, corev1.PodLogOptions{}); got != text {
		t.Errorf("got %d bytes, want %d", len(got), len(text))
	}
	if got := strings.Count(read(t, path, corev1.PodLogOptions{Timestamps: true}), "Z "); got != 2 {
		t.Errorf("%d timestamps on 2 lines", got)
	}
}

func TestLogSince(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	writeLog(t, path, "old\n")
	later := metav1.NewTime(time.Now().Add(time.Hour))
	if got := read(t, path, corev1.PodLogOptions{SinceTime: &later}); got != "" {
		t.Errorf("got %q", got)
	}
	hour := int64(3600)
	if got := read(t, path, corev1.PodLogOptions{SinceSeconds: &hour}); got != "old\n" {
		t.Errorf("got %q", got)
	}
}

func TestFollowSeesWhatComesLater(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	log, err := newLogWriter(path)
	if err != nil {
		t.Fatal(err)
	}
	r, w := io.Pipe()
	ended := make(chan struct{})
	go func() {
		log.copy("stdout", r)
		_ = log.close()
		close(ended)
	}()
	out, in := io.Pipe()
	go func() {
		_ = in.CloseWithError(readLog(context.Background(), path, &corev1.PodLogOptions{Follow: true}, ended, in))
	}()
	seen := make([]byte, 4)
	_, _ = io.WriteString(w, "one\n")
	if _, err := io.ReadFull(out, seen); err != nil || string(seen) != "one\n" {
		t.Fatalf("got %q, %v", seen, err)
	}
	_, _ = io.WriteString(w, "two")
	_ = w.Close()
	rest, err := io.ReadAll(out)
	if err != nil || string(rest) != "two" {
		t.Errorf("got %q, %v", rest, err)
	}
}

func FuzzParseLogEntry(f *testing.F) {
	f.Add("2026-01-02T03:04:05.6Z stdout F text\n")
	f.Add("x stdout P text")
	f.Add("")
	f.Fuzz(func(t *testing.T, line string) {
		entry, err := parseLogEntry(line)
		if err == nil && !strings.HasSuffix(strings.TrimSuffix(line, "\n"), strings.TrimSuffix(entry.text, "\n")) {
			t.Errorf("%q gives the text %q", line, entry.text)
		}
	})
}
