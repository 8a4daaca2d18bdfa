// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package process

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"
)

// maxLogLine is the longest piece of a line in a log file, in bytes; longer lines are written in pieces.
const maxLogLine = 16 << 10

// logWriter writes a container's output in the format of the container runtime interface: one line
// for each line or piece of one, "<RFC 3339 time> <stream> <F or P> <text>", where P says that the
// text's line goes on.
type logWriter struct {
	mu   sync.Mutex
	file *os.File
	out  *bufio.Writer
}

func newLogWriter(path string) (*logWriter, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	return &logWriter{file: f, out: bufio.NewWriter(f)}, nil
}

// copy writes everything that a stream delivers. Errors of the log file do not stop it: a container must not block
// because its log cannot be kept.
func (l *logWriter) copy(stream string, from io.Reader) {
	reader := bufio.NewReaderSize(from, maxLogLine)
	for {
		text, err := reader.ReadSlice('\n')
		if len(text) > 0 {
			l.write(stream, text, reader.Buffered() == 0)
		}
		if err != nil && !errors.Is(err, bufio.ErrBufferFull) {
			return
		}
	}
}

func (l *logWriter) write(stream string, text []byte, flush bool) {
	tag, end := "P", "\n"
	if text[len(text)-1] == '\n' {
		tag, end = "F", ""
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	_, _ = fmt.Fprintf(l.out, "%s %s %s %s%s", time.Now().UTC().Format(time.RFC3339Nano), stream, tag, text, end)
	if flush {
		_ = l.out.Flush()
	}
}

func (l *logWriter) close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return errors.Join(l.out.Flush(), l.file.Close())
}

// logEntry is one line of a log file.
type logEntry struct {
	time time.Time
	text string // with its newline, unless the line goes on
}

func parseLogEntry(line string) (logEntry, error) {
	fields := strings.SplitN(line, " ", 4)
	if len(fields) != 4 {
		return logEntry{}, fmt.Errorf("log line has %d fields", len(fields))
	}
	at, err := time.Parse(time.RFC3339Nano, fields[0])
	if err != nil {
		return logEntry{}, fmt.Errorf("log line: %w", err)
	}
	text := fields[3]
	if fields[2] == "P" {
		text = strings.TrimSuffix(text, "\n")
	}
	return logEntry{time: at, text: text}, nil
}
