package jobs_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"wharf/internal/fault"
	"wharf/internal/jobs"
	"wharf/internal/pg"
)

type assertT = assert.CollectT

type txFunc = func(func(ctx context.Context, tx pgx.Tx) error) error

func TestJobEndsWithTheRowsItWrote(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	c := b.start(t)
	require.NoError(t, c.Ready())
	id, job := b.enqueue(t, c, b.tenant)
	j := b.await(t, c, id, job, "completed", "completed")
	require.Equal(t, int64(1), b.row(t, id).Created)
	require.Equal(t, 1, j.Attempt)
	require.Empty(t, j.Errors)
	require.Equal(t, b.tenant, *j.TenantID)
	require.Equal(t, id, *j.RefID)
	require.JSONEq(t, `{"tenant_id": "`+b.tenant.String()+`", "id": "`+id.String()+`"}`, string(j.Args))
}

func TestJobIsEnqueuedOnlyIfItsTransactionCommits(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	c := b.client(t)
	err := inTenant(b.pool)(context.Background(), b.tenant, func(ctx context.Context, tx pgx.Tx) error {
		_, err := c.Enqueue(ctx, tx, jobs.KindImport, b.tenant, uuid.New())
		return errors.Join(err, errOdd)
	})
	require.ErrorIs(t, err, errOdd)
	require.Zero(t, b.count(t, `SELECT count(*) FROM river.river_job`))
	require.ErrorContains(t, c.Start(context.Background()), "enqueue")
}

func TestRunThatCompletesNothingIsCompletedAfterIt(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.service.work = func(_ context.Context, in txFunc, id uuid.UUID, _ jobs.Complete) error {
		return in(func(ctx context.Context, tx pgx.Tx) error {
			_, err := tx.Exec(ctx, finishImport, id)
			return err
		})
	}
	c := b.start(t)
	id, job := b.enqueue(t, c, b.tenant)
	b.await(t, c, id, job, "completed", "completed")
}

func TestErrorsAreFinalOrTriedAgain(t *testing.T) {
	t.Parallel()
	secret := errors.New("password=hunter2\x00")
	cases := map[string]struct {
		err      error
		state    string
		attempts int
		reason   string
	}{
		"a bad file stays bad": {
			fault.Wrap(secret, fault.Invalid, "the file is empty").WithFields(fault.Field{Field: "file", Message: "has no rows"}),
			"cancelled", 1, "the file is empty; file: has no rows",
		},
		"too large":            {fault.New(fault.TooLarge, "more than 10 MB"), "cancelled", 1, "more than 10 MB"},
		"unsupported":          {fault.New(fault.UnsupportedMedia, "no XLS"), "cancelled", 1, "no XLS"},
		"absent":               {fault.New(fault.NotFound, "no such table"), "cancelled", 1, "no such table"},
		"forbidden":            {fault.New(fault.Forbidden, "not allowed"), "cancelled", 1, "not allowed"},
		"conflict":             {fault.New(fault.Conflict, "in use"), "cancelled", 1, "in use"},
		"changed tables":       {fault.Wrap(secret, pg.ErrUndefined.Code, pg.ErrUndefined.Message), "discarded", 3, pg.ErrUndefined.Message},
		"a part is away":       {fault.Wrap(secret, fault.Unavailable, "S3 is away"), "discarded", 3, "S3 is away"},
		"internal, with words": {fault.Wrap(secret, fault.Internal, "hunter2"), "discarded", 3, "internal error"},
		"unknown":              {secret, "discarded", 3, "internal error"},
	}
	b := newBench(t)
	fail := map[uuid.UUID]error{}
	b.service.work = func(_ context.Context, _ txFunc, id uuid.UUID, _ jobs.Complete) error { return fail[id] }
	b.cfg.TenantConcurrency = len(cases)
	c := b.client(t)
	type enqueued struct {
		id  uuid.UUID
		job int64
	}
	all := map[string]enqueued{}
	for name, tc := range cases {
		id, job := b.enqueue(t, c, b.tenant)
		fail[id], all[name] = tc.err, enqueued{id, job}
	}
	b.start(t)
	for name, tc := range cases {
		e := all[name]
		j := b.await(t, c, e.id, e.job, "failed", tc.state)
		require.Equal(t, tc.attempts, j.Attempt, name)
		require.Len(t, j.Errors, tc.attempts, name)
		require.Contains(t, b.row(t, e.id).Error, tc.reason, name)
		require.NotContains(t, b.row(t, e.id).Error, "hunter2", name)
	}
	require.Contains(t, b.job(t, c, all["unknown"].job).Errors[2].Error, "hunter2", "the cause is kept for operators")
}

func TestPanicCountsAsAnAttemptAndKeepsItsTrace(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	first := true
	b.service.work = func(_ context.Context, in txFunc, id uuid.UUID, complete jobs.Complete) error {
		if first {
			first = false
			panic("index out of range")
		}
		return merge(in, id, complete)
	}
	c := b.start(t)
	id, job := b.enqueue(t, c, b.tenant)
	j := b.await(t, c, id, job, "completed", "completed")
	require.Equal(t, 2, j.Attempt)
	require.Len(t, j.Errors, 1)
	require.Equal(t, "panic: index out of range", j.Errors[0].Error)
	require.Contains(t, j.Errors[0].Trace, "lifecycle_test.go")
}

func TestRunThatTakesTooLongFailsInWords(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	q := b.cfg.Queues[jobs.KindImport]
	q.Timeout, q.MaxAttempts = 50*time.Millisecond, 1
	b.cfg.Queues[jobs.KindImport] = q
	b.service.work = func(ctx context.Context, _ txFunc, _ uuid.UUID, _ jobs.Complete) error {
		<-ctx.Done()
		return fault.Wrap(ctx.Err(), fault.Invalid, "the file ends in the middle of a row")
	}
	c := b.start(t)
	id, job := b.enqueue(t, c, b.tenant)
	b.await(t, c, id, job, "failed", "discarded")
	require.Equal(t, "it took longer than 50ms, which is the limit", b.row(t, id).Error)
}

func TestStopReturnsInterruptedJobsToAvailable(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.cfg.SoftStop = 50 * time.Millisecond
	started := make(chan struct{})
	b.service.work = func(ctx context.Context, _ txFunc, _ uuid.UUID, _ jobs.Complete) error {
		close(started)
		<-ctx.Done()
		return fault.Wrap(ctx.Err(), fault.Invalid, "the file ends in the middle of a row")
	}
	c, err := jobs.New(context.Background(), b.pool, b.cfg, b.handlers())
	require.NoError(t, err)
	require.Equal(t, fault.Unavailable, fault.CodeOf(c.Ready()))
	require.NoError(t, c.Start(context.Background()))
	id, job := b.enqueue(t, c, b.tenant)
	receive(t, started)
	require.NoError(t, c.Stop(context.Background()))

	j := b.job(t, c, job)
	require.Equal(t, "available", j.State)
	require.Zero(t, j.Attempt, "the attempt is refunded")
	require.Empty(t, j.Errors)
	require.Equal(t, "processing", b.row(t, id).Status)
	require.Zero(t, b.count(t, `SELECT count(*) FROM wharf.workers`), "the lease is given back")
	require.Error(t, c.Ready())

	b.service.work = nil
	other := b.start(t)
	b.await(t, other, id, job, "completed", "completed")
}

func TestStopLetsRunningJobsEnd(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	started, goOn := make(chan struct{}), make(chan struct{})
	b.service.work = func(_ context.Context, in txFunc, id uuid.UUID, complete jobs.Complete) error {
		close(started)
		<-goOn
		return merge(in, id, complete)
	}
	c, err := jobs.New(context.Background(), b.pool, b.cfg, b.handlers())
	require.NoError(t, err)
	require.NoError(t, c.Start(context.Background()))
	id, job := b.enqueue(t, c, b.tenant)
	receive(t, started)
	stopped := make(chan error, 1)
	go func() { stopped <- c.Stop(context.Background()) }()
	close(goOn)
	require.NoError(t, receive(t, stopped))
	b.await(t, c, id, job, "completed", "completed")
}

func TestPeriodicRunsOnceOverAllWorkers(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	runs := make(chan struct{}, 10)
	c, err := jobs.New(context.Background(), b.pool, b.cfg, b.handlers())
	require.NoError(t, err)
	fn := func(context.Context) error { runs <- struct{}{}; return nil }
	require.NoError(t, c.Periodic("expire", time.Hour, fn))
	require.Error(t, c.Periodic("expire", time.Hour, fn))
	require.Error(t, b.client(t).Periodic("expire", time.Hour, fn))
	require.NoError(t, c.Start(context.Background()))
	receive(t, runs)
	require.Eventually(t, func() bool {
		return b.count(t, `SELECT count(*) FROM river.river_job WHERE kind = 'maintenance' AND state = 'completed'`) == 1
	}, soon, tick)
	require.NoError(t, c.Stop(context.Background()))
	require.Empty(t, runs)
}
