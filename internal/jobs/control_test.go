package jobs_test

import (
	"context"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"wharf/internal/fault"
	"wharf/internal/jobs"
)

func TestCancelOfWaitingJobEndsItsRowAtOnce(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	c := b.client(t)
	ctx := context.Background()
	first, firstJob := b.enqueue(t, c, b.tenant) // available
	b.enqueue(t, c, b.tenant)
	third, thirdJob := b.enqueue(t, c, b.tenant) // pending
	_, fourthJob := b.enqueue(t, c, b.tenant)

	stranger := b.db.Tenant(t, "other")
	_, err := c.Cancel(ctx, firstJob, &stranger)
	require.ErrorIs(t, err, jobs.ErrNotFound)

	for id, job := range map[uuid.UUID]int64{first: firstJob, third: thirdJob} {
		j, err := c.Cancel(ctx, job, &b.tenant)
		require.NoError(t, err)
		require.Equal(t, "cancelled", j.State)
		require.Equal(t, importRow{Status: "cancelled", Error: "cancelled"}, b.row(t, id))
		_, err = c.Cancel(ctx, job, nil)
		require.Equal(t, fault.Conflict, fault.CodeOf(err))
	}
	require.Equal(t, "available", b.job(t, c, fourthJob).State, "the next took the free place")
	_, err = c.Cancel(ctx, 1<<40, nil)
	require.ErrorIs(t, err, jobs.ErrNotFound)
}

func TestCancelOfRunningJobEndsItWhenItStops(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	started := make(chan struct{})
	b.service.work = func(ctx context.Context, _ txFunc, _ uuid.UUID, _ jobs.Complete) error {
		close(started)
		<-ctx.Done()
		return fault.Wrap(ctx.Err(), fault.Invalid, "the file ends in the middle of a row")
	}
	c := b.start(t)
	id, job := b.enqueue(t, c, b.tenant)
	receive(t, started)
	j, err := c.Cancel(context.Background(), job, nil)
	require.NoError(t, err)
	require.Contains(t, []string{"running", "cancelled"}, j.State)
	b.await(t, c, id, job, "cancelled", "cancelled")
	require.Equal(t, "cancelled", b.row(t, id).Error)
}

func TestCancelledRunCommitsNothingMore(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	started, goOn := make(chan struct{}), make(chan struct{})
	refused := make(chan error, 1)
	b.service.work = func(ctx context.Context, _ txFunc, id uuid.UUID, complete jobs.Complete) error {
		close(started)
		<-goOn
		heedless := func(fn func(context.Context, pgx.Tx) error) error {
			return inTenant(b.pool)(context.WithoutCancel(ctx), b.tenant, fn)
		}
		err := merge(heedless, id, complete)
		refused <- err
		return err
	}
	c := b.start(t)
	id, job := b.enqueue(t, c, b.tenant)
	receive(t, started)
	_, err := c.Cancel(context.Background(), job, nil)
	require.NoError(t, err)
	close(goOn)
	require.ErrorIs(t, receive(t, refused), jobs.ErrCancelled)
	b.await(t, c, id, job, "cancelled", "cancelled")
	require.Zero(t, b.row(t, id).Created)
}

func TestCancelIsSeenByTheHeartbeatWhenItsNoticeIsLost(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	started := make(chan struct{})
	b.service.work = func(ctx context.Context, _ txFunc, _ uuid.UUID, _ jobs.Complete) error {
		close(started)
		<-ctx.Done()
		return ctx.Err()
	}
	c := b.start(t)
	id, job := b.enqueue(t, c, b.tenant)
	receive(t, started)
	b.exec(t, `UPDATE river.river_job SET metadata = metadata || '{"cancel_attempted_at": "2026-01-01T00:00:00Z"}' WHERE id = $1`, job)
	b.await(t, c, id, job, "cancelled", "cancelled")
}

func TestPausedQueueIsNotFetched(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	c := b.client(t)
	ctx := context.Background()
	require.NoError(t, c.Pause(ctx, jobs.KindImport), "before any worker has worked it")
	require.Equal(t, fault.NotFound, fault.CodeOf(c.Pause(ctx, "*")))
	b.start(t)
	id, job := b.enqueue(t, c, b.tenant)
	probe, probeJob := b.enqueueKind(t, c, jobs.KindRestore, b.tenant)
	b.await(t, c, probe, probeJob, "completed", "completed")
	require.Equal(t, "available", b.job(t, c, job).State, "while the other queue is worked")
	queues, err := c.Queues(ctx)
	require.NoError(t, err)
	require.Len(t, queues, len(jobs.Kinds()))
	require.Equal(t, jobs.QueueState{Name: "import", Paused: true, Counts: map[string]int64{"available": 1}}, queues[0])
	require.NoError(t, c.Resume(ctx, jobs.KindImport))
	b.await(t, c, id, job, "completed", "completed")
	require.EventuallyWithT(t, func(t *assertT) {
		queues, err := c.Queues(ctx)
		require.NoError(t, err)
		require.Equal(t, jobs.QueueState{Name: "import", Counts: map[string]int64{"completed": 1}}, queues[0])
	}, soon, tick, "within a second")
}
