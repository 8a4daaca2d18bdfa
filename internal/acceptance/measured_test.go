// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package acceptance

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// envMeasure asks for measured figures to be written down: to files below
// testdata/measured, and from there into the tables of the guide.
const envMeasure = "BACKFILL_MEASURE"

// The guide holds a table for each file between two comments.
const (
	guideSource = "../../templates/guides/scale.md"
	guidePage   = "../../docs/guides/scale.md"
	measuredDir = "testdata/measured"
)

// figure is one value of a measurement, under the name of its column.
type figure struct{ column, value string }

func fig(column, format string, args ...any) figure {
	return figure{column, fmt.Sprintf(format, args...)}
}

// measured prints a measurement, and writes it down if that is asked for. It
// takes the place of one whose first column has the same value.
func measured(t *testing.T, table string, row ...figure) {
	t.Helper()
	for _, f := range row {
		t.Logf("%s: %s %s", table, f.column, f.value)
	}
	if os.Getenv(envMeasure) == "" {
		return
	}
	path := filepath.Join(measuredDir, table+".csv")
	header, line := []string{}, []string{}
	for _, f := range row {
		header, line = append(header, f.column), append(line, f.value)
	}
	rows := [][]string{header}
	if have := readCSV(t, path); len(have) > 0 && slices.Equal(have[0], header) {
		rows = have
	}
	at := slices.IndexFunc(rows[1:], func(r []string) bool { return r[0] == line[0] })
	if at < 0 {
		rows = append(rows, line)
	} else {
		rows[at+1] = line
	}
	writeCSV(t, path, rows)
	for _, page := range []string{guideSource, guidePage} {
		if err := os.WriteFile(page, []byte(withTables(t, page)), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func writeCSV(t *testing.T, path string, rows [][]string) {
	t.Helper()
	var text bytes.Buffer
	if err := csv.NewWriter(&text).WriteAll(rows); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, text.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
}

func readCSV(t *testing.T, path string) [][]string {
	t.Helper()
	file, err := os.Open(path)
	if os.IsNotExist(err) {
		return nil
	}
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	rows, err := csv.NewReader(file).ReadAll()
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	return rows
}

// withTables is a page with the tables as they are measured.
func withTables(t *testing.T, page string) string {
	t.Helper()
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	rest := string(text)
	for {
		before, after, found := strings.Cut(rest, "<!-- measured: ")
		out.WriteString(before)
		if !found {
			return out.String()
		}
		name, after, _ := strings.Cut(after, " -->\n")
		_, rest, found = strings.Cut(after, "<!-- end -->")
		if !found {
			t.Fatalf("%s: the table %s has no end", page, name)
		}
		fmt.Fprintf(
			&out,
			"<!-- measured: %s -->\n%s<!-- end -->",
			name,
			tableOf(readCSV(t, filepath.Join(measuredDir, name+".csv"))),
		)
	}
}

// tableOf turns a measurement's columns into lines: a guide has more height than
// width.
func tableOf(rows [][]string) string {
	if len(rows) == 0 {
		return "\n(Not measured yet.)\n\n"
	}
	var out strings.Builder
	for column, name := range rows[0] {
		out.WriteString("| " + name)
		for _, row := range rows[1:] {
			out.WriteString(" | " + strings.ReplaceAll(row[column], "|", "\\|"))
		}
		out.WriteString(" |\n")
		if column == 0 {
			out.WriteString(strings.Repeat("|---", len(rows)) + "|\n")
		}
	}
	return "\n" + out.String() + "\n"
}

// TestGuideShowsMeasuredFigures keeps figures from being written by hand.
func TestGuideShowsMeasuredFigures(t *testing.T) {
	for _, page := range []string{guideSource, guidePage} {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		if want := withTables(t, page); want != string(text) {
			t.Errorf("%s differs from the files in %s", page, measuredDir)
		}
		if !strings.Contains(string(text), "<!-- measured: scale -->") {
			t.Errorf("%s shows no figures", page)
		}
	}
}
