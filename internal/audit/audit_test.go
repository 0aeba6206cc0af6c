package audit_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"wharf/internal/audit"
	"wharf/internal/catalog"
	"wharf/internal/exporter"
	"wharf/internal/fault"
	"wharf/internal/pg"
	"wharf/internal/tenancy"
	"wharf/internal/testenv"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// archive is a database with two tenants and the log, as the service's role.
type archive struct {
	db    *testenv.DB
	pool  *pgxpool.Pool
	admin *pgxpool.Pool
	wall  *tenancy.DB
	log   *audit.Log
	a, b  tenancy.Principal
	ops   tenancy.Principal
}

func newArchive(t *testing.T) *archive {
	t.Helper()
	db := testenv.Wharf(t)
	pool := db.Service(t)
	wall := &tenancy.DB{Pool: pool, Wall: tenancy.Wall{Setting: "app.tenant_id"}}
	return &archive{
		db: db, pool: pool, admin: db.Admin(t), wall: wall, log: audit.New(pool, wall),
		a:   tenancy.Principal{Tenant: db.Tenant(t, "a"), Actor: "key:a", Role: tenancy.Owner},
		b:   tenancy.Principal{Tenant: db.Tenant(t, "b"), Actor: "key:b", Role: tenancy.Owner},
		ops: tenancy.Principal{Actor: "key:ops", Operator: true},
	}
}

func (r *archive) write(t *testing.T, p tenancy.Principal, action string) {
	t.Helper()
	require.NoError(t, r.log.Write(context.Background(), p, action, audit.Started, struct{}{}))
}

// list gives all entries that p sees, newest first.
func (r *archive) list(t *testing.T, p tenancy.Principal, f audit.Filter) []audit.Entry {
	t.Helper()
	if f.Limit == 0 {
		f.Limit = 1000
	}
	entries, err := r.log.List(context.Background(), p, f)
	require.NoError(t, err)
	return entries
}

func TestEntryHoldsWhoDidWhatAndInWhichRequest(t *testing.T) {
	t.Parallel()
	r := newArchive(t)
	ctx := audit.WithRequestID(context.Background(), "req-1")
	before := time.Now().Add(-time.Minute)
	require.NoError(t, r.log.Write(ctx, r.a, "export.start", audit.Denied, map[string]string{"scope": "full"}))
	entries := r.list(t, r.a, audit.Filter{})
	require.Len(t, entries, 1)
	e := entries[0]
	require.True(t, e.At.After(before))
	require.JSONEq(t, `{"scope": "full"}`, string(e.Scope))
	e.ID, e.At, e.Scope = 0, time.Time{}, nil
	require.Equal(t, audit.Entry{TenantID: &r.a.Tenant, Actor: "key:a", Action: "export.start", Outcome: "denied", RequestID: "req-1"}, e)

	r.write(t, r.ops, "queue.pause")
	e = r.list(t, r.ops, audit.Filter{})[0]
	require.Nil(t, e.TenantID, "an operator has no tenant")
	require.Empty(t, e.RequestID)
}

func TestEntryIsWrittenThoughItsCallerIsGone(t *testing.T) {
	t.Parallel()
	r := newArchive(t)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	require.NoError(t, r.log.Write(ctx, r.a, "export.start", audit.Started, nil))
	entries := r.list(t, r.a, audit.Filter{})
	require.Len(t, entries, 1)
	require.JSONEq(t, `{}`, string(entries[0].Scope))
}

func TestScopeThatIsNoJSONIsAnErrorAndNoEntry(t *testing.T) {
	t.Parallel()
	r := newArchive(t)
	require.Error(t, r.log.Write(context.Background(), r.a, "x", audit.Started, func() {}))
	require.Empty(t, r.list(t, r.a, audit.Filter{}))
}

// The database itself keeps the log append-only, whatever context the service's role is in.
func TestServiceMayAddAndReadAndNoMore(t *testing.T) {
	t.Parallel()
	ctx, r := context.Background(), newArchive(t)
	r.write(t, r.a, "export.start")
	contexts := map[string]func(fn func(ctx context.Context, tx pgx.Tx) error) error{
		"without a tenant": func(fn func(ctx context.Context, tx pgx.Tx) error) error { return pg.Tx(ctx, r.pool, fn) },
		"as the tenant":    func(fn func(ctx context.Context, tx pgx.Tx) error) error { return tenancy.Tx(ctx, r.wall, r.a, fn) },
		"as an operator": func(fn func(ctx context.Context, tx pgx.Tx) error) error {
			return tenancy.OperatorTx(ctx, r.wall, r.ops, fn)
		},
	}
	for name, within := range contexts {
		for _, sql := range []string{
			`UPDATE wharf.audit_log SET actor = 'nobody'`,
			`DELETE FROM wharf.audit_log`,
			`TRUNCATE wharf.audit_log`,
			`INSERT INTO wharf.audit_log (actor, action, outcome) VALUES ('x', 'x', 'x')`,
			`INSERT INTO wharf.audit_log (actor, action, outcome) VALUES ('x', 'x', 'x') ON CONFLICT DO NOTHING`,
			`ALTER TABLE wharf.audit_log DISABLE ROW LEVEL SECURITY`,
			`DROP TABLE wharf.audit_log`,
			`SELECT setval(pg_get_serial_sequence('wharf.audit_log', 'id'), 1)`,
		} {
			err := within(func(ctx context.Context, tx pgx.Tx) error {
				_, err := tx.Exec(ctx, sql)
				return err
			})
			require.Error(t, err, "%s: %s", name, sql)
			require.Regexp(t, "SQLSTATE 42501", err.Error(), "%s: %s", name, sql)
		}
	}
	entries := r.list(t, r.a, audit.Filter{})
	require.Len(t, entries, 1)
	require.Equal(t, "key:a", entries[0].Actor)
}

type fullQueue struct{}

var errQueue = errors.New("the queue is full")

func (fullQueue) Enqueue(context.Context, pgx.Tx, string, uuid.UUID, uuid.UUID) (int64, error) {
	return 0, errQueue
}

func TestAttemptThatFailsAfterwardsIsStillThere(t *testing.T) {
	t.Parallel()
	ctx, r := context.Background(), newArchive(t)
	exports := exporter.New(exporter.Config{Pool: r.pool, DB: r.wall, Audit: r.log, Queue: fullQueue{}, Catalog: readCatalog})
	_, err := exports.Start(ctx, r.a, exporter.Input{})
	require.ErrorIs(t, err, errQueue)
	_, err = exports.Start(ctx, r.a, exporter.Input{Request: exporter.Request{Format: "stone"}})
	require.Equal(t, fault.Invalid, fault.CodeOf(err))
	_, err = exports.Download(ctx, r.a, uuid.New())
	require.ErrorIs(t, err, exporter.ErrNotFound)

	kept, err := exports.List(ctx, r.a, exporter.Filter{Limit: 10})
	require.NoError(t, err)
	require.Empty(t, kept, "what was rolled back is gone")
	var attempts []string
	for _, e := range r.list(t, r.a, audit.Filter{}) {
		attempts = append(attempts, e.Action+" "+e.Outcome)
	}
	require.Equal(t, []string{"export.download failed", "export.download started", "export.start started", "export.start started"}, attempts)
}

func TestLogThatCannotBeWrittenStopsTheAttempt(t *testing.T) {
	t.Parallel()
	ctx, r := context.Background(), newArchive(t)
	_, err := r.admin.Exec(ctx, `REVOKE EXECUTE ON FUNCTION wharf.write_audit FROM wharf_service`)
	require.NoError(t, err)
	exports := exporter.New(exporter.Config{Pool: r.pool, DB: r.wall, Audit: r.log, Queue: fullQueue{}, Catalog: readCatalog})
	_, err = exports.Start(ctx, r.a, exporter.Input{})
	require.ErrorContains(t, err, "permission denied", "not the queue's error: it was not reached")
}

func TestTenantSeesItsOwnEntriesAndAnOperatorAll(t *testing.T) {
	t.Parallel()
	r := newArchive(t)
	r.write(t, r.a, "export.start")
	r.write(t, r.b, "export.start")
	r.write(t, r.ops, "queue.pause")
	for _, asked := range []*uuid.UUID{nil, &r.a.Tenant, &r.b.Tenant} {
		entries := r.list(t, r.a, audit.Filter{Tenant: asked})
		require.Len(t, entries, 1, "whatever tenant is asked for")
		require.Equal(t, r.a.Tenant, *entries[0].TenantID)
	}
	require.Len(t, r.list(t, r.ops, audit.Filter{}), 3)
	require.Len(t, r.list(t, r.ops, audit.Filter{Tenant: &r.b.Tenant}), 1)
	_, err := r.log.List(context.Background(), tenancy.Principal{}, audit.Filter{Limit: 1})
	require.ErrorIs(t, err, tenancy.ErrNoTenant)
}

func TestPagesByKeysetWalkEveryEntryOnce(t *testing.T) {
	t.Parallel()
	ctx, r := context.Background(), newArchive(t)
	for i := range 25 {
		r.write(t, r.a, fmt.Sprintf("a.%d", i))
		r.write(t, r.b, fmt.Sprintf("b.%d", i))
	}
	var walked []string
	f := audit.Filter{Limit: 7}
	for {
		page, err := r.log.List(ctx, r.a, f)
		require.NoError(t, err)
		for _, e := range page {
			walked = append(walked, e.Action)
			f.Before = e.ID
		}
		r.write(t, r.a, "meanwhile") // newer than what the walk began with: it is not met
		if len(page) < f.Limit {
			break
		}
	}
	require.Len(t, walked, 25)
	for i, action := range walked {
		require.Equal(t, fmt.Sprintf("a.%d", 24-i), action)
	}
}

func TestFiltersNarrowAListing(t *testing.T) {
	t.Parallel()
	ctx, r := context.Background(), newArchive(t)
	for _, action := range []string{"export.start", "export.download", "export.start"} {
		r.write(t, r.a, action)
	}
	another := r.a
	another.Actor = "user:1"
	r.write(t, another, "export.start")
	_, err := r.admin.Exec(ctx, `UPDATE wharf.audit_log SET at = '2026-01-01T00:00:00Z'::timestamptz + (id || ' days')::interval`)
	require.NoError(t, err)
	all := r.list(t, r.a, audit.Filter{})
	require.Len(t, all, 4)
	for name, c := range map[string]struct {
		filter audit.Filter
		want   int
	}{
		"action":           {audit.Filter{Action: "export.start"}, 3},
		"actor":            {audit.Filter{Actor: "key:a"}, 3},
		"both":             {audit.Filter{Action: "export.start", Actor: "key:a"}, 2},
		"neither":          {audit.Filter{Action: "export"}, 0},
		"since, inclusive": {audit.Filter{Since: all[1].At}, 2},
		"until, exclusive": {audit.Filter{Until: all[1].At}, 2},
		"a window":         {audit.Filter{Since: all[2].At, Until: all[1].At}, 1},
		"before an id":     {audit.Filter{Before: all[1].ID}, 2},
		"a limit":          {audit.Filter{Limit: 3}, 3},
	} {
		require.Len(t, r.list(t, r.a, c.filter), c.want, name)
	}
}

// A page of the API is the entries as they are.
func TestEntryIsAnsweredWithTheContractsNames(t *testing.T) {
	t.Parallel()
	doc, err := json.Marshal(audit.Entry{})
	require.NoError(t, err)
	var members map[string]any
	require.NoError(t, json.Unmarshal(doc, &members))
	for _, name := range []string{"id", "at", "tenant_id", "actor", "action", "scope", "outcome", "request_id"} {
		require.Contains(t, members, name)
	}
	require.Len(t, members, 8)
}

func readCatalog(ctx context.Context, tx pgx.Tx) (*catalog.Snapshot, error) {
	return catalog.Read(ctx, tx, catalog.Config{Schemas: []string{"public"}, TenantColumn: "tenant_id", TenantTable: "wharf.tenants"})
}
