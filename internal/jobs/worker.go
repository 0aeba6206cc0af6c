package jobs

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/rivertype"
)

// worker works one kind: decode, call the service, classify the error.
type worker[T targetArgs] struct {
	river.WorkerDefaults[T]
	client *Client
	kind   string
}

func (w *worker[T]) Timeout(*river.Job[T]) time.Duration { return w.client.cfg.Queues[w.kind].Timeout }

func (w *worker[T]) Work(ctx context.Context, job *river.Job[T]) error {
	c, t := w.client, job.Args.row()
	r := c.runOf(job.JobRow, t)
	return c.work(ctx, r, func(ctx context.Context, a *activeRun) error {
		complete := func(ctx context.Context, tx pgx.Tx) error {
			cancelled, err := held(ctx, tx, lockRun, r)
			if err != nil {
				return err
			}
			if cancelled {
				return ErrCancelled
			}
			if _, err := river.JobCompleteTx[*riverpgxv5.Driver](ctx, tx, job); err != nil {
				return fmt.Errorf("jobs: complete %d: %w", r.job, err)
			}
			a.completed.Store(true)
			return nil
		}
		return c.services[w.kind].Run(ctx, t.Tenant, t.ID, complete)
	})
}

func (c *Client) runOf(row *rivertype.JobRow, t target) run {
	r := run{job: row.ID, attempt: row.Attempt, max: row.MaxAttempts, kind: row.Kind, target: t}
	if n := len(row.AttemptedBy); n > 0 {
		r.worker = row.AttemptedBy[n-1]
	}
	return r
}

// work calls fn and writes how the run ended. It always returns settled: River has nothing left to write.
func (c *Client) work(ctx context.Context, r run, fn func(context.Context, *activeRun) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	active := c.active.add(r, cancel)
	defer c.active.remove(active)

	log := c.cfg.Log.With("job", r.job, "kind", r.kind, "attempt", r.attempt)
	if r.target.ID != uuid.Nil {
		log = log.With("tenant", r.target.Tenant, "ref", r.target.ID)
	}
	log.DebugContext(ctx, "job started")
	trace, err := guard(ctx, active, fn)
	after := context.WithoutCancel(ctx)
	if errors.Is(err, ErrLost) || (err != nil && errors.Is(context.Cause(ctx), ErrLost)) {
		log.WarnContext(after, "job given up: another run has it")
		return settled{err}
	}
	out := c.judge(ctx, r, err, trace)
	logEnd(after, log, out)
	c.finish(after, log, r, out)
	return settled{err}
}

// guard calls fn and turns a panic into an error, with its stack.
func guard(ctx context.Context, a *activeRun, fn func(context.Context, *activeRun) error) (trace string, err error) {
	defer func() {
		if v := recover(); v != nil {
			trace, err = string(debug.Stack()), panicError{v}
		}
	}()
	return "", fn(ctx, a)
}

func logEnd(ctx context.Context, log *slog.Logger, out outcome) {
	switch {
	case out.state == rivertype.JobStateCompleted:
		log.InfoContext(ctx, "job completed")
	case out.refund:
		log.InfoContext(ctx, "job interrupted by the stop; it runs again")
	case out.state == rivertype.JobStatePending:
		log.WarnContext(ctx, "job failed; it is tried again", "error", out.err, "in", out.delay.Round(time.Second))
	case out.state == rivertype.JobStateDiscarded:
		log.ErrorContext(ctx, "job failed for the last time", "error", out.err, "trace", out.trace)
	default:
		log.InfoContext(ctx, "job ended", "status", out.status, "error", out.err)
	}
}

const settlePause = 100 * time.Millisecond

// finish writes the outcome, again and again while the database is away, for as long as a lease. After that the job
// stays running without a run, which the sweeper finds.
func (c *Client) finish(ctx context.Context, log *slog.Logger, r run, out outcome) {
	ctx, cancel := context.WithTimeout(ctx, c.cfg.Lease)
	defer cancel()
	for pause := settlePause; ; pause *= 2 {
		err := c.settle(ctx, r, out)
		if err == nil || errors.Is(err, ErrLost) { // completed inside the service's transaction, or another's by now
			break
		}
		select {
		case <-ctx.Done():
			log.ErrorContext(ctx, "the job's end could not be written; the sweeper will", "error", err)
			return
		case <-time.After(pause):
		}
	}
	if err := c.promote(ctx, c.pool, r.kind, r.target.Tenant); err != nil {
		log.WarnContext(ctx, "waiting jobs could not be promoted; the sweeper will", "error", err)
	}
}

// settled tells River's executor that there is nothing left to write about a run. The executor takes an error with these
// two methods for the results of several jobs, and writes each one's; here there are none. What River would write checks
// the job's state but not its attempt, so a run that was taken for dead would end its successor's.
//
// It writes nevertheless where the job was cancelled while it ran: that is cancelled then, whatever the run returned. So
// the attempts of a job that was asked to end all end cancelled, and what is retried runs by another job (retry.go).
type settled struct{ cause error }

func (s settled) Error() string {
	if s.cause == nil {
		return "settled"
	}
	return s.cause.Error()
}

func (s settled) Unwrap() error { return s.cause }

func (settled) ErrorsByID() map[int64]error { return nil }

func (settled) Jobs() []*rivertype.JobRow { return nil }
