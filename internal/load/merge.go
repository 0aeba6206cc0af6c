package load

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"wharf/internal/fault"
)

// Counts are what became of the staged rows. Created, Updated, Unchanged and Skipped add up to all of them.
type Counts struct {
	Created   int64
	Updated   int64
	Unchanged int64
	Skipped   int64 // rows with errors, and those that a later one with their key replaced
	Errors    int64 // failing rules, of all rows
}

// merge is one run of a plan's statements in a transaction.
type merge struct {
	session
	plan *Plan
	name string // of the staging table

	staging string // the staging table
	found   string // beside it: which row of the table each staged row is
	source  string // the staged rows in the table's types, under the alias s
	tenant  string // as SQL

	lowerIsSafe bool  // an index of lower(…) can be used beside row security
	postponed   bool  // some unique indexes were not looked at
	again       bool  // a sieved key may stand in two rows
	large       bool  // too many rows to look each up by itself
	ordered     bool  // staging lies in the order of the key already
	stale       bool  // a row was marked since rows were counted
	total       int64 // rows staged
	good        int64 // of them, those without errors
	matched     int64 // of them, those that are there
	changed     int64 // of them, those that differ
	doubtful    int64 // of them, those that several rows of the table may be
	swaps       bool  // some rows take a unique value that others give up
	inFile      bool  // some reference names a row that the file itself brings
	refused     int   // rows that only the database could judge
	undo        *Undo // what is kept of the merge; nil: nothing
	settled     int64 // what an age must exceed so that a version is older than every transaction that ran when it began
}

func (p *Plan) on(tx pgx.Tx, name string) *merge {
	return &merge{
		session: session{tx}, plan: p, name: name, staging: beside(name, ""), found: beside(name, "_f"), source: p.source(name),
		tenant: tenantLiteral(p.spec.Tenant),
	}
}

// createBeside begins the statement that makes a table beside staging. It lives as long as the merge, which for few rows
// is too short for an unlogged one's flush to disk.
func (m *merge) createBeside() string {
	if m.large {
		return "CREATE UNLOGGED TABLE "
	}
	return "CREATE TABLE "
}

// Mark adds the errors that only the whole file shows (unique cells). It is all there is to do for rows without a table.
func (p *Plan) Mark(ctx context.Context, tx pgx.Tx, name string) error {
	return p.on(tx, name).markUniques(ctx)
}

// Merge writes the staged rows into the table: tx carries the tenant, is READ COMMITTED, and commits or rolls back all of
// it. It serialises with other merges into the same table of the same tenant. Rows that cannot be written keep their
// errors in staging.
//
// Errors: tenancy.ErrNoTenant, before any row is read, if tx carries another tenant or none; Unavailable if rows were
// changed by others meanwhile, or the database is away: the merge may be tried again.
func (p *Plan) Merge(ctx context.Context, tx pgx.Tx, name string) (Counts, error) {
	m := p.on(tx, name)
	if err := p.spec.DB.Assert(ctx, tx, p.spec.Tenant); err != nil {
		return Counts{}, err
	}
	var counts Counts
	steps := []func(context.Context) error{
		m.prepare, m.markUniques,
		m.lookUp, m.checkCasts, m.checkElements, m.lookUpInFile, m.checkReferences,
		m.findRows, m.compareSealed, m.checkFound, m.checkOutcome, m.markDuplicates, m.markCollisions, m.markCascade,
		m.settle,
		func(ctx context.Context) (err error) { counts, err = m.write(ctx); return err },
	}
	for i, step := range steps {
		if err := step(ctx); err != nil {
			return Counts{}, err
		}
		if p.spec.Progress != nil {
			p.spec.Progress(i+1, len(steps))
		}
	}
	return counts, nil
}

// largeFrom is the number of staged rows from which looking each up by itself is slower than reading the tables.
const largeFrom = 20_000

// prepare takes the lock that serialises merges and fits the planner to the sizes.
//
// The tenant is not shown to the planner where there are few rows: it would take one that came after the last ANALYZE for
// one without rows, while it knows what a tenant has on average.
//
// Finding many rows is worth a second processor: the planner thinks it dear to hand them over, and these are narrow.
// Compiling a plan costs more than it saves here.
func (m *merge) prepare(ctx context.Context) error {
	p := m.plan
	if err := Lock(ctx, m.tx, p.spec.Tenant, p.table); err != nil {
		return err
	}
	again := "false"
	if len(p.sieves()) > 0 {
		again = "coalesce(bool_or(again), false)"
	}
	if err := m.row(ctx, "count rows", `
SELECT count(*), count(*) FILTER (WHERE errors IS NULL), `+again+`, (SELECT proleakproof FROM pg_proc WHERE oid = 'lower(text)'::regprocedure)
FROM `+m.staging, &m.total, &m.good, &m.again, &m.lowerIsSafe); err != nil {
		return err
	}
	m.large = m.total > largeFrom
	settings := Fitted(p.spec.WorkMemMB, m.large)
	if m.large {
		parallel, err := m.lookAtStatistics(ctx)
		if err != nil {
			return err
		}
		settings += parallel
	} else {
		m.tenant = "(SELECT " + m.tenant + ")"
	}
	if _, err := m.exec(ctx, "fit the planner", settings); err != nil {
		return err
	}
	return m.beginUndo(ctx)
}

// lookAtStatistics finds out whether staging lies in order, and gives the settings for the processors. Of a table without
// statistics, or with those of one half its size, the planner would have each process hash all of it.
func (m *merge) lookAtStatistics(ctx context.Context) (settings string, err error) {
	var unmeasured bool
	err = m.row(ctx, "look at statistics", fmt.Sprintf(`
SELECT `+m.plan.isOrdered(m.name)+`, t.reltuples < 0 OR pg_relation_size(t.oid) / current_setting('block_size')::int > 2 * t.relpages + 10
FROM pg_class t WHERE t.oid = %d`, m.plan.table.OID), &m.ordered, &unmeasured)
	if unmeasured {
		return `, set_config('max_parallel_workers_per_gather', '0', true)`, err
	}
	return `, set_config('parallel_tuple_cost', '0.01', true)`, err
}

// settle takes marked rows out of the found ones, and counts anew.
func (m *merge) settle(ctx context.Context) error {
	if !m.stale {
		return nil
	}
	if len(m.plan.keys) > 0 {
		_, err := m.exec(ctx, "settle", `DELETE FROM `+m.found+` f USING `+m.staging+` u WHERE u.line = f.line AND u.errors IS NOT NULL`)
		if err != nil {
			return err
		}
	}
	return m.count(ctx)
}

func (m *merge) count(ctx context.Context) error {
	if m.stale {
		if err := m.row(ctx, "count good rows", `SELECT count(*) FROM `+m.staging+` WHERE errors IS NULL`, &m.good); err != nil {
			return err
		}
		m.stale = false
	}
	if len(m.plan.keys) == 0 {
		return nil
	}
	doubtful := "0::bigint"
	if m.plan.openEnded() {
		doubtful = "count(*) FILTER (WHERE hits > 1)"
	}
	return m.row(ctx, "count found rows", `SELECT count(*), count(*) FILTER (WHERE changed), `+doubtful+` FROM `+m.found, &m.matched, &m.changed, &m.doubtful)
}

// nothingToWrite reports whether no good row was to be written, as of the last count.
func (m *merge) nothingToWrite() bool { return m.fresh() == 0 && m.changed == 0 }

// fresh is how many good rows are not in the table yet, as of the last count.
func (m *merge) fresh() int64 { return m.good - m.matched }

// isNew gives the condition under which the source's row is not in the table yet.
func (m *merge) isNew() string {
	switch {
	case m.matched == 0:
		return "true"
	case m.fresh() == 0:
		return "false"
	}
	return "NOT EXISTS (SELECT FROM " + m.found + " f WHERE f.line = s.line)"
}

var errMoved = fault.New(fault.Unavailable, "rows of the table were changed by others meanwhile; try again")
