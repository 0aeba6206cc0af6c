package exporter

import (
	"encoding/binary"
	"errors"
	"fmt"

	"wharf/internal/pgcodec"
)

// nestedRows encodes the rows of a table with those that sit inside them, a row of the table a line. What it holds in memory is
// the way to the row that is being written, however many rows sit in one.
func (r *run) nestedRows(t planned) rowEncoder {
	w := &treeWriter{nodes: r.tree(t), rows: map[string]int64{}}
	for _, n := range w.nodes[1:] {
		w.rows[n.Name] = 0
	}
	return rowEncoder{sql: selectTree(w.nodes), add: w.add, finish: w.finish, nested: w.rows}
}

// treeWriter puts the rows of selectTree into each other.
type treeWriter struct {
	nodes []node
	open  []openRow // the way to the last row, if others sit in it
	began bool
	raw   [][]byte
	rows  map[string]int64 // by nested table
}

// openRow is a row whose brace is not closed yet. Of its arrays so many were begun; all but the last are closed.
type openRow struct{ node, arrays int }

// errOrder is a row that does not come behind the row it sits in: the document would put it elsewhere.
var errOrder = errors.New("exporter: a nested row came without the row that it sits in")

func (w *treeWriter) add(dst []byte, raw [][]byte) ([]byte, error) {
	i, record, err := nodeAndRecord(raw)
	if err != nil || i >= len(w.nodes) {
		return dst, errors.Join(err, errOrder)
	}
	n := &w.nodes[i]
	for len(w.open) > n.level() {
		dst = w.closeRow(dst)
	}
	if dst, err = w.place(dst, n); err != nil {
		return dst, err
	}
	if w.raw, err = fields(w.raw[:0], record); err != nil {
		return dst, err
	}
	if dst, err = pgcodec.AppendJSONRow(dst, n.cols, w.raw); err != nil {
		return dst, fmt.Errorf("row of %s: %w", n.Name, err)
	}
	if n.inside != nil {
		dst = dst[:len(dst)-1] // the brace: it comes behind what sits in the row
		w.open = append(w.open, openRow{node: i})
	}
	return dst, nil
}

// place appends what stands between the row before and one of the node.
func (w *treeWriter) place(dst []byte, n *node) ([]byte, error) {
	if n.level() == 0 {
		if w.began {
			dst = append(dst, ',')
		}
		w.began = true
		return append(dst, '\n'), nil
	}
	if len(w.open) != n.level() {
		return dst, errOrder
	}
	up := &w.open[n.level()-1]
	if up.node != n.path[n.level()-1] || up.arrays > n.place+1 {
		return dst, errOrder
	}
	w.rows[n.Name]++
	if up.arrays == n.place+1 {
		return append(dst, ','), nil
	}
	return w.arrays(dst, up, n.place+1), nil
}

// arrays begins the arrays of a row up to the n-th; those before it are closed.
func (w *treeWriter) arrays(dst []byte, row *openRow, n int) []byte {
	for ; row.arrays < n; row.arrays++ {
		if row.arrays > 0 {
			dst = append(dst, ']')
		}
		dst = append(dst, w.nodes[row.node].inside[row.arrays]...)
	}
	return dst
}

// closeRow closes the innermost open row. Tables of which none sits in it have empty arrays.
func (w *treeWriter) closeRow(dst []byte) []byte {
	last := len(w.open) - 1
	dst = w.arrays(dst, &w.open[last], len(w.nodes[w.open[last].node].inside))
	w.open = w.open[:last]
	return append(dst, "]}"...)
}

func (w *treeWriter) finish(dst []byte) []byte {
	for len(w.open) > 0 {
		dst = w.closeRow(dst)
	}
	return dst
}

func nodeAndRecord(raw [][]byte) (node int, record []byte, err error) {
	if len(raw) != 2 || len(raw[0]) != 4 {
		return 0, nil, pgcodec.ErrCorrupt //nolint:wrapcheck // says it
	}
	return int(binary.BigEndian.Uint32(raw[0])), raw[1], nil
}

// fields appends the values of a record's binary form to raw; nil is NULL. They share its memory. It is a count, then of each
// value its type, its length or -1, and its bytes (record_send in the server's rowtypes.c).
func fields(raw [][]byte, record []byte) ([][]byte, error) {
	n := uint32(0)
	if len(record) >= 4 {
		n, record = binary.BigEndian.Uint32(record), record[4:]
	}
	for range n {
		if len(record) < 8 {
			return raw, pgcodec.ErrCorrupt //nolint:wrapcheck // says it
		}
		size := int32(binary.BigEndian.Uint32(record[4:])) //nolint:gosec // -1 is NULL
		record = record[8:]
		if size < 0 {
			raw = append(raw, nil)
			continue
		}
		if int(size) > len(record) {
			return raw, pgcodec.ErrCorrupt //nolint:wrapcheck // says it
		}
		raw = append(raw, record[:size:size])
		record = record[size:]
	}
	return raw, nil
}
