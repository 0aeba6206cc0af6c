package load

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/google/uuid"

	"wharf/internal/pgcodec"
	"wharf/internal/tabular"
)

// encoder turns batches into the tuples of a staging table.
type encoder struct {
	plan   *Plan
	fields int // of a tuple
	w      *pgcodec.CopyWriter
	ids    Minter
	sieved bool   // the tuples say whether a key may have been there before
	sieve  *sieve // nil: it may
	batch  tabular.Batch
	again  bool   // a key of the current row may have been there before
	errors []byte // of the current row, as the text of a JSON array that is still open
	staged Staged
}

func newEncoder(p *Plan, out io.Writer) *encoder {
	e := emptyEncoder(p, out, copyBuffer)
	e.ids, e.sieve = NewMinter(), newSieve(p.sieves())
	return e
}

// newMender gives an encoder of one row that takes another's place, with the id that was minted for it. Nothing is known of
// the other rows' keys, so that its own may have been there before.
func newMender(p *Plan, out io.Writer, minted *uuid.UUID) *encoder {
	e := emptyEncoder(p, out, 0)
	e.again = true
	if minted != nil {
		e.ids.id = *minted
	}
	return e
}

func emptyEncoder(p *Plan, out io.Writer, buffer int) *encoder {
	e := &encoder{plan: p, w: pgcodec.NewCopyWriter(out, make([]byte, 0, buffer)), fields: 2 + len(p.cols), sieved: len(p.sieves()) > 0}
	if p.mint != nil {
		e.fields++
	}
	if e.sieved {
		e.fields++
	}
	return e
}

// mend writes the rows of one batch.
func (e *encoder) mend(b *tabular.Batch) error {
	if err := e.encode(b); err != nil {
		return err
	}
	return e.w.Close()
}

func (e *encoder) run(next func(*tabular.Batch) error) error {
	for {
		err := next(&e.batch)
		if errors.Is(err, io.EOF) {
			return e.w.Close()
		}
		if err != nil {
			return err
		}
		if err := e.encode(&e.batch); err != nil {
			return err
		}
	}
}

func (e *encoder) encode(b *tabular.Batch) error {
	// Errors come in row order from each stage of the program, but not over its stages.
	slices.SortStableFunc(b.Errors, func(a, z tabular.CellError) int { return a.Row - z.Row })
	rest := b.Errors
	for r := range b.Len() {
		n := 0
		for n < len(rest) && rest[n].Row == r {
			n++
		}
		e.row(b, r, rest[:n])
		rest = rest[n:]
		if err := e.w.End(); err != nil {
			return err
		}
	}
	return nil
}

// row writes one tuple. A tuple's errors stand before its cells, and are known after them: a row that the program found
// good is written as such, and once more if a cell turns out to be refused by its type.
func (e *encoder) row(b *tabular.Batch, r int, wrong []tabular.CellError) {
	cells, line := b.Row(r), b.Lines[r]
	e.staged.Rows++
	if e.sieve != nil {
		e.again = e.sieve.row(cells)
	}
	e.errors = e.errors[:0]
	if len(wrong) == 0 {
		if e.good(line, cells) {
			return
		}
		e.w.Discard()
	}
	for i, f := range wrong {
		var cell []byte
		if f.Col >= 0 && e.plan.HasTable() && !slices.ContainsFunc(wrong[:i], func(before tabular.CellError) bool { return before.Col == f.Col }) {
			cell = cells[f.Col]
		}
		e.fault(f, cell)
	}
	e.bad(line, cells, wrong)
}

// begin writes what stands before the cells.
func (e *encoder) begin(line int64) {
	e.w.Begin(e.fields)
	e.w.Int8(line)
	if len(e.errors) == 0 {
		e.w.Null()
	} else {
		const jsonbVersion = 1
		e.w.Raw(slices.Concat([]byte{jsonbVersion}, e.errors, []byte{']'}))
	}
	if e.plan.mint != nil {
		e.w.Raw(e.ids.Mint(line))
	}
	switch {
	case !e.sieved:
	case e.again:
		e.w.Raw(yes)
	default:
		e.w.Raw(no)
	}
}

var yes, no = []byte{1}, []byte{0} // in Postgres's binary form

// good writes the row as one without errors; false if a cell is refused.
func (e *encoder) good(line int64, cells [][]byte) bool {
	e.begin(line)
	for i := range e.plan.cols {
		c := &e.plan.cols[i]
		if cell := cells[c.from]; len(cell) == 0 {
			e.w.Null()
		} else if e.w.Text(c.codec, cell) != nil {
			return false
		}
	}
	return true
}

// bad writes the row with its errors and those of the cells that their types refuse. A wrong cell is left empty, unless
// there is no table: then a cell is text, and is shown as it is.
func (e *encoder) bad(line int64, cells [][]byte, wrong []tabular.CellError) {
	dropped := make([]bool, len(cells))
	for _, f := range wrong {
		if f.Col >= 0 && e.plan.HasTable() {
			dropped[f.Col] = true
		}
	}
	var scratch [64]byte
	for i, cell := range cells {
		if len(cell) == 0 || dropped[i] {
			continue
		}
		c := &e.plan.cols[i]
		if _, err := c.codec(scratch[:0], cell); err != nil {
			dropped[i] = true
			e.fault(tabular.CellError{Col: i, Rule: "type", Message: c.label() + " " + err.Error(), Value: c.quote(cell)}, cell)
		}
	}
	e.begin(line)
	for i := range e.plan.cols {
		c := &e.plan.cols[i]
		if cell := cells[c.from]; len(cell) == 0 || dropped[c.from] || e.w.Text(c.codec, cell) != nil {
			e.w.Null()
		}
	}
}

// fault adds one error to the current row's. cell is what will not be in its column, nil if it will, or if an error before
// has it: where the value does not show all of it, it is kept beside. Of an encrypted column neither is.
func (e *encoder) fault(f tabular.CellError, cell []byte) {
	e.staged.Errors++
	field := ""
	if f.Col >= 0 {
		c := &e.plan.cols[f.Col]
		field = c.Name
		if c.secret() {
			f, cell = Hidden(f, c.label()), nil
		}
	}
	if len(e.errors) == 0 {
		e.errors = append(e.errors, '[')
	} else {
		e.errors = append(e.errors, ',')
	}
	e.text(`{"field":`, field)
	e.text(`,"rule":`, f.Rule)
	e.text(`,"message":`, f.Message)
	e.text(`,"value":`, f.Value)
	if string(cell) != f.Value && len(cell) > 0 {
		e.text(`,"cell":`, string(cell))
	}
	e.errors = append(e.errors, '}')
}

// text adds a member to the current error.
func (e *encoder) text(key, text string) {
	e.errors = append(e.errors, key...)
	e.errors = pgcodec.AppendJSONString(e.errors, []byte(storable(text)))
}

// Hidden gives an error of a cell that must not be shown. The row program quotes what it could not read as a number or a
// date; other messages are about the rule. label names the cell's field.
func Hidden(f tabular.CellError, label string) tabular.CellError {
	f.Value = ""
	switch f.Rule {
	case "number":
		f.Message = label + " is not accepted as a number"
	case "date", "normalize_date":
		f.Message = label + " is not accepted as a date"
	}
	return f
}

// storable gives text that jsonb can hold.
func storable(s string) string {
	return strings.ReplaceAll(strings.ToValidUTF8(s, "�"), "\x00", "␀")
}

// maxValue is how much of a cell an error quotes, in bytes before its characters are made whole.
const maxValue = 200

// clip cuts a value that an error quotes.
func clip(cell []byte) string {
	if len(cell) <= maxValue {
		return string(cell)
	}
	return string(bytes.ToValidUTF8(cell[:maxValue], nil)) + "…"
}

// quote gives what an error quotes of a cell: a number of many zeros as it was in the file, 1e999.
func (c *column) quote(cell []byte) string {
	digits := bytes.TrimPrefix(cell, []byte("-"))
	bare := bytes.TrimRight(digits, "0")
	zeros := len(digits) - len(bare)
	if zeros >= manyZeros && len(bare) > 0 && len(bytes.Trim(digits, "0123456789")) == 0 && c.kind() == tabular.Number {
		return clip(fmt.Appendf(nil, "%se%d", cell[:len(cell)-zeros], zeros))
	}
	return clip(cell)
}
