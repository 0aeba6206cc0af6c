package tabular

import (
	"bytes"
	"slices"
)

// Kind says what the file itself knows of a cell. Text formats know nothing: every cell is Text.
type Kind uint8

// The kinds. Whatever the kind, a cell's bytes are text in one plain spelling.
const (
	Text    Kind = iota
	Number       // decimal text with a point, as the file stores it
	Date         // ISO 8601 date, time or date-time
	Boolean      // "true" or "false"
	Failed       // an error cell such as #DIV/0!; whoever checks the cell says so
)

// CellError says what is wrong with one cell, or with a whole row (Col = -1).
type CellError struct {
	Row     int    // index into the batch
	Col     int    // index into the row; -1: the row itself
	Rule    string // what failed, in one word: "required", "email", "ragged", …
	Message string // for people
	Value   string // the cell as it was, cut to 200 characters
}

// Ragged is the rule of a row with more cells than the header has names; its Value are those that are too many.
const Ragged = "ragged"

// flaws are the rules of what a reader itself finds wrong, whatever a cell is for.
var flaws = []string{Ragged, "damaged", "duplicate", "encoding", "formula", "json", "nul", "quote"}

// IsFlaw reports whether an error of the rule is a reader's. Checking the cell once more would not find it: the cell as the
// reader gives it may look good.
func IsFlaw(rule string) bool { return slices.Contains(flaws, rule) }

// Batch holds consecutive rows, Cols cells each, row after row. Whoever changes a cell puts another slice in its place:
// its bytes may be those of other cells as well.
//
// A reader fills it, stages change it in place. Cells point into memory that the filler reuses: a batch and all its
// cells are valid until the next call that fills it. A wrong row is marked in Errors, never removed.
type Batch struct {
	Cols   int
	Lines  []int64  // one a row: its number as a person sees it in the file (the header is row 1)
	Cells  [][]byte // len(Lines) × Cols
	Kinds  []Kind   // nil (all Text), or one a cell
	Errors []CellError
}

// Len is the number of rows.
func (b *Batch) Len() int { return len(b.Lines) }

// Row gives the cells of row r; they may be replaced in place.
func (b *Batch) Row(r int) [][]byte { return b.Cells[r*b.Cols : (r+1)*b.Cols : (r+1)*b.Cols] }

// Reset empties the batch for cols cells a row, and keeps its memory.
func (b *Batch) Reset(cols int) {
	b.Cols = cols
	b.Lines, b.Cells, b.Errors = b.Lines[:0], b.Cells[:0], b.Errors[:0]
	if b.Kinds != nil {
		b.Kinds = b.Kinds[:0]
	}
}

// Project fills dst with the columns of b that cols names, in that order; -1 gives an empty cell.
// Cells are shared with b. Errors of a column that cols does not name are left out; those of whole rows stay.
func (b *Batch) Project(dst *Batch, cols []int) {
	dst.Reset(len(cols))
	dst.Lines = append(dst.Lines, b.Lines...)
	if b.Kinds == nil {
		dst.Kinds = nil
	}
	for r := range b.Lines {
		base := r * b.Cols
		for _, c := range cols {
			if c < 0 {
				dst.Cells = append(dst.Cells, nil)
			} else {
				dst.Cells = append(dst.Cells, b.Cells[base+c])
			}
			if b.Kinds == nil {
				continue
			}
			if c < 0 {
				dst.Kinds = append(dst.Kinds, Text)
			} else {
				dst.Kinds = append(dst.Kinds, b.Kinds[base+c])
			}
		}
	}
	for _, e := range b.Errors {
		if e.Col < 0 {
			dst.Errors = append(dst.Errors, e)
			continue
		}
		for i, c := range cols {
			if c == e.Col {
				e.Col = i
				dst.Errors = append(dst.Errors, e)
				break
			}
		}
	}
}

// DropEmptyRows takes out the rows without a single filled cell, unless an error is about them. Spreadsheets end in such
// rows, and a record made of nothing helps nobody. The numbers of the others stay as they are.
func (b *Batch) DropEmptyRows() {
	kept := 0
	moved := make(map[int]int, len(b.Errors)) // of rows with errors: where they went
	for _, e := range b.Errors {
		moved[e.Row] = -1
	}
	for r := range b.Lines {
		_, wrong := moved[r]
		if !wrong && empty(b.Row(r)) {
			continue
		}
		if wrong {
			moved[r] = kept
		}
		if kept != r {
			b.Lines[kept] = b.Lines[r]
			copy(b.Cells[kept*b.Cols:(kept+1)*b.Cols], b.Row(r))
			if b.Kinds != nil {
				copy(b.Kinds[kept*b.Cols:(kept+1)*b.Cols], b.Kinds[r*b.Cols:(r+1)*b.Cols])
			}
		}
		kept++
	}
	b.Lines, b.Cells = b.Lines[:kept], b.Cells[:kept*b.Cols]
	if b.Kinds != nil {
		b.Kinds = b.Kinds[:kept*b.Cols]
	}
	for i := range b.Errors {
		b.Errors[i].Row = moved[b.Errors[i].Row]
	}
}

func empty(cells [][]byte) bool {
	for _, cell := range cells {
		if len(bytes.TrimSpace(cell)) > 0 {
			return false
		}
	}
	return true
}
