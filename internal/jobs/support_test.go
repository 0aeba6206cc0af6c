package jobs_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"wharf/internal/fault"
	"wharf/internal/jobs"
	"wharf/internal/pg"
	"wharf/internal/testenv"
)

func TestMain(m *testing.M) {
	if os.Getenv(childURL) != "" { //nolint:forbidigo // how the killed worker is told what to do
		runChild()
		return
	}
	goleak.VerifyTestMain(m)
}

const (
	soon = 20 * time.Second
	tick = 10 * time.Millisecond
)

// imports is a service on wharf.imports. Its work is a function of the test. Jobs of another kind may use it as well.
type imports struct {
	work func(ctx context.Context, tx func(func(ctx context.Context, tx pgx.Tx) error) error, id uuid.UUID, complete jobs.Complete) error
	pool *pgxpool.Pool
}

const beginImport = `UPDATE wharf.imports SET status = 'processing', started_at = now() WHERE id = $1 AND status IN ('pending', 'processing')`

func (s *imports) Run(ctx context.Context, tenant, id uuid.UUID, complete jobs.Complete) error {
	in := func(fn func(ctx context.Context, tx pgx.Tx) error) error { return inTenant(s.pool)(ctx, tenant, fn) }
	err := in(func(ctx context.Context, tx pgx.Tx) error {
		_, err := tx.Exec(ctx, beginImport, id)
		return err
	})
	if err != nil {
		return err
	}
	if s.work != nil {
		return s.work(ctx, in, id, complete)
	}
	return merge(in, id, complete)
}

const finishImport = `UPDATE wharf.imports SET status = 'completed', num_created = num_created + 1, completed_at = now() WHERE id = $1`

// merge is what every honest run ends with: the row's result and the job's end in one transaction.
func merge(in func(func(ctx context.Context, tx pgx.Tx) error) error, id uuid.UUID, complete jobs.Complete) error {
	return in(func(ctx context.Context, tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, finishImport, id); err != nil {
			return err
		}
		return complete(ctx, tx)
	})
}

const endImport = `UPDATE wharf.imports SET status = $2, error = $3, completed_at = now() WHERE id = $1 AND status IN ('pending', 'processing')`

func (s *imports) End(ctx context.Context, tx pgx.Tx, _, id uuid.UUID, status, reason string) error {
	_, err := tx.Exec(ctx, endImport, id, status, reason)
	return err
}

const reopenImport = `UPDATE wharf.imports SET status = 'pending', error = NULL, completed_at = NULL, job_id = $2 WHERE id = $1 AND status IN ('failed', 'cancelled')`

func (s *imports) Reopen(ctx context.Context, tx pgx.Tx, _, id uuid.UUID, job int64) error {
	tag, err := tx.Exec(ctx, reopenImport, id, job)
	if err == nil && tag.RowsAffected() == 0 {
		return fault.New(fault.Conflict, "the import is not failed")
	}
	return err
}

func inTenant(pool *pgxpool.Pool) func(context.Context, uuid.UUID, func(context.Context, pgx.Tx) error) error {
	return func(ctx context.Context, tenant uuid.UUID, fn func(context.Context, pgx.Tx) error) error {
		return pg.Tx(ctx, pool, func(ctx context.Context, tx pgx.Tx) error {
			if _, err := tx.Exec(ctx, `SELECT set_config('wharf.tenant_id', $1, true)`, tenant.String()); err != nil {
				return err
			}
			return fn(ctx, tx)
		})
	}
}

// quick are settings under which a test need not wait: leases of a second, retries in milliseconds.
func quick(pool *pgxpool.Pool) jobs.Config {
	q := jobs.Queue{Workers: 4, MaxAttempts: 3, Timeout: time.Minute, RetryBase: 20 * time.Millisecond, RetryCap: 50 * time.Millisecond}
	return jobs.Config{
		InTenant: inTenant(pool), Log: slog.New(slog.DiscardHandler), Now: time.Now, //nolint:forbidigo // the real clock
		Queues:    map[string]jobs.Queue{jobs.KindImport: q, jobs.KindExport: q},
		SoftStop:  5 * time.Second,
		Heartbeat: 50 * time.Millisecond, Lease: time.Second, Grace: 100 * time.Millisecond,
	}
}

// bench is a database with one tenant and a service.
type bench struct {
	db      *testenv.DB
	pool    *pgxpool.Pool // as the service's role
	admin   *pgxpool.Pool
	tenant  uuid.UUID
	service *imports
	cfg     jobs.Config
}

func newBench(t *testing.T) *bench {
	t.Helper()
	db := testenv.Wharf(t)
	pool := db.Service(t)
	return &bench{
		db: db, pool: pool, admin: db.Admin(t), tenant: db.Tenant(t, "acme"),
		service: &imports{pool: pool}, cfg: quick(pool),
	}
}

func (b *bench) handlers() jobs.Handlers {
	return jobs.Handlers{jobs.KindImport: b.service, jobs.KindRestore: b.service}
}

// client gives a client that does not work; start one that does, until the test ends.
func (b *bench) client(t *testing.T) *jobs.Client {
	t.Helper()
	c, err := jobs.NewInsertOnly(b.pool, b.cfg, b.handlers())
	require.NoError(t, err)
	return c
}

func (b *bench) start(t *testing.T) *jobs.Client {
	t.Helper()
	c, err := jobs.New(context.Background(), b.pool, b.cfg, b.handlers())
	require.NoError(t, err)
	require.NoError(t, c.Start(context.Background()))
	stop := sync.OnceValue(func() error {
		ctx, cancel := context.WithTimeout(context.Background(), soon)
		defer cancel()
		return c.Stop(ctx)
	})
	t.Cleanup(func() { require.NoError(t, stop()) })
	return c
}

const insertImport = `
INSERT INTO wharf.imports (id, tenant_id, definition, file_name, file_key, file_bytes, file_sha256, requested_by)
VALUES ($1, $2, '{}', 'a.csv', 'k', 1, '', 'test')`

// enqueue writes an import and its job in one transaction.
func (b *bench) enqueue(t *testing.T, c *jobs.Client, tenant uuid.UUID) (id uuid.UUID, job int64) {
	t.Helper()
	return b.enqueueKind(t, c, jobs.KindImport, tenant)
}

func (b *bench) enqueueKind(t *testing.T, c *jobs.Client, kind string, tenant uuid.UUID) (id uuid.UUID, job int64) {
	t.Helper()
	id = uuid.New()
	err := inTenant(b.pool)(context.Background(), tenant, func(ctx context.Context, tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, insertImport, id, tenant); err != nil {
			return err
		}
		var err error
		if job, err = c.Enqueue(ctx, tx, kind, tenant, id); err != nil {
			return err
		}
		_, err = tx.Exec(ctx, `UPDATE wharf.imports SET job_id = $2 WHERE id = $1`, id, job)
		return err
	})
	require.NoError(t, err)
	return id, job
}

type importRow struct {
	Status  string
	Error   string
	Created int64
}

func (b *bench) row(t require.TestingT, id uuid.UUID) importRow {
	var r importRow
	err := b.admin.QueryRow(context.Background(),
		`SELECT status, coalesce(error, ''), num_created FROM wharf.imports WHERE id = $1`, id).Scan(&r.Status, &r.Error, &r.Created)
	require.NoError(t, err)
	return r
}

func (b *bench) job(t require.TestingT, c *jobs.Client, id int64) jobs.Job {
	j, err := c.Get(context.Background(), id, nil)
	require.NoError(t, err)
	return j
}

// await polls until the row has the status and the job the state.
func (b *bench) await(t *testing.T, c *jobs.Client, id uuid.UUID, job int64, status, state string) jobs.Job {
	t.Helper()
	require.EventuallyWithT(t, func(t *assertT) {
		require.Equal(t, status, b.row(t, id).Status)
		require.Equal(t, state, b.job(t, c, job).State)
	}, soon, tick)
	return b.job(t, c, job)
}

func (b *bench) exec(t *testing.T, sql string, args ...any) {
	t.Helper()
	_, err := b.admin.Exec(context.Background(), sql, args...)
	require.NoError(t, err)
}

func (b *bench) count(t require.TestingT, sql string) int {
	var n int
	require.NoError(t, b.admin.QueryRow(context.Background(), sql).Scan(&n))
	return n
}

// receive waits for a signal of a run.
func receive[T any](t *testing.T, ch <-chan T) T {
	t.Helper()
	select {
	case v := <-ch:
		return v
	case <-time.After(soon):
		require.Fail(t, "no signal", fmt.Sprintf("within %s", soon))
		panic("unreachable")
	}
}

var errOdd = errors.New("something odd")
