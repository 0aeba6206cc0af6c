package jobs

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river/rivertype"

	"wharf/internal/fault"
	"wharf/internal/pg"
)

// Cancel ends a job. A waiting one is cancelled at once, and its status row with it. A running one is told to end: its
// context ends within moments, what it has not committed is refused, and its row becomes cancelled when it stops or, if
// its worker dies first, by the sweeper. A job that has ended is Conflict; with a tenant, another's is NotFound.
func (c *Client) Cancel(ctx context.Context, id int64, tenant *uuid.UUID) (Job, error) {
	j, err := c.Get(ctx, id, tenant)
	if err != nil {
		return Job{}, err
	}
	t := j.target()
	err = c.inTransaction(ctx, t.Tenant, func(ctx context.Context, tx pgx.Tx) error {
		before, err := lockJob(ctx, tx, id)
		if err != nil {
			return err
		}
		if before.final() {
			return fault.Newf(fault.Conflict, "the job has already ended: it is %s", before.State)
		}
		after, err := c.river.JobCancelTx(ctx, tx, id)
		if err != nil {
			return fmt.Errorf("jobs: cancel %d: %w", id, err)
		}
		if after.State != rivertype.JobStateCancelled {
			return nil // running: its own end, or the sweeper, ends the row
		}
		return c.endRow(ctx, tx, j.Kind, t, StatusCancelled, "cancelled")
	})
	if err != nil {
		return Job{}, err
	}
	if err := c.promote(ctx, c.pool, j.Queue, t.Tenant); err != nil {
		c.cfg.Log.WarnContext(ctx, "waiting jobs could not be promoted; the sweeper will", "error", err)
	}
	return c.Get(ctx, id, tenant)
}

// Retry runs a discarded or cancelled job again, with as many attempts as a new one; its status row goes back to
// pending. A job in another state, or one whose row has meanwhile come to another end, is Conflict.
func (c *Client) Retry(ctx context.Context, id int64, tenant *uuid.UUID) (Job, error) {
	j, err := c.Get(ctx, id, tenant)
	if err != nil {
		return Job{}, err
	}
	t := j.target()
	err = c.inTransaction(ctx, t.Tenant, func(ctx context.Context, tx pgx.Tx) error {
		return c.retryIn(ctx, tx, j.Kind, t, id)
	})
	if err != nil {
		return Job{}, err
	}
	return c.Get(ctx, id, tenant)
}

// RetryRow is Retry for the owner of a status row: job is the one that its row names, and the answer the one that will
// run it, which is new if the old one has been cleaned away.
func (c *Client) RetryRow(ctx context.Context, kind string, tenant, id uuid.UUID, job int64) (int64, error) {
	t := target{Tenant: tenant, ID: id}
	err := c.inTransaction(ctx, tenant, func(ctx context.Context, tx pgx.Tx) error {
		err := c.retryIn(ctx, tx, kind, t, job)
		if !errors.Is(err, ErrNotFound) {
			return err
		}
		if job, err = c.Enqueue(ctx, tx, kind, tenant, id); err != nil {
			return err
		}
		return c.reopen(ctx, tx, kind, t, job)
	})
	return job, err
}

const retryJob = `
UPDATE river.river_job SET
	state = CASE WHEN args ? 'tenant_id' THEN 'pending' ELSE 'available' END::river.river_job_state,
	finalized_at = NULL, scheduled_at = now(), max_attempts = least(attempt + $2::int, 32767),
	metadata = metadata - 'cancel_attempted_at'
WHERE id = $1`

func (c *Client) retryIn(ctx context.Context, tx pgx.Tx, kind string, t target, id int64) error {
	if _, err := tx.Exec(ctx, rowLock, t.ID.String()); err != nil {
		return fmt.Errorf("jobs: lock row %s: %w", t.ID, err)
	}
	before, err := lockJob(ctx, tx, id)
	if err != nil {
		return err
	}
	if before.Kind != kind || before.target != t {
		return ErrNotFound
	}
	if before.State != rivertype.JobStateCancelled && before.State != rivertype.JobStateDiscarded {
		return fault.Newf(fault.Conflict, "only a discarded or cancelled job can be retried; this one is %s", before.State)
	}
	if _, err := tx.Exec(ctx, retryJob, id, c.cfg.Queues[kind].MaxAttempts); err != nil {
		return fmt.Errorf("jobs: retry %d: %w", id, err)
	}
	if t.ID == uuid.Nil {
		return nil
	}
	if err := c.reopen(ctx, tx, kind, t, id); err != nil {
		return err
	}
	return c.promoteIn(ctx, tx, kind, t.Tenant)
}

// reopen sets the row back to pending; ended first, in case River discarded the job and the sweeper has not come by yet.
func (c *Client) reopen(ctx context.Context, tx pgx.Tx, kind string, t target, job int64) error {
	service := c.services[kind]
	if service == nil {
		return fault.Newf(fault.Conflict, "jobs of kind %s are not served here", kind)
	}
	if err := c.endRow(ctx, tx, kind, t, StatusFailed, "retried"); err != nil {
		return err
	}
	if err := service.Reopen(ctx, tx, t.Tenant, t.ID, job); err != nil {
		return fmt.Errorf("jobs: reopen %s %s: %w", kind, t.ID, err)
	}
	return nil
}

// RetriedMany says what RetryMany did.
type RetriedMany struct {
	Retried int   `json:"retried"`
	Skipped int   `json:"skipped"` // not to be retried any more when their turn came
	Next    int64 `json:"next"`    // After of the next call; 0: there are no more
}

// RetryMany retries the jobs that the filter selects, a page at a time: all discarded ones, or the cancelled ones if
// State says so.
func (c *Client) RetryMany(ctx context.Context, f Filter) (RetriedMany, error) {
	setDefault(&f.State, string(rivertype.JobStateDiscarded))
	if f.State != string(rivertype.JobStateDiscarded) && f.State != string(rivertype.JobStateCancelled) {
		return RetriedMany{}, fault.New(fault.Malformed, "state must be discarded or cancelled")
	}
	page, next, err := c.List(ctx, f)
	if err != nil {
		return RetriedMany{}, err
	}
	done := RetriedMany{Next: next}
	for _, j := range page {
		_, err := c.Retry(ctx, j.ID, f.Tenant)
		switch code := fault.CodeOf(err); {
		case err == nil:
			done.Retried++
		case code == fault.Conflict || code == fault.NotFound:
			done.Skipped++
		default:
			return done, err
		}
	}
	return done, nil
}

func (j Job) target() target {
	if j.TenantID == nil || j.RefID == nil {
		return target{}
	}
	return target{Tenant: *j.TenantID, ID: *j.RefID}
}

type lockedJob struct {
	Kind   string
	State  rivertype.JobState
	target target
}

func (j lockedJob) final() bool {
	return j.State == rivertype.JobStateCancelled || j.State == rivertype.JobStateCompleted || j.State == rivertype.JobStateDiscarded
}

const lockJobRow = `SELECT kind, state::text, args ->> 'tenant_id', args ->> 'id' FROM river.river_job WHERE id = $1 FOR UPDATE`

func lockJob(ctx context.Context, tx pgx.Tx, id int64) (lockedJob, error) {
	var j lockedJob
	var tenant, ref *string
	err := tx.QueryRow(ctx, lockJobRow, id).Scan(&j.Kind, &j.State, &tenant, &ref)
	if errors.Is(err, pgx.ErrNoRows) {
		return lockedJob{}, ErrNotFound
	}
	if err != nil {
		return lockedJob{}, pg.Translate(fmt.Errorf("jobs: lock %d: %w", id, err))
	}
	j.target = Job{TenantID: idOf(tenant), RefID: idOf(ref)}.target()
	return j, nil
}
