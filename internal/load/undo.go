package load

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"wharf/internal/catalog"
	"wharf/internal/fault"
)

// What a merge did is kept as little as it takes (docs/decisions/0010-undo.md): of created rows their range of ids, or
// their keys where ids are not minted; of updated rows what the written columns held; and the transactions that wrote,
// because a row that anybody changed since shows another one in its xmin.
//
// The table of former values, one row a row:
//
//	line (NULL: the row was created), k0… (the row's identity after the merge), v0… (what the written columns held),
//	wharf_of, wharf_at, wharf_was (the version of the row that v0… are of: tableoid, ctid, xmin)
type undo struct {
	trace
	columns []*catalog.Column // that were written: v0…
	settled int64             // what an age must exceed so that a version is older than every running transaction
}

// trace is where the rows are found that a merge wrote.
type trace struct {
	table       *catalog.Table
	tenant      string            // as SQL
	rows        string            // the table of former values
	keys        []*catalog.Column // k0…
	first, last *uuid.UUID        // ids of the created rows; nil: the table of former values names them
}

// undoName gives the name of an undo's table in the staging schema.
func undoName(id uuid.UUID) string { return "u_" + strings.ReplaceAll(id.String(), "-", "") }

// created gives the created rows t that are still there, as a FROM clause with a WHERE. Without keys these are all rows of
// the tenant: the caller narrows them by xmin.
func (tr trace) created() string {
	from := "FROM " + tr.table.Ident() + " t"
	where := " WHERE " + tr.table.TenantPredicate("t", tr.tenant)
	switch {
	case tr.first != nil:
		where += fmt.Sprintf(" AND t.%s BETWEEN '%s' AND '%s'", SoleKey(tr.table).Ident(), tr.first, tr.last)
	case len(tr.keys) > 0:
		from += " JOIN " + tr.rows + " u ON u.line IS NULL AND " + tr.sameRow()
	}
	return from + where
}

// updated gives the updated rows t that are still there, with what is kept of them as u.
func (tr trace) updated() string {
	return "FROM " + tr.table.Ident() + " t JOIN " + tr.rows + " u ON u.line IS NOT NULL AND " + tr.sameRow() +
		" WHERE " + tr.table.TenantPredicate("t", tr.tenant)
}

// sameRow gives the condition under which the table's row t is the one that u is about.
func (tr trace) sameRow() string {
	same := make([]string, 0, len(tr.keys))
	for i, c := range tr.keys {
		same = append(same, fmt.Sprintf("t.%s = u.k%d", c.Ident(), i))
	}
	return strings.Join(same, " AND ")
}

var errKept = fault.New(fault.Conflict, "an undo is kept under this id already")

// beginUndo gets ready to keep what the merge does.
func (m *merge) beginUndo(ctx context.Context) error {
	p := m.plan
	if p.spec.Undo == uuid.Nil {
		return nil
	}
	name := undoName(p.spec.Undo)
	m.undo = &undo{trace: trace{table: p.table, tenant: m.tenant, rows: beside(name, ""), keys: p.identity}}
	for i := range p.cols {
		if c := &p.cols[i]; !c.given {
			m.undo.columns = append(m.undo.columns, c.target)
		}
	}
	if c := p.touched(); c != nil {
		m.undo.columns = append(m.undo.columns, c)
	}
	var kept bool
	err := m.row(ctx, "look for an undo", fmt.Sprintf(`
SELECT age(pg_snapshot_xmin(pg_current_snapshot())::xid), EXISTS (SELECT FROM wharf.undo WHERE import_id = '%s')`, p.spec.Undo), &m.undo.settled, &kept)
	if err == nil && kept {
		return errKept
	}
	if err != nil || p.mint == nil || m.total == 0 {
		return err
	}
	var any uuid.UUID
	err = m.row(ctx, "look at the minted ids", `SELECT id FROM `+m.staging+` LIMIT 1`, &any)
	first, last := mintedRange(any)
	m.undo.first, m.undo.last = &first, &last
	return err
}

// namesCreated reports whether each created row is named in the table of former values.
func (u *undo) namesCreated() bool { return u.first == nil && len(u.keys) > 0 }

// hasRows reports whether there is a table of former values.
func (m *merge) hasRows() bool { return m.changed > 0 || m.fresh() > 0 && m.undo.namesCreated() }

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
	_, err := m.exec(ctx, "keep former values", `INSERT INTO `+m.undo.rows+" "+m.selectFormer()+l.in("f"))
	return err
}

// createFormer makes the table, filled with the former values of all rows to update or empty.
func (m *merge) createFormer(filled bool) string {
	sql := `CREATE TABLE ` + m.undo.rows + ` WITH (autovacuum_enabled = false) AS ` + m.selectFormer()
	if !filled {
		sql += ` WITH NO DATA`
	}
	return sql
}

func (m *merge) selectFormer() string {
	p, u := m.plan, m.undo
	const versions = "t.*, t.tableoid AS wharf_of, t.ctid AS wharf_at, t.xmin AS wharf_was"
	after := func(c *catalog.Column) string { return "t." + c.Ident() }
	line, from := "NULL::bigint", "(SELECT) one JOIN "+m.read(versions, u.table, "", "true", false)
	if len(p.keys) > 0 {
		line, from, after = "f.line", m.found+" f JOIN ", p.nextValue
		if p.writes(u.keys) {
			from += m.source + " ON s.line = f.line JOIN "
		}
		from += m.read(versions, u.table, "", p.foundOn(), !slices.ContainsFunc(p.identity, unlookable)) + " WHERE f.changed"
	}
	cells := []string{line + " AS line", "t.wharf_of", "t.wharf_at", "t.wharf_was"}
	for i, c := range u.keys {
		cells = append(cells, fmt.Sprintf("%s AS k%d", plainly(c, after(c)), i))
	}
	for i, c := range u.columns {
		cells = append(cells, fmt.Sprintf("%s AS v%d", plainly(c, "t."+c.Ident()), i))
	}
	return "SELECT " + strings.Join(cells, ", ") + " FROM " + from
}

// plainly gives the value in the type below the column's domain, which may refuse the NULLs of a row that has none.
func plainly(c *catalog.Column, value string) string {
	if c.TypeOID != c.BaseOID {
		return "(" + value + ")::" + c.BaseType
	}
	return value
}

// sameVersion gives the condition under which t is the version that was read into u.
const sameVersion = "t.tableoid = u.wharf_of AND t.ctid = u.wharf_at AND t.xmin = u.wharf_was"

// isSettled reports whether every row to update is older than the transactions that ran when the merge began. Then its age
// tells whether it still is what was kept of it, and the update need not look at that.
func (m *merge) isSettled(ctx context.Context) (settled bool, err error) {
	err = m.row(ctx, "look for recent changes", fmt.Sprintf(
		`SELECT NOT EXISTS (SELECT FROM %s u WHERE age(u.wharf_was) <= %d)`, m.undo.rows, m.undo.settled), &settled)
	return settled, err
}

// namingCreated turns the statement that creates rows into one that also keeps their keys.
func (m *merge) namingCreated(insert string) string {
	if m.undo == nil || !m.undo.namesCreated() {
		return insert
	}
	var keys, named []string
	for i, c := range m.undo.keys {
		keys = append(keys, plainly(c, c.Ident())+fmt.Sprintf(" AS k%d", i))
		named = append(named, fmt.Sprintf("k%d", i))
	}
	list := strings.Join(named, ", ")
	return `WITH made AS (` + insert + ` RETURNING ` + strings.Join(keys, ", ") + `)
INSERT INTO ` + m.undo.rows + ` (` + list + `) SELECT ` + list + ` FROM made`
}

// noteWriter notes the transaction or savepoint that wrote a range. A row shows the one it was written by, and no function
// tells it.
func (m *merge) noteWriter(ctx context.Context) error {
	if m.undo == nil {
		return nil
	}
	_, err := m.exec(ctx, "note who writes", `INSERT INTO `+m.writers()+` DEFAULT VALUES`)
	return err
}

func (m *merge) writers() string { return beside(m.name, "_x") }

// createWriters makes the table whose rows nothing is known of but who wrote them.
func (m *merge) createWriters(ctx context.Context) error {
	if m.undo == nil {
		return nil
	}
	_, err := m.exec(ctx, "prepare to note who writes", m.createBeside()+m.writers()+` () WITH (autovacuum_enabled = false)`)
	return err
}

const insertUndo = `INSERT INTO wharf.undo (import_id, tenant_id, table_name, key_columns, columns, first_id, last_id, has_rows, created, updated, xids)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, `

// keepUndo notes what the merge did. The row is written by a transaction that it names: in a copy of the database it is not.
func (m *merge) keepUndo(ctx context.Context, c Counts) error {
	u := m.undo
	if u == nil {
		return nil
	}
	if err := m.noteWriter(ctx); err != nil {
		return err
	}
	writers, err := m.allWriters(ctx)
	if err != nil {
		return err
	}
	_, err = m.tx.Exec(ctx, insertUndo+"ARRAY("+writers+"))", m.plan.spec.Undo, m.plan.spec.Tenant, u.table.Name, namesOf(u.keys), namesOf(u.columns),
		u.first, u.last, m.hasRows(), c.Created, c.Updated)
	if err != nil {
		return fmt.Errorf("load: keep undo: %w", err)
	}
	_, err = m.exec(ctx, "tidy up", `DROP TABLE `+m.writers())
	return err
}

// allWriters gives SQL for every transaction that wrote. The product's triggers may write rows once more: in the same
// transaction, in one of their own inside it, or, deferred, at its end in the outermost one.
func (m *merge) allWriters(ctx context.Context) (string, error) {
	all := `SELECT xmin FROM ` + m.writers() + ` UNION SELECT pg_current_xact_id()::xid`
	var triggers bool
	err := m.row(ctx, "look for triggers", fmt.Sprintf(
		`SELECT EXISTS (SELECT FROM pg_trigger WHERE tgrelid = %d AND NOT tgisinternal)`, m.plan.table.OID), &triggers)
	if err != nil || !triggers {
		return all, err
	}
	if m.undo.first != nil || m.undo.namesCreated() && m.hasRows() {
		all += ` UNION SELECT t.xmin ` + m.undo.created()
	}
	if m.changed > 0 {
		all += ` UNION SELECT t.xmin ` + m.undo.updated()
	}
	return all, nil
}

func namesOf(cols []*catalog.Column) []string {
	names := make([]string, 0, len(cols))
	for _, c := range cols {
		names = append(names, c.Name)
	}
	return names
}

// DropUndo forgets how a merge is taken back: nothing happens if nothing is kept. tx carries the tenant.
func DropUndo(ctx context.Context, tx pgx.Tx, id uuid.UUID) error {
	tag, err := tx.Exec(ctx, `DELETE FROM wharf.undo WHERE import_id = $1`, id)
	if err != nil {
		return fmt.Errorf("load: drop undo: %w", err)
	}
	if tag.RowsAffected() == 0 { // or it is another tenant's
		return nil
	}
	return Drop(ctx, tx, undoName(id))
}
