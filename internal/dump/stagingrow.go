package dump

import (
	"fmt"

	"wharf/internal/fault"
	"wharf/internal/pgcodec"
)

// row is a row being read.
type row struct {
	table *stagingTable
	n, up int64
	text  []byte // of the cells
	cells []cell // one each of table.cols
	seen  []bool // one each of table.targets
}

type cell struct {
	from, to int // in text
	state    cellState
}

// array reads the rows of a table, those of a whole document's or those inside of row up of its parent's.
func (s *stager) array(t *stagingTable, up int64) error {
	s.prepare(t)
	return s.scan.array(t.Name, func() error { return s.row(t, up) })
}

// lines reads the rows of a table, which stand one behind the other to the end of what is read.
func (s *stager) lines(t *stagingTable) error {
	s.prepare(t)
	for {
		more, err := s.scan.more()
		if err != nil {
			return err
		}
		if !more {
			return s.flushAll(t)
		}
		if err := s.row(t, 0); err != nil {
			return err
		}
	}
}

// prepare makes room for tuples.
func (s *stager) prepare(t *stagingTable) {
	if t.tuples == nil {
		t.tuples = pgcodec.NewCopyWriter(nil, s.send.buffer())
	}
}

// row reads one row, and those that stand inside of it. up is n of the row that it stands inside of itself; 0: none.
func (s *stager) row(t *stagingTable, up int64) error {
	t.rows++
	s.rows++
	r := s.push(t)
	r.n, r.up = t.rows, up
	c, err := s.scan.peek()
	if err == nil && c != '{' {
		err = s.scan.invalid("it is not an object with a value for each column")
	}
	if err == nil {
		err = s.members(r)
	}
	if err != nil {
		return err
	}
	s.prepare(t)
	if wrong, err := t.write(r); err != nil {
		return s.refused(r, wrong, err, r.text[r.cells[wrong.from].from:r.cells[wrong.from].to])
	}
	s.pop(r)
	if t.tuples.Len() < copyBytes {
		return nil
	}
	return s.flush(t)
}

// members reads what an object holds into r.
func (s *stager) members(r *row) error {
	var before *member
	more, err := s.scan.begin('{')
	for ; more && err == nil; more, err = s.scan.next() {
		key, err := s.scan.key()
		if err != nil {
			return err
		}
		i := r.table.find(key, before)
		if i < 0 {
			s.left.column(r.table.Name, key)
			if err := s.scan.skip(); err != nil {
				return err
			}
			continue
		}
		if r.seen[i] {
			return s.scan.invalid("%s stands in it twice", r.table.targets[i].key)
		}
		r.seen[i] = true
		before = &r.table.targets[i]
		if err := s.member(r, before); err != nil {
			return err
		}
	}
	return err
}

// member reads the value of a key.
func (s *stager) member(r *row, m *member) error {
	switch {
	case m.child != nil:
		return s.array(m.child, r.n)
	case m.col < 0:
		return s.scan.skip()
	}
	value, err := s.scan.value()
	if err != nil {
		return err
	}
	from := len(r.text)
	col := &r.table.cols[m.col]
	text, state, err := col.append(r.text, value)
	if err != nil {
		return s.refused(r, col, err, value)
	}
	r.text = text
	r.cells[m.col] = cell{from: from, to: len(text), state: state}
	if s.held += len(text) - from; s.held > s.scan.most {
		return s.scan.fail(fault.TooLarge, "it is larger than %d bytes (limit \"row\")", s.scan.most)
	}
	return nil
}

// refused says of a cell that its column does not take it, and why: a predicate, or that the column takes none at all.
func (s *stager) refused(r *row, c *stagingColumn, why error, value []byte) error {
	message := why.Error()
	if why != c.reason && !c.secret() { //nolint:errorlint // it is that very one
		message += ": " + clip(value)
	}
	return rowFault(r.table.Name, r.n, c.Name, message)
}

// push makes room for a row inside of those being read.
func (s *stager) push(t *stagingTable) *row {
	if s.deep == len(s.stack) {
		s.stack = append(s.stack, &row{})
	}
	r := s.stack[s.deep]
	s.deep++
	if len(t.cols) > cap(r.cells) {
		r.cells = make([]cell, len(t.cols))
	}
	if len(t.targets) > cap(r.seen) {
		r.seen = make([]bool, len(t.targets))
	}
	r.table, r.text, r.cells, r.seen = t, r.text[:0], r.cells[:len(t.cols)], r.seen[:len(t.targets)]
	clear(r.cells)
	clear(r.seen)
	return r
}

func (s *stager) pop(r *row) {
	s.held -= len(r.text)
	s.deep--
}

// where names the row that is being read.
func (s *stager) where() string {
	if s.deep == 0 {
		return s.place
	}
	r := s.stack[s.deep-1]
	return fmt.Sprintf("%s row %d", r.table.Name, r.n)
}

// flushAll sends what is gathered of a table and of those nested in it.
func (s *stager) flushAll(t *stagingTable) error {
	for i := range t.targets {
		if child := t.targets[i].child; child != nil {
			if err := s.flushAll(child); err != nil {
				return err
			}
		}
	}
	if t.tuples == nil {
		return nil
	}
	return s.flush(t)
}

// flush sends what is gathered of a table, and makes its staging table before if there is none.
func (s *stager) flush(t *stagingTable) error {
	c := chunk{into: t.name}
	if !t.started {
		t.started = true
		c.create = t.create(t.tuples.Len() < copyBytes)
	}
	c.data = t.tuples.Take(nil)
	t.tuples = nil
	if p := s.spec.Progress; p != nil {
		p(Progress{Phase: Reading, Table: t.Name, Rows: s.rows, Bytes: s.read + s.scan.at()})
	}
	return s.send.chunk(c)
}
