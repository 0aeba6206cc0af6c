package load

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"wharf/internal/catalog"
	"wharf/internal/fault"
	"wharf/internal/tenancy"
)

// Reversal says which merge is taken back.
type Reversal struct {
	DB        *tenancy.DB
	Tenant    uuid.UUID
	Catalog   *catalog.Snapshot
	Undo      uuid.UUID // the id that the merge's Spec gave
	WorkMemMB int       // as a Spec's
}

// Reverted is what became of a merge that was taken back.
type Reverted struct {
	Table     string
	Deleted   int64 // rows that the merge had created
	Restored  int64 // rows that hold again what they held before
	Left      []LeftRow
	LeftCount int64
	InTheWay  []InTheWay // not empty: nothing was done
}

// LeftRow is a row that was left as it is. At most maxLeft are named.
type LeftRow struct {
	Key     string // what identifies it, the parts of several columns joined by ", "; "": nothing does
	Created bool   // by the merge; else it was updated
	Why     string // for people: "it was changed since"
}

// InTheWay are rows that refer to created ones.
type InTheWay struct {
	Table  string   // as in the API; outside the catalog as in the database
	Column string   // several joined by ", "
	Rows   int64    // -1: the service may not read that table, and its references would go or be emptied
	Keys   []string // of some of the rows
}

const (
	maxLeft    = 100
	maxSamples = 10
)

// Answers to a merge that cannot be taken back.
var (
	ErrNotKept  = fault.New(fault.NotFound, "nothing is kept to revert this by")
	ErrReverted = fault.New(fault.Conflict, "it was reverted already")

	errInTheWay = errors.New("load: rows are in the way")
)

// revert is one run of a Reversal in a transaction.
type revert struct {
	session
	trace
	of      Reversal
	head    undoRow
	columns []*catalog.Column // v0…
	gone    string            // the created rows to delete: wharf_of, wharf_at
	back    string            // the updated rows to restore: line, wharf_of, wharf_at, why not, refused
	refused int               // by the database
	out     Reverted
}

// Revert takes a merge back: rows that it created go, for good even where rows are deleted softly, and rows that it updated
// get the former values of the columns that it wrote. A row that was changed since, by anybody, is left, and so is one
// whose former values the table refuses by now; Reverted names them. If other rows refer to a created one nothing is done,
// and they are named; the reversal may be tried again when they are gone.
//
// tx carries the tenant, is READ COMMITTED, and commits or rolls back all of it. It serialises with merges into the same
// table of the same tenant.
//
// Errors: tenancy.ErrNoTenant, before any row is read, if tx carries another tenant or none; ErrNotKept; ErrReverted;
// Conflict if the table has lost columns since, or its rules refuse what must be done; Unavailable if the database is away.
func Revert(ctx context.Context, tx pgx.Tx, of Reversal) (Reverted, error) {
	r := &revert{session: session{tx}, of: of}
	if err := of.DB.Assert(ctx, tx, of.Tenant); err != nil {
		return Reverted{}, err //nolint:wrapcheck // says what it is
	}
	if err := r.open(ctx); err != nil {
		return Reverted{}, err
	}
	err := r.attempt(ctx, r.run)
	if errors.Is(err, errInTheWay) {
		return Reverted{Table: r.table.Name, InTheWay: r.out.InTheWay}, nil
	}
	return r.out, err
}

type undoRow struct {
	TableName  string
	KeyColumns []string
	Columns    []string
	FirstID    *uuid.UUID
	LastID     *uuid.UUID
	HasRows    bool
	Created    int64
	Updated    int64
	Xids       string // '{1,2,…}'
	Reverted   bool
	AtHome     bool // the row was written by a transaction that it names
}

const readUndo = `
SELECT table_name, key_columns, columns, first_id, last_id, has_rows, created, updated, xids::text, reverted_at IS NOT NULL AS reverted, xmin = ANY (xids) AS at_home
FROM wharf.undo WHERE tenant_id = $1 AND import_id = $2 FOR UPDATE`

// open reads what is kept, takes the lock of merges and fits the planner.
func (r *revert) open(ctx context.Context) error {
	rows, err := r.tx.Query(ctx, readUndo, r.of.Tenant, r.of.Undo)
	if err != nil {
		return fmt.Errorf("load: read undo: %w", err)
	}
	r.head, err = pgx.CollectExactlyOneRow(rows, pgx.RowToStructByName[undoRow])
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return ErrNotKept
	case err != nil:
		return fmt.Errorf("load: read undo: %w", err)
	case r.head.Reverted:
		return ErrReverted
	case !r.head.AtHome:
		return fault.New(fault.Conflict, "the database was copied since, so it cannot be told which rows have changed")
	}
	if err := r.findTable(); err != nil {
		return err
	}
	if err := Lock(ctx, r.tx, r.of.Tenant, r.table); err != nil {
		return err
	}
	memory := r.of.WorkMemMB
	if memory == 0 {
		memory = defaultWorkMemMB
	}
	_, err = r.exec(ctx, "fit the planner", Fitted(memory, r.head.Created+r.head.Updated > largeFrom))
	return err
}

// findTable finds the table and the columns that were written.
func (r *revert) findTable() error {
	t, ok := r.of.Catalog.Table(r.head.TableName)
	if !ok {
		return fault.Newf(fault.Conflict, "the table %s is not there any more", r.head.TableName)
	}
	name := undoName(r.of.Undo)
	r.trace = trace{table: t, tenant: tenantLiteral(r.of.Tenant), rows: beside(name, ""), first: r.head.FirstID, last: r.head.LastID}
	r.gone, r.back = beside(name, "_d"), beside(name, "_r")
	r.out.Table = t.Name
	for _, part := range []struct {
		names []string
		cols  *[]*catalog.Column
	}{{r.head.KeyColumns, &r.keys}, {r.head.Columns, &r.columns}} {
		for _, name := range part.names {
			c, ok := t.Column(name)
			if !ok || c.Generated {
				return fault.Newf(fault.Conflict, "the column %s of %s is not there any more", name, t.Name)
			}
			*part.cols = append(*part.cols, c)
		}
	}
	if r.first != nil && SoleKey(t) == nil {
		return fault.Newf(fault.Conflict, "the key of %s is another one by now", t.Name)
	}
	return nil
}

// run takes the merge back. Rows are restored first, so that those which referred to created ones do so no more; those
// that the database then refused have a second try when the created ones are gone, whose unique values they may need.
func (r *revert) run(ctx context.Context) error {
	for _, step := range []func(context.Context) error{
		r.collect, r.checkReferences, r.checkUniques, r.restore, r.lookInTheWay, r.delete, r.restoreRefused, r.nameLeft, r.close,
	} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return nil
}

// ours gives the condition under which nobody wrote the table's row t since.
func (r *revert) ours() string { return "t.xmin = ANY ('" + r.head.Xids + "'::xid[])" }

// collect locks the rows that are as the merge left them: from now on nobody changes them, or refers to them by a key.
func (r *revert) collect(ctx context.Context) error {
	sql := `
CREATE UNLOGGED TABLE ` + r.gone + ` (wharf_of oid, wharf_at tid);
CREATE UNLOGGED TABLE ` + r.back + ` (line bigint, wharf_of oid, wharf_at tid, why text, refused boolean);`
	if r.head.Created > 0 {
		sql += `INSERT INTO ` + r.gone + ` SELECT t.tableoid, t.ctid ` + r.created() + ` AND ` + r.ours() + ` FOR UPDATE OF t;`
	}
	if r.head.Updated > 0 {
		sql += `INSERT INTO ` + r.back + ` SELECT u.line, t.tableoid, t.ctid ` + r.updated() + ` AND ` + r.ours() + ` FOR UPDATE OF t;`
	}
	sql += `ANALYZE ` + r.gone + `; ANALYZE ` + r.back
	_, err := r.exec(ctx, "collect rows to revert", sql)
	return err
}

// delete removes the created rows.
func (r *revert) delete(ctx context.Context) (err error) {
	if r.head.Created == 0 {
		return nil
	}
	r.out.Deleted, err = r.exec(ctx, "delete created rows", `
DELETE FROM `+r.table.Ident()+` t USING `+r.gone+` g
WHERE `+r.table.TenantPredicate("t", r.tenant)+` AND t.tableoid = g.wharf_of AND t.ctid = g.wharf_at`)
	return r.answer(err, "deleted")
}

// answer turns a refusal of the database into one that can be told.
func (r *revert) answer(err error, done string) error {
	var pe *pgconn.PgError
	switch {
	case Refused(err):
		return fault.Wrap(err, fault.Conflict, "the rows cannot be "+done+": "+PublicMessage(err))
	case errors.As(err, &pe) && pe.Code == "42501": // insufficient_privilege
		return fault.Wrap(err, fault.Conflict, "the service lacks the right by which rows of "+r.table.Name+" are "+done)
	}
	return err
}

// nameLeft counts and names the rows that are as they were before the reversal.
func (r *revert) nameLeft(ctx context.Context) error {
	var parts []string
	if r.head.Created > 0 && len(r.keys) > 0 {
		parts = append(parts, `SELECT `+r.keyText("t", r.keyOfTable)+` AS key, true AS created, 'it was changed since' AS why, NULL::bigint AS line `+r.created())
	}
	if r.head.Updated > 0 {
		parts = append(parts, `
SELECT `+r.keyText("u", keyOfUndo)+` AS key, false AS created, coalesce(b.why, CASE WHEN EXISTS (
    SELECT FROM `+r.table.Ident()+` t WHERE `+r.table.TenantPredicate("t", r.tenant)+` AND `+r.sameRow()+`) THEN 'it was changed since' ELSE 'it was deleted since' END) AS why, u.line
FROM `+r.rows+` u LEFT JOIN `+r.back+` b ON b.line = u.line WHERE u.line IS NOT NULL AND (b.line IS NULL OR b.why IS NOT NULL)`)
	}
	if lost := r.head.Created - r.out.Deleted; len(r.keys) == 0 && lost > 0 {
		parts = append(parts, fmt.Sprintf(`SELECT '' AS key, true AS created, 'it was changed or deleted since' AS why, NULL::bigint AS line FROM generate_series(1, %d)`, lost))
	}
	if len(parts) == 0 {
		return nil
	}
	left := strings.Join(parts, " UNION ALL ")
	if err := r.row(ctx, "count rows left", `SELECT count(*) FROM (`+left+`) l`, &r.out.LeftCount); err != nil || r.out.LeftCount == 0 {
		return err
	}
	rows, err := r.tx.Query(ctx, fmt.Sprintf(`SELECT key, created, why FROM (%s) l ORDER BY created DESC, line, key LIMIT %d`, left, maxLeft), pgx.QueryExecModeExec)
	if err != nil {
		return fmt.Errorf("load: name rows left: %w", err)
	}
	r.out.Left, err = pgx.CollectRows(rows, pgx.RowToStructByPos[LeftRow])
	if err != nil {
		return fmt.Errorf("load: name rows left: %w", err)
	}
	return nil
}

// keyText gives the identity of a row as text, the tenant's column left out.
func (r *revert) keyText(alias string, column func(n int) string) string {
	var parts []string
	for n, c := range r.keys {
		if c.Name != r.table.Scope.Column {
			parts = append(parts, alias+"."+column(n)+"::text")
		}
	}
	return "concat_ws(', ', " + strings.Join(append(parts, "NULL"), ", ") + ")"
}

func (r *revert) keyOfTable(n int) string { return r.keys[n].Ident() }
func keyOfUndo(n int) string              { return fmt.Sprintf("k%d", n) }

// close notes that it is done. What was kept of the rows is of no more use.
func (r *revert) close(ctx context.Context) error {
	sql := fmt.Sprintf(`UPDATE wharf.undo SET reverted_at = now(), has_rows = false WHERE import_id = '%s' AND tenant_id = %s; DROP TABLE %s, %s`,
		r.of.Undo, r.tenant, r.gone, r.back)
	if r.head.HasRows {
		sql += ", " + r.rows
	}
	_, err := r.exec(ctx, "close undo", sql)
	return err
}

// writesAny reports whether the merge wrote one of the columns.
func (r *revert) writesAny(names []string) bool {
	return slices.ContainsFunc(r.columns, func(c *catalog.Column) bool { return slices.Contains(names, c.Name) })
}
