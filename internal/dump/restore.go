package dump

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"wharf/internal/catalog"
	"wharf/internal/fault"
	"wharf/internal/load"
)

// Restore reads the document and merges it into the tenant that tx carries: all of it, or nothing if it returns an error
// and the caller rolls back, as for a dry run. tx is READ COMMITTED. It serialises with other restores into the tenant, and
// with merges into the same tables.
//
// Errors: Invalid naming table, row and column for what the document has wrong; tenancy.ErrNoTenant, before anything is
// read, if tx carries another tenant or none; Unavailable if rows were changed by others meanwhile, or the database is away:
// the restore may be tried again.
func Restore(ctx context.Context, tx pgx.Tx, spec Spec, src Source) (Report, error) {
	if err := spec.DB.Assert(ctx, tx, spec.Tenant); err != nil {
		return Report{}, err //nolint:wrapcheck // says what it is
	}
	head, tables, told, err := stage(ctx, tx, spec, src)
	if err != nil {
		return Report{}, err
	}
	spec.Verify = spec.Verify || head.verify
	m := newMerge(tx, spec, head, tables, src.files())
	m.warn.add(told...)
	if err := m.run(ctx); err != nil {
		return Report{}, err
	}
	return m.report(), load.Drop(ctx, tx, spec.Prefix) //nolint:wrapcheck // says what failed
}

// merge is one restore's statements in a transaction.
type merge struct {
	tx      pgx.Tx
	spec    Spec
	tenant  string // as SQL
	home    bool   // the document is of this very tenant
	bytes   bundleFiles
	tables  []*merging // in foreign-key order
	of      map[*catalog.Table]*merging
	maps    map[string]*idMap
	members string // table of users by what documents call them; "": not made yet
	large   bool   // too many rows to look each up by itself
	made    int    // tables that were made
	writers string // table that notes who writes; "": nothing is kept
	step    int
	warn    *warnings
}

// merging is a table of the document on its way into the catalog's.
type merging struct {
	*staged
	tenant   string            // as SQL
	key      *catalog.Column   // the one that names a row, if there is one; its value is never taken from the document if the database or the product makes it
	minted   bool              // the key's values are made anew
	identity []*catalog.Column // what tells the tenant's rows apart, its own column left out
	refs     []*reference
	by       map[int16]*reference // the reference that says what a column becomes
	loose    []*catalog.ForeignKey
	self     *catalog.Column // of a key: while rows are matched that name themselves in it
	found    string          // table of the rows that are there already: n, k0… (their identity); "": none are
	numbers  *idMap          // new values of a key that the database numbers; nil: the database gives them as rows are created
	changed  string          // table of the found rows that differ: n; "": none do
	skipped  string          // table of the rows that are left out: n; "": none are
	stored   string          // table of the objects of new rows: n, key; "": there are none
	fresh    string          // table of the rows that will be created: id, content; "": not made
	undo     *load.Undo      // what is kept of what is done; nil: nothing
	former   bool            // the table of former values is there
	counts   struct{ matched, changed, skipped, created int64 }
	verified Verified
}

const largeFrom = 20_000

func newMerge(tx pgx.Tx, spec Spec, head head, tables []*staged, files bundleFiles) *merge {
	if spec.WorkMemMB == 0 {
		spec.WorkMemMB = 128
	}
	m := &merge{
		tx: tx, spec: spec, tenant: literal(spec.Tenant.String()) + "::uuid", bytes: files,
		home: head.workspace != uuid.Nil && head.workspace == spec.Tenant,
		of:   map[*catalog.Table]*merging{}, maps: map[string]*idMap{}, warn: &warnings{},
	}
	var rows int64
	for _, s := range tables {
		t := &merging{staged: s, tenant: m.tenant, key: load.SoleKey(s.table), by: map[int16]*reference{}}
		t.minted = t.key != nil && load.GivenByDatabase(s.table, t.key)
		t.identity = slices.DeleteFunc(load.IdentityOf(s.table), func(c *catalog.Column) bool { return c.Name == s.table.Scope.Column })
		t.addReferences()
		m.tables, m.of[s.table] = append(m.tables, t), t
		rows += s.rows
	}
	m.large = rows > largeFrom
	return m
}

func (m *merge) run(ctx context.Context) error {
	for _, first := range []func(context.Context) error{m.prepare, m.prepareUndo} {
		if err := first(ctx); err != nil {
			return err
		}
	}
	if err := m.each(ctx, m.checkCells); err != nil {
		return err
	}
	for _, all := range []func(context.Context) error{m.matchAll, m.resolve} {
		if err := all(ctx); err != nil {
			return err
		}
	}
	steps := []func(context.Context, *merging) error{m.checkIDs, m.number, m.compare, m.storeFiles, m.write, m.writeLate, m.checkLoose, m.tellKeyless}
	if m.spec.Verify {
		steps = append(steps, m.verify)
	}
	for _, each := range steps {
		if err := m.each(ctx, each); err != nil {
			return err
		}
	}
	if err := m.checkDeferred(ctx); err != nil {
		return err
	}
	return m.keepUndo(ctx)
}

// each does one thing with every table that has rows.
func (m *merge) each(ctx context.Context, fn func(context.Context, *merging) error) error {
	for _, t := range m.tables {
		m.step++
		if t.rows == 0 {
			continue
		}
		if m.spec.Progress != nil {
			m.spec.Progress(Progress{Phase: Merging, Table: t.table.Name, Step: m.step, Steps: m.steps()})
		}
		if err := fn(ctx, t); err != nil {
			return err
		}
	}
	return nil
}

// steps is how often each goes to a table.
func (m *merge) steps() int {
	passes := 10
	if m.spec.Verify {
		passes++
	}
	return passes * len(m.tables)
}

// prepare takes the locks, in one order everywhere, and fits the planner to the sizes.
func (m *merge) prepare(ctx context.Context) error {
	_, err := m.exec(ctx, "lock the tenant", `SELECT pg_advisory_xact_lock(hashtextextended(`+literal("restore "+m.spec.Tenant.String())+`, 0))`)
	if err != nil {
		return err
	}
	byName := slices.SortedFunc(slices.Values(m.tables), func(a, z *merging) int { return cmp.Compare(a.table.Name, z.table.Name) })
	for _, t := range byName {
		if err := load.Lock(ctx, m.tx, m.spec.Tenant, t.table); err != nil {
			return err //nolint:wrapcheck // says what failed
		}
	}
	_, err = m.exec(ctx, "fit the planner", load.Fitted(m.spec.WorkMemMB, m.large)+`; SET CONSTRAINTS ALL DEFERRED; SET LOCAL default_statistics_target = 20`)
	return err
}

// report gives what became of the document.
func (m *merge) report() Report {
	r := Report{
		Created: map[string]int64{}, Updated: map[string]int64{}, Unchanged: map[string]int64{}, Skipped: map[string]int64{},
		Warnings: m.warn.list(),
	}
	if m.spec.Verify {
		r.Verified = map[string]Verified{}
	}
	for _, t := range m.tables {
		name := t.table.Name
		r.Created[name], r.Updated[name], r.Skipped[name] = t.counts.created, t.counts.changed, t.counts.skipped
		r.Unchanged[name] = t.counts.matched - t.counts.changed
		if m.spec.Verify {
			r.Verified[name] = t.verified
		}
	}
	return r
}

func (m *merge) exec(ctx context.Context, what, sql string) (int64, error) {
	tag, err := m.tx.Exec(ctx, sql)
	if err != nil {
		return 0, fmt.Errorf("dump: %s: %w", what, err)
	}
	return tag.RowsAffected(), nil
}

// row reads the one row that sql gives.
func (m *merge) row(ctx context.Context, what, sql string, into ...any) error {
	if err := m.tx.QueryRow(ctx, sql, pgx.QueryExecModeExec).Scan(into...); err != nil {
		return fmt.Errorf("dump: %s: %w", what, err)
	}
	return nil
}

// create makes a table of what sql selects, gives its name, and how many rows it has. Few rows are kept in a logged table: the
// log is smaller than what flushing an unlogged one's files costs.
func (m *merge) create(ctx context.Context, what, sql string) (name string, rows int64, err error) {
	m.made++
	name = ident(load.StagingSchema, fmt.Sprintf("%s_x%d", m.spec.Prefix, m.made))
	kind := "TABLE "
	if m.large {
		kind = "UNLOGGED TABLE "
	}
	rows, err = m.exec(ctx, what, `CREATE `+kind+name+` WITH (autovacuum_enabled = false) AS `+sql)
	return name, rows, err
}

// measure has the planner know a table that was made.
func (m *merge) measure(ctx context.Context, name string) error {
	if !m.large {
		return nil
	}
	_, err := m.exec(ctx, "analyze", `ANALYZE `+name)
	return err
}

var errMoved = fault.New(fault.Unavailable, "rows of the table were changed by others meanwhile; try again")

// attempt runs fn and takes back what it did if it fails, so that the transaction can go on.
func (m *merge) attempt(ctx context.Context, fn func(ctx context.Context) error) error {
	outer := m.tx
	inner, err := outer.Begin(ctx)
	if err != nil {
		return fmt.Errorf("dump: savepoint: %w", err)
	}
	m.tx = inner
	err = fn(ctx)
	m.tx = outer
	if err != nil {
		if back := inner.Rollback(ctx); back != nil {
			return fmt.Errorf("dump: roll back to savepoint: %w", back)
		}
		return err
	}
	if err := inner.Commit(ctx); err != nil {
		return fmt.Errorf("dump: release savepoint: %w", err)
	}
	return nil
}

func ident(parts ...string) string { return pgx.Identifier(parts).Sanitize() }

func literal(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }
