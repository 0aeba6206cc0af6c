package dump

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"wharf/internal/catalog"
)

// reference is what some columns of a document's table say about another row. Postgres checks foreign keys past row security,
// so none is ever written as it came: it is looked for among the document's rows, then among the tenant's own.
type reference struct {
	n       int
	fk      *catalog.ForeignKey // nil: poly, or a user's
	poly    *catalog.Poly
	cols    []*catalog.Column // that hold it
	targets []*catalog.Column // of fk, place by place
	sets    []int             // of cols, those that this reference decides: another one may have decided some already
	nested  bool              // rows that came inside another refer to that
	maps    []*idMap          // one, or of poly one each of kinds
	kinds   []string          // values of poly's type column that stand in the document
	ready   bool
	home    bool // the tenant's own rows were looked through
	lost    bool // it leads nowhere in some row
}

// addReferences finds the columns that name other rows.
func (t *merging) addReferences() {
	var fks []*catalog.ForeignKey
	for i := range t.table.ForeignKeys {
		if k := &t.table.ForeignKeys[i]; k.Target != nil && len(pairsOf(t.table, k)) > 0 {
			fks = append(fks, k)
		}
	}
	slices.SortStableFunc(fks, func(a, z *catalog.ForeignKey) int {
		if (a == t.nested) != (z == t.nested) {
			return map[bool]int{true: -1, false: 1}[a == t.nested]
		}
		names, others := pairsOf(t.table, a), pairsOf(t.table, z)
		return cmp.Or(len(names)-len(others), cmp.Compare(names[0].Num, others[0].Num))
	})
	for _, k := range fks {
		_, targets := k.Pairs(t.table)
		r := &reference{fk: k, cols: pairsOf(t.table, k), nested: k == t.nested}
		for _, name := range targets {
			target, _ := k.Target.Column(name)
			r.targets = append(r.targets, target)
		}
		if !r.nested && !slices.ContainsFunc(r.cols, t.gives) {
			continue
		}
		t.addReference(r)
		if len(r.sets) == 0 {
			t.loose = append(t.loose, k)
		}
	}
	for i := range t.table.Polys {
		poly := &t.table.Polys[i]
		if c, _ := t.table.Column(poly.IDColumn); t.gives(c) {
			t.addReference(&reference{poly: poly, cols: []*catalog.Column{c}})
		}
	}
	for _, c := range t.given {
		if c.Tags.User {
			t.addReference(&reference{cols: []*catalog.Column{c}})
		}
	}
}

// pairsOf gives the columns of a foreign key, the tenant's left out.
func pairsOf(t *catalog.Table, k *catalog.ForeignKey) []*catalog.Column {
	names, _ := k.Pairs(t)
	cols := make([]*catalog.Column, 0, len(names))
	for _, name := range names {
		if c, ok := t.Column(name); ok {
			cols = append(cols, c)
		}
	}
	return cols
}

// addReference takes the reference if it decides a column.
func (t *merging) addReference(r *reference) {
	for i, c := range r.cols {
		if t.by[c.Num] == nil {
			t.by[c.Num] = r
			r.sets = append(r.sets, i)
		}
	}
	if len(r.sets) > 0 {
		r.n = len(t.refs)
		t.refs = append(t.refs, r)
	}
}

// gives reports whether some row of the document has the column.
func (t *merging) gives(c *catalog.Column) bool { return slices.Contains(t.given, c) }

// required reports whether a row cannot be without the reference.
func (r *reference) required() bool {
	return slices.ContainsFunc(r.sets, func(i int) bool { return r.cols[i].NotNull })
}

// field names the reference in warnings.
func (r *reference) field() string {
	names := make([]string, 0, len(r.cols))
	for _, c := range r.cols {
		names = append(names, c.Name)
	}
	return strings.Join(names, ", ")
}

func (r *reference) alias() string { return fmt.Sprintf("r%d", r.n) }

// join adds to the staged rows s what the reference has become.
func (t *merging) join(m *merge, r *reference) string {
	switch {
	case r.fk == nil && r.poly == nil:
		return " LEFT JOIN " + m.members + " " + r.alias() + " ON " + r.alias() + ".src = lower(" + t.cell(r.cols[0]) + ")"
	case r.poly != nil:
		return t.joinPoly(r)
	}
	on := make([]string, 0, len(r.cols))
	for i, c := range r.cols {
		on = append(on, fmt.Sprintf("%s.s%d = %s", r.alias(), i, t.cell(c)))
	}
	join := " LEFT JOIN " + r.maps[0].name + " " + r.alias() + " ON " + strings.Join(on, " AND ")
	if r.nested {
		join += " AND s.up IS NULL LEFT JOIN " + r.maps[0].name + " " + r.alias() + "n ON " + r.alias() + "n.n = s.up"
	}
	return join
}

func (t *merging) joinPoly(r *reference) string {
	c := r.cols[0]
	kinds := []string{"SELECT NULL::text AS kind, NULL::" + c.BaseType + " AS s0, NULL::" + c.BaseType + " AS v0 WHERE false"}
	for i, m := range r.maps {
		s0, v0 := "s0", "v0"
		if m.columns[0].BaseType != c.BaseType {
			s0, v0 = "s0::text::"+c.BaseType, "v0::text::"+c.BaseType
		}
		kinds = append(kinds, "SELECT "+literal(r.kinds[i])+", "+s0+", "+v0+" FROM "+m.name)
	}
	kind, _ := t.table.Column(r.poly.TypeColumn)
	return " LEFT JOIN (" + strings.Join(kinds, " UNION ALL ") + ") " + r.alias() + " ON " + r.alias() + ".kind = " + t.cell(kind) + "::text AND " +
		r.alias() + ".s0 = " + t.cell(c)
}

// became gives what the ith column of the reference has become.
func (r *reference) became(i int) string {
	switch {
	case r.fk == nil && r.poly == nil:
		return r.alias() + ".id::text::" + r.cols[0].BaseType
	case r.nested:
		return fmt.Sprintf("coalesce(%[1]sn.v%[2]d, %[1]s.v%[2]d)", r.alias(), i)
	}
	return fmt.Sprintf("%s.v%d", r.alias(), i)
}

// open gives the condition under which the row has a reference that leads nowhere.
func (t *merging) open(r *reference) string {
	filled := make([]string, 0, len(r.cols))
	for _, c := range r.cols {
		filled = append(filled, t.cell(c)+" IS NOT NULL")
	}
	names := "(" + strings.Join(filled, " AND ") + ")"
	if r.nested {
		names = "(s.up IS NOT NULL OR " + names + ")"
	}
	return names + " AND " + r.became(r.sets[0]) + " IS NULL"
}

// cell gives what the document says, in the column's type; NULL if it says nothing.
func (t *merging) cell(c *catalog.Column) string {
	if !t.gives(c) {
		return "NULL::" + c.BaseType
	}
	cell := fmt.Sprintf("s.c%d", c.Num)
	switch cast := castOf(c); {
	case c.Composite:
		return "json_populate_record(NULL::" + c.BaseType + ", " + cell + "::json)"
	case cast != "":
		return "(" + cell + ")::" + cast
	}
	return cell
}

// from gives the staged rows s with what the references among these columns have become.
func (m *merge) from(ctx context.Context, t *merging, cols []*catalog.Column) (string, error) {
	from := t.name + " s"
	for _, r := range t.refs {
		if !slices.ContainsFunc(r.sets, func(i int) bool { return slices.Contains(cols, r.cols[i]) }) && !t.typeOf(r, cols) {
			continue
		}
		if err := m.ready(ctx, t, r); err != nil {
			return "", err
		}
		from += t.join(m, r)
	}
	if t.numbers != nil && slices.Contains(cols, t.key) {
		from += " JOIN " + t.numbers.name + " km ON km.n = s.n"
	}
	return from, nil
}

// typeOf reports whether a polymorphic reference decides its type column too, which is among cols.
func (t *merging) typeOf(r *reference, cols []*catalog.Column) bool {
	return r.poly != nil && slices.ContainsFunc(cols, func(c *catalog.Column) bool { return c.Name == r.poly.TypeColumn && !c.NotNull })
}
