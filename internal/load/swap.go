package load

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/google/uuid"

	"wharf/internal/catalog"
)

// Rows that exchange unique values. Postgres judges a unique index row by row, so that of a ↔ b the first one written would
// break it. A row may take a value that another row of the file gives up; the rows that give one up are parked before
// anything else is written: their value becomes NULL, or one that nobody has, until they get the new one.
//
// The table of swaps holds what hangs on what, one row a value taken:
//
//	line (the row that takes it), needs (the row that gives it up), unq (of which index), col (the staged column)

// parking is how the value of a row that gives it up is parked.
type parking struct {
	col   *catalog.Column
	value string // SQL
}

// parkingOf gives a column of the unique index by which rows can be parked, among those that written names; nil if there is
// none. It is one of which the index holds no NULL, or whose type has values to spare.
func parkingOf(t *catalog.Table, u catalog.Unique, written func(name string) bool) *parking {
	for _, k := range u.Keys {
		if len(k.Columns) != 1 || !written(k.Columns[0]) {
			continue
		}
		c, ok := t.Column(k.Columns[0])
		plain := k.Column != "" || lowers(k)
		switch {
		case !ok || !plain:
		case !c.NotNull:
			if u.NullsDistinct {
				return &parking{c, "NULL"}
			}
		case hasSpare(t, c):
			return &parking{c, "gen_random_uuid()::" + c.BaseType}
		}
	}
	return nil
}

// hasSpare reports whether a new UUID may stand in the column for a moment.
func hasSpare(t *catalog.Table, c *catalog.Column) bool {
	free := c.Kind == catalog.KindUUID || c.Kind == catalog.KindText && c.Labels == nil && (c.MaxLength == 0 || c.MaxLength >= len(uuid.Nil.String()))
	return free && c.TypeOID == c.BaseOID && foreignKey(t, c.Name) == nil &&
		!slices.ContainsFunc(t.Checks, func(check catalog.Check) bool { return slices.Contains(check.Columns, c.Name) })
}

// givesValue reports whether the file gives the column's values, so that a parked row gets its own.
func (p *Plan) givesValue(name string) bool {
	c := p.find(name)
	return c != nil && !c.given
}

func (m *merge) swapTable() string { return beside(m.name, "_s") }

// linkSwaps notes which rows take a value of the index that another row of the file gives up. taken is the relation of
// those rows w whose value a row t of the table has, as FROM and WHERE.
func (m *merge) linkSwaps(ctx context.Context, x index, taken string) error {
	if !m.swaps {
		if _, err := m.exec(ctx, "prepare to swap", m.createBeside()+m.swapTable()+` (line bigint, needs bigint, unq int, col int)`); err != nil {
			return err
		}
		m.swaps = true
	}
	giver := strings.TrimSuffix(m.outcome(x.cols, false), " w") + " g"
	on := []string{"NOT g.fresh", fmt.Sprintf("g.v%d IS DISTINCT FROM l.held", x.park.col.Num)}
	held := []string{"w.line", fmt.Sprintf("t.%s AS held", x.park.col.Ident())}
	for i, c := range m.plan.identity {
		held = append(held, fmt.Sprintf("t.%s AS k%d", c.Ident(), i))
		on = append(on, fmt.Sprintf("g.k%d = l.k%d", i, i))
	}
	_, err := m.exec(ctx, "find swaps", fmt.Sprintf(`
INSERT INTO %s SELECT l.line, g.line, %d, %d FROM (SELECT %s %s) l JOIN %s ON %s`,
		m.swapTable(), x.n, m.plan.find(x.park.col.Name).n, strings.Join(held, ", "), taken, giver, strings.Join(on, " AND ")))
	return err
}

// swapLinks gives what hangs on what, as SQL, and the rules of those that take what is not given up in the end.
func (m *merge) swapLinks() (links string, rules []rule) {
	for i := range m.plan.cols {
		c := &m.plan.cols[i]
		rules = append(rules, rule{
			name: "unique", field: c.Name, broken: fmt.Sprintf("l.col = %d AND l.swap", i),
			message: literal("row ") + " || l.needs || " + literal(", which has this "+c.label()+" now, cannot be written"),
		})
	}
	return `SELECT w.line, w.needs, w.col, true AS swap FROM ` + m.swapTable() + ` w JOIN ` + m.staging + ` s ON s.line = w.line AND s.errors IS NULL`, rules
}

// swapping gives the lines of the good rows that take part in a swap, as a sub-select.
func (m *merge) swapping() string {
	return `(SELECT unnest(ARRAY[w.line, w.needs]) FROM ` + m.swapTable() + ` w JOIN ` + m.staging + ` i ON i.line = w.line AND i.errors IS NULL)`
}

// park parks the values of a range's rows that others of it take.
func (m *merge) park(ctx context.Context, l lines) error {
	if !m.swaps || m.changed == 0 || l.but != "" {
		return nil
	}
	p := m.plan
	parked := map[*catalog.Column]bool{}
	for _, u := range p.table.Uniques {
		x, ok := p.index(u)
		if !ok || x.park == nil || parked[x.park.col] {
			continue
		}
		parked[x.park.col] = true
		giving := fmt.Sprintf(`(SELECT DISTINCT w.needs FROM %s w JOIN %s i ON i.line = w.line AND i.errors IS NULL WHERE w.col = %d) q`,
			m.swapTable(), m.staging, p.find(x.park.col.Name).n)
		from, on := giving+" JOIN "+m.found+" f ON f.line = q.needs", p.foundOn()
		if m.undo != nil {
			from, on = giving+" JOIN "+m.undo.rows+" u ON u.line = q.needs", SameVersion
		}
		sql := `UPDATE ` + p.table.Ident() + ` t SET ` + x.park.col.Ident() + ` = ` + x.park.value + `
FROM ` + from + ` WHERE ` + p.table.TenantPredicate("t", m.tenant) + ` AND ` + on + m.onlyFound()
		if m.undo != nil { // the versions that the update will meet
			sql = `WITH parked AS (` + sql + ` RETURNING u.line, t.tableoid AS wharf_of, t.ctid AS wharf_at, t.xmin AS wharf_was)
UPDATE ` + m.undo.rows + ` u SET wharf_of = p.wharf_of, wharf_at = p.wharf_at, wharf_was = p.wharf_was FROM parked p WHERE p.line = u.line`
		}
		if _, err := m.exec(ctx, "park "+x.name, sql); err != nil {
			return err
		}
	}
	return nil
}

// writeSwaps writes the rows of swaps after all others were written by themselves: all of them or none.
func (m *merge) writeSwaps(ctx context.Context, write func(context.Context, lines) error) error {
	l := everyLine
	l.only = m.swapping()
	err := m.attempt(ctx, func(ctx context.Context) error { return write(ctx, l) })
	if !Refused(err) {
		return err
	}
	field, message := m.plan.refusal(err)
	before := m.refused
	if err := m.row(ctx, "count swaps", `SELECT count(DISTINCT line) FROM `+m.swapping()+` w(line)`, &m.refused); err != nil {
		return err
	}
	m.refused += before
	return m.judge(ctx, "FROM "+m.staging+" s WHERE s.line IN "+l.only, "s.line", []rule{{
		name: "refused", field: field, broken: "s.errors IS NULL", message: literal("rows that exchange values could not be written: " + message),
	}})
}
