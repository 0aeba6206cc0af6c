package tabular

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"wharf/internal/fault"
)

// jsonReader reads JSON lines (objects one behind the other) and one array of objects. The columns are the keys of the
// first rows, in the order in which they first appear. An array of arrays is read too: its first row is the header.
type jsonReader struct {
	textReader
	array   bool // one array holds the rows
	lists   bool // the rows are arrays
	started bool // a row of the array was read
	line    int64
	keys    []string       // one a column, as they stand in the file, unescaped
	columns map[string]int // key → column
	scratch []byte

	// The row being read.
	cells   [][]byte
	kinds   []Kind
	guess   int // the column that the next key is likely to be
	pending []CellError
	unknown []string
	failed  error // a cell beyond the limit

	pair func(key []byte, plain bool, value, end int) // the method setPair, bound once
	item func(value, end int)                         // the method setItem, bound once
}

// openJSON finds the form of the file and its columns in the window's first text.
func openJSON(base textReader) (Reader, error) {
	r := &jsonReader{textReader: base, line: 1, columns: map[string]int{}}
	r.pair, r.item = r.setPair, r.setItem
	if r.opts.HeaderRow > 0 {
		return nil, fault.New(fault.Invalid, "header_row was given, but the rows of a JSON file name their columns themselves")
	}
	w := r.window
	at := JSONSpace(w.buf[:w.end], 0)
	r.info.Format = "jsonl"
	if w.buf[at] == '[' {
		r.array, r.info.Format = true, "json"
		r.line += int64(bytes.Count(w.buf[:at], []byte{'\n'}))
		w.pos = at + 1
		inner := JSONSpace(w.buf[:w.end], w.pos)
		r.lists = inner < w.end && w.buf[inner] == '['
	}
	var err error
	if r.lists {
		err = r.readList()
	} else {
		err = r.findKeys()
	}
	if err != nil {
		return nil, err
	}
	if len(r.header) == 0 {
		return nil, fault.New(fault.Invalid, "the file has rows, but no columns: its objects are empty")
	}
	return r, nil
}

// locate gives the place of the next row, in start.
func (r *jsonReader) locate() (start int, state JSONState) {
	w := r.window
	b := w.buf[:w.end]
	i := JSONSpace(b, w.pos)
	if !r.array {
		r.line += int64(bytes.Count(b[w.pos:i], []byte{'\n'}))
		w.pos = i
	} else if r.started && i < len(b) && b[i] == ',' {
		i = JSONSpace(b, i+1)
	} else if r.started && i < len(b) && b[i] != ']' {
		return i, JSONBad
	}
	if i >= len(b) {
		return i, JSONTorn
	}
	return i, JSONWhole
}

// ends reports whether nothing but the end of the file is at start.
func (r *jsonReader) ends(start int) bool {
	w := r.window
	if !r.array {
		return start >= w.end && w.eof
	}
	return start < w.end && w.buf[start] == ']' && w.buf[JSONSpace(w.buf[:start], w.pos)] != ','
}

// findKeys collects the keys of the first rows, without passing them.
func (r *jsonReader) findKeys() error {
	start, err := r.first()
	if err != nil {
		return err
	}
	w, pos, line := r.window, r.window.pos, r.line
	var names []string
	collect := func(key []byte, plain bool, _, _ int) {
		k := r.key(key, plain)
		if _, ok := r.columns[k]; !ok {
			r.columns[k] = len(names)
			names = append(names, k)
		}
	}
	for n := 0; n < headRecords && start < w.end; n++ {
		end, state := start, JSONBad
		if w.buf[start] == '{' {
			end, state = jsonObject(w.buf[:w.end], start, jsonDepth, collect)
		}
		if state != JSONWhole { // a line that is no object is told when its turn comes; a broken array ends there
			next := bytes.IndexByte(w.buf[start:w.end], '\n')
			if r.array || next < 0 {
				break
			}
			end = start + next
		}
		w.pos, r.started = end, true
		if start, state = r.locate(); state != JSONWhole {
			break
		}
	}
	w.pos, r.line, r.started = pos, line, false
	if len(names) > r.opts.Limits.Columns {
		return r.opts.Limits.tooManyColumns()
	}
	r.keys = names
	r.named(names)
	return nil
}

// first gets the whole of the first row into the window.
func (r *jsonReader) first() (start int, err error) {
	for {
		start, state := r.locate()
		if r.ends(start) {
			return 0, errEmptyFile
		}
		if state == JSONWhole {
			_, state = JSONValue(r.window.buf[:r.window.end], start, jsonDepth)
		}
		switch {
		case state == JSONWhole && !r.lists && r.window.buf[start] != '{':
			return 0, fault.New(fault.Invalid, "the first row is not an object: each row has to be one, e.g. {\"name\": \"Ada\"}")
		case state == JSONWhole:
			return start, nil
		case state != JSONTorn || r.window.eof:
			return 0, fault.New(fault.Invalid, "the file begins like JSON, but its first row is not valid JSON")
		}
		if err := r.refill(); err != nil {
			return 0, err
		}
	}
}

// readList takes the header from the first of the arrays.
func (r *jsonReader) readList() error {
	start, err := r.first()
	if err != nil {
		return err
	}
	var names []string
	b := r.window.buf[:r.window.end]
	end, _ := jsonArray(b, start, jsonDepth, func(value, end int) {
		text, _, _ := r.plain(b[value:end])
		names = append(names, string(text))
	})
	if len(names) > r.opts.Limits.Columns {
		return r.opts.Limits.tooManyColumns()
	}
	r.window.pos, r.started, r.row, r.info.HeaderRow = end, true, 1, 1
	r.named(names)
	return nil
}

func (r *jsonReader) key(key []byte, plain bool) string {
	if plain {
		return string(key)
	}
	k, _ := JSONUnescape(nil, key)
	return string(k)
}

// refill gets more text; io.EOF: there is none, and every row was read.
func (r *jsonReader) refill() error {
	got, err := r.window.more()
	switch {
	case err != nil:
		return err
	case got:
		return nil
	case r.window.eof:
		return r.ended()
	}
	return r.rowTooLarge(r.number())
}

// number is that of the row that comes: its line, or its place in the array.
func (r *jsonReader) number() int64 {
	if r.array {
		return r.row + 1
	}
	return r.line
}

// Next fills b with the next rows. See Reader.
func (r *jsonReader) Next(b *Batch) error {
	if b.Kinds == nil {
		b.Kinds = []Kind{}
	}
	b.Reset(len(r.header))
	if r.err == nil {
		r.err = r.content.stored.alive()
	}
	if r.err != nil {
		return r.err
	}
	r.scratch = r.scratch[:0]
	for {
		r.err = r.fill(b)
		if b.Len() > 0 {
			return nil // the rows before an error first
		}
		if r.err == nil {
			r.err = r.refill()
		}
		if r.err != nil {
			return r.err
		}
	}
}

// fill adds to b the rows that the window holds whole.
func (r *jsonReader) fill(b *Batch) error {
	w := r.window
	for b.Len() < r.perBatch {
		start, state := r.locate()
		if r.ends(start) {
			return r.finish(start)
		}
		end := start
		if state == JSONWhole {
			end, state = r.readRow(b, start)
		}
		if state == JSONTorn && !w.eof {
			return nil
		}
		if r.failed != nil {
			return r.failed
		}
		if state != JSONWhole {
			var err error
			if end, err = r.badRow(start); end < 0 || err != nil {
				return err
			}
		}
		if r.rows++; r.rows > r.opts.Limits.Rows {
			return r.opts.Limits.tooManyRows()
		}
		r.accept(b, start, end)
	}
	return nil
}

// readRow reads the row at start into the room behind b's cells.
func (r *jsonReader) readRow(b *Batch, start int) (end int, state JSONState) {
	w, n, cols := r.window, len(b.Cells), len(r.header)
	b.Cells = slices.Grow(b.Cells, cols)
	b.Kinds = slices.Grow(b.Kinds, cols)
	r.cells, r.kinds = b.Cells[n:n+cols], b.Kinds[n:n+cols]
	clear(r.cells)
	clear(r.kinds)
	r.guess, r.pending, r.unknown = 0, r.pending[:0], r.unknown[:0]
	text := w.buf[:w.end]
	switch c := text[start]; {
	case c == '{' && !r.lists:
		end, state = jsonObject(text, start, jsonDepth, r.pair)
	case c == '[' && r.lists:
		end, state = jsonArray(text, start, jsonDepth, r.item)
	default:
		if end, state = JSONValue(text, start, jsonDepth); state == JSONWhole {
			r.flaw(-1, "json", "is not an object like the rows above it", text[start:end])
		}
	}
	return end, state
}

// accept makes what readRow read a row of b, and passes it.
func (r *jsonReader) accept(b *Batch, start, end int) {
	cols := len(r.header)
	b.Cells = b.Cells[:len(b.Cells)+cols]
	b.Kinds = b.Kinds[:len(b.Kinds)+cols]
	b.Lines = append(b.Lines, r.number())
	for _, e := range r.pending {
		e.Row = b.Len() - 1
		b.Errors = append(b.Errors, e)
	}
	if len(r.unknown) > 0 {
		r.surplus(b)
	}
	if start < r.window.dirty {
		for i, c := range r.cells {
			r.cells[i] = r.cell(b, i, c)
		}
	}
	if !r.array {
		r.line += int64(bytes.Count(r.window.buf[start:end], []byte{'\n'}))
	}
	r.row++
	r.started = true
	r.window.pos = end
}

// surplus marks the last row of b, which has more than the table has columns.
func (r *jsonReader) surplus(b *Batch) {
	if r.lists {
		r.mark(b, -1, Ragged, ragged(r.guess+len(r.unknown), len(r.header)), []byte(strings.Join(r.unknown, ",")))
		return
	}
	names := r.unknown[:min(len(r.unknown), 5)]
	r.mark(b, -1, "unknown", fmt.Sprintf("has %s that none of the first rows has: %s",
		counted(len(r.unknown), "key"), cut([]byte(strings.Join(names, ", ")))), nil)
}

// badRow says what becomes of a row that is not JSON: in an array the file ends here; of JSON lines the line is marked,
// and reading goes on behind it. An end below zero asks for more text.
func (r *jsonReader) badRow(start int) (end int, err error) {
	w := r.window
	if r.array {
		if start >= w.end {
			return 0, fault.Newf(fault.Invalid, "the array is not closed: the file ends after row %d", r.row)
		}
		return 0, fault.Newf(fault.Invalid, "%s is not valid JSON, or the file is cut off there", rowName(r.number()))
	}
	end = w.end
	if k := bytes.IndexByte(w.buf[start:w.end], '\n'); k >= 0 {
		end = start + k
	} else if !w.eof {
		return -1, nil
	}
	clear(r.cells)
	clear(r.kinds)
	r.pending, r.unknown = r.pending[:0], r.unknown[:0]
	r.flaw(-1, "json", "is not valid JSON", w.buf[start:end])
	return end, nil
}

// finish ends the rows at start; behind an array there is nothing but white space.
func (r *jsonReader) finish(start int) error {
	w := r.window
	if !r.array {
		return r.ended()
	}
	w.pos = start + 1
	for {
		if w.pos = JSONSpace(w.buf[:w.end], w.pos); w.pos < w.end {
			return fault.Newf(fault.Invalid, "there is something behind the array, which ends with row %d", r.row)
		}
		if err := r.refill(); err != nil {
			return err
		}
	}
}

// flaw notes what is wrong with the row being read.
func (r *jsonReader) flaw(col int, rule, message string, value []byte) {
	r.pending = append(r.pending, CellError{Col: col, Rule: rule, Message: message, Value: cut(value)})
}
