// Package load moves rows into tables: staging by COPY, then a set-based merge by natural key. Imports and restores share it.
//
// A staging table holds one row a source row: its number, its errors (NULL: it may be written), and a cell a column, typed
// as the target where Postgres's binary form is known, as text where it is not or where a reference has yet to be found.
// Marking never removes a row: whatever keeps one from being written is added to its errors.
//
// A merge runs in its caller's transaction, which carries the tenant:
//
//	lock → references → duplicates → plan (which rows are there) → checks of new rows → UPDATE what differs → INSERT the rest
//
// Invariants: every statement on a product table carries the tenant predicate beside row security; a reference is written
// only after it was found among the tenant's own rows, because Postgres checks foreign keys without row security.
package load

import (
	"fmt"
	"slices"
	"strings"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"wharf/internal/catalog"
	"wharf/internal/fault"
)

// Write says which rows may come of a merge.
type Write string

// The ways to write.
const (
	Upsert Write = "upsert" // update those that are there, create the rest
	Insert Write = "insert" // create only: a row that is there is an error
	Update Write = "update" // update only: a row that is not there is an error
)

// Spec says what is loaded into which table, and how rows meet those that are there.
type Spec struct {
	Tenant    uuid.UUID
	Table     *catalog.Table // nil: the rows stay in staging, as text
	Columns   []Column       // one a cell of the staged batches
	Match     []string       // natural keys in the order they are tried, in @match syntax; nil: the table's own
	Write     Write          // "": Upsert
	Clear     bool           // a blank cell empties the column; otherwise it leaves it alone
	LastWins  bool           // of rows with one key the last is written; otherwise later ones are errors
	Uniques   []Unique       // whole-file rules
	WorkMemMB int            // memory of one sort or hash in the merge; 0: 128
}

// Column is one staged column.
type Column struct {
	Name  string // of the field, in errors; of the target column, if there is a table
	Label string // for people
}

// Unique marks rows whose cell was seen before in the file, trimmed and without regard to case.
type Unique struct {
	Column  int
	Message string // what is wrong; the first row's number is added
}

// Plan is a Spec that fits its table, ready to stage and merge.
type Plan struct {
	spec    Spec
	table   *catalog.Table
	cols    []column
	matches []match
	mint    bool // ids are minted while staging: the key is one uuid that nobody maps
	soft    bool // the table has deleted_at: only live rows are matched
}

// column is a Column with what the statements need of it.
type column struct {
	Column
	target  *catalog.Column
	ref     *reference // nil: no foreign key
	codec   func(dst, text []byte) ([]byte, error)
	typed   bool // staged in its own type
	surrog  bool // a key the database gives: it matches, and is never written
	sqlType string
}

// match is a natural key all of whose columns are staged.
type match struct {
	catalog.Match
	names  string // for messages: "external_id"
	unique bool   // an index guarantees it
}

// Names of the columns that every staging table has.
const (
	rowColumn    = "__row"
	idColumn     = "__id"
	errorsColumn = "__errors"
)

// Compile checks that the spec's columns and keys fit its table. What does not is named in a fault.Invalid.
func Compile(spec Spec) (*Plan, error) {
	if spec.Write == "" {
		spec.Write = Upsert
	}
	if spec.WorkMemMB == 0 {
		spec.WorkMemMB = 128
	}
	p := &Plan{spec: spec, table: spec.Table}
	if p.table == nil {
		for _, c := range spec.Columns {
			p.cols = append(p.cols, column{Column: c, codec: textCodec, typed: true, sqlType: "text"})
		}
		return p, nil
	}
	var wrong []fault.Field
	for _, c := range spec.Columns {
		col, err := p.column(c)
		if err != nil {
			wrong = append(wrong, fault.Field{Field: c.Name, Message: err.Error()})
			continue
		}
		p.cols = append(p.cols, col)
	}
	if len(wrong) > 0 {
		return nil, fault.Newf(fault.Invalid, "the columns do not fit the table %s", p.table.Name).WithFields(wrong...)
	}
	if _, ok := p.table.Column("deleted_at"); ok {
		p.soft = true
	}
	p.mint = p.mintable()
	if err := p.findMatches(); err != nil {
		return nil, err
	}
	return p, p.checkWrite()
}

func (p *Plan) column(c Column) (column, error) {
	target, ok := p.table.Column(c.Name)
	if !ok {
		return column{}, fmt.Errorf("%s has no column %q", p.table.Name, c.Name)
	}
	col := column{Column: c, target: target, surrog: surrogate(p.table, target)}
	if err := writable(p.table, target); err != nil && !col.surrog {
		return column{}, err
	}
	if col.Label == "" {
		col.Label = target.Label
	}
	ref, err := referenceOf(p.table, target)
	if err != nil {
		return column{}, err
	}
	col.ref = ref
	col.codec, col.typed = codecFor(target)
	col.sqlType = target.Type
	if ref != nil || !col.typed {
		col.codec, col.typed, col.sqlType = textCodec, false, "text"
	}
	return col, nil
}

// surrogate reports whether the column is a key that the database gives by itself: such a column names rows, but a file
// never decides it, so that nobody can aim at another tenant's key.
func surrogate(t *catalog.Table, c *catalog.Column) bool {
	return len(t.PrimaryKey) == 1 && t.PrimaryKey[0] == c.Name && (c.Default != "" || c.Identity != "")
}

func writable(t *catalog.Table, c *catalog.Column) error {
	switch {
	case c.Name == t.Scope.Column:
		return fmt.Errorf("the tenant is never taken from a file")
	case c.Generated:
		return fmt.Errorf("%s is computed by the database", c.Name)
	case c.Identity == "always":
		return fmt.Errorf("%s is numbered by the database", c.Name)
	case c.Tags.Readonly:
		return fmt.Errorf("%s is read-only", c.Name)
	}
	return nil
}

// mintable reports whether ids can be minted while staging: then new rows enter the primary key in order, which saves
// Postgres a random page a row, and their ids are known without RETURNING.
func (p *Plan) mintable() bool {
	if len(p.table.PrimaryKey) != 1 {
		return false
	}
	key, _ := p.table.Column(p.table.PrimaryKey[0])
	return key.Kind == catalog.KindUUID && key.Default != ""
}

// findMatches keeps the natural keys whose columns are all staged; a mapped surrogate key comes before them.
func (p *Plan) findMatches() error {
	for _, c := range p.cols {
		if c.surrog {
			p.matches = append(p.matches, match{
				Match:  catalog.Match{Keys: []catalog.IndexKey{{Column: c.Name, Columns: []string{c.Name}}}},
				names:  c.Name,
				unique: true,
			})
		}
	}
	candidates := p.table.Matches
	if p.spec.Match != nil {
		candidates = nil
		for _, text := range p.spec.Match {
			m, err := p.table.ParseMatch(text)
			if err != nil {
				return fault.Newf(fault.Invalid, "the key %q cannot match rows of %s", text, p.table.Name).
					WithFields(fault.Field{Field: "match", Message: err.Error()})
			}
			candidates = append(candidates, m)
		}
	}
	for _, m := range candidates {
		if missing := p.missing(m); missing != "" {
			if p.spec.Match != nil {
				return fault.Newf(fault.Invalid, "rows of %s cannot be matched by %s: no column is mapped to %s", p.table.Name, m, missing)
			}
			continue
		}
		p.matches = append(p.matches, match{Match: m, names: m.String(), unique: p.table.Guarantees(m)})
	}
	return nil
}

// missing names a column of the key that is not staged, "" if all are.
func (p *Plan) missing(m catalog.Match) string {
	for _, k := range m.Keys {
		for _, name := range k.Columns {
			if !slices.ContainsFunc(p.cols, func(c column) bool { return c.Name == name }) {
				return name
			}
		}
	}
	return ""
}

func (p *Plan) checkWrite() error {
	if p.spec.Write == Update && len(p.matches) == 0 {
		return fault.Newf(fault.Invalid, "to update rows of %s, map a column that names them: %s", p.table.Name, keysOf(p.table))
	}
	return nil
}

func keysOf(t *catalog.Table) string {
	names := slices.Clone(t.PrimaryKey)
	for _, m := range t.Matches {
		names = append(names, m.String())
	}
	return strings.Join(names, " or ")
}

func ident(parts ...string) string { return pgx.Identifier(parts).Sanitize() }

// StagingSchema is where staging tables live, and the only schema the service's role may create in.
const StagingSchema = "wharf_staging"

// staging gives the quoted name of a staging table, or of one beside it.
func staging(name, suffix string) string { return ident(StagingSchema, name+suffix) }

// HasTable reports whether the rows go into a table.
func (p *Plan) HasTable() bool { return p.table != nil }
