package load

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"wharf/internal/catalog"
	"wharf/internal/fault"
)

// revert is what is taken back of one table.
type revert struct {
	*reversal
	trace
	head    undoRow
	columns []*catalog.Column // v0…
	gone    string            // the created rows to delete: wharf_of, wharf_at, k0… (if triggers may move them)
	back    string            // the updated rows to restore: line, wharf_of, wharf_at, why not, refused
	refused int               // by the database
	out     Reverted
}

// part finds the table and the columns that were written.
func (a *reversal) part(head undoRow) (*revert, error) {
	t, ok := a.of.Catalog.Table(head.TableName)
	if !ok {
		return nil, fault.Newf(fault.Conflict, "the table %s is not there any more", head.TableName)
	}
	name := undoName(head.ImportID)
	r := &revert{
		reversal: a, head: head, gone: beside(name, "_d"), back: beside(name, "_r"), out: Reverted{Table: t.Name},
		trace: trace{table: t, tenant: tenantLiteral(a.of.Tenant), rows: beside(name, ""), first: head.FirstID, last: head.LastID},
	}
	for _, part := range []struct {
		names []string
		cols  *[]*catalog.Column
	}{{head.KeyColumns, &r.keys}, {head.Columns, &r.columns}} {
		for _, name := range part.names {
			c, ok := t.Column(name)
			if !ok || c.Generated {
				return nil, fault.Newf(fault.Conflict, "the column %s of %s is not there any more", name, t.Name)
			}
			*part.cols = append(*part.cols, c)
		}
	}
	if r.first != nil && SoleKey(t) == nil {
		return nil, fault.Newf(fault.Conflict, "the key of %s is another one by now", t.Name)
	}
	return r, nil
}

// ours gives the condition under which nobody wrote the table's row t since.
func (r *revert) ours() string { return "t.xmin = ANY ('" + r.head.Xids + "'::xid[])" }

// collect locks the rows that are as they were left: from now on nobody changes them, or refers to them by a key.
func (r *revert) collect(ctx context.Context) error {
	kind := "CREATE TABLE "
	if r.large {
		kind = "CREATE UNLOGGED TABLE "
	}
	columns, cells := "wharf_of oid, wharf_at tid", "t.tableoid, t.ctid"
	if r.triggers {
		for i, c := range r.keys {
			columns, cells = columns+fmt.Sprintf(", k%d %s", i, c.BaseType), cells+", t."+c.Ident()
		}
	}
	sql := kind + r.gone + ` (` + columns + `); ` + kind + r.back + ` (line bigint, wharf_of oid, wharf_at tid, why text, refused boolean);`
	if r.head.Created > 0 {
		sql += `INSERT INTO ` + r.gone + ` SELECT ` + cells + ` ` + r.created() + ` AND ` + r.ours() + ` FOR UPDATE OF t;`
	}
	if r.head.Updated > 0 {
		sql += `INSERT INTO ` + r.back + ` SELECT u.line, t.tableoid, t.ctid ` + r.updated() + ` AND ` + r.ours() + ` FOR UPDATE OF t;`
	}
	sql += `ANALYZE ` + r.gone + `; ANALYZE ` + r.back
	_, err := r.exec(ctx, "collect rows to revert", sql)
	return err
}

// meetCreated finds the rows to delete again: triggers may have written them once more, when rows of other tables were.
func (r *revert) meetCreated(ctx context.Context) error {
	if !r.triggers || r.head.Created == 0 || len(r.keys) == 0 {
		return nil
	}
	same := make([]string, 0, len(r.keys))
	for i, c := range r.keys {
		same = append(same, fmt.Sprintf("t.%s = g.k%d", c.Ident(), i))
	}
	_, err := r.exec(ctx, "find created rows again", `
UPDATE `+r.gone+` g SET wharf_of = t.tableoid, wharf_at = t.ctid FROM `+r.table.Ident()+` t
WHERE `+r.table.TenantPredicate("t", r.tenant)+` AND `+strings.Join(same, " AND ")+` AND (t.tableoid <> g.wharf_of OR t.ctid <> g.wharf_at)`)
	return err
}

// meetUpdated does the same with the rows to restore: those that were not tried yet, or those that were refused.
func (r *revert) meetUpdated(ctx context.Context, refused bool) error {
	if !r.triggers || r.head.Updated == 0 {
		return nil
	}
	_, err := r.exec(ctx, "find updated rows again", `
UPDATE `+r.back+` b SET wharf_of = t.tableoid, wharf_at = t.ctid
FROM `+r.rows+` u JOIN `+r.table.Ident()+` t ON `+r.table.TenantPredicate("t", r.tenant)+` AND `+r.sameRow()+`
WHERE u.line = b.line AND b.refused IS `+map[bool]string{true: "TRUE", false: "NOT TRUE"}[refused]+` AND (t.tableoid <> b.wharf_of OR t.ctid <> b.wharf_at)`)
	return err
}

// deletion gives the statement that removes the created rows.
func (r *revert) deletion() string {
	return `DELETE FROM ` + r.table.Ident() + ` t USING ` + r.gone + ` g
WHERE ` + r.table.TenantPredicate("t", r.tenant) + ` AND t.tableoid = g.wharf_of AND t.ctid = g.wharf_at`
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

// writesAny reports whether the merge wrote one of the columns.
func (r *revert) writesAny(names []string) bool {
	return slices.ContainsFunc(r.columns, func(c *catalog.Column) bool { return slices.Contains(names, c.Name) })
}
