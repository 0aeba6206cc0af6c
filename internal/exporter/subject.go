package exporter

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"

	"wharf/internal/catalog"
	"wharf/internal/fault"
)

// maxSubjectRows bounds what may belong to one record, and with it the memory of the walk: some 20 bytes a row.
const maxSubjectRows = 100_000

// reached is a table that holds rows of the subject, and which they are.
type reached struct {
	Table *catalog.Table
	Where string // SQL over the row x, with the tenant's predicate
	Args  []any  // of Where: $1 is the tenant, $2 and $3 say where the rows lie
	Why   string // for the manifest: what ties them to the subject
}

// place is where a row lies. It names the row, with or without a key, for as long as a snapshot that sees it and a lock on
// its table last: nobody moves it meanwhile.
type place struct {
	Table uint32 // the partition
	TID   pgtype.TID
}

// walk is one search for what belongs to a subject.
type walk struct {
	tx     pgx.Tx
	tenant uuid.UUID
	kin    *kinship
	limit  int
	rows   map[*catalog.Table]map[place]bool
	ways   map[*catalog.Table]map[string]bool // the references that led there
	count  int
}

// subject finds the record of the table, and all that belongs to it by the rules of kinship: soft-deleted rows, @operational
// and @optional tables as well. Tables come in the catalog's order, those without such rows are left out.
//
// tx is the snapshot that the rows will be read in, too; it may be READ ONLY, for which reason nothing is written down but in
// memory. Errors: Invalid (no such table or record; what was given is no id), Forbidden (a table where rows may lie cannot be
// read), TooLarge (more than maxSubjectRows).
//
// id is the value of the primary key, the tenant column apart; those of a composite key are joined by commas.
func subject(ctx context.Context, tx pgx.Tx, snap *catalog.Snapshot, tenant uuid.UUID, table, id string) ([]reached, error) {
	return subjectWithin(ctx, tx, snap, tenant, table, id, maxSubjectRows)
}

func subjectWithin(ctx context.Context, tx pgx.Tx, snap *catalog.Snapshot, tenant uuid.UUID, table, id string, limit int) ([]reached, error) {
	t, ok := snap.Table(table)
	if !ok {
		return nil, subjectError("table", "there is no table %q", table)
	}
	w := &walk{
		tx: tx, tenant: tenant, kin: kinshipOf(snap, t), limit: limit,
		rows: map[*catalog.Table]map[place]bool{}, ways: map[*catalog.Table]map[string]bool{},
	}
	for _, t := range w.kin.tables {
		if !t.Readable {
			return nil, fault.Newf(fault.Forbidden, "the table %s cannot be read by the service's role; grant SELECT on it", t.Name)
		}
	}
	if err := w.begin(ctx, id); err != nil {
		return nil, err
	}
	if err := w.follow(ctx); err != nil {
		return nil, err
	}
	return w.reached(ctx)
}

func subjectError(field, format string, args ...any) error {
	return fault.New(fault.Invalid, "the subject cannot be exported").
		WithFields(fault.Field{Field: "subject." + field, Message: fmt.Sprintf(format, args...)})
}

// begin finds the record itself.
func (w *walk) begin(ctx context.Context, id string) error {
	t := w.kin.subject
	key := slices.DeleteFunc(t.Key(), func(c *catalog.Column) bool { return c.Name == t.Scope.Column })
	if len(key) == 0 {
		return subjectError("table", "%s has no primary key, so no id names its rows", t.Name)
	}
	values := []string{id}
	if len(key) > 1 {
		values = strings.Split(id, ",")
	}
	if len(values) != len(key) {
		names := make([]string, len(key))
		for i, c := range key {
			names[i] = c.Name
		}
		return subjectError("id", "%s needs %d values, joined by commas: %s", t.Name, len(key), strings.Join(names, ", "))
	}
	sql := "SELECT x.tableoid, x.ctid FROM " + t.Ident() + " x WHERE " + t.TenantPredicate("x", "$1")
	args := []any{w.tenant}
	for i, c := range key {
		args = append(args, values[i])
		sql += " AND x." + c.Ident() + " = CAST($" + strconv.Itoa(i+2) + "::text AS " + c.Type + ")"
	}
	found, err := w.query(ctx, sql, args...)
	var wrong *pgconn.PgError
	switch {
	case errors.As(err, &wrong) && strings.HasPrefix(wrong.Code, "22"): // data exception
		return subjectError("id", "%q is no id of %s", id, t.Name)
	case err != nil:
		return fmt.Errorf("exporter: find subject in %s: %w", t.Name, err)
	case len(found) == 0:
		return subjectError("id", "there is no record %q in %s", id, t.Name)
	}
	return w.add(t, found, map[*catalog.Table][]place{})
}

func (w *walk) query(ctx context.Context, sql string, args ...any) ([]place, error) {
	rows, err := w.tx.Query(ctx, sql, args...)
	if err != nil {
		return nil, err //nolint:wrapcheck // the callers name the table
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[place]) //nolint:wrapcheck // as above
}

// follow reaches, round by round, the rows that belong to those of the round before.
func (w *walk) follow(ctx context.Context) error {
	edge := map[*catalog.Table][]place{w.kin.subject: places(w.rows[w.kin.subject])}
	for len(edge) > 0 {
		next := map[*catalog.Table][]place{}
		for _, t := range w.kin.tables {
			if t == w.kin.subject {
				continue
			}
			for _, r := range slices.Concat(w.kin.toward[t], w.kin.owners[t]) {
				if len(edge[r.to]) == 0 {
					continue
				}
				if err := w.step(ctx, r, edge[r.to], next); err != nil {
					return err
				}
			}
		}
		edge = next
	}
	return nil
}

// step adds the rows that belong to the given ones by the reference; those that are new go into next, to be followed.
func (w *walk) step(ctx context.Context, r reference, from []place, next map[*catalog.Table][]place) error {
	found, err := w.query(ctx, "SELECT DISTINCT c.tableoid, c.ctid FROM "+r.from.Ident()+" c JOIN "+r.to.Ident()+" p ON "+r.on+
		" WHERE "+r.from.TenantPredicate("c", "$1")+" AND "+among("p", 2)+" AND "+w.kin.rule(r)+
		" LIMIT "+strconv.Itoa(w.limit+1), w.args(from)...)
	if err != nil {
		return fmt.Errorf("exporter: read %s of the subject: %w", r.from.Name, err)
	}
	if len(found) == 0 {
		return nil
	}
	if w.ways[r.from] == nil {
		w.ways[r.from] = map[string]bool{}
	}
	way := r.name + " is in " + r.to.Name
	if r.to == w.kin.subject {
		way = r.name + " is the record"
	}
	w.ways[r.from][way] = true
	return w.add(r.from, found, next)
}

// add notes rows, and in next those that are new.
func (w *walk) add(t *catalog.Table, found []place, next map[*catalog.Table][]place) error {
	if w.rows[t] == nil {
		w.rows[t] = map[place]bool{}
	}
	for _, p := range found {
		if w.rows[t][p] {
			continue
		}
		if w.count++; w.count > w.limit {
			return fault.Newf(fault.TooLarge, "more than %d rows belong to the record of %s; export the tables instead", w.limit, w.kin.subject.Name)
		}
		w.rows[t][p] = true
		next[t] = append(next[t], p)
	}
	return nil
}

// among holds for the rows of alias that lie at the places of parameters n and n+1. The first condition finds them without
// a scan, the second tells partitions apart.
func among(alias string, n int) string {
	tables, tids := "$"+strconv.Itoa(n)+"::oid[]", "$"+strconv.Itoa(n+1)+"::tid[]"
	return alias + ".ctid = ANY(" + tids + ") AND (" + alias + ".tableoid, " + alias + ".ctid) IN (SELECT * FROM unnest(" + tables + ", " + tids + "))"
}

// args gives the tenant and the places, for among.
func (w *walk) args(rows []place) []any {
	tables, tids := make([]uint32, len(rows)), make([]pgtype.TID, len(rows))
	for i, p := range rows {
		tables[i], tids[i] = p.Table, p.TID
	}
	return []any{w.tenant, tables, tids}
}

func places(set map[place]bool) []place { return slices.Collect(maps.Keys(set)) }

// reached gives what was found, in the catalog's order.
func (w *walk) reached(ctx context.Context) ([]reached, error) {
	var all []reached
	for _, t := range w.kin.tables {
		if len(w.rows[t]) == 0 {
			continue
		}
		r := reached{Table: t, Where: t.TenantPredicate("x", "$1") + " AND " + among("x", 2), Args: w.args(places(w.rows[t]))}
		why, err := w.why(ctx, t, r.Args)
		if err != nil {
			return nil, err
		}
		r.Why = why
		all = append(all, r)
	}
	return all, nil
}

// why tells what ties the rows of a table to the subject, and how many of them name other records of its table, too.
func (w *walk) why(ctx context.Context, t *catalog.Table, args []any) (string, error) {
	record := w.kin.subject
	if t == record {
		n, err := w.countOthers(ctx, args)
		if err != nil || n == 0 {
			return "the record itself", err
		}
		return fmt.Sprintf("the record itself; %d other records of %s refer to it, and are not here", n, t.Name), nil
	}
	parts := slices.Sorted(maps.Keys(w.ways[t]))
	n, err := w.countShared(ctx, t, args)
	if err != nil {
		return "", err
	}
	if n > 0 {
		parts = append(parts, fmt.Sprintf("%d of the rows also name other records of %s", n, record.Name))
	}
	return strings.Join(parts, "; "), nil
}

// countOthers counts the records of the subject's own table that refer to it.
func (w *walk) countOthers(ctx context.Context, args []any) (int, error) {
	record := w.kin.subject
	refers := make([]string, 0, len(w.kin.toward[record]))
	for _, r := range w.kin.toward[record] {
		refers = append(refers, "EXISTS (SELECT FROM "+record.Ident()+" p WHERE "+r.on+" AND "+among("p", 2)+")")
	}
	if len(refers) == 0 {
		return 0, nil
	}
	return w.number(ctx, record, "NOT ("+among("c", 2)+") AND ("+strings.Join(refers, " OR ")+")", args)
}

// countShared counts the rows reached that name another record of the subject's table.
func (w *walk) countShared(ctx context.Context, t *catalog.Table, args []any) (int, error) {
	record := w.kin.subject
	other := make([]string, 0, len(w.kin.toward[t]))
	for _, r := range w.kin.toward[t] {
		other = append(other, r.set+" AND NOT EXISTS (SELECT FROM "+record.Ident()+" p WHERE "+r.on+" AND "+among("p", 4)+")")
	}
	if len(other) == 0 {
		return 0, nil
	}
	args = append(slices.Clip(args), w.args(places(w.rows[record]))[1:]...)
	return w.number(ctx, t, among("c", 2)+" AND ("+strings.Join(other, " OR ")+")", args)
}

func (w *walk) number(ctx context.Context, t *catalog.Table, condition string, args []any) (n int, err error) {
	err = w.tx.QueryRow(ctx, "SELECT count(*) FROM "+t.Ident()+" c WHERE "+t.TenantPredicate("c", "$1")+" AND "+condition, args...).Scan(&n)
	if err != nil {
		return 0, fmt.Errorf("exporter: count %s of the subject: %w", t.Name, err)
	}
	return n, nil
}
