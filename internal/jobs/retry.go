package jobs

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river/rivertype"

	"wharf/internal/fault"
	"wharf/internal/pg"
)

// What is retried runs by a new job; no job leaves a final state. The worker of the old one may still have something to
// say about it: where a job was cancelled while it ran, River's executor writes "cancelled" after its run ended, in a
// batch, some moments later and whatever the run returned (see settled), and a notice of the cancellation may be on its
// way. Both name the job but not the attempt, so in the same row they would end the next one. No wait covers that: the
// writer may stand still for as long as it likes. In a row of its own the next run cannot be meant.

// Retry runs a discarded or cancelled job again: by a new job, which is the answer, with attempts of its own. Each names
// the other (RetryOf, RetriedAs), and the status row goes back to pending. A job in another state, one that was retried
// before, or one whose row has meanwhile come to another end, is Conflict.
func (c *Client) Retry(ctx context.Context, id int64, tenant *uuid.UUID) (Job, error) {
	j, err := c.Get(ctx, id, tenant)
	if err != nil {
		return Job{}, err
	}
	t, next := j.target(), int64(0)
	err = c.inTransaction(ctx, t.Tenant, func(ctx context.Context, tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, rowLock, t.ID.String()); err != nil {
			return fmt.Errorf("jobs: lock row %s: %w", t.ID, err)
		}
		before, err := lockJob(ctx, tx, id)
		if err != nil {
			return err
		}
		if before.RetriedAs != nil {
			return fault.Newf(fault.Conflict, "the job was retried already: job %d runs in its place", *before.RetriedAs)
		}
		if before.State != rivertype.JobStateCancelled && before.State != rivertype.JobStateDiscarded {
			return fault.Newf(fault.Conflict, "only a discarded or cancelled job can be retried; this one is %s", before.State)
		}
		switch {
		case j.Kind == KindMaintenance:
			next, err = c.maintainAgain(ctx, tx, j)
		case t.ID == uuid.Nil:
			return fault.New(fault.Conflict, "the job names no row to work on")
		default:
			next, err = c.runAgain(ctx, tx, j.Kind, t, id)
		}
		return err
	})
	if err != nil {
		return Job{}, err
	}
	return c.Get(ctx, next, nil)
}

// RetryRow is Retry for the owner of a status row, and goes by the row alone: if its service reopens it, the answer is the
// job that runs it. job is the one that the row names, in whatever state; it may have been cleaned away.
func (c *Client) RetryRow(ctx context.Context, kind string, tenant, id uuid.UUID, job int64) (int64, error) {
	t, next := target{Tenant: tenant, ID: id}, int64(0)
	err := c.inTransaction(ctx, tenant, func(ctx context.Context, tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, rowLock, id.String()); err != nil {
			return fmt.Errorf("jobs: lock row %s: %w", id, err)
		}
		var err error
		next, err = c.runAgain(ctx, tx, kind, t, job)
		return err
	})
	return next, err
}

// runAgain gives the status row to a new job. The promotion comes last: others of the tenant wait for its lock, and the
// row may have to be waited for.
func (c *Client) runAgain(ctx context.Context, tx pgx.Tx, kind string, t target, old int64) (int64, error) {
	service := c.services[kind]
	if service == nil {
		return 0, fault.Newf(fault.Conflict, "jobs of kind %s are not served here", kind)
	}
	next, err := c.insert(ctx, tx, kind, t, retryOf(old))
	if err != nil {
		return 0, err
	}
	if err := c.endUnsettled(ctx, tx, kind, t); err != nil {
		return 0, err
	}
	if err := service.Reopen(ctx, tx, t.Tenant, t.ID, next); err != nil {
		return 0, fmt.Errorf("jobs: reopen %s %s: %w", kind, t.ID, err)
	}
	if err := supersede(ctx, tx, old, next); err != nil {
		return 0, err
	}
	return next, c.promoteIn(ctx, tx, kind, t.Tenant)
}

// endUnsettled does what the sweeper would: it ends a row whose job is over, for it to be reopened.
func (c *Client) endUnsettled(ctx context.Context, tx pgx.Tx, kind string, t target) error {
	found, err := findUnsettled(ctx, tx, 0, &t.ID, 1)
	if err != nil || len(found) == 0 {
		return err
	}
	return c.endRow(ctx, tx, kind, t, StatusFailed, "retried")
}

// maintainAgain is runAgain for a job without a row.
func (c *Client) maintainAgain(ctx context.Context, tx pgx.Tx, j Job) (int64, error) {
	var args maintenanceArgs
	if err := json.Unmarshal(j.Args, &args); err != nil {
		return 0, fmt.Errorf("jobs: arguments of job %d: %w", j.ID, err)
	}
	opts := c.maintenanceOpts()
	opts.Metadata = retryOf(j.ID)
	res, err := c.river.InsertTx(ctx, tx, args, opts)
	if err != nil {
		return 0, pg.Translate(fmt.Errorf("jobs: enqueue %s: %w", args.Name, err))
	}
	if res.UniqueSkippedAsDuplicate {
		return 0, fault.Newf(fault.Conflict, "job %d does the same already", res.Job.ID)
	}
	return res.Job.ID, supersede(ctx, tx, j.ID, res.Job.ID)
}

func retryOf(job int64) []byte { return fmt.Appendf(nil, `{"retry_of": %d}`, job) }

// supersedeJob links a job to the one that runs in its place. If it has not ended, though its row had, it ends here: what
// its run writes is fenced off from then on.
const supersedeJob = `
UPDATE river.river_job old SET
	metadata = old.metadata || jsonb_build_object('retried_as', next.id),
	state = CASE WHEN old.finalized_at IS NULL THEN 'cancelled' ELSE old.state END,
	finalized_at = coalesce(old.finalized_at, now())
FROM river.river_job next
WHERE old.id = $1 AND next.id = $2 AND old.kind = next.kind AND old.args = next.args`

func supersede(ctx context.Context, tx pgx.Tx, old, next int64) error {
	if _, err := tx.Exec(ctx, supersedeJob, old, next); err != nil {
		return fmt.Errorf("jobs: link job %d to %d: %w", old, next, err)
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
// State says so. Those that were retried before are left out.
func (c *Client) RetryMany(ctx context.Context, f Filter) (RetriedMany, error) {
	setDefault(&f.State, string(rivertype.JobStateDiscarded))
	if f.State != string(rivertype.JobStateDiscarded) && f.State != string(rivertype.JobStateCancelled) {
		return RetriedMany{}, fault.New(fault.Malformed, "state must be discarded or cancelled")
	}
	f.unretried = true
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
