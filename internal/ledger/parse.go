// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package ledger

import (
	"encoding/json"
	"fmt"
	"sort"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/domain"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/text"
)

// longestShown bounds what is shown of a text that cannot be read, in bytes.
const longestShown = 40

// ParseError reports a text that is not a set over the domain.
type ParseError struct {
	// Offset is the byte position of the error, from 0.
	Offset int
	// Message is a clause that continues "at byte 17: ".
	Message string
}

// Error returns the position and the message.
func (e *ParseError) Error() string { return fmt.Sprintf("at byte %d: %s", e.Offset, e.Message) }

// Parse reads the text form of a set over d, including keys outside of d. An error is
// a *ParseError.
//
// Numbers of cells can be read only if the head of the text has the grid of d (for a
// range: any size and start). Read a text with the domain for which it was written.
func Parse(d domain.Domain, text string) (Set, error) {
	p := &parser{text: text, dims: d.Dimensions}
	rs, starts, err := p.rows()
	if err != nil {
		return Set{}, err
	}
	b := builder{most: mostEntries}
	t := b.build(rs)
	if b.tooLarge {
		return Set{}, p.fail(0, "the rows overlap in more than %d ways", mostEntries)
	}
	if b.shared {
		return Set{}, overlap(rs, starts)
	}
	return Set{t}, nil
}

// overlap finds the first row that shares a key with an earlier row.
func overlap(rs []row, starts []int) error {
	first := sort.Search(len(rs)-1, func(i int) bool {
		var b builder
		b.build(rs[:i+1])
		return b.shared
	})
	return &ParseError{starts[first], "this row repeats keys of an earlier row"}
}

type parser struct {
	text string
	at   int
	dims []domain.Dimension
	// grids are the axes for numbers of cells; nil for a text in bounds.
	grids []domain.Axis
	// names counts the values read.
	names int
}

// mostNames limits the values of a text, because a few bytes of a text in cells can
// mean many values.
const mostNames = 4_000_000

// mostEntries limits the size of the set in memory, to some 100 MB.
const mostEntries = 4_000_000

func (p *parser) fail(at int, format string, args ...any) error {
	return &ParseError{at, fmt.Sprintf(format, args...)}
}

// rows reads the whole text.
func (p *parser) rows() (rs []row, starts []int, err error) {
	if at := invalidUTF8(p.text); at >= 0 {
		return nil, nil, p.fail(at, "the text is not UTF-8")
	}
	if p.text == "" || p.text == emptyNames && p.axis(0, domain.Value) {
		return nil, nil, nil
	}
	if err := p.head(); err != nil {
		return nil, nil, err
	}
	for {
		starts = append(starts, p.at)
		r, err := p.row()
		if err != nil {
			return nil, nil, err
		}
		rs = append(rs, r)
		if p.at == len(p.text) {
			return rs, starts, nil
		}
		if len(p.dims) == 1 || !p.take(rowEnd) {
			return nil, nil, p.fail(p.at, "unexpected %s after the set", p.quoteNext())
		}
	}
}

func (p *parser) axis(i int, kind domain.Kind) bool {
	return len(p.dims) == 1 && p.dims[i].Axis.Kind() == kind
}

func invalidUTF8(text string) int {
	if utf8.ValidString(text) {
		return -1
	}
	for i, r := range text {
		if r == utf8.RuneError && !strings.HasPrefix(text[i:], "\uFFFD") {
			return i
		}
	}
	return 0
}

// take consumes a word.
func (p *parser) take(word string) bool {
	if !strings.HasPrefix(p.text[p.at:], word) {
		return false
	}
	p.at += len(word)
	return true
}

// quoteNext quotes the text at the parser's position.
func (p *parser) quoteNext() string {
	next := p.text[p.at:]
	if next == "" {
		return "the end of the text"
	}
	runes := []rune(next[:min(len(next), 80)])
	return strconv.Quote(string(runes[:min(len(runes), 20)]))
}

// head reads the grids of a text in cells.
func (p *parser) head() error {
	if !p.take(cellsOf) {
		return nil
	}
	for i, dim := range p.dims {
		if i > 0 && !p.take(times) {
			return p.fail(p.at, "the grid of dimension %q is missing", dim.Name)
		}
		axis, err := p.grid(dim.Axis)
		if err != nil {
			return err
		}
		p.grids = append(p.grids, axis)
	}
	if !p.take(headerEnd) {
		return p.fail(p.at, "%s instead of %q before the list of cells", p.quoteNext(), headerEnd)
	}
	return nil
}

// grid reads the name of one grid.
func (p *parser) grid(axis domain.Axis) (domain.Axis, error) {
	start, want := p.at, gridName(axis)
	if p.take(want) && (p.at == len(p.text) || !digit(p.text[p.at])) {
		return axis, nil
	}
	p.at = start
	if _, ok := axis.(domain.Range); !ok {
		return nil, p.fail(start, "the cells belong to another grid; the grid of this domain is %q", want)
	}
	size, err := p.integer()
	if err != nil {
		return nil, err
	}
	if size <= 0 || !p.take(" from ") {
		return nil, p.fail(start, "the grid must have the form %q", want)
	}
	from, err := p.integer()
	if err != nil {
		return nil, err
	}
	return domain.Range{Start: from, End: from, Size: size}, nil
}

func digit(c byte) bool { return '0' <= c && c <= '9' }

// integer reads a decimal number, with or without a minus sign.
func (p *parser) integer() (int64, error) {
	start := p.at
	p.take("-")
	for p.at < len(p.text) && digit(p.text[p.at]) {
		p.at++
	}
	return p.position(domain.Range{}, start, p.at)
}

// position reads text[start:end] as a position of the grid.
func (p *parser) position(grid domain.Grid, start, end int) (int64, error) {
	pos, err := grid.ParsePosition(p.text[start:end])
	if err != nil {
		p.at = start
		if start == end {
			return 0, p.fail(start, "%s instead of a position", p.quoteNext())
		}
		return 0, p.fail(start, "%q %v", text.Shorten(p.text[start:end], longestShown), err)
	}
	return pos, nil
}

// row reads the members of every dimension.
func (p *parser) row() (row, error) {
	r := make(row, len(p.dims))
	for i := range p.dims {
		if i > 0 && !p.take(times) {
			return nil, p.fail(p.at, "%s instead of %q and dimension %q", p.quoteNext(), times, p.dims[i].Name)
		}
		for {
			if err := p.item(i, &r[i]); err != nil {
				return nil, err
			}
			if strings.HasPrefix(p.text[p.at:], times) || !p.take(" ") {
				break
			}
		}
	}
	return r, nil
}

// item reads one interval, run of cells or array of values.
func (p *parser) item(i int, into *items) error {
	next := byte(0)
	if p.at < len(p.text) {
		next = p.text[p.at]
	}
	grid, positions := p.dims[i].Axis.(domain.Grid)
	switch {
	case digit(next) && p.grids != nil:
		return p.run(p.grids[i], into)
	case next == '[' && positions:
		return p.interval(grid, into)
	case next == '[':
		return p.array(into)
	case positions:
		return p.fail(p.at, "%s instead of an interval such as [1,1000)", p.quoteNext())
	}
	return p.fail(p.at, "%s instead of a JSON array of values", p.quoteNext())
}

func (p *parser) interval(grid domain.Grid, into *items) error {
	start := p.at
	comma := strings.IndexByte(p.text[start:], ',')
	end := strings.IndexByte(p.text[start:], ')')
	if comma < 0 || end < comma {
		return p.fail(start, "%s starts an incomplete interval; intervals have the form [start,end)", p.quoteNext())
	}
	comma, end = start+comma, start+end
	lo, err := p.position(grid, start+1, comma)
	if err != nil {
		return err
	}
	hi, err := p.position(grid, comma+1, end)
	if err != nil {
		return err
	}
	p.at = end + 1
	return p.add(into, lo, hi, start)
}

// add appends an interval, which must be above the previous ones.
func (p *parser) add(into *items, lo, hi int64, start int) error {
	written := text.Shorten(p.text[start:p.at], longestShown)
	if lo >= hi {
		return p.fail(start, "%s is reversed or empty; its end is exclusive and must be greater than its start", written)
	}
	if n := len(into.spans); n > 0 && lo < into.spans[n-1].End {
		return p.fail(start, "%s is not above the previous interval; intervals must be ascending and must not "+
			"overlap", written)
	}
	into.spans = append(into.spans, domain.Interval{Start: lo, End: hi})
	return nil
}

// run reads 7 or 7-9.
func (p *parser) run(axis domain.Axis, into *items) error {
	start := p.at
	first, err := p.integer()
	if err != nil {
		return err
	}
	last := first
	if p.take("-") {
		if last, err = p.integer(); err != nil {
			return err
		}
	}
	written := text.Shorten(p.text[start:p.at], longestShown)
	if last < first {
		return p.fail(start, "the run %s of cells is reversed", written)
	}
	switch axis := axis.(type) {
	case domain.Grid:
		lo, ok1 := axis.Line(first)
		hi, ok2 := axis.Line(last + 1)
		if !ok1 || !ok2 {
			return p.fail(start, "the cells %s are beyond the end of the grid", written)
		}
		return p.add(into, lo, hi, start)
	case domain.Values:
		if last >= axis.Count() {
			return p.fail(start, "the cells %s are beyond the end of the list", written)
		}
		if first < into.next {
			return p.fail(start, "the cells %s are not above the previous ones; cells must be ascending and must not overlap",
				written)
		}
		into.next = last + 1
		for i := first; i <= last; i++ {
			if err := p.name(into, axis.Items[i], start); err != nil {
				return err
			}
		}
	}
	return nil
}

// name appends a value. Repeated values are found when the set is built.
func (p *parser) name(into *items, text string, start int) error {
	if text == "" {
		return p.fail(start, "a value is empty")
	}
	if p.names++; p.names > mostNames {
		return p.fail(start, "the text contains more than %d values", mostNames)
	}
	into.names = append(into.names, text)
	return nil
}

func (p *parser) array(into *items) error {
	start := p.at
	dec := json.NewDecoder(strings.NewReader(p.text[start:]))
	var texts []string
	if err := dec.Decode(&texts); err != nil {
		return p.fail(start, "%s does not start a JSON array of strings", p.quoteNext())
	}
	p.at += int(dec.InputOffset())
	if len(texts) == 0 {
		return p.fail(start, "the array is empty")
	}
	for _, text := range texts {
		if err := p.name(into, text, start); err != nil {
			return err
		}
	}
	return nil
}
