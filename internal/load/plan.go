package load

import (
	"slices"

	"github.com/jackc/pgx/v5"

	"wharf/internal/catalog"
	"wharf/internal/fault"
	"wharf/internal/tenancy"
)

// Plan is a Spec that fits its table, ready to stage and merge.
type Plan struct {
	spec     Spec
	table    *catalog.Table
	cols     []column
	keys     []key             // that name rows, in the order they are tried
	identity []*catalog.Column // what tells the table's rows apart once they are found
	mint     *catalog.Column   // the key whose values are minted while staging; nil: the database or the file gives it
	soft     bool              // the table has deleted_at
}

// Compile checks that the spec's columns and keys fit its table. What does not is named in a fault.Invalid.
func Compile(spec Spec) (*Plan, error) {
	if spec.Write == "" {
		spec.Write = Upsert
	}
	if spec.WorkMemMB == 0 {
		spec.WorkMemMB = defaultWorkMemMB
	}
	if len(spec.Columns) > maxColumns {
		return nil, fault.Newf(fault.TooLarge, "%d columns; at most %d can be loaded at once", len(spec.Columns), maxColumns)
	}
	p := &Plan{spec: spec, table: spec.Table}
	if p.table == nil {
		for i, c := range spec.Columns {
			p.cols = append(p.cols, column{Column: c, n: i, from: i, codec: textCodec, staged: "text"})
		}
		return p, nil
	}
	if spec.DB == nil {
		return nil, tenancy.ErrNoTenant
	}
	_, p.soft = p.table.Column(SoftColumn)
	for _, step := range []func() error{p.addColumns, p.addReferences, p.addHashes, p.addKeys, p.checkWrite} {
		if err := step(); err != nil {
			return nil, err
		}
	}
	return p, nil
}

// HasTable reports whether the rows go into a table.
func (p *Plan) HasTable() bool { return p.table != nil }

func (p *Plan) addColumns() error {
	var wrong []fault.Field
	for i, c := range p.spec.Columns {
		col, err := p.column(i, c)
		if err == nil && p.find(c.Name) != nil {
			err = fault.Newf(fault.Invalid, "%s is given twice", c.Name)
		}
		if err != nil {
			wrong = append(wrong, fault.Field{Field: c.Name, Message: err.Error()})
			continue
		}
		p.cols = append(p.cols, col)
	}
	p.mint = MintedKey(p.table)
	return p.misfit(wrong)
}

// misfit gives one error for all columns that do not fit, nil if there are none.
func (p *Plan) misfit(wrong []fault.Field) error {
	if len(wrong) == 0 {
		return nil
	}
	return fault.Newf(fault.Invalid, "the columns do not fit the table %s", p.table.Name).WithFields(wrong...)
}

// find gives the staged column of that name, nil if there is none.
func (p *Plan) find(name string) *column {
	i := slices.IndexFunc(p.cols, func(c column) bool { return c.Name == name })
	if i < 0 {
		return nil
	}
	return &p.cols[i]
}

// labelOf names a column of the table for people, as the file's definition does if it has it.
func (p *Plan) labelOf(c *catalog.Column) string {
	if staged := p.find(c.Name); staged != nil {
		return staged.label()
	}
	return c.Label
}

// checkWrite refuses ways to write that cannot work with what is mapped.
func (p *Plan) checkWrite() error {
	switch {
	case p.spec.Write == Update && len(p.keys) == 0:
		return fault.Newf(fault.Invalid, "to update rows of %s, map a column that names them: %s", p.table.Name, keysOf(p.table))
	case p.spec.Write == Update || p.table.Scope.Parent == nil:
		return nil
	}
	// A row that has no tenant of its own comes in under a parent that was found among the tenant's, or not at all.
	for _, name := range p.table.Scope.Parent.Columns {
		if p.find(name) == nil {
			return fault.Newf(fault.Invalid, "rows of %s belong to a row of %s: map %s", p.table.Name, p.table.Scope.Parent.Target.Name, name)
		}
	}
	return nil
}

const (
	// SoftColumn holds when a row was deleted, in tables that keep deleted rows.
	SoftColumn    = "deleted_at"
	touchedColumn = "updated_at"
)

// touched gives the column that says when a row changed last, nil if there is none or the file gives it.
func (p *Plan) touched() *catalog.Column {
	c, ok := p.table.Column(touchedColumn)
	if !ok || p.find(touchedColumn) != nil || (c.Kind != catalog.KindTimestampTZ && c.Kind != catalog.KindTimestamp) {
		return nil
	}
	return c
}

func ident(parts ...string) string { return pgx.Identifier(parts).Sanitize() }
