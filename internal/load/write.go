package load

import (
	"context"
	"fmt"
	"slices"
	"strings"
)

// write updates what differs and creates what is new, in one statement each.
func (m *merge) write(ctx context.Context) (Counts, error) {
	if err := m.createWriters(ctx); err != nil {
		return Counts{}, err
	}
	c, err := m.writeAll(ctx)
	if Refused(err) && m.postponed {
		for _, step := range []func(context.Context) error{m.markPostponed, m.markCascade, m.settle} {
			if err := step(ctx); err != nil {
				return Counts{}, err
			}
		}
		c, err = m.writeAll(ctx)
	}
	if Refused(err) {
		c.Created, c.Updated, err = m.isolate(ctx, err)
	}
	if err != nil {
		return Counts{}, err
	}
	if m.good < m.total || m.refused > 0 {
		if c.Skipped, c.Errors, err = CountErrors(ctx, m.tx, m.name); err != nil {
			return Counts{}, err
		}
	}
	return c, m.keepUndo(ctx, c)
}

// writeAll writes every good row, or none.
func (m *merge) writeAll(ctx context.Context) (c Counts, err error) {
	c.Unchanged = m.matched - m.changed
	err = m.attempt(ctx, func(ctx context.Context) (err error) {
		c.Created, c.Updated, err = m.writeRange(ctx, everyLine)
		if err == nil && (c.Created != m.fresh() || c.Updated != m.changed) {
			return errMoved
		}
		return err
	})
	return c, err
}

// lines is a range of staged rows, both ends included, narrowed by sub-selects: to those in only, to those not in but.
type lines struct {
	from, to  int64
	only, but string // "": not narrowed
}

var everyLine = lines{from: 0, to: 1<<63 - 1}

func (l lines) in(alias string) string {
	if l == everyLine {
		return ""
	}
	cond := fmt.Sprintf(" AND %s.line BETWEEN %d AND %d", alias, l.from, l.to)
	if l.only != "" {
		cond += " AND " + alias + ".line IN " + l.only
	}
	if l.but != "" {
		cond += " AND " + alias + ".line NOT IN " + l.but
	}
	return cond
}

// writeRange writes the good rows of a range. Rows that are there come first, unless some will name a new one.
func (m *merge) writeRange(ctx context.Context, l lines) (created, updated int64, err error) {
	if err := m.keepFormer(ctx, l); err != nil {
		return 0, 0, err
	}
	if err := m.park(ctx, l); err != nil {
		return 0, 0, err
	}
	if m.inFile {
		if created, err = m.insert(ctx, l); err != nil {
			return 0, 0, err
		}
	}
	if m.changed > 0 {
		if updated, err = m.update(ctx, l); err != nil {
			return 0, 0, err
		}
	}
	if !m.inFile {
		if created, err = m.insert(ctx, l); err != nil {
			return 0, 0, err
		}
	}
	if created+updated == 0 {
		return 0, 0, nil
	}
	return created, updated, m.noteWriter(ctx)
}

// update writes the found rows that differ.
func (m *merge) update(ctx context.Context, l lines) (int64, error) {
	p := m.plan
	var sets []string
	for i := range p.cols {
		if c := &p.cols[i]; !c.given {
			sets = append(sets, c.target.Ident()+" = "+p.nextValue(c.target))
		}
	}
	if c := p.touched(); c != nil {
		sets = append(sets, c.Ident()+" = now()")
	}
	from, on, err := m.toUpdate(ctx, l)
	if err != nil {
		return 0, err
	}
	return m.exec(ctx, "update "+p.table.Name, `
UPDATE `+m.plan.table.Ident()+` t SET `+strings.Join(sets, ", ")+`
FROM `+from+`
WHERE `+p.table.TenantPredicate("t", m.tenant)+` AND `+on+` AND s.errors IS NULL`+l.in("s"))
}

// onlyFound gives a condition that says once more, and without a join, which few rows of t are updated: the table that is
// written cannot be looked up a row at a time as among has it, and would be read as a whole.
func (m *merge) onlyFound() string {
	conds := ""
	for i, c := range m.plan.identity {
		if !m.large && c.Name != m.plan.table.Scope.Column {
			conds += fmt.Sprintf(" AND t.%s = ANY (ARRAY(SELECT k%d FROM %s WHERE changed))", c.Ident(), i, m.found)
		}
	}
	return conds
}

// toUpdate gives what the update joins the table's row t with, and on what. If an undo is kept it changes only the versions
// that former values were kept of.
func (m *merge) toUpdate(ctx context.Context, l lines) (from, on string, err error) {
	p := m.plan
	straight := m.straight(l)
	if straight && m.undo != nil {
		if straight, err = m.isSettled(ctx); err != nil {
			return "", "", err
		}
	}
	switch {
	case straight && m.undo != nil:
		on = fmt.Sprintf(" AND age(t.xmin) > %d", m.settled)
		fallthrough
	case straight:
		return m.source, p.matchOn(0) + " AND " + nameable(p.table, p.keys[0].Match, "t") + " AND " + p.changes() + on, nil
	case m.undo != nil:
		return m.undo.rows + " u JOIN " + m.source + " ON s.line = u.line", SameVersion + m.onlyFound() + l.in("u"), nil
	}
	return m.found + " f JOIN " + m.source + " ON s.line = f.line", p.foundOn() + m.onlyFound() + " AND f.changed", nil
}

// straight reports whether rows are better met by their key once more than by what was found: if most of them change, that
// is one join of all rows instead of two. Only while no new row is there that its key would find as well.
func (m *merge) straight(l lines) bool {
	return m.large && l == everyLine && len(m.plan.opaque()) == 0 && !m.plan.openEnded() && !m.inFile && !m.swaps && m.changed > m.matched/2
}

// insert creates the rows that are not there, in key order.
func (m *merge) insert(ctx context.Context, l lines) (int64, error) {
	p := m.plan
	if m.fresh() == 0 {
		return 0, nil
	}
	var names, values []string
	for _, c := range p.table.Columns {
		staged := p.find(c.Name)
		if staged != nil && !staged.given || c == p.mint || c.Name == p.table.Scope.Column || c == p.touched() && c.Default == "" {
			names, values = append(names, c.Ident()), append(values, p.newValue(c)+" AS "+c.Ident())
		}
	}
	order := ""
	if parts := p.order(); len(parts) > 0 && !m.ordered {
		order = " ORDER BY " + strings.Join(parts, ", ")
	}
	return m.exec(ctx, "insert into "+p.table.Name, m.namingCreated(`
INSERT INTO `+m.plan.table.Ident()+` (`+strings.Join(names, ", ")+`)
SELECT n.* FROM (SELECT `+strings.Join(values, ", ")+` FROM `+m.source+` WHERE s.errors IS NULL AND `+m.isNew()+l.in("s")+order+`) n
WHERE `+p.table.TenantPredicate("n", tenantLiteral(p.spec.Tenant))))
}

// isOrdered gives SQL that tells from the statistics of staging whether it lies in the order of writing: then a sort of
// all rows is spared.
func (p *Plan) isOrdered(name string) string {
	i := slices.IndexFunc(p.keys, func(k key) bool { return !k.given })
	if i < 0 || p.keys[i].Keys[0].Column == "" {
		return "false"
	}
	return `coalesce((SELECT abs(st.correlation) > 0.99 FROM pg_stats st WHERE st.schemaname = ` + literal(StagingSchema) +
		` AND st.tablename = ` + literal(name) + ` AND st.attname = ` + literal(p.find(p.keys[i].Keys[0].Column).cell()) + `), false)`
}
