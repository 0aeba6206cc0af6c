package dump

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"wharf/internal/catalog"
	"wharf/internal/fault"
)

// resolve leaves out rows that cannot be without a reference that leads nowhere, and says which others lose one. A row that
// is left out may leave others without theirs.
func (m *merge) resolve(ctx context.Context) error {
	const maxPasses = 1000
	todo := slices.DeleteFunc(slices.Clone(m.tables), func(t *merging) bool { return t.rows == 0 })
	for pass := 0; len(todo) > 0; pass++ {
		if pass == maxPasses {
			return fault.New(fault.Invalid, "rows are left out in chains that do not end: each needs another that is left out")
		}
		gone := map[*catalog.Table]bool{}
		for _, t := range todo {
			n, err := m.leaveOut(ctx, t)
			if err != nil {
				return err
			}
			gone[t.table] = n > 0
		}
		todo = slices.DeleteFunc(slices.Clone(m.tables), func(t *merging) bool { return t.rows == 0 || !t.refersTo(gone) })
	}
	return m.each(ctx, m.tellLost)
}

// refersTo reports whether a row of t may name one of these tables.
func (t *merging) refersTo(tables map[*catalog.Table]bool) bool {
	return slices.ContainsFunc(t.refs, func(r *reference) bool {
		return slices.ContainsFunc(r.maps, func(m *idMap) bool { return tables[m.table] })
	})
}

// look notes which references lead nowhere in some row, neither in the document nor, if need be, at home.
func (m *merge) look(ctx context.Context, t *merging) error {
	if len(t.refs) == 0 {
		return nil
	}
	var cols []*catalog.Column
	for _, r := range t.refs {
		cols = append(cols, t.decided(r)...)
	}
	from, err := m.from(ctx, t, cols)
	if err != nil {
		return err
	}
	if err := m.count(ctx, t, from); err != nil {
		return err
	}
	home := false
	for _, r := range t.refs {
		if r.lost && !r.home && len(r.maps) > 0 {
			r.home, home = true, true
			if err := m.lookHome(ctx, t, r); err != nil {
				return err
			}
		}
	}
	if !home {
		return nil
	}
	return m.count(ctx, t, from)
}

// count notes which references lead nowhere as of now.
func (m *merge) count(ctx context.Context, t *merging, from string) error {
	counts := make([]string, 0, len(t.refs))
	into := make([]any, 0, len(t.refs))
	for _, r := range t.refs {
		counts, into = append(counts, "coalesce(bool_or("+t.open(r)+"), false)"), append(into, &r.lost)
	}
	return m.row(ctx, "look for lost references of "+t.table.Name, `SELECT `+strings.Join(counts, ", ")+` FROM `+from+` WHERE true`+t.kept(), into...)
}

// leaveOut skips rows that lack a required reference.
func (m *merge) leaveOut(ctx context.Context, t *merging) (n int64, err error) {
	if err := m.look(ctx, t); err != nil {
		return 0, err
	}
	for _, r := range t.inOrder() {
		if !r.lost || !r.required() {
			continue
		}
		skipped, err := m.skip(ctx, t, r)
		if err != nil {
			return n, err
		}
		n += skipped
	}
	t.counts.skipped += n
	return n, m.forget(ctx, t, n)
}

// inOrder gives the references as their columns stand in the table: a row that lacks several is told by the first.
func (t *merging) inOrder() []*reference {
	return slices.SortedStableFunc(slices.Values(t.refs), func(a, z *reference) int {
		return cmp.Compare(a.cols[a.sets[0]].Num, z.cols[z.sets[0]].Num)
	})
}

// skip leaves out the rows in which one reference leads nowhere.
func (m *merge) skip(ctx context.Context, t *merging, r *reference) (n int64, err error) {
	if t.skipped == "" {
		if t.skipped, _, err = m.create(ctx, "prepare to skip", `SELECT NULL::bigint AS n WHERE false`); err != nil {
			return 0, err
		}
	}
	from, err := m.from(ctx, t, t.decided(r))
	if err != nil {
		return 0, err
	}
	from += " WHERE " + t.open(r) + t.kept()
	if err := m.tellRows(ctx, t, from, "skipped: "+r.field()+" "+r.nowhere()); err != nil {
		return 0, err
	}
	return m.exec(ctx, "skip rows of "+t.table.Name, `INSERT INTO `+t.skipped+` SELECT s.n FROM `+from)
}

// forget takes skipped rows out of what the others are looked up in.
func (m *merge) forget(ctx context.Context, t *merging, n int64) error {
	if n == 0 {
		return nil
	}
	for _, known := range m.maps {
		if known.table == t.table && known.name != "" {
			if _, err := m.exec(ctx, "forget skipped rows", `DELETE FROM `+known.name+` WHERE n IN (SELECT n FROM `+t.skipped+`)`); err != nil {
				return err
			}
		}
	}
	if t.found == "" {
		return nil
	}
	gone, err := m.exec(ctx, "forget skipped rows", `DELETE FROM `+t.found+` WHERE n IN (SELECT n FROM `+t.skipped+`)`)
	t.counts.matched -= gone
	return err
}

// decided gives the columns that the reference decides.
func (t *merging) decided(r *reference) []*catalog.Column {
	cols := make([]*catalog.Column, 0, len(r.sets))
	for _, i := range r.sets {
		cols = append(cols, r.cols[i])
	}
	return cols
}

// nowhere says for people where a reference was looked for.
func (r *reference) nowhere() string {
	if r.fk == nil && r.poly == nil {
		return "names no member of this tenant"
	}
	return "names no row of this dump or tenant"
}

// tellLost warns of references that become empty.
func (m *merge) tellLost(ctx context.Context, t *merging) error {
	for _, r := range t.refs {
		if !r.lost || r.required() {
			continue
		}
		from, err := m.from(ctx, t, t.decided(r))
		if err != nil {
			return err
		}
		if err := m.tellRows(ctx, t, from+" WHERE "+t.open(r)+t.kept(), r.field()+" "+r.nowhere()+" and is left empty"); err != nil {
			return err
		}
	}
	return nil
}
