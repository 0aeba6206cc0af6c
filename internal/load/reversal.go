package load

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"wharf/internal/catalog"
	"wharf/internal/fault"
	"wharf/internal/tenancy"
)

// Reversal says what is taken back: one merge, or all parts of what was kept in several tables.
type Reversal struct {
	DB        *tenancy.DB
	Tenant    uuid.UUID
	Catalog   *catalog.Snapshot
	Undo      uuid.UUID // the id that the merge's Spec gave, or that the parts have in common (Kept)
	WorkMemMB int       // as a Spec's
}

// Reverted is what became of a table whose rows were taken back.
type Reverted struct {
	Table     string
	Deleted   int64 // rows that had been created
	Restored  int64 // rows that hold again what they held before
	Left      []LeftRow
	LeftCount int64
	InTheWay  []InTheWay // not empty: nothing was done, in no table
}

// LeftRow is a row that was left as it is. At most maxLeft of a table are named.
type LeftRow struct {
	Key     string // what identifies it, the parts of several columns joined by ", "; "": nothing does
	Created bool   // else it was updated
	Why     string // for people: "it was changed since"
}

// InTheWay are rows that refer to created ones of the table.
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

// Answers to what cannot be taken back.
var (
	ErrNotKept  = fault.New(fault.NotFound, "nothing is kept to revert this by")
	ErrReverted = fault.New(fault.Conflict, "it was reverted already")

	errInTheWay = errors.New("load: rows are in the way")
)

// reversal is one run of a Reversal in a transaction.
type reversal struct {
	session
	of       Reversal
	tables   []*revert // in foreign-key order
	large    bool
	triggers bool // of the product, which may write rows once more
}

// Revert takes back what is kept under an id, and tells what became of each table, in the order of their names: rows that
// were created go, for good even where rows are deleted softly, and rows that were updated get the former values of the
// columns that were written. A row that was changed since, by anybody, is left, and so is one whose former values the table
// refuses by now; Reverted names them. If other rows refer to a created one nothing is done, and they are named; the
// reversal may be tried again when they are gone.
//
// tx carries the tenant, is READ COMMITTED, and commits or rolls back all of it. It serialises with merges into the same
// tables of the same tenant.
//
// Errors: tenancy.ErrNoTenant, before any row is read, if tx carries another tenant or none; ErrNotKept; ErrReverted;
// Conflict if a table has lost columns since, or its rules refuse what must be done; Unavailable if the database is away.
func Revert(ctx context.Context, tx pgx.Tx, of Reversal) ([]Reverted, error) {
	a := &reversal{session: session{tx}, of: of}
	if err := of.DB.Assert(ctx, tx, of.Tenant); err != nil {
		return nil, err //nolint:wrapcheck // says what it is
	}
	if err := a.open(ctx); err != nil {
		return nil, err
	}
	err := a.attempt(ctx, a.run)
	if err != nil && !errors.Is(err, errInTheWay) {
		return nil, err
	}
	all := make([]Reverted, 0, len(a.tables))
	for _, r := range a.tables {
		if err != nil { // nothing was done
			r.out = Reverted{Table: r.table.Name, InTheWay: r.out.InTheWay}
		}
		all = append(all, r.out)
	}
	slices.SortFunc(all, func(x, y Reverted) int { return strings.Compare(x.Table, y.Table) })
	return all, nil
}

// undoRow is a row of wharf.undo.
type undoRow struct {
	ImportID   uuid.UUID
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
SELECT import_id, table_name, key_columns, columns, first_id, last_id, has_rows, created, updated, xids::text, reverted_at IS NOT NULL AS reverted,
       xmin = ANY (xids) AS at_home
FROM wharf.undo WHERE tenant_id = $1 AND (import_id = $2 OR part_of = $2) ORDER BY table_name COLLATE "C" FOR UPDATE`

// open reads what is kept, takes the locks of merges and fits the planner.
func (a *reversal) open(ctx context.Context) error {
	rows, err := a.tx.Query(ctx, readUndo, a.of.Tenant, a.of.Undo)
	if err != nil {
		return fmt.Errorf("load: read undo: %w", err)
	}
	kept, err := pgx.CollectRows(rows, pgx.RowToStructByName[undoRow])
	if err != nil {
		return fmt.Errorf("load: read undo: %w", err)
	}
	if len(kept) == 0 {
		return ErrNotKept
	}
	var written int64
	var tables []*catalog.Table
	for _, head := range kept { // in the order in which merges lock them
		switch {
		case head.Reverted:
			return ErrReverted
		case !head.AtHome:
			return fault.New(fault.Conflict, "the database was copied since, so it cannot be told which rows have changed")
		}
		r, err := a.part(head)
		if err != nil {
			return err
		}
		if err := Lock(ctx, a.tx, a.of.Tenant, r.table); err != nil {
			return err
		}
		a.tables, tables = append(a.tables, r), append(tables, r.table)
		written += head.Created + head.Updated
	}
	slices.SortFunc(a.tables, func(x, y *revert) int { return a.place(x.table) - a.place(y.table) })
	if a.triggers, err = HaveTriggers(ctx, a.tx, tables...); err != nil {
		return err
	}
	memory := a.of.WorkMemMB
	if memory == 0 {
		memory = defaultWorkMemMB
	}
	a.large = written > largeFrom
	_, err = a.exec(ctx, "fit the planner", Fitted(memory, a.large))
	return err
}

// place is where the table stands in foreign-key order.
func (a *reversal) place(t *catalog.Table) int { return slices.Index(a.of.Catalog.Tables, t) }

// find gives what is taken back of a table, nil if nothing is.
func (a *reversal) find(t *catalog.Table) *revert {
	i := slices.IndexFunc(a.tables, func(r *revert) bool { return r.table == t })
	if i < 0 {
		return nil
	}
	return a.tables[i]
}

// run takes all back. Rows are restored first, so that those which referred to created ones do so no more; those that the
// database then refused have a second try when the created ones are gone, whose unique values they may need.
func (a *reversal) run(ctx context.Context) error {
	err := a.each(ctx, (*revert).collect, (*revert).checkReferences, (*revert).checkUniques, (*revert).restore, (*revert).meetCreated, (*revert).lookInTheWay)
	if err != nil {
		return err
	}
	if slices.ContainsFunc(a.tables, func(r *revert) bool { return len(r.out.InTheWay) > 0 }) {
		return errInTheWay
	}
	if err := a.delete(ctx); err != nil {
		return err
	}
	if err := a.each(ctx, (*revert).restoreRefused, (*revert).nameLeft); err != nil {
		return err
	}
	return a.close(ctx)
}

// each takes one step after the other, each with every table, children first.
func (a *reversal) each(ctx context.Context, steps ...func(*revert, context.Context) error) error {
	for _, step := range steps {
		for _, r := range slices.Backward(a.tables) {
			if err := step(r, ctx); err != nil {
				return err
			}
		}
	}
	return nil
}

// delete removes the created rows, children first.
func (a *reversal) delete(ctx context.Context) error {
	for _, circle := range slices.Backward(a.circles()) {
		if err := a.deleteFrom(ctx, circle); err != nil {
			return err
		}
	}
	return nil
}

// circles gives the tables in foreign-key order, in groups: those that refer to each other in a circle stand in one. In the
// catalog's order they follow each other, and some reference of theirs leads onwards.
func (a *reversal) circles() [][]*revert {
	var all [][]*revert
	end := -1 // place of the last table that the group at hand reaches
	for _, r := range a.tables {
		at := a.place(r.table)
		if at > end {
			all = append(all, nil)
		}
		all[len(all)-1] = append(all[len(all)-1], r)
		end = max(end, at)
		for _, fk := range r.table.ForeignKeys {
			if fk.Late && fk.Target != nil && a.find(fk.Target) != nil {
				end = max(end, a.place(fk.Target))
			}
		}
	}
	return all
}

// deleteFrom removes the created rows of tables by one statement. Foreign keys are looked at when it is through: rows that
// refer to each other in a circle can only go together.
func (a *reversal) deleteFrom(ctx context.Context, tables []*revert) error {
	var deletes, counts []string
	var from []*revert
	for _, r := range tables {
		if r.head.Created == 0 {
			continue
		}
		if err := r.meetCreated(ctx); err != nil {
			return err
		}
		counts = append(counts, fmt.Sprintf("(SELECT count(*) FROM d%d)", len(deletes)))
		deletes = append(deletes, fmt.Sprintf("d%d AS (%s RETURNING 1)", len(deletes), r.deletion()))
		from = append(from, r)
	}
	switch len(from) {
	case 0:
		return nil
	case 1:
		n, err := a.exec(ctx, "delete created rows", from[0].deletion())
		from[0].out.Deleted = n
		return from[0].answer(err, "deleted")
	}
	deleted := make([]int64, 0, len(from))
	err := a.row(ctx, "delete created rows", `WITH `+strings.Join(deletes, ",\n")+` SELECT ARRAY[`+strings.Join(counts, ", ")+`]`, &deleted)
	if err != nil {
		return from[0].answer(err, "deleted")
	}
	for i, r := range from {
		r.out.Deleted = deleted[i]
	}
	return nil
}

// close notes that it is done. What was kept of the rows is of no more use.
func (a *reversal) close(ctx context.Context) error {
	var drop []string
	for _, r := range a.tables {
		drop = append(drop, r.gone, r.back)
		if r.head.HasRows {
			drop = append(drop, r.rows)
		}
	}
	_, err := a.exec(ctx, "close undo", fmt.Sprintf(`
UPDATE wharf.undo SET reverted_at = now(), has_rows = false WHERE (import_id = '%[1]s' OR part_of = '%[1]s') AND tenant_id = %[2]s; DROP TABLE %[3]s`,
		a.of.Undo, tenantLiteral(a.of.Tenant), strings.Join(drop, ", ")))
	return err
}
