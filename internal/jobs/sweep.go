package jobs

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river/rivertype"

	"wharf/internal/pg"
)

// One sweeper at a time: it holds the lock for as long as it sweeps.
const sweepLock = `SELECT pg_try_advisory_xact_lock(hashtextextended('wharf.sweep', 0))`

func (c *Client) sweepOnce(ctx context.Context) {
	bounded, cancel := context.WithTimeout(ctx, c.cfg.Lease)
	defer cancel()
	patient := c.lease.holdoff.Load() > 0
	if patient {
		c.lease.holdoff.Add(-1)
	}
	if err := c.sweep(bounded, patient); err != nil && ctx.Err() == nil {
		c.cfg.Log.WarnContext(ctx, "sweep failed", "error", err)
	}
}

// sweep does what no run will do any more: it frees the jobs of dead workers, promotes what has come due, and ends
// status rows whose job is over.
//
// A patient sweep declares nobody dead. It follows a lapse of this worker's own lease: what kept it from its heartbeat
// may have kept the others too, and they are given the time of a lease for theirs.
func (c *Client) sweep(ctx context.Context, patient bool) error {
	return pg.Tx(ctx, c.lease.pool, func(ctx context.Context, tx pgx.Tx) error {
		var mine bool
		if err := tx.QueryRow(ctx, sweepLock).Scan(&mine); err != nil {
			return fmt.Errorf("jobs: lock the sweep: %w", err)
		}
		if !mine {
			return nil
		}
		if !patient {
			if err := c.freeDead(ctx); err != nil {
				return err
			}
		}
		if err := c.promoteAll(ctx, c.lease.pool); err != nil {
			return err
		}
		return c.reconcile(ctx)
	})
}

// runningOfDead finds jobs whose worker has no lease. The age of the run matters too: a worker that comes back after a
// lapse may fetch before its next heartbeat.
const runningOfDead = runningJobs + `
  AND attempted_at < now() - make_interval(secs => $1)
  AND NOT EXISTS (SELECT FROM wharf.workers w
                  WHERE w.id = attempted_by[array_upper(attempted_by, 1)] AND w.heartbeat_at > now() - make_interval(secs => $1))
ORDER BY id LIMIT 500`

const forgetWorkers = `DELETE FROM wharf.workers WHERE heartbeat_at < now() - interval '1 hour'`

// freeDead gives the jobs of dead workers back.
func (c *Client) freeDead(ctx context.Context) error {
	dead, err := c.running(ctx, runningOfDead, c.cfg.Lease.Seconds())
	if err != nil {
		return err
	}
	for _, r := range dead {
		c.free(ctx, r.run, "worker "+r.worker+" stopped responding")
	}
	if _, err := c.lease.pool.Exec(ctx, forgetWorkers); err != nil {
		return fmt.Errorf("jobs: forget dead workers: %w", err)
	}
	return nil
}

// freed is the outcome of a run that nobody saw end.
func freed(r run, why string) outcome {
	if r.attempt >= r.max {
		return outcome{
			state: rivertype.JobStateDiscarded, status: StatusFailed, err: why,
			reason: fmt.Sprintf("internal error; its worker stopped %d times; see job %d", r.attempt, r.job),
		}
	}
	return outcome{state: rivertype.JobStateAvailable, err: why}
}

const unsettledJobs = `
SELECT kind, tenant_id, id, coalesce(job_id, 0) AS job_id, coalesce(state, '') AS state
FROM (SELECT * FROM wharf.unsettled_jobs(make_interval(secs => $1), $2, $3)
      UNION ALL SELECT * FROM wharf.unsettled_deliveries(make_interval(secs => $1), $2, $3)) u`

type unsettled struct {
	Kind     string
	TenantID uuid.UUID
	ID       uuid.UUID
	JobID    int64
	State    string // of the job; "": it is gone
}

func findUnsettled(ctx context.Context, db interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
}, grace float64, only *uuid.UUID, atMost int,
) ([]unsettled, error) {
	rows, err := db.Query(ctx, unsettledJobs, grace, only, atMost)
	if err != nil {
		return nil, fmt.Errorf("jobs: find rows without a job: %w", err)
	}
	found, err := pgx.CollectRows(rows, pgx.RowToStructByName[unsettled])
	if err != nil {
		return nil, fmt.Errorf("jobs: find rows without a job: %w", err)
	}
	return found, nil
}

// reconcileShare of the sweeper's time goes into looking for such rows: it looks at every unfinished one.
const reconcileShare = 100

// reconcile ends status rows whose job is final or gone: River itself may discard or cancel a job, or clean it away. With
// many unfinished rows it looks more seldom.
func (c *Client) reconcile(ctx context.Context) error {
	began := c.cfg.Now()
	if began.Before(c.lease.reconcileAfter) {
		return nil
	}
	found, err := findUnsettled(ctx, c.lease.pool, c.cfg.Grace.Seconds(), nil, 100)
	now := c.cfg.Now()
	c.lease.reconcileAfter = now.Add(reconcileShare * now.Sub(began))
	if err != nil {
		return err
	}
	for _, u := range found {
		err := c.inTransaction(ctx, u.TenantID, func(ctx context.Context, tx pgx.Tx) error { return c.reconcileRow(ctx, tx, u) })
		if err != nil {
			return err
		}
	}
	return nil
}

// rowLock keeps reconcile and a retry of the same row apart.
const rowLock = `SELECT pg_advisory_xact_lock(hashtextextended('wharf.row:' || $1, 0))`

func (c *Client) reconcileRow(ctx context.Context, tx pgx.Tx, u unsettled) error {
	if _, err := tx.Exec(ctx, rowLock, u.ID.String()); err != nil {
		return fmt.Errorf("jobs: lock row %s: %w", u.ID, err)
	}
	still, err := findUnsettled(ctx, tx, c.cfg.Grace.Seconds(), &u.ID, 1)
	if err != nil || len(still) == 0 || still[0] != u {
		return err
	}
	status, reason := StatusFailed, fmt.Sprintf("internal error; its cause is noted under job %d", u.JobID)
	switch u.State {
	case string(rivertype.JobStateCancelled):
		status, reason = StatusCancelled, "cancelled"
	case string(rivertype.JobStateCompleted):
		reason = fmt.Sprintf("internal error; job %d ended without a result", u.JobID)
	case "":
		reason = "its job is gone; try it again"
	}
	c.cfg.Log.WarnContext(ctx, "status row had outlasted its job", "kind", u.Kind, "tenant", u.TenantID, "ref", u.ID,
		"job", u.JobID, "state", u.State)
	return c.endRow(ctx, tx, u.Kind, target{Tenant: u.TenantID, ID: u.ID}, status, reason)
}
