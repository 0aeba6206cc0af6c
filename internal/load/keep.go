package load

import (
	"context"
	"fmt"
	"slices"

	"github.com/google/uuid"

	"wharf/internal/catalog"
)

// beginUndo gets ready to keep what the merge does.
func (m *merge) beginUndo(ctx context.Context) error {
	p := m.plan
	if p.spec.Undo == uuid.Nil {
		return nil
	}
	if err := CheckNotKept(ctx, m.tx, p.spec.Undo); err != nil {
		return err
	}
	if err := m.row(ctx, "look at running transactions", `SELECT age(pg_snapshot_xmin(pg_current_snapshot())::xid)`, &m.settled); err != nil {
		return err
	}
	of := Kept{ID: p.spec.Undo, Tenant: p.spec.Tenant, Table: p.table, Keys: p.identity}
	for i := range p.cols {
		if c := &p.cols[i]; !c.given {
			of.Columns = append(of.Columns, c.target)
		}
	}
	if c := p.touched(); c != nil {
		of.Columns = append(of.Columns, c)
	}
	if p.mint != nil && m.total > 0 {
		if err := m.row(ctx, "look at the minted ids", `SELECT id FROM `+m.staging+` LIMIT 1`, &of.Minted); err != nil {
			return err
		}
	}
	m.undo = NewUndo(of)
	return nil
}

// hasRows reports whether there is a table of former values.
func (m *merge) hasRows() bool { return m.changed > 0 || m.fresh() > 0 && m.undo.NamesCreated() }

// keepFormer keeps what the rows of a range hold that are about to be updated. It is as of this moment and no other: the
// update then changes the versions that were read here, and fails if there are newer ones.
func (m *merge) keepFormer(ctx context.Context, l lines) error {
	switch {
	case m.undo == nil || !m.hasRows():
		return nil
	case l == everyLine:
		_, err := m.exec(ctx, "keep former values", m.createFormer(m.changed > 0))
		return err
	case m.changed == 0:
		return nil
	}
	_, err := m.exec(ctx, "keep former values", `INSERT INTO `+m.undo.rows+" "+m.undo.selectFormer(m.former())+l.in("f"))
	return err
}

// createFormer makes the table, filled with the former values of all rows to update or empty.
func (m *merge) createFormer(filled bool) string {
	line, from, after := m.former()
	return m.undo.CreateFormer(line, from, after, filled)
}

// former gives the rows that are about to be updated, as an Undo wants them.
func (m *merge) former() (line, from string, after func(*catalog.Column) string) {
	p, u := m.plan, m.undo
	if len(p.keys) == 0 {
		return "NULL::bigint", "(SELECT) one JOIN " + m.read(versions, u.table, "", "true", false), func(c *catalog.Column) string { return "t." + c.Ident() }
	}
	from = m.found + " f JOIN "
	if p.writes(u.keys) {
		from += m.source + " ON s.line = f.line JOIN "
	}
	from += m.read(versions, u.table, "", p.foundOn(), !slices.ContainsFunc(p.identity, unlookable)) + " WHERE f.changed"
	return "f.line", from, p.nextValue
}

// isSettled reports whether every row to update is older than the transactions that ran when the merge began. Then its age
// tells whether it still is what was kept of it, and the update need not look at that.
func (m *merge) isSettled(ctx context.Context) (settled bool, err error) {
	err = m.row(ctx, "look for recent changes", fmt.Sprintf(
		`SELECT NOT EXISTS (SELECT FROM %s u WHERE age(u.wharf_was) <= %d)`, m.undo.rows, m.settled), &settled)
	return settled, err
}

// namingCreated turns the statement that creates rows into one that also keeps their keys.
func (m *merge) namingCreated(insert string) string {
	if m.undo == nil {
		return insert
	}
	return m.undo.NamingCreated(insert)
}

// noteWriter notes the transaction or savepoint that wrote a range.
func (m *merge) noteWriter(ctx context.Context) error {
	if m.undo == nil {
		return nil
	}
	_, err := m.exec(ctx, "note who writes", NoteWriter(m.writers()))
	return err
}

func (m *merge) writers() string { return beside(m.name, "_x") }

func (m *merge) createWriters(ctx context.Context) error {
	if m.undo == nil {
		return nil
	}
	_, err := m.exec(ctx, "prepare to note who writes", m.createBeside()+m.writers()+` () WITH (autovacuum_enabled = false)`)
	return err
}

// keepUndo notes what the merge did.
func (m *merge) keepUndo(ctx context.Context, c Counts) error {
	if m.undo == nil {
		return nil
	}
	triggers, err := HaveTriggers(ctx, m.tx, m.plan.table)
	if err != nil {
		return err
	}
	did := Wrote{Created: c.Created, Updated: c.Updated, Former: m.hasRows(), Writers: m.writers(), Triggers: triggers}
	if err := m.undo.Keep(ctx, m.tx, did); err != nil {
		return err
	}
	_, err = m.exec(ctx, "tidy up", `DROP TABLE `+m.writers())
	return err
}
