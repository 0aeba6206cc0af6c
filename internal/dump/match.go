package dump

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"wharf/internal/catalog"
	"wharf/internal/fault"
	"wharf/internal/load"
)

// matchAll finds the rows that are in their tables already. A natural key may hold references: a table is matched after those
// that its keys refer to. Tables whose keys refer to each other, or to themselves, are matched again and again, a level of
// their tree each time.
func (m *merge) matchAll(ctx context.Context) error {
	todo := slices.DeleteFunc(slices.Clone(m.tables), func(t *merging) bool { return t.rows == 0 })
	for len(todo) > 0 {
		var rest []*merging
		for _, t := range todo {
			needs := func(other *merging) bool { return t.keyedBy(other) }
			if slices.ContainsFunc(todo, needs) {
				rest = append(rest, t)
				continue
			}
			if err := m.match(ctx, t); err != nil {
				return err
			}
		}
		if len(rest) == len(todo) {
			return m.matchInLevels(ctx, rest)
		}
		todo = rest
	}
	return nil
}

const maxLevels = 200

func (m *merge) matchInLevels(ctx context.Context, tables []*merging) error {
	for level := range maxLevels {
		before, after := int64(0), int64(0)
		for _, t := range tables {
			before += t.counts.matched
			if err := m.match(ctx, t); err != nil {
				return err
			}
			if err := m.renew(ctx, t); err != nil {
				return err
			}
			after += t.counts.matched
		}
		if before < after || level == 0 {
			continue
		}
		if more, err := m.matchCircles(ctx, tables); err != nil || !more {
			return err
		}
	}
	return fault.Newf(fault.Invalid, "rows of %s refer to each other by their keys, more than %d deep", tables[0].table.Name, maxLevels)
}

// renew has the maps of a table know which rows were found since they were made.
func (m *merge) renew(ctx context.Context, t *merging) error {
	if t.found == "" {
		return nil
	}
	for _, known := range m.maps {
		if known.table != t.table {
			continue
		}
		for i, c := range known.columns {
			k := slices.Index(t.identity, c)
			if k < 0 {
				continue
			}
			_, err := m.exec(ctx, "renew ids of "+t.table.Name, fmt.Sprintf(
				`UPDATE %s m SET v%d = f.k%d FROM %s f WHERE f.n = m.n AND m.v%d IS DISTINCT FROM f.k%d`, known.name, i, k, t.found, i, k))
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// keyedBy reports whether a natural key of t holds a reference to the other.
func (t *merging) keyedBy(other *merging) bool {
	return slices.ContainsFunc(t.refs, func(r *reference) bool {
		refers := r.fk != nil && r.fk.Target == other.table
		if r.poly != nil {
			for _, target := range r.poly.Targets {
				refers = refers || target == other.table
			}
		}
		return refers && slices.ContainsFunc(t.usable(), func(k catalog.Match) bool {
			return slices.ContainsFunc(t.keyColumns(k), func(c *catalog.Column) bool { return slices.Contains(t.decided(r), c) })
		})
	})
}

// usable gives the natural keys all of whose columns the document gives.
func (t *merging) usable() []catalog.Match {
	if len(t.identity) == 0 {
		return nil
	}
	return slices.DeleteFunc(slices.Clone(t.table.Matches), func(k catalog.Match) bool {
		return slices.ContainsFunc(t.keyColumns(k), func(c *catalog.Column) bool {
			return t.isGiven(c) == "false"
		})
	})
}

func (t *merging) keyColumns(k catalog.Match) []*catalog.Column {
	var cols []*catalog.Column
	for _, part := range k.Keys {
		cols = append(cols, t.columnsOf(part.Columns)...)
	}
	return cols
}

// match finds rows by each natural key, in order, and those of this very tenant that have none by their id.
func (m *merge) match(ctx context.Context, t *merging) error {
	if len(t.identity) == 0 {
		return nil
	}
	var any bool
	err := m.row(ctx, "look into "+t.table.Name, `SELECT EXISTS (SELECT FROM `+t.table.Ident()+` t WHERE `+t.table.TenantPredicate("t", m.tenant)+`)`, &any)
	if err != nil || !any {
		return err
	}
	if err := m.makeFound(ctx, t); err != nil {
		return err
	}
	if err := m.lookBeforeMatch(ctx, t); err != nil {
		return err
	}
	for n, k := range t.usable() {
		if t.counts.matched == t.rows {
			return m.measure(ctx, t.found)
		}
		if err := m.matchBy(ctx, t, n, k); err != nil {
			return err
		}
	}
	if m.home && t.minted && t.gives(t.key) {
		if err := m.matchHome(ctx, t); err != nil {
			return err
		}
	}
	return m.measure(ctx, t.found)
}

// lookBeforeMatch has the references in t's keys look at home as well: what they name says which row t's row is.
func (m *merge) lookBeforeMatch(ctx context.Context, t *merging) error {
	for _, r := range t.refs {
		inKey := slices.ContainsFunc(t.usable(), func(k catalog.Match) bool {
			return slices.ContainsFunc(t.keyColumns(k), func(c *catalog.Column) bool { return slices.Contains(t.decided(r), c) })
		})
		if !inKey || r.home {
			continue
		}
		if err := m.ready(ctx, t, r); err != nil {
			return err
		}
		r.home = true
		if err := m.lookHome(ctx, t, r); err != nil {
			return err
		}
	}
	return nil
}

func (m *merge) makeFound(ctx context.Context, t *merging) (err error) {
	if t.found != "" {
		return nil
	}
	cells := []string{"NULL::bigint AS n"}
	for i, c := range t.identity {
		cells = append(cells, fmt.Sprintf("NULL::%s AS k%d", c.BaseType, i))
	}
	t.found, _, err = m.create(ctx, "prepare to match "+t.table.Name, "SELECT "+strings.Join(cells, ", ")+" WHERE false")
	return err
}

// keys gives the parts of a natural key over the staged row s and over the table's row t.
func (t *merging) keys(k catalog.Match) (ours, theirs []string) {
	for _, part := range k.Keys {
		if t.self != nil && part.Column == t.self.Name {
			ours = append(ours, "CASE WHEN "+t.cell(t.self)+" = "+t.cell(t.key)+" THEN 'self' END")
			theirs = append(theirs, "CASE WHEN t."+t.self.Ident()+" = t."+t.key.Ident()+" THEN 'self' END")
			continue
		}
		ours = append(ours, t.table.ExprOf(part, func(name string) string {
			c, _ := t.table.Column(name)
			return t.value(c)
		}))
		theirs = append(theirs, t.table.Expr(part, "t"))
	}
	return ours, theirs
}

const livePredicate = load.SoftColumn + " IS NULL"

// dead gives whether the rows s and t are deleted; false for both in tables that keep no deleted rows.
func (t *merging) dead() (ours, theirs string) {
	c, ok := t.table.Column(load.SoftColumn)
	if !ok {
		return "false", "false"
	}
	return "(" + t.cell(c) + " IS NOT NULL)", "(t." + c.Ident() + " IS NOT NULL)"
}

// matchBy finds rows by one natural key. Where an index makes sure that a key names one row they are joined; elsewhere, and
// among deleted rows, several may have it, and then the first is taken for the first, the second for the second.
func (m *merge) matchBy(ctx context.Context, t *merging, n int, k catalog.Match) error {
	only := ""
	if t.table.Guarantees(k) && (k.Predicate == "" || k.Predicate == livePredicate) {
		if k.Predicate != "" {
			only = "live"
		}
		if err := m.matchOne(ctx, t, n, k); err != nil {
			return err
		}
		if only == "" || t.counts.matched == t.rows {
			return nil
		}
	}
	return m.matchPairs(ctx, t, n, k, only == "live")
}

// candidates gives the statement's parts for rows that are not found yet: FROM and WHERE of the document's, with the key's
// parts filled, and the condition on the table's row t.
func (m *merge) candidates(ctx context.Context, t *merging, k catalog.Match) (from, ours, theirs string, err error) {
	if from, err = m.from(ctx, t, t.keyColumns(k)); err != nil {
		return "", "", "", err
	}
	mine, its := t.keys(k)
	ours = "NOT EXISTS (SELECT FROM " + t.found + " f WHERE f.n = s.n)"
	theirs = t.table.TenantPredicate("t", m.tenant) + " AND NOT EXISTS (SELECT FROM " + t.found + " f WHERE " + t.sameRow() + ")"
	for i := range mine {
		ours += " AND " + mine[i] + " IS NOT NULL"
		theirs += " AND " + its[i] + " IS NOT NULL"
	}
	return from, ours, theirs, nil
}

// agree gives the condition under which no key before the nth tells the rows apart.
func (t *merging) agree(n int) string {
	cond := ""
	for _, k := range t.usable()[:n] {
		mine, its := t.keys(k)
		for i := range mine {
			cond += " AND (" + mine[i] + " = " + its[i] + " OR " + mine[i] + " IS NULL OR " + its[i] + " IS NULL)"
		}
	}
	return cond
}

// before gives the columns of the first n keys.
func (t *merging) before(n int) []*catalog.Column {
	var cols []*catalog.Column
	for _, k := range t.usable()[:n] {
		cols = append(cols, t.keyColumns(k)...)
	}
	return cols
}

func (t *merging) identityCells() string {
	cells := make([]string, 0, len(t.identity))
	for i, c := range t.identity {
		cells = append(cells, fmt.Sprintf("t.%s::%s AS k%d", c.Ident(), c.BaseType, i))
	}
	return strings.Join(cells, ", ")
}

func (m *merge) matchOne(ctx context.Context, t *merging, n int, k catalog.Match) error {
	from, err := m.from(ctx, t, append(t.keyColumns(k), t.before(n)...))
	if err != nil {
		return err
	}
	_, ours, theirs, err := m.candidates(ctx, t, k)
	if err != nil {
		return err
	}
	mine, its := t.keys(k)
	on := make([]string, 0, len(mine))
	for i := range mine {
		on = append(on, its[i]+" = "+mine[i])
	}
	dead, theirDead := t.dead()
	live := dead + " = " + theirDead
	if k.Predicate == livePredicate {
		live = "NOT " + dead + " AND " + t.table.Condition(k.Predicate, "t")
	}
	rows, err := m.exec(ctx, "match "+t.table.Name, `
INSERT INTO `+t.found+` SELECT s.n, `+t.identityCells()+`
FROM `+from+` JOIN `+t.table.Ident()+` t ON `+strings.Join(on, " AND ")+`
WHERE `+ours+` AND `+theirs+` AND `+live+t.agree(n))
	if err != nil || rows == 0 {
		return err
	}
	t.counts.matched += rows
	return m.checkUnique(ctx, t.table, k.String(), t.found+" WHERE true", t.prefixed("k")) // two rows of the document are one here
}

func (t *merging) prefixed(prefix string) string {
	cells := make([]string, 0, len(t.identity))
	for i := range t.identity {
		cells = append(cells, fmt.Sprintf("%s%d", prefix, i))
	}
	return strings.Join(cells, ", ")
}

// matchHome finds rows without a natural key by their id: the document is of this very tenant.
func (m *merge) matchHome(ctx context.Context, t *merging) error {
	var cols []*catalog.Column
	keyless := ""
	for _, k := range t.usable() {
		cols = append(cols, t.keyColumns(k)...)
		mine, _ := t.keys(k)
		keyless += " AND (" + strings.Join(mine, " IS NULL OR ") + " IS NULL)"
	}
	from, err := m.from(ctx, t, cols)
	if err != nil {
		return err
	}
	dead, theirDead := t.dead()
	rows, err := m.exec(ctx, "match "+t.table.Name+" by id", `
INSERT INTO `+t.found+` SELECT s.n, `+t.identityCells()+`
FROM `+from+` JOIN `+t.table.Ident()+` t ON t.`+t.key.Ident()+` = `+t.cell(t.key)+` AND `+t.table.TenantPredicate("t", m.tenant)+`
WHERE `+dead+` = `+theirDead+keyless+`
  AND NOT EXISTS (SELECT FROM `+t.found+` f WHERE f.n = s.n) AND NOT EXISTS (SELECT FROM `+t.found+` f WHERE `+t.sameRow()+`)`)
	t.counts.matched += rows
	return err
}
