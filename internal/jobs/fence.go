package jobs

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river/rivertype"

	"wharf/internal/pg"
)

// isRun holds for a job only while the run $1, $2, $3 (id, attempt, worker) is its current one. River checks the state
// alone, which a later run of the same job satisfies as well.
const isRun = `id = $1 AND state = 'running' AND attempt = $2 AND attempted_by[array_upper(attempted_by, 1)] = $3`

const heldRun = `SELECT metadata ? 'cancel_attempted_at' FROM river.river_job WHERE ` + isRun

const lockRun = heldRun + ` FOR UPDATE`

type querier interface {
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
}

// held reports whether the run's cancellation was asked for; ErrLost if the run is not the job's current one.
func held(ctx context.Context, db querier, query string, r run) (cancelled bool, err error) {
	err = db.QueryRow(ctx, query, r.job, r.attempt, r.worker).Scan(&cancelled)
	if errors.Is(err, pgx.ErrNoRows) {
		return false, ErrLost
	}
	if err != nil {
		return false, pg.Translate(fmt.Errorf("jobs: check run %d of job %d: %w", r.attempt, r.job, err))
	}
	return cancelled, nil
}

// settleRun writes how a run ended, if it is still the job's. A job that goes back to available has to be announced.
const settleRun = `
WITH done AS (
	UPDATE river.river_job SET
		state = $4::text::river.river_job_state,
		attempt = attempt - $5::int,
		finalized_at = CASE WHEN $4::text IN ('cancelled', 'completed', 'discarded') THEN now() END,
		scheduled_at = CASE WHEN $4::text IN ('available', 'pending') THEN clock_timestamp() + make_interval(secs => $6) ELSE scheduled_at END,
		errors = CASE WHEN $7::text = '' THEN errors ELSE array_append(errors,
			jsonb_build_object('at', now(), 'attempt', attempt, 'error', $7::text, 'trace', $8::text)) END
	WHERE ` + isRun + `
	RETURNING queue, state)
SELECT CASE WHEN state = 'available' THEN pg_notify('river.river_insert', json_build_object('queue', queue)::text) END FROM done`

// settle writes how the run ended: the status row's final state, if it has come to that, and the job's state, in one
// transaction. It returns ErrLost, having written nothing, if the run is not the job's current one.
//
// The row is locked before the job, in the order of a merge that calls Complete, so that the two cannot deadlock.
func (c *Client) settle(ctx context.Context, r run, out outcome) error {
	cancelled, err := held(ctx, c.pool, heldRun, r)
	if err != nil {
		return err
	}
	if cancelled && out.state != rivertype.JobStateCompleted {
		out = out.asCancelled()
	}
	return c.inTransaction(ctx, r.target.Tenant, func(ctx context.Context, tx pgx.Tx) error {
		if out.status != "" {
			if err := c.endRow(ctx, tx, r.kind, r.target, out.status, out.reason); err != nil {
				return err
			}
		}
		refund := 0
		if out.refund {
			refund = 1
		}
		tag, err := tx.Exec(ctx, settleRun, r.job, r.attempt, r.worker,
			string(out.state), refund, out.delay.Seconds(), clean(out.err), clean(out.trace))
		if err != nil {
			return fmt.Errorf("jobs: settle job %d: %w", r.job, err)
		}
		if tag.RowsAffected() == 0 {
			return ErrLost
		}
		return nil
	})
}

const boundWaits = `SELECT set_config('lock_timeout', '5s', true)`

// inTransaction runs fn in a transaction of the tenant, or of nobody if the job has none. It waits for no lock longer
// than seconds: whatever could not be written now is written by the sweeper.
func (c *Client) inTransaction(ctx context.Context, tenant uuid.UUID, fn func(ctx context.Context, tx pgx.Tx) error) error {
	bounded := func(ctx context.Context, tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, boundWaits); err != nil {
			return fmt.Errorf("jobs: bound waits: %w", err)
		}
		return fn(ctx, tx)
	}
	if tenant == uuid.Nil {
		return pg.Tx(ctx, c.pool, bounded)
	}
	return pg.Translate(c.cfg.InTenant(ctx, tenant, bounded))
}

// endRow gives the status row its final state. A kind without a service or without a row has nothing to end.
func (c *Client) endRow(ctx context.Context, tx pgx.Tx, kind string, t target, status, reason string) error {
	service := c.services[kind]
	if service == nil || t.ID == uuid.Nil {
		return nil
	}
	if err := service.End(ctx, tx, t.Tenant, t.ID, status, clean(reason)); err != nil {
		return fmt.Errorf("jobs: end %s %s: %w", kind, t.ID, err)
	}
	return nil
}
