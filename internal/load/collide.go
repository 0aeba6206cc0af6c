package load

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"wharf/internal/catalog"
)

// markCollisions marks rows that a unique index of the table would refuse: first those whose value another row of the table
// has now and keeps, then those whose value an earlier row of the file brings.
func (m *merge) markCollisions(ctx context.Context) error {
	return m.markIndexes(ctx, func(x index) bool {
		if m.large || m.lookableKeys(m.plan.table, x.parts) {
			return true
		}
		m.postponed = true
		return false
	})
}

// markPostponed marks what markCollisions left: rows that collide in indexes in which few rows cannot be looked up. Finding
// them takes a look at all rows of the tenant, so it is done only if the database has refused to write.
func (m *merge) markPostponed(ctx context.Context) error {
	m.postponed = false
	return m.markIndexes(ctx, func(x index) bool { return !m.lookableKeys(m.plan.table, x.parts) })
}

func (m *merge) markIndexes(ctx context.Context, now func(x index) bool) error {
	if m.nothingToWrite() {
		return nil
	}
	for _, u := range m.plan.table.Uniques {
		x, ok := m.plan.index(u)
		if !ok || !now(x) {
			continue
		}
		if err := m.markTaken(ctx, x); err != nil {
			return err
		}
		err := m.markRepeats(ctx, repeats{
			from: m.outcome(x.cols, x.onlyFresh), where: x.where, line: "w.line", keys: x.ours,
			name: "unique", field: x.field, before: "the same " + x.name + " as row ",
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// index is a unique index that rows of the file may break.
type index struct {
	cols      []*catalog.Column  // that it reads
	ours      []string           // its keys over the outcome w, the tenant's column left out
	theirs    []string           // its keys over the table's row t
	where     string             // the rows of w that it holds
	holds     string             // the rows of t that it holds
	equals    string             // the operator between them
	name      string             // for messages
	field     string             // of errors
	onlyFresh bool               // no row that is there gets another value
	parts     []catalog.IndexKey // its keys, the tenant's column left out
	park      *parking           // nil: a value that a row gives up is still taken
	n         int                // which of the table's it is
}

// index describes u; false if no row can break it, or if the rows that do so cannot be told beforehand.
func (p *Plan) index(u catalog.Unique) (index, bool) {
	var names []string
	for _, k := range u.Keys {
		names = append(names, k.Columns...)
	}
	if u.Predicate != "" {
		p.table.ConditionOf(u.Predicate, func(name string) string { names = append(names, name); return "NULL" })
	}
	x := index{equals: " = ", where: p.table.ConditionOf(u.Predicate, p.valueOf), holds: p.table.Condition(u.Predicate, "t")}
	x.cols, _ = p.columnsOf(names)
	x.cols = unique(x.cols)
	x.onlyFresh, x.field = !p.writes(x.cols), p.blamedKey(u.Keys)
	unforeseen := func(c *catalog.Column) bool { return c.Generated || c == p.mint || !u.NullsDistinct && !p.known(c) }
	if slices.ContainsFunc(x.cols, unforeseen) || p.guards(u) || x.onlyFresh && p.spec.Write == Update {
		return index{}, false
	}
	if !u.NullsDistinct {
		x.equals = " IS NOT DISTINCT FROM "
	}
	var parts []catalog.IndexKey
	for _, k := range u.Keys {
		if k.Column != "" && k.Column == p.table.Scope.Column {
			continue
		}
		parts = append(parts, k)
		ours := p.table.ExprOf(k, p.valueOf)
		x.ours, x.theirs = append(x.ours, ours), append(x.theirs, p.table.Expr(k, "t"))
		if u.NullsDistinct {
			x.where += " AND " + ours + " IS NOT NULL"
		}
	}
	x.name = p.nameOf(parts)
	x.park, x.n = parkingOf(p.table, u, p.givesValue), slices.IndexFunc(p.table.Uniques, func(other catalog.Unique) bool { return other.Name == u.Name })
	x.parts = parts
	if len(x.ours) == 0 { // one row a tenant
		x.ours, x.theirs, x.name = []string{"(w.line IS NOT NULL)"}, []string{"true"}, u.Name
	}
	return x, true
}

// guards reports whether the first key makes sure that no row breaks u: what has its value is found, and repeats of it
// are marked.
func (p *Plan) guards(u catalog.Unique) bool {
	if len(p.keys) == 0 || u.Predicate != p.keys[0].Predicate || p.soft && u.Predicate != livePredicate {
		return false
	}
	parts := slices.DeleteFunc(slices.Clone(u.Keys), func(k catalog.IndexKey) bool { return k.Column != "" && k.Column == p.table.Scope.Column })
	return u.NullsDistinct && catalog.Match{Keys: parts}.String() == p.keys[0].String()
}

// markTaken marks rows whose value another row of the table has.
func (m *merge) markTaken(ctx context.Context, x index) error {
	p := m.plan
	on := make([]string, 0, len(x.ours))
	for i := range x.ours {
		on = append(on, x.theirs[i]+x.equals+x.ours[i])
	}
	other := "true"
	if !x.onlyFresh && m.matched > 0 {
		same := make([]string, 0, len(p.identity))
		for i, c := range p.identity {
			same = append(same, fmt.Sprintf("t.%s = w.k%d", c.Ident(), i))
		}
		other = "(w.fresh OR NOT (" + strings.Join(same, " AND ") + "))"
	}
	from := "FROM " + m.outcome(x.cols, x.onlyFresh) + " JOIN " + m.among(p.table, x.holds, strings.Join(on, " AND "), x.equals == " = " && m.lookableKeys(p.table, x.parts)) + " AND " + other
	where := " WHERE " + x.where
	if x.park != nil && !x.onlyFresh && m.changed > 0 {
		var any bool
		if err := m.row(ctx, "look for taken "+x.name, `SELECT EXISTS (SELECT `+from+where+`)`, &any); err != nil || !any {
			return err
		}
		if err := m.linkSwaps(ctx, x, from+where); err != nil {
			return err
		}
		where += fmt.Sprintf(" AND NOT EXISTS (SELECT FROM %s l WHERE l.line = w.line AND l.unq = %d)", m.swapTable(), x.n)
	}
	return m.judge(ctx, from+where, "w.line", []rule{{
		name: "unique", field: x.field, broken: "true", message: literal("another row of " + p.table.Label + " has this " + x.name),
	}})
}
