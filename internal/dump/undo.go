package dump

import (
	"context"
	"slices"

	"github.com/google/uuid"

	"wharf/internal/catalog"
	"wharf/internal/load"
)

// What a restore does is kept table by table, each under an id of its own (docs/decisions/0010-undo.md); load.Revert takes all
// of them back together.

// prepareUndo makes the table that notes who writes: a row shows the savepoint that wrote it last.
func (m *merge) prepareUndo(ctx context.Context) (err error) {
	if m.spec.Undo == uuid.Nil {
		return nil
	}
	if err := load.CheckNotKept(ctx, m.tx, m.spec.Undo); err != nil {
		return err //nolint:wrapcheck // says what it is
	}
	m.writers, _, err = m.create(ctx, "prepare to note who writes", `SELECT WHERE false`)
	return err
}

// keepFormer keeps what the rows hold that are about to be updated, before the first statement that writes them. It is as of
// this moment and no other: the update changes the versions that were read here, and fails if there are newer ones.
func (m *merge) keepFormer(ctx context.Context, t *merging) error {
	created := t.rows - t.counts.matched - t.counts.skipped
	if m.spec.Undo == uuid.Nil || created+t.counts.changed == 0 {
		return nil
	}
	of := load.Kept{
		ID: uuid.NewSHA1(m.spec.Undo, []byte(t.table.Name)), PartOf: m.spec.Undo, Tenant: m.spec.Tenant,
		Table: t.table, Keys: t.identity, Columns: t.writable(),
	}
	if c := t.touches(); c != nil {
		of.Columns = append(of.Columns, c)
	}
	if t.mint != nil && created > 0 {
		if err := m.row(ctx, "look at the minted ids", `SELECT id FROM `+t.name+` LIMIT 1`, &of.Minted); err != nil {
			return err
		}
	}
	t.undo = load.NewUndo(of)
	t.former = t.counts.changed > 0 || created > 0 && t.undo.NamesCreated()
	if !t.former {
		return nil
	}
	sql, err := m.createFormer(ctx, t)
	if err != nil {
		return err
	}
	n, err := m.exec(ctx, "keep former values of "+t.table.Name, sql)
	if err == nil && n != t.counts.changed {
		return errMoved
	}
	return err
}

// createFormer makes the table of former values, empty if no row will be updated.
func (m *merge) createFormer(ctx context.Context, t *merging) (string, error) {
	if t.counts.changed == 0 {
		return t.undo.CreateFormer("NULL::bigint", t.undo.Versions(), func(c *catalog.Column) string { return "t." + c.Ident() }, false), nil
	}
	writable := t.writable()
	cols := slices.DeleteFunc(slices.Clone(t.identity), func(c *catalog.Column) bool { return !slices.Contains(writable, c) })
	from, err := m.from(ctx, t, cols)
	if err != nil {
		return "", err
	}
	from += " JOIN " + t.changed + " c ON c.n = s.n JOIN " + t.found + " f ON f.n = s.n JOIN " + t.undo.Versions() + " ON " + t.sameRow()
	return t.undo.CreateFormer("s.n", from, func(c *catalog.Column) string {
		if !slices.Contains(cols, c) {
			return "t." + c.Ident()
		}
		return t.becomes(c, t.next(c))
	}, true), nil
}

// lockFormer makes sure of the rows that nothing is written to yet but late references.
func (m *merge) lockFormer(ctx context.Context, t *merging) error {
	if t.undo == nil {
		return nil
	}
	var n int64
	err := m.row(ctx, "lock rows of "+t.table.Name, `
SELECT count(*) FROM (SELECT FROM `+t.table.Ident()+` t JOIN `+t.undo.Rows()+` u ON u.line IS NOT NULL AND `+load.SameVersion+`
WHERE `+t.table.TenantPredicate("t", m.tenant)+` FOR NO KEY UPDATE OF t) l`, &n)
	if err == nil && n != t.counts.changed {
		return errMoved
	}
	return err
}

// keepUndo notes what was written. It is the last thing to be done: triggers may write rows once more until then.
func (m *merge) keepUndo(ctx context.Context) error {
	if m.spec.Undo == uuid.Nil {
		return nil
	}
	var tables []*catalog.Table
	for _, t := range m.tables {
		tables = append(tables, t.table)
	}
	if len(tables) == 0 {
		return nil
	}
	triggers, err := load.HaveTriggers(ctx, m.tx, tables...)
	if err != nil {
		return err //nolint:wrapcheck // says what failed
	}
	for _, t := range m.tables {
		if t.undo == nil {
			continue
		}
		did := load.Wrote{Created: t.counts.created, Updated: t.counts.changed, Former: t.former, Writers: m.writers, Triggers: triggers}
		if err := t.undo.Keep(ctx, m.tx, did); err != nil {
			return err //nolint:wrapcheck // says what failed
		}
	}
	return nil
}
