package jobs_test

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"wharf/internal/fault"
	"wharf/internal/jobs"
)

func TestRetryInTheMomentOfCancellationRuns(t *testing.T) {
	t.Parallel()
	const many = 24
	b := newBench(t)
	b.cfg.TenantConcurrency = many
	q := b.cfg.Queues[jobs.KindImport]
	q.Workers = many
	b.cfg.Queues[jobs.KindImport] = q
	var runs sync.Map
	started := make(chan struct{}, many)
	b.service.work = func(ctx context.Context, in txFunc, id uuid.UUID, complete jobs.Complete) error {
		if _, again := runs.LoadOrStore(id, true); !again {
			started <- struct{}{}
			<-ctx.Done()
			return ctx.Err()
		}
		select { // long enough for whatever River still writes about the first run
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(500 * time.Millisecond):
			return merge(in, id, complete)
		}
	}
	c := b.start(t)
	ctx := context.Background()
	old, next := map[uuid.UUID]int64{}, map[uuid.UUID]int64{}
	for range many {
		id, job := b.enqueue(t, c, b.tenant)
		old[id] = job
	}
	for range many {
		receive(t, started)
	}
	for id, job := range old {
		_, err := c.Cancel(ctx, job, nil)
		require.NoError(t, err)
		require.Eventually(t, func() bool { return b.row(t, id).Status == "cancelled" }, soon, time.Millisecond)
		next[id], err = c.RetryRow(ctx, jobs.KindImport, b.tenant, id, job)
		require.NoError(t, err)
	}
	for id, job := range next {
		b.await(t, c, id, job, "completed", "completed")
		require.Equal(t, int64(1), b.row(t, id).Created)
	}
}

func TestRetryRunsTheRowAgainByAJobOfItsOwn(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.service.work = func(context.Context, txFunc, uuid.UUID, jobs.Complete) error { return errOdd }
	c := b.start(t)
	ctx := context.Background()
	id, job := b.enqueue(t, c, b.tenant)
	b.await(t, c, id, job, "failed", "discarded")
	require.NoError(t, c.Pause(ctx, jobs.KindImport))

	stranger := b.db.Tenant(t, "other")
	_, err := c.Retry(ctx, job, &stranger)
	require.ErrorIs(t, err, jobs.ErrNotFound)
	j, err := c.Retry(ctx, job, &b.tenant)
	require.NoError(t, err)
	require.Equal(t, "available", j.State)
	require.Zero(t, j.Attempt)
	require.Equal(t, 3, j.MaxAttempts)
	require.Equal(t, &job, j.RetryOf)
	require.Equal(t, importRow{Status: "pending"}, b.row(t, id))
	first := b.job(t, c, job)
	require.Equal(t, "discarded", first.State)
	require.Equal(t, &j.ID, first.RetriedAs)
	require.Len(t, first.Errors, 3, "what went wrong stays to be seen")
	for _, again := range []int64{job, j.ID} {
		_, err = c.Retry(ctx, again, &b.tenant)
		require.Equal(t, fault.Conflict, fault.CodeOf(err))
	}

	b.service.work = nil
	require.NoError(t, c.Resume(ctx, jobs.KindImport))
	b.await(t, c, id, j.ID, "completed", "completed")
	_, err = c.Retry(ctx, j.ID, nil)
	require.Equal(t, fault.Conflict, fault.CodeOf(err), "completed jobs stay so")
}

func TestRetryOfRowHeedsItsStatusAndNotItsJob(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	c := b.client(t)
	ctx := context.Background()
	for job, set := range map[string]string{
		"cancelled": `state = 'cancelled', finalized_at = now()`,
		"discarded": `state = 'discarded', finalized_at = now()`,
		"completed": `state = 'completed', finalized_at = now()`, // it ended in the transaction that failed the row
		"waiting":   `state = 'pending'`,
		"running":   `state = 'running', attempt = 1, attempted_at = now(), attempted_by = '{gone}'`,
	} {
		id, old := b.enqueue(t, c, b.tenant)
		b.exec(t, `UPDATE river.river_job SET `+set+` WHERE id = $1`, old)
		b.exec(t, `UPDATE wharf.imports SET status = 'completed' WHERE id = $1`, id)
		_, err := c.RetryRow(ctx, jobs.KindImport, b.tenant, id, old)
		refusal, _ := fault.As(err)
		require.Equal(t, "the import is not failed", refusal.Message, job)
		b.exec(t, `UPDATE wharf.imports SET status = 'failed' WHERE id = $1`, id)
		next, err := c.RetryRow(ctx, jobs.KindImport, b.tenant, id, old)
		require.NoError(t, err, job)
		require.NotEqual(t, old, next, job)
		require.NotNil(t, b.job(t, c, old).FinalizedAt, "%s: two jobs of a row would run at once", job)
		require.Equal(t, "pending", b.row(t, id).Status, job)
		_, err = c.RetryRow(ctx, jobs.KindImport, b.tenant, id, next)
		require.Equal(t, fault.Conflict, fault.CodeOf(err), "%s: it waits already", job)
	}
	b.start(t)
	require.EventuallyWithT(t, func(t *assertT) {
		require.Equal(t, 5, b.count(t, `SELECT count(*) FROM wharf.imports i JOIN river.river_job j ON j.id = i.job_id
			WHERE i.status = 'completed' AND i.num_created = 1 AND j.state = 'completed'`))
	}, soon, tick)
	require.Equal(t, 10, b.count(t, `SELECT count(*) FROM river.river_job`), "what was refused left nothing")
}

func TestRunWhoseRowWasRetriedWritesNothing(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	failed, end := make(chan struct{}), make(chan struct{})
	var runs atomic.Int32
	b.service.work = func(_ context.Context, in txFunc, id uuid.UUID, complete jobs.Complete) error {
		if runs.Add(1) > 1 {
			defer close(end)
			return merge(in, id, complete)
		}
		b.exec(t, `UPDATE wharf.imports SET status = 'failed' WHERE id = $1`, id)
		close(failed)
		<-end
		return errOdd
	}
	c, err := jobs.New(context.Background(), b.pool, b.cfg, b.handlers())
	require.NoError(t, err)
	require.NoError(t, c.Start(context.Background()))
	id, job := b.enqueue(t, c, b.tenant)
	receive(t, failed)
	next, err := c.RetryRow(context.Background(), jobs.KindImport, b.tenant, id, job)
	require.NoError(t, err)
	b.await(t, c, id, next, "completed", "completed")
	require.NoError(t, c.Stop(context.Background()), "both runs have ended")
	require.Equal(t, importRow{Status: "completed", Created: 1}, b.row(t, id))
	require.Equal(t, "cancelled", b.job(t, c, job).State)
}

func TestRetryOfRowSparesAJobThatIsNotItsOwn(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	c := b.client(t)
	id, job := b.enqueue(t, c, b.tenant)
	_, others := b.enqueue(t, c, b.tenant)
	b.exec(t, `DELETE FROM river.river_job WHERE id = $1`, job)
	b.exec(t, `UPDATE wharf.imports SET status = 'failed' WHERE id = $1`, id)
	_, err := c.RetryRow(context.Background(), jobs.KindImport, b.tenant, id, others) // numbers may have begun anew
	require.NoError(t, err)
	j := b.job(t, c, others)
	require.Equal(t, "available", j.State)
	require.Nil(t, j.RetriedAs)
}

func TestRetryOfRowThatOutlastedItsJob(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	c := b.client(t)
	ctx := context.Background()
	id, job := b.enqueue(t, c, b.tenant)
	b.exec(t, `UPDATE wharf.imports SET status = 'processing' WHERE id = $1`, id)
	_, err := c.RetryRow(ctx, jobs.KindImport, b.tenant, id, job)
	require.Equal(t, fault.Conflict, fault.CodeOf(err), "its job may still run")
	b.exec(t, `UPDATE river.river_job SET state = 'discarded', finalized_at = now() WHERE id = $1`, job)
	next, err := c.RetryRow(ctx, jobs.KindImport, b.tenant, id, job)
	require.NoError(t, err, "the sweeper need not have come by")

	b.exec(t, `UPDATE river.river_job SET metadata = metadata - 'retried_as' WHERE id = $1`, job)
	b.exec(t, `UPDATE wharf.imports SET status = 'processing' WHERE id = $1`, id)
	_, err = c.Retry(ctx, job, nil)
	require.Equal(t, fault.Conflict, fault.CodeOf(err), "another job has the row")
	require.Equal(t, importRow{Status: "processing"}, b.row(t, id))
	require.Equal(t, "available", b.job(t, c, next).State)
}

func TestRetryOfMaintenance(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	c, err := jobs.New(context.Background(), b.pool, b.cfg, b.handlers())
	require.NoError(t, err)
	runs, end := make(chan struct{}, 2), make(chan struct{}, 2)
	require.NoError(t, c.Periodic("expire", time.Hour, func(ctx context.Context) error {
		runs <- struct{}{}
		select {
		case <-end:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}))
	require.NoError(t, c.Start(context.Background()))
	t.Cleanup(func() { require.NoError(t, c.Stop(context.Background())) })
	receive(t, runs)
	end <- struct{}{}
	var job int64
	require.Eventually(t, func() bool {
		err := b.admin.QueryRow(context.Background(), `UPDATE river.river_job SET state = 'discarded' WHERE state = 'completed' RETURNING id`).Scan(&job)
		return err == nil
	}, soon, tick)
	j, err := c.Retry(context.Background(), job, nil)
	require.NoError(t, err)
	require.Equal(t, &job, j.RetryOf)
	receive(t, runs)
	b.exec(t, `UPDATE river.river_job SET metadata = metadata - 'retried_as' WHERE id = $1`, job)
	_, err = c.Retry(context.Background(), job, nil)
	require.ErrorContains(t, err, "does the same already")
	b.exec(t, `UPDATE river.river_job SET metadata = metadata || '{"retried_as": 9}' WHERE id = $1`, job)
	end <- struct{}{}
	require.Eventually(t, func() bool { return b.job(t, c, j.ID).State == "completed" }, soon, tick)
	_, err = c.Retry(context.Background(), job, nil)
	require.Equal(t, fault.Conflict, fault.CodeOf(err), "once")
}

func TestRetryOfJobThatIsGoneEnqueuesAnother(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	c := b.client(t)
	ctx := context.Background()
	id, job := b.enqueue(t, c, b.tenant)
	_, err := c.Cancel(ctx, job, nil)
	require.NoError(t, err)
	b.exec(t, `DELETE FROM river.river_job`)
	_, err = c.Retry(ctx, job, nil)
	require.ErrorIs(t, err, jobs.ErrNotFound)
	again, err := c.RetryRow(ctx, jobs.KindImport, b.tenant, id, job)
	require.NoError(t, err)
	require.NotEqual(t, job, again)
	require.Equal(t, "pending", b.row(t, id).Status)
	b.start(t)
	b.await(t, c, id, again, "completed", "completed")

	b.exec(t, `DELETE FROM river.river_job`)
	_, err = c.RetryRow(ctx, jobs.KindImport, b.tenant, id, again)
	require.Equal(t, fault.Conflict, fault.CodeOf(err), "a completed import is not run again")
	require.Zero(t, b.count(t, `SELECT count(*) FROM river.river_job`))
}

func TestRetryMany(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	c := b.client(t)
	ctx := context.Background()
	for range 5 {
		b.enqueue(t, c, b.tenant)
	}
	b.exec(t, `UPDATE river.river_job SET state = 'discarded', finalized_at = now()`)
	b.exec(t, `UPDATE wharf.imports SET status = CASE WHEN job_id = 1 THEN 'completed' ELSE 'failed' END`)
	done, err := c.RetryMany(ctx, jobs.Filter{Limit: 3})
	require.NoError(t, err)
	require.Equal(t, jobs.RetriedMany{Retried: 3, Next: 3}, done)
	done, err = c.RetryMany(ctx, jobs.Filter{Limit: 3, After: done.Next, Kind: jobs.KindImport})
	require.NoError(t, err)
	require.Equal(t, jobs.RetriedMany{Retried: 1, Skipped: 1}, done)
	done, err = c.RetryMany(ctx, jobs.Filter{})
	require.NoError(t, err)
	require.Equal(t, jobs.RetriedMany{Skipped: 1}, done, "those that were retried are left out")
	require.Equal(t, 2, b.count(t, `SELECT count(*) FROM river.river_job WHERE state = 'available'`), "in turns, as ever")
	_, err = c.RetryMany(ctx, jobs.Filter{State: "completed"})
	require.Equal(t, fault.Malformed, fault.CodeOf(err))
}
