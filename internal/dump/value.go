package dump

import (
	"fmt"
	"slices"
	"strings"

	"wharf/internal/catalog"
	"wharf/internal/load"
)

const stagingSchema = load.StagingSchema

func soleKey(t *catalog.Table) *catalog.Column { return load.SoleKey(t) }

// castOf gives the type that a staged cell is cast to, "" if it is staged in its own.
func castOf(c *catalog.Column) string {
	if c.Tags.User || c.Tags.File {
		return ""
	}
	return load.Encode(c).Cast
}

// value gives what the document makes of a column of the staged row s: NULL if it says nothing.
func (t *merging) value(c *catalog.Column) string {
	if c.Name == t.table.Scope.Column {
		return t.tenant
	}
	if r := t.by[c.Num]; r != nil {
		return r.became(slices.Index(r.cols, c))
	}
	for _, r := range t.refs { // half a pair means nothing
		if r.poly != nil && r.poly.TypeColumn == c.Name && !c.NotNull {
			return "CASE WHEN NOT (" + t.open(r) + ") THEN " + t.cell(c) + " END"
		}
	}
	return t.cell(c)
}

// final gives what a column of the row will hold, its key's too; f is the found row, if some are.
func (t *merging) final(c *catalog.Column) string {
	switch {
	case c == t.key && t.numbers != nil:
		return "km.v0"
	case c == t.mint && t.found != "":
		return fmt.Sprintf("coalesce(f.k%d, s.id)", slices.Index(t.identity, c))
	case c == t.mint:
		return "s.id"
	}
	return t.value(c)
}

// isGiven gives the condition under which the row s has the column.
func (t *merging) isGiven(c *catalog.Column) string {
	switch {
	case t.nested != nil && t.by[c.Num] != nil && t.by[c.Num].nested:
		return "true"
	case !t.gives(c):
		return "false"
	case !t.partial[c.Num]:
		return "true"
	}
	base := make([]string, 0, len(t.base))
	for _, num := range t.base {
		base = append(base, fmt.Sprint(num))
	}
	return fmt.Sprintf("%d <> ALL (coalesce(s.absent, '{%s}'::int2[]))", c.Num, strings.Join(base, ","))
}

// writable gives the columns that the document may write, in the catalog's order.
func (t *merging) writable() []*catalog.Column {
	var cols []*catalog.Column
	for _, c := range t.table.Columns {
		ours := t.gives(c) || t.by[c.Num] != nil && t.by[c.Num].nested
		made := c == t.key && t.minted || c.Generated || c.Identity == "always"
		if ours && !made && !c.Tags.Readonly && !c.Tags.File && c.Name != t.table.Scope.Column {
			cols = append(cols, c)
		}
	}
	return cols
}

// kept gives a condition that leaves skipped rows out.
func (t *merging) kept() string {
	if t.skipped == "" {
		return ""
	}
	return " AND NOT EXISTS (SELECT FROM " + t.skipped + " x WHERE x.n = s.n)"
}

// isNew gives a condition that leaves the rows out that are in the table already.
func (t *merging) isNew() string {
	if t.found == "" {
		return ""
	}
	return " AND NOT EXISTS (SELECT FROM " + t.found + " f WHERE f.n = s.n)"
}

// sameRow gives the condition under which the table's row t is the found row f.
func (t *merging) sameRow() string {
	on := []string{t.table.TenantPredicate("t", t.tenant)}
	for i, c := range t.identity {
		on = append(on, fmt.Sprintf("t.%s = f.k%d", c.Ident(), i))
	}
	return strings.Join(on, " AND ")
}

// columnsOf gives the table's columns of these names.
func (t *merging) columnsOf(names []string) []*catalog.Column {
	cols := make([]*catalog.Column, 0, len(names))
	for _, name := range names {
		if c, ok := t.table.Column(name); ok {
			cols = append(cols, c)
		}
	}
	return cols
}
