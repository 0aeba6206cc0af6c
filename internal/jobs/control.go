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

func (j Job) target() target {
	if j.TenantID == nil || j.RefID == nil {
		return target{}
	}
	return target{Tenant: *j.TenantID, ID: *j.RefID}
}

type lockedJob struct {
	State     rivertype.JobState
	RetriedAs *int64
}

func (j lockedJob) final() bool {
	return j.State == rivertype.JobStateCancelled || j.State == rivertype.JobStateCompleted || j.State == rivertype.JobStateDiscarded
}

const lockJobRow = `SELECT state::text, (metadata ->> 'retried_as')::bigint FROM river.river_job WHERE id = $1 FOR UPDATE`

func lockJob(ctx context.Context, tx pgx.Tx, id int64) (lockedJob, error) {
	var j lockedJob
	err := tx.QueryRow(ctx, lockJobRow, id).Scan(&j.State, &j.RetriedAs)
	if errors.Is(err, pgx.ErrNoRows) {
		return lockedJob{}, ErrNotFound
	}
	if err != nil {
		return lockedJob{}, pg.Translate(fmt.Errorf("jobs: lock %d: %w", id, err))
	}
	return j, nil
}
