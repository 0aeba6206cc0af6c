package dump

import (
	"cmp"
	"encoding/binary"
	"slices"
	"strings"

	"wharf/internal/catalog"
	"wharf/internal/load"
	"wharf/internal/pgcodec"
)

// copyBytes is how much of a table is gathered before it is sent.
const copyBytes = 256 << 10

// stagingTable turns rows of one table into the tuples of its staging table.
type stagingTable struct {
	*catalog.Table
	name   string // quoted, with its schema
	cols   []stagingColumn
	mint   *catalog.Column
	ids    load.Minter
	nested *catalog.ForeignKey // nil: rows stand by themselves only

	members map[string]int32 // key of a row → index into targets
	targets []member
	first   int32 // the member that a row is likely to begin with

	tuples  *pgcodec.CopyWriter // nil: none are gathered
	started bool                // the staging table is there
	rows    int64
	inside  bool     // some row came inside of its parent's
	base    []uint64 // a bit for each of cols: not given in most rows; nil before the first one
	lacks   []uint64 // the same of the current row
	hidden  map[int16]bool
}

// member is what a key of a row stands for.
type member struct {
	key   string
	col   int           // index into cols; below zero: none
	child *stagingTable // nested rows
	next  int32         // the member that came behind it last time
}

// newStagingTable settles how a table is staged. Its nested tables are added later.
func newStagingTable(spec *Spec, t *catalog.Table, name string) *stagingTable {
	s := &stagingTable{Table: t, name: name, mint: load.MintedKey(t), ids: load.NewMinter(), members: map[string]int32{}, hidden: map[int16]bool{}}
	columns := slices.SortedFunc(slices.Values(t.Columns), func(a, z *catalog.Column) int { return cmp.Compare(a.Num, z.Num) })
	for _, c := range columns {
		if c.Name == t.Scope.Column || c.Generated {
			s.add(member{key: c.Name, col: -1})
			continue
		}
		col := newStagingColumn(spec, t, c)
		col.from = len(s.cols)
		m := member{key: c.Name, col: len(s.cols)}
		if c.Tags.HashOf != "" {
			m.col = -1
		}
		s.add(m)
		s.cols = append(s.cols, col)
	}
	for i := range s.cols {
		if of := s.cols[i].Tags.HashOf; of != "" {
			s.cols[i].from = slices.IndexFunc(s.cols, func(c stagingColumn) bool { return c.Name == of })
		}
	}
	for i := range t.ForeignKeys {
		if t.ForeignKeys[i].Nested {
			s.nested = &t.ForeignKeys[i]
		}
	}
	s.lacks = make([]uint64, (len(s.cols)+63)/64)
	return s
}

func (s *stagingTable) add(m member) {
	s.members[m.key] = int32(len(s.targets)) //nolint:gosec // a table has 1,600 columns at most
	s.targets = append(s.targets, m)
}

// find gives what a key stands for, as an index into targets; below zero if nothing. Rows of one document have their keys in one order: the key behind
// before's is tried first.
func (s *stagingTable) find(key []byte, before *member) int {
	guess := &s.first
	if before != nil {
		guess = &before.next
	}
	if s.targets[*guess].key == string(key) {
		return int(*guess)
	}
	i, ok := s.members[string(key)]
	if !ok {
		return -1
	}
	*guess = i
	return int(i)
}

// create gives the statement that makes the staging table. One of few rows is logged: that costs less than a flush to disk
// for each of an unlogged table's files.
func (s *stagingTable) create(few bool) string {
	defs := []string{"n bigint NOT NULL", "up bigint"}
	if s.mint != nil {
		defs = append(defs, "id uuid NOT NULL")
	}
	defs = append(defs, "absent int2[]")
	for i := range s.cols {
		defs = append(defs, cellName(s.cols[i].Column)+" "+s.cols[i].staged)
	}
	return createTable(s.name, few, defs)
}

func createTable(name string, few bool, defs []string) string {
	kind := "UNLOGGED "
	if few {
		kind = ""
	}
	return "CREATE " + kind + "TABLE " + name + " (" + strings.Join(defs, ", ") + ") WITH (autovacuum_enabled = false)"
}

// analyze gives the statement that makes statistics of what the merge joins on: the keys, and the references.
func (s *stagingTable) analyze() string {
	names := []string{"n"}
	if s.inside {
		names = append(names, "up")
	}
	if s.mint != nil {
		names = append(names, "id")
	}
	for i := range s.cols {
		if s.joined(s.cols[i].Name) {
			names = append(names, cellName(s.cols[i].Column))
		}
	}
	return "ANALYZE " + s.name + " (" + strings.Join(names, ", ") + ")"
}

// joined reports whether the column is part of a key or of a reference.
func (s *stagingTable) joined(name string) bool {
	return slices.Contains(s.PrimaryKey, name) || name == load.SoftColumn ||
		slices.ContainsFunc(s.ForeignKeys, func(k catalog.ForeignKey) bool { return slices.Contains(k.Columns, name) }) ||
		slices.ContainsFunc(s.Polys, func(p catalog.Poly) bool { return p.IDColumn == name || p.TypeColumn == name }) ||
		slices.ContainsFunc(s.Matches, func(m catalog.Match) bool {
			return slices.ContainsFunc(m.Keys, func(k catalog.IndexKey) bool { return slices.Contains(k.Columns, name) })
		})
}

// write adds a row's tuple to those that are gathered. An error is of the column given with it.
func (s *stagingTable) write(r *row) (wrong *stagingColumn, err error) {
	w := s.tuples
	fields := 3 + len(s.cols)
	if s.mint != nil {
		fields++
	}
	w.Begin(fields)
	w.Int8(r.n)
	if r.up == 0 {
		w.Null()
	} else {
		s.inside = true
		w.Int8(r.up)
	}
	if s.mint != nil {
		w.Raw(s.ids.Mint(r.n))
	}
	s.writeAbsent(r)
	for i := range s.cols {
		c := &s.cols[i]
		cell := &r.cells[c.from]
		if cell.state != given {
			w.Null()
			continue
		}
		if c.reason != nil {
			return c, c.reason
		}
		if err := w.Text(c.codec, r.text[cell.from:cell.to]); err != nil {
			return c, err //nolint:wrapcheck // a predicate of the column
		}
	}
	_ = w.End() // it has no writer below that could fail
	return nil, nil
}

// writeAbsent adds the columns that the row does not give, and counts those that it does.
func (s *stagingTable) writeAbsent(r *row) {
	clear(s.lacks)
	lacking := 0
	for i := range s.cols {
		c := &s.cols[i]
		switch r.cells[c.from].state {
		case hidden:
			if c.Tags.Redact && c.from == i {
				s.hidden[c.Num] = true
			}
			fallthrough
		case absent:
			s.lacks[i/64] |= 1 << (i % 64)
			lacking++
		default:
			c.gives++
		}
	}
	if s.base == nil {
		s.base = slices.Clone(s.lacks)
	}
	if slices.Equal(s.base, s.lacks) {
		s.tuples.Null()
		return
	}
	s.tuples.Raw(s.numbers(lacking))
}

const int2OID = 21

// numbers gives the Nums of the columns that the row lacks, as int2[] in its binary form.
func (s *stagingTable) numbers(lacking int) []byte {
	dims := min(lacking, 1)
	out := make([]byte, 0, 20+6*lacking)
	out = binary.BigEndian.AppendUint32(out, uint32(dims)) //nolint:gosec // 0 or 1
	out = binary.BigEndian.AppendUint32(out, 0)            // no NULL
	out = binary.BigEndian.AppendUint32(out, int2OID)
	if dims == 0 {
		return out
	}
	out = binary.BigEndian.AppendUint32(out, uint32(lacking)) //nolint:gosec // columns of a table
	out = binary.BigEndian.AppendUint32(out, 1)               // its first index
	for i := range s.cols {
		if s.lacks[i/64]&(1<<(i%64)) != 0 {
			out = binary.BigEndian.AppendUint32(out, 2)
			out = binary.BigEndian.AppendUint16(out, uint16(s.cols[i].Num)) //nolint:gosec // attnum is positive
		}
	}
	return out
}

// staged says what came of the table.
func (s *stagingTable) staged() *staged {
	out := &staged{table: s.Table, name: s.name, rows: s.rows, mint: s.mint, partial: map[int16]bool{}, hidden: s.hidden}
	if s.inside {
		out.nested = s.nested
	}
	for i := range s.cols {
		c := &s.cols[i]
		if c.gives > 0 {
			out.given = append(out.given, c.Column)
			if c.gives < s.rows {
				out.partial[c.Num] = true
			}
		}
		if s.base != nil && s.base[i/64]&(1<<(i%64)) != 0 {
			out.base = append(out.base, c.Num)
		}
	}
	return out
}
