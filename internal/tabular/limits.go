package tabular

import (
	"cmp"

	"wharf/internal/fault"
)

const (
	// ratioGrace is how much any file may expand to before its ratio counts: a short file of blanks is no bomb.
	ratioGrace = 1 << 20
	// minRecordBytes is the least a single row may take in memory, however small CellBytes is.
	minRecordBytes = 16 << 20
	// maxBatchCells bounds a batch of a very wide table: rows × columns.
	maxBatchCells = 1 << 18
	// defaultBatchRows is Options.BatchRows when it is not given.
	defaultBatchRows = 1000
)

// orDefaults gives l with DefaultLimits where it says nothing.
func (l Limits) orDefaults() Limits {
	d := DefaultLimits()
	return Limits{
		DecompressedBytes: cmp.Or(max(l.DecompressedBytes, 0), d.DecompressedBytes),
		Ratio:             cmp.Or(max(l.Ratio, 0), d.Ratio),
		Rows:              cmp.Or(max(l.Rows, 0), d.Rows),
		Columns:           cmp.Or(max(l.Columns, 0), d.Columns),
		CellBytes:         cmp.Or(max(l.CellBytes, 0), d.CellBytes),
	}
}

// recordBytes is the most bytes one row may take.
func (l Limits) recordBytes() int { return max(minRecordBytes, 2*l.CellBytes) }

// batchRows is how many rows of cols cells a batch gets.
func (o Options) batchRows(cols int) int {
	n := o.BatchRows
	if n <= 0 {
		n = defaultBatchRows
	}
	return max(1, min(n, maxBatchCells/max(cols, 1)))
}

// overLimit is the error of a file that asks for more than the limit allows.
func overLimit(limit string, value int64, what string) *fault.Error {
	return fault.Newf(fault.TooLarge, "%s (limit %q: %d)", what, limit, value)
}

func (l Limits) tooManyRows() *fault.Error {
	return overLimit("rows", l.Rows, "the file has too many rows")
}

func (l Limits) tooManyColumns() *fault.Error {
	return overLimit("columns", int64(l.Columns), "the file has too many columns")
}
