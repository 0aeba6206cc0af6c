package load

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"wharf/internal/catalog"
	"wharf/internal/fault"
)

// Undo keeps what is written into a table, so that Revert can take it back. Whoever writes runs the SQL that it gives:
//
//  1. CreateFormer, just before rows are updated, and the update meets SameVersion as well
//  2. NamingCreated around what creates rows
//  3. NoteWriter in each transaction or savepoint that wrote
//  4. Keep, when all is written
//
// What a merge did is kept as little as it takes (docs/decisions/0010-undo.md): of created rows their range of ids, or
// their keys where ids are not minted; of updated rows what the written columns held; and the transactions that wrote,
// because a row that anybody changed since shows another one in its xmin.
//
// The table of former values, one row a row:
//
//	line (NULL: the row was created), k0… (the row's identity after the merge), v0… (what the written columns held),
//	wharf_of, wharf_at, wharf_was (the version of the row that v0… are of: tableoid, ctid, xmin)
type Undo struct {
	trace
	of Kept
}

// Kept says what an Undo is about.
type Kept struct {
	ID      uuid.UUID // Revert takes back what is kept under it
	PartOf  uuid.UUID // of what else it is a part: Revert takes all parts back together; zero: it stands alone
	Tenant  uuid.UUID
	Table   *catalog.Table
	Keys    []*catalog.Column // what tells the tenant's rows apart; none: nothing does
	Columns []*catalog.Column // that are written: v0…
	Minted  uuid.UUID         // id of one of the created rows, all of which one Minter gave; zero: their keys are noted
}

// NewUndo begins an Undo.
func NewUndo(of Kept) *Undo {
	u := &Undo{of: of, trace: trace{table: of.Table, tenant: tenantLiteral(of.Tenant), rows: beside(undoName(of.ID), ""), keys: of.Keys}}
	if of.Minted != uuid.Nil {
		first, last := mintedRange(of.Minted)
		u.first, u.last = &first, &last
	}
	return u
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

// CheckNotKept answers Conflict if something is kept under the id. tx carries the tenant.
func CheckNotKept(ctx context.Context, tx pgx.Tx, id uuid.UUID) error {
	var kept bool
	err := (&session{tx}).row(ctx, "look for an undo", fmt.Sprintf(`SELECT EXISTS (SELECT FROM wharf.undo WHERE import_id = '%[1]s' OR part_of = '%[1]s')`, id), &kept)
	if err == nil && kept {
		return errKept
	}
	return err
}

// NamesCreated reports whether each created row is named in the table of former values.
func (u *Undo) NamesCreated() bool { return u.first == nil && len(u.keys) > 0 }

// Rows gives the table of former values, as SQL.
func (u *Undo) Rows() string { return u.rows }

// versions are the columns of a table's row t, and which version of it they are of.
const versions = "t.*, t.tableoid AS wharf_of, t.ctid AS wharf_at, t.xmin AS wharf_was"

// Versions gives the tenant's rows with which version each is, as a sub-select t.
func (u *Undo) Versions() string {
	return "(SELECT " + versions + " FROM " + u.table.Ident() + " t WHERE " + u.table.TenantPredicate("t", u.tenant) + ") t"
}

// CreateFormer makes the table of former values, filled or empty. from is a FROM clause with a WHERE that gives the rows to
// update as t of Versions; line is SQL that numbers them, after what a key's column will hold.
func (u *Undo) CreateFormer(line, from string, after func(*catalog.Column) string, filled bool) string {
	sql := `CREATE TABLE ` + u.rows + ` WITH (autovacuum_enabled = false) AS ` + u.selectFormer(line, from, after)
	if !filled {
		sql += ` WITH NO DATA`
	}
	return sql
}

func (u *Undo) selectFormer(line, from string, after func(*catalog.Column) string) string {
	cells := []string{line + " AS line", "t.wharf_of", "t.wharf_at", "t.wharf_was"}
	for i, c := range u.keys {
		cells = append(cells, fmt.Sprintf("%s AS k%d", plainly(c, after(c)), i))
	}
	for i, c := range u.of.Columns {
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

// SameVersion is the condition under which the table's row t is the version that was read into u, its row in Rows. An
// update that writes fewer rows than were kept has met newer ones.
const SameVersion = "t.tableoid = u.wharf_of AND t.ctid = u.wharf_at AND t.xmin = u.wharf_was"

// NamingCreated turns the statement that creates rows into one that also keeps their keys, if those are to be noted. It
// needs the table of former values then.
func (u *Undo) NamingCreated(insert string) string {
	if !u.NamesCreated() {
		return insert
	}
	var keys, named []string
	for i, c := range u.keys {
		keys = append(keys, plainly(c, c.Ident())+fmt.Sprintf(" AS k%d", i))
		named = append(named, fmt.Sprintf("k%d", i))
	}
	list := strings.Join(named, ", ")
	return `WITH made AS (` + insert + ` RETURNING ` + strings.Join(keys, ", ") + `)
INSERT INTO ` + u.rows + ` (` + list + `) SELECT ` + list + ` FROM made`
}

// NoteWriter notes the transaction or savepoint that writes, in a table without columns. A row shows the one it was written
// by, and no function tells it: those of this table show it too.
func NoteWriter(table string) string { return `INSERT INTO ` + table + ` DEFAULT VALUES` }

// Wrote says what was done.
type Wrote struct {
	Created, Updated int64
	Former           bool   // the table of former values is there
	Writers          string // the table of NoteWriter
	Triggers         bool   // the product's triggers may have written rows once more
}

const insertUndo = `INSERT INTO wharf.undo (import_id, part_of, tenant_id, table_name, key_columns, columns, first_id, last_id, has_rows, created, updated, xids)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, `

// Keep notes what was done. The note is written by a transaction that it names: in a copy of the database it is not.
// Conflict if something is kept under the id already.
func (u *Undo) Keep(ctx context.Context, tx pgx.Tx, w Wrote) error {
	if _, err := (&session{tx}).exec(ctx, "note who writes", NoteWriter(w.Writers)); err != nil {
		return err
	}
	var partOf *uuid.UUID
	if u.of.PartOf != uuid.Nil {
		partOf = &u.of.PartOf
	}
	_, err := tx.Exec(ctx, insertUndo+"ARRAY("+u.writers(w)+"))", u.of.ID, partOf, u.of.Tenant, u.table.Name, namesOf(u.keys), namesOf(u.of.Columns),
		u.first, u.last, w.Former, w.Created, w.Updated)
	var pe *pgconn.PgError
	if errors.As(err, &pe) && pe.Code == "23505" { // unique_violation
		return errKept
	}
	if err != nil {
		return fmt.Errorf("load: keep undo: %w", err)
	}
	return nil
}

// writers gives SQL for every transaction that wrote. The product's triggers may write rows once more: in the same
// transaction, in one of their own inside it, or, deferred, at its end in the outermost one.
func (u *Undo) writers(w Wrote) string {
	all := `SELECT xmin FROM ` + w.Writers + ` UNION SELECT pg_current_xact_id()::xid`
	if w.Triggers && (u.first != nil || u.NamesCreated() && w.Former) {
		all += ` UNION SELECT t.xmin ` + u.created()
	}
	if w.Triggers && w.Updated > 0 {
		all += ` UNION SELECT t.xmin ` + u.updated()
	}
	return all
}

// HaveTriggers reports whether the product has triggers on one of the tables.
func HaveTriggers(ctx context.Context, tx pgx.Tx, tables ...*catalog.Table) (any bool, err error) {
	oids := make([]string, 0, len(tables))
	for _, t := range tables {
		oids = append(oids, fmt.Sprint(t.OID))
	}
	err = (&session{tx}).row(ctx, "look for triggers",
		`SELECT EXISTS (SELECT FROM pg_trigger WHERE tgrelid IN (`+strings.Join(oids, ", ")+`) AND NOT tgisinternal)`, &any)
	return any, err
}

func namesOf(cols []*catalog.Column) []string {
	names := make([]string, 0, len(cols))
	for _, c := range cols {
		names = append(names, c.Name)
	}
	return names
}

// DropUndo forgets what is kept under the id, all parts of it: nothing happens if nothing is. tx carries the tenant.
func DropUndo(ctx context.Context, tx pgx.Tx, id uuid.UUID) error {
	rows, err := tx.Query(ctx, `DELETE FROM wharf.undo WHERE import_id = $1 OR part_of = $1 RETURNING import_id`, id)
	if err != nil {
		return fmt.Errorf("load: drop undo: %w", err)
	}
	kept, err := pgx.CollectRows(rows, pgx.RowTo[uuid.UUID]) // none: or it is another tenant's
	if err != nil {
		return fmt.Errorf("load: drop undo: %w", err)
	}
	for _, part := range kept {
		if err := Drop(ctx, tx, undoName(part)); err != nil {
			return err
		}
	}
	return nil
}
