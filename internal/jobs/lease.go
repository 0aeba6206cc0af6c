package jobs

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"wharf/internal/fault"
	"wharf/internal/pg"
)

// lease is a worker's entry in wharf.workers, whose id is that of its River client. It lives for Config.Lease after a
// heartbeat. A process gets a new id at each start, so a lease is never taken up again by another.
type lease struct {
	id   string
	host string
	pid  int
	pool *pgxpool.Pool

	quit    context.CancelFunc
	loops   sync.WaitGroup
	misses  atomic.Int32 // heartbeats that failed in a row; -1 before the first
	holdoff atomic.Int32 // sweeps during which nobody is declared dead

	reconcileAfter time.Time // of the sweeper alone
}

const hostLimit = 60 // River takes ids of at most 100 characters

func newLease(ctx context.Context, pool *pgxpool.Pool) (*lease, error) {
	host, err := os.Hostname()
	if err != nil {
		return nil, fmt.Errorf("jobs: name of this host: %w", err)
	}
	pc := pool.Config()
	pc.MaxConns, pc.MinConns, pc.MinIdleConns = 2, 0, 0
	own, err := pgxpool.NewWithConfig(ctx, pc)
	if err != nil {
		return nil, fmt.Errorf("jobs: open pool for the lease: %w", err)
	}
	l := &lease{host: host, pid: os.Getpid(), pool: own}
	l.id = fmt.Sprintf("%s-%d-%s", host[:min(len(host), hostLimit)], l.pid, uuid.NewString()[:8])
	l.misses.Store(-1)
	return l, nil
}

func (l *lease) start(ctx context.Context, c *Client) {
	ctx, l.quit = context.WithCancel(ctx)
	l.loops.Go(func() { every(ctx, c.cfg.Heartbeat, func(ctx context.Context) { c.beatOnce(ctx) }) })
	l.loops.Go(func() { every(ctx, c.cfg.Heartbeat, func(ctx context.Context) { c.sweepOnce(ctx) }) })
}

func (l *lease) stop() {
	if l.quit != nil {
		l.quit()
	}
	l.loops.Wait()
	l.misses.Store(-1)
}

const deleteWorker = `DELETE FROM wharf.workers WHERE id = $1`

func (l *lease) release(ctx context.Context) error {
	if _, err := l.pool.Exec(ctx, deleteWorker, l.id); err != nil {
		return pg.Translate(fmt.Errorf("jobs: release lease: %w", err))
	}
	return nil
}

// every calls fn at once and then each interval until ctx ends. A call may take as long as an interval.
func every(ctx context.Context, interval time.Duration, fn func(ctx context.Context)) {
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	for {
		fn(ctx)
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// Ready returns Unavailable while the client works no jobs or has not renewed its lease for as long as the lease lasts.
// A client that only enqueues is always ready.
func (c *Client) Ready() error {
	if c.lease == nil {
		return nil
	}
	misses := time.Duration(c.lease.misses.Load())
	if misses < 0 || misses*c.cfg.Heartbeat >= c.cfg.Lease {
		return fault.New(fault.Unavailable, "the worker holds no lease")
	}
	return nil
}

func (c *Client) beatOnce(ctx context.Context) {
	bounded, cancel := context.WithTimeout(ctx, c.cfg.Lease/2)
	defer cancel()
	if err := c.beat(bounded); err != nil && ctx.Err() == nil {
		c.lease.misses.Add(1)
		c.cfg.Log.WarnContext(ctx, "heartbeat failed", "error", err)
	}
}

// renewLease gives the seconds since the last heartbeat; null for the first, or if the entry was removed meanwhile.
const renewLease = `
INSERT INTO wharf.workers (id, host, pid) VALUES ($1, $2, $3)
ON CONFLICT (id) DO UPDATE SET heartbeat_at = now()
RETURNING (SELECT extract(epoch FROM now() - heartbeat_at)::float8 FROM wharf.workers WHERE id = $1)`

// beat renews the lease and compares what the database takes for this worker's running jobs with what runs here. A run
// that is no longer the job's, or whose job was cancelled, has its context ended; a job that nobody runs is freed.
//
// A worker whose lease lapsed needs no ceremony to come back: its runs whose jobs were given away are ended here, and
// until then the fence refuses whatever they write.
func (c *Client) beat(ctx context.Context) error {
	var since *float64
	if err := c.lease.pool.QueryRow(ctx, renewLease, c.lease.id, c.lease.host, c.lease.pid).Scan(&since); err != nil {
		return pg.Translate(fmt.Errorf("jobs: renew lease: %w", err))
	}
	first := c.lease.misses.Swap(0) < 0
	if lapsed := since == nil || *since > c.cfg.Lease.Seconds(); lapsed && !first {
		c.cfg.Log.WarnContext(ctx, "the lease had lapsed; the database was away or this process stood still")
		c.lease.holdoff.Store(int32(c.cfg.Lease/c.cfg.Heartbeat) + 1) //nolint:gosec // small
	}
	here := c.active.snapshot() // before the database's view: what ends in between is missing there, and over here
	there, err := c.runningAs(ctx, c.lease.id)
	if err != nil {
		return err
	}
	for _, r := range there {
		key := runKey{r.job, r.attempt}
		if a := here[key]; a != nil && r.cancelled {
			a.cancel(ErrCancelled)
		} else if a == nil && r.stale {
			c.free(ctx, r.run, "the run ended without a trace")
		}
		delete(here, key)
	}
	for _, a := range here {
		if !a.completed.Load() {
			a.cancel(ErrLost)
		}
	}
	return nil
}

// runningJobs: stale ones have run for longer than a lease, so that what was fetched a moment ago is not among them.
const runningJobs = `
SELECT id, kind, args, attempt, max_attempts, attempted_by[array_upper(attempted_by, 1)] AS worker,
       metadata ? 'cancel_attempted_at' AS cancelled, attempted_at < now() - make_interval(secs => $1) AS stale
FROM river.river_job WHERE state = 'running'`

const runningOfWorker = runningJobs + ` AND attempted_by[array_upper(attempted_by, 1)] = $2`

type runningJob struct {
	run
	cancelled, stale bool
}

type runningRow struct {
	ID               int64
	Kind             string
	Args             json.RawMessage
	Attempt          int
	MaxAttempts      int
	Worker           string
	Cancelled, Stale bool
}

func (c *Client) runningAs(ctx context.Context, worker string) ([]runningJob, error) {
	return c.running(ctx, runningOfWorker, c.cfg.Lease.Seconds(), worker)
}

func (c *Client) running(ctx context.Context, query string, args ...any) ([]runningJob, error) {
	rows, err := c.lease.pool.Query(ctx, query, args...)
	if err != nil {
		return nil, pg.Translate(fmt.Errorf("jobs: read running jobs: %w", err))
	}
	found, err := pgx.CollectRows(rows, pgx.RowToStructByName[runningRow])
	if err != nil {
		return nil, pg.Translate(fmt.Errorf("jobs: read running jobs: %w", err))
	}
	out := make([]runningJob, len(found))
	for i, f := range found {
		r := run{job: f.ID, attempt: f.Attempt, worker: f.Worker, kind: f.Kind, max: f.MaxAttempts}
		if err := json.Unmarshal(f.Args, &r.target); err != nil {
			r.target = target{} // not ours: freed without a row
		}
		out[i] = runningJob{run: r, cancelled: f.Cancelled, stale: f.Stale}
	}
	return out, nil
}

// free gives a job without a living run back, or ends it if that was its last attempt.
func (c *Client) free(ctx context.Context, r run, why string) {
	out := freed(r, why)
	switch err := c.settle(ctx, r, out); {
	case err == nil:
		c.cfg.Log.WarnContext(ctx, "job freed", "job", r.job, "kind", r.kind, "tenant", r.target.Tenant,
			"ref", r.target.ID, "attempt", r.attempt, "worker", r.worker, "why", why, "state", out.state)
	case !errors.Is(err, ErrLost):
		c.cfg.Log.ErrorContext(ctx, "job could not be freed", "job", r.job, "error", err)
	}
}
