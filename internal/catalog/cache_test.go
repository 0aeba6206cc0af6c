package catalog_test

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"wharf/internal/catalog"
	"wharf/internal/fault"
	"wharf/internal/pg"
)

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

// started gives a running cache that checks as often as said; the test's end stops it.
func started(t *testing.T, p *product, every time.Duration, log *slog.Logger) *catalog.Cache {
	t.Helper()
	cfg := config()
	cfg.CheckEvery = every
	cache := catalog.NewCache(p.service, cfg, log)
	require.NoError(t, cache.Start(context.Background()))
	t.Cleanup(cache.Stop)
	return cache
}

func soon(t *testing.T, what func() bool, message string) {
	t.Helper()
	require.Eventually(t, what, 20*time.Second, 5*time.Millisecond, message)
}

const never = 24 * time.Hour

func TestRefreshNoticesEveryKindOfChange(t *testing.T) {
	t.Parallel()
	p := newProduct(t, `
		CREATE TYPE mood AS ENUM ('well'); CREATE DOMAIN short AS text;
		CREATE TABLE base (id int PRIMARY KEY, tenant_id uuid, mood mood, s short, x int); CREATE TABLE plain (id int)`)
	cache := catalog.NewCache(p.service, config(), quiet())
	ctx := context.Background()
	require.NoError(t, cache.Refresh(ctx))
	for _, change := range []string{
		`CREATE TABLE more (tenant_id uuid)`, `DROP TABLE more`, `ALTER TABLE base RENAME TO renamed`, `ALTER TABLE renamed RENAME x TO y`,
		`ALTER TABLE renamed ALTER y SET NOT NULL`, `ALTER TABLE renamed ALTER y SET DEFAULT 1`, `ALTER TABLE renamed ALTER y SET DEFAULT 2`,
		`ALTER TABLE renamed ALTER y TYPE bigint`, `ALTER TABLE renamed DROP y`,
		`COMMENT ON TABLE renamed IS 'About.'`, `COMMENT ON TABLE renamed IS 'Otherwise.'`, `COMMENT ON COLUMN renamed.s IS 'Text.'`, `COMMENT ON TABLE renamed IS NULL`,
		`ALTER TYPE mood ADD VALUE 'ill'`, `ALTER TYPE mood RENAME VALUE 'ill' TO 'sick'`,
		`ALTER DOMAIN short SET NOT NULL`, `ALTER DOMAIN short ADD CONSTRAINT c CHECK (VALUE IN ('a'))`,
		`ALTER TABLE renamed ADD CONSTRAINT u UNIQUE (s)`, `CREATE UNIQUE INDEX i ON renamed (s) WHERE id > 0`, `DROP INDEX i`,
		`ALTER TABLE plain ADD CONSTRAINT f FOREIGN KEY (id) REFERENCES renamed`, `ALTER TABLE renamed ADD CONSTRAINT k CHECK (s IN ('a'))`,
		`ALTER TABLE renamed ENABLE ROW LEVEL SECURITY`, `CREATE POLICY p ON renamed USING (true)`, `ALTER POLICY p ON renamed USING (false)`,
		`REVOKE SELECT ON renamed FROM wharf_service`, `CREATE TABLE child () INHERITS (renamed)`, `ALTER TABLE child NO INHERIT renamed`,
	} {
		before := cache.Current()
		p.exec(t, change)
		require.NoError(t, cache.Refresh(ctx), change)
		require.NotEqual(t, before.Fingerprint, cache.Current().Fingerprint, change)
	}
}

func TestRowsAndStatisticsAreNoChange(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	p := newProduct(t, `CREATE TABLE a (tenant_id uuid)`)
	cache := catalog.NewCache(p.service, config(), quiet())
	require.NoError(t, cache.Refresh(ctx))
	before := cache.Current()
	p.exec(t, `INSERT INTO a VALUES (NULL)`)
	p.exec(t, `VACUUM ANALYZE a`)
	require.NoError(t, cache.Refresh(ctx))
	require.Same(t, before, cache.Current())
}

func TestTheCacheChecksByItself(t *testing.T) {
	t.Parallel()
	p := newProduct(t, `CREATE TABLE a (tenant_id uuid)`)
	cache := started(t, p, 10*time.Millisecond, quiet())
	require.Equal(t, []string{"a"}, names(cache.Current().Tables))
	for _, comment := range []string{"One.", "Two.", "Three."} { // the first may be noticed when the listening begins
		p.exec(t, `COMMENT ON TABLE a IS '`+comment+`'`)
		soon(t, func() bool { return cache.Current().Tables[0].Description == comment }, "the comment is noticed")
	}
}

func TestTheCacheReadsOnNotify(t *testing.T) {
	t.Parallel()
	p := newProduct(t, `CREATE TABLE a (tenant_id uuid)`)
	cache := started(t, p, never, quiet())
	first := cache.Current()
	soon(t, func() bool { return cache.Current() != first }, "a new connection is followed by a read")
	second := cache.Current()
	p.exec(t, `NOTIFY wharf_catalog`)
	soon(t, func() bool { return cache.Current() != second }, "the catalog is read though nothing has changed")
}

func TestTheCacheListensAgainAfterALostConnection(t *testing.T) {
	t.Parallel()
	p := newProduct(t, `CREATE TABLE a (tenant_id uuid)`)
	cache := started(t, p, never, quiet())
	first := cache.Current()
	soon(t, func() bool { return cache.Current() != first }, "it listens")
	p.exec(t, `COMMENT ON TABLE a IS 'While nobody heard.'`)
	var ended int
	require.NoError(t, p.db.Admin(t).QueryRow(context.Background(), `SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
		WHERE datname = current_database() AND query LIKE 'LISTEN %'`).Scan(&ended))
	require.Equal(t, 1, ended)
	soon(t, func() bool { return cache.Current().Tables[0].Description != "" }, "what was missed is read after connecting again")
	second := cache.Current()
	p.exec(t, `NOTIFY wharf_catalog`)
	soon(t, func() bool { return cache.Current() != second }, "it listens again")
}

func TestAFailedReadKeepsTheLastGoodSnapshot(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	p := newProduct(t, `CREATE TABLE a (tenant_id uuid)`)
	cache := catalog.NewCache(p.service, config(), quiet())
	require.Nil(t, cache.Current())
	require.NoError(t, cache.Refresh(ctx))
	good := cache.Current()
	p.exec(t, `COMMENT ON TABLE a IS '@match nosuch'`)
	require.Equal(t, fault.Invalid, fault.CodeOf(cache.Refresh(ctx)))
	require.ErrorContains(t, cache.Err(), "@match nosuch")
	require.Same(t, good, cache.Current())
	p.exec(t, `COMMENT ON TABLE a IS NULL`)
	require.NoError(t, cache.Refresh(ctx))
	require.NoError(t, cache.Err())
}

func TestACallerThatGivesUpSaysNothingAboutTheDatabase(t *testing.T) {
	t.Parallel()
	cache := catalog.NewCache(newProduct(t, "").service, config(), quiet())
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	require.ErrorIs(t, cache.Refresh(ctx), context.Canceled)
	require.NoError(t, cache.Err())
}

func TestStartRefusesWhatOnlyAnOperatorCanMend(t *testing.T) {
	t.Parallel()
	cache := catalog.NewCache(newProduct(t, `CREATE TABLE a (tenant_id text)`).service, config(), quiet())
	require.Equal(t, fault.Invalid, fault.CodeOf(cache.Start(context.Background())))
	cache.Stop()
}

func TestStartWaitsForADatabaseThatIsAway(t *testing.T) {
	t.Parallel()
	pool, err := pg.Open(context.Background(), pg.Config{URL: "postgres://nobody@127.0.0.1:1/none"})
	require.NoError(t, err)
	defer pool.Close()
	cache := catalog.NewCache(pool, config(), quiet())
	require.NoError(t, cache.Start(context.Background()))
	defer cache.Stop()
	require.Nil(t, cache.Current())
	require.Equal(t, fault.Unavailable, fault.CodeOf(cache.Err()))
}

func TestCallersAtTheSameTimeShareReads(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	p := newProduct(t, `CREATE TABLE a (tenant_id uuid)`)
	cfg := p.service.Config()
	count := &counter{}
	cfg.ConnConfig.Tracer = count
	pool, err := pgxpool.NewWithConfig(ctx, cfg)
	require.NoError(t, err)
	defer pool.Close()
	cache := catalog.NewCache(pool, config(), quiet())
	require.NoError(t, cache.Refresh(ctx))
	p.exec(t, `CREATE TABLE b (tenant_id uuid)`)

	lock, err := p.db.Admin(t).Begin(ctx)
	require.NoError(t, err)
	_, err = lock.Exec(ctx, `LOCK TABLE pg_catalog.pg_enum IN ACCESS EXCLUSIVE MODE`)
	require.NoError(t, err)
	count.queries.Store(0)
	var callers sync.WaitGroup
	for range 50 {
		callers.Go(func() {
			if err := cache.Refresh(ctx); err != nil || len(cache.Current().Tables) != 2 {
				t.Errorf("a caller got an old catalog, or an error: %v", err)
			}
		})
	}
	soon(t, func() bool { return count.queries.Load() > 0 }, "the first one reads, and waits for the lock")
	require.NoError(t, lock.Rollback(ctx))
	callers.Wait()
	require.Less(t, count.queries.Load(), int64(25), "50 callers made a read each")
}

func TestWarningsAreLoggedOnceEach(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	p := newProduct(t, `CREATE TABLE a (tenant_id uuid)`)
	var out bytes.Buffer
	cache := catalog.NewCache(p.service, config(), slog.New(slog.NewTextHandler(&out, nil)))
	require.NoError(t, cache.Refresh(ctx))
	p.exec(t, `COMMENT ON TABLE a IS '@omit'`)
	require.NoError(t, cache.Refresh(ctx))
	require.Equal(t, 1, strings.Count(out.String(), "a: row security is off"))
	require.Equal(t, 1, strings.Count(out.String(), "a: unknown tag @omit"))
}

func TestATransactionsSnapshotIsReadOnceAsLongAsItHolds(t *testing.T) {
	t.Parallel()
	p := newProduct(t, `CREATE TABLE base (id int PRIMARY KEY, tenant_id uuid)`)
	cache := catalog.NewCache(p.service, config(), quiet())
	in := func(tx pgx.Tx) *catalog.Snapshot {
		got, err := cache.In(context.Background(), tx)
		require.NoError(t, err)
		return got
	}
	old, err := p.service.BeginTx(context.Background(), pgx.TxOptions{IsoLevel: pgx.RepeatableRead})
	require.NoError(t, err)
	defer func() { require.NoError(t, old.Rollback(context.Background())) }()
	first := in(old)
	require.Same(t, first, in(old))
	p.exec(t, `CREATE TABLE more (tenant_id uuid)`)
	err = pgx.BeginFunc(context.Background(), p.service, func(tx pgx.Tx) error {
		_, ok := in(tx).Table("more")
		require.True(t, ok, "a transaction that sees the table got a snapshot without it")
		return nil
	})
	require.NoError(t, err)
	_, ok := in(old).Table("more")
	require.False(t, ok, "a transaction that does not see the table got a snapshot with it")
}
