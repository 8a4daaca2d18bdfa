// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package process

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/devcluster/podruntime"
)

// followInterval is how often a followed log is looked at.
const followInterval = 100 * time.Millisecond

// Bounds of a termination message taken from the log (the kubelet's), in lines and bytes.
const (
	maxTailLines = 80
	maxTailBytes = 2048
)

// logReader writes what a log file holds as options ask.
type logReader struct {
	in      *bufio.Reader
	partial string // a line that is not complete yet
	since   time.Time
	stamps  bool
	left    int64 // bytes that may still be written; negative is no bound
	middle  bool  // the last entry's line goes on
	out     io.Writer
}

var errLogLimit = errors.New("the limit is reached")

// readLog writes the log at path to w. With options.Follow it goes on until ended is closed or ctx ends.
func readLog(
	ctx context.Context,
	path string,
	options *corev1.PodLogOptions,
	ended <-chan struct{},
	w io.Writer,
) error {
	f, err := os.Open(path)
	if errors.Is(err, os.ErrNotExist) {
		return podruntime.ErrNotFound
	}
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	if options.TailLines != nil {
		offset, err := tailOffset(f, *options.TailLines)
		if err != nil {
			return err
		}
		if _, err := f.Seek(offset, io.SeekStart); err != nil {
			return err
		}
	}
	reader := &logReader{in: bufio.NewReader(f), since: since(options), stamps: options.Timestamps, left: -1, out: w}
	if options.LimitBytes != nil {
		reader.left = *options.LimitBytes
	}
	err = reader.run(ctx, options.Follow, ended)
	if errors.Is(err, errLogLimit) {
		return nil
	}
	return err
}

func since(options *corev1.PodLogOptions) time.Time {
	switch {
	case options.SinceTime != nil:
		return options.SinceTime.Time
	case options.SinceSeconds != nil:
		return time.Now().Add(-time.Duration(*options.SinceSeconds) * time.Second)
	}
	return time.Time{}
}

func (r *logReader) run(ctx context.Context, follow bool, ended <-chan struct{}) error {
	for last := !follow; ; {
		if err := r.drain(); err != nil || last {
			return err
		}
		select {
		case <-ctx.Done():
			return nil
		case <-ended:
			last = true // what was written before the end is still to be read
		case <-time.After(followInterval):
		}
	}
}

// drain writes every complete line that there is.
func (r *logReader) drain() error {
	for {
		line, err := r.in.ReadString('\n')
		r.partial += line
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		entry, err := parseLogEntry(r.partial)
		r.partial = ""
		if err != nil {
			return err
		}
		if err := r.write(entry); err != nil {
			return err
		}
	}
}

func (r *logReader) write(entry logEntry) error {
	startsLine := !r.middle
	r.middle = !strings.HasSuffix(entry.text, "\n")
	if entry.time.Before(r.since) {
		return nil
	}
	text := entry.text
	if r.stamps && startsLine {
		text = entry.time.Format(time.RFC3339Nano) + " " + text
	}
	if r.left >= 0 && int64(len(text)) >= r.left {
		_, err := io.WriteString(r.out, text[:r.left])
		return errors.Join(err, errLogLimit)
	}
	if r.left >= 0 {
		r.left -= int64(len(text))
	}
	_, err := io.WriteString(r.out, text)
	return err
}

// tailOffset finds where the last n lines begin, reading backwards.
func tailOffset(f *os.File, n int64) (int64, error) {
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	if n <= 0 {
		return info.Size(), nil
	}
	block := make([]byte, 64<<10)
	for end, found := info.Size(), int64(0); end > 0; {
		begin := max(0, end-int64(len(block)))
		part := block[:end-begin]
		if _, err := f.ReadAt(part, begin); err != nil && !errors.Is(err, io.EOF) {
			return 0, err
		}
		for i := bytes.LastIndexByte(part, '\n'); i >= 0; i = bytes.LastIndexByte(part[:i], '\n') {
			// The newline that ends the file ends the last line and begins none.
			if begin+int64(i) == info.Size()-1 {
				continue
			}
			if found++; found == n {
				return begin + int64(i) + 1, nil
			}
		}
		end = begin
	}
	return 0, nil
}

// logTail gives the end of a log for a termination message.
func logTail(path string) string {
	lines := int64(maxTailLines)
	ended := make(chan struct{})
	close(ended)
	var text bytes.Buffer
	_ = readLog(context.Background(), path, &corev1.PodLogOptions{TailLines: &lines}, ended, &text)
	tail := text.Bytes()
	return string(tail[max(0, len(tail)-maxTailBytes):])
}
