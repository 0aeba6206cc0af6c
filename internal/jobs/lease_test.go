package jobs_test

import (
	"context"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"wharf/internal/jobs"
	"wharf/internal/pg"
	"wharf/internal/testenv"
)

// childURL names the database for a worker process that the test kills; set, this test binary is that worker.
const childURL = "WHARF_JOBS_TEST_CHILD"

// runChild works imports that never end, until it is killed or its parent is gone.
func runChild() {
	ctx := context.Background()
	fail := func(err error) {
		if err != nil {
			slog.Error("child worker", "error", err)
			os.Exit(1)
		}
	}
	pool, err := pg.Open(ctx, pg.Config{URL: os.Getenv(childURL)}) //nolint:forbidigo // see above
	fail(err)
	forever := &imports{pool: pool, work: func(context.Context, txFunc, uuid.UUID, jobs.Complete) error { select {} }}
	c, err := jobs.New(ctx, pool, quick(pool), jobs.Handlers{jobs.KindImport: forever})
	fail(err)
	fail(c.Start(ctx))
	_, err = io.Copy(io.Discard, os.Stdin)
	fail(err)
	os.Exit(0)
}

func TestKilledWorkersJobsRunAgain(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	child := exec.Command(os.Args[0]) //nolint:gosec // this binary
	child.Env = append(os.Environ(), childURL+"="+b.db.ServiceURL)
	child.Stderr = os.Stderr
	stdin, err := child.StdinPipe() // closes when this process ends
	require.NoError(t, err)
	require.NoError(t, child.Start())
	defer func() { _ = stdin.Close() }()

	c := b.client(t)
	id, job := b.enqueue(t, c, b.tenant)
	require.Eventually(t, func() bool { return b.row(t, id).Status == "processing" }, soon, tick)
	require.NoError(t, child.Process.Kill())
	require.Error(t, child.Wait())

	b.start(t)
	j := b.await(t, c, id, job, "completed", "completed")
	require.Equal(t, 2, j.Attempt)
	require.Equal(t, int64(1), b.row(t, id).Created)
}

func TestWorkersThatDieTooOftenFailTheJob(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	c := b.client(t)
	rows, jobOf := map[uuid.UUID]importRow{}, map[uuid.UUID]int64{}
	for cause, want := range map[string]importRow{
		"attempt = max_attempts": {Status: "failed", Error: "internal error; its worker stopped 3 times; see job "},
		`attempt = 1, metadata = '{"cancel_attempted_at": "2026-01-01T00:00:00Z"}'`: {Status: "cancelled", Error: "cancelled"},
	} {
		id, job := b.enqueue(t, c, b.tenant)
		b.exec(t, `UPDATE river.river_job SET state = 'running', attempted_at = now() - interval '1 minute', attempted_by = '{gone}', `+
			cause+` WHERE id = $1`, job)
		rows[id], jobOf[id] = want, job
	}
	b.start(t)
	for id, want := range rows {
		require.EventuallyWithT(t, func(t *assertT) { require.Equal(t, want.Status, b.row(t, id).Status) }, soon, tick)
		require.Contains(t, b.row(t, id).Error, want.Error)
		require.Contains(t, []string{"discarded", "cancelled"}, b.job(t, c, jobOf[id]).State)
	}
}

func TestJobThatNobodyRunsIsFreed(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	c := b.client(t)
	id, job := b.enqueue(t, c, b.tenant)
	// A worker that lives, but never got to hear that it fetched this job.
	b.exec(t, `UPDATE river.river_job SET state = 'running', attempt = 1, attempted_at = now() - interval '1 minute', attempted_by = '{w}'`)
	worker := b.start(t)
	b.exec(t, `UPDATE river.river_job SET attempted_by = ARRAY[(SELECT id FROM wharf.workers)] WHERE state = 'running' AND attempt = 1`)
	b.await(t, worker, id, job, "completed", "completed")
}

func TestRunWhoseJobWasGivenAwayIsEnded(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	started, ended := make(chan struct{}), make(chan error, 1)
	first := true
	b.service.work = func(ctx context.Context, in txFunc, id uuid.UUID, complete jobs.Complete) error {
		if !first {
			return merge(in, id, complete)
		}
		first = false
		close(started)
		<-ctx.Done()
		ended <- context.Cause(ctx)
		return ctx.Err()
	}
	c := b.start(t)
	id, job := b.enqueue(t, c, b.tenant)
	receive(t, started)
	b.exec(t, `UPDATE river.river_job SET attempt = 2, attempted_by = attempted_by || '{other}', attempted_at = now() WHERE id = $1`, job)
	require.ErrorIs(t, receive(t, ended), jobs.ErrLost)
	j := b.await(t, c, id, job, "completed", "completed") // once "other" was found dead
	require.Equal(t, 3, j.Attempt)
}

func TestJobsRunAgainAfterTheDatabaseWasAway(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	started, goOn := make(chan struct{}), make(chan struct{})
	first := true
	b.service.work = func(_ context.Context, in txFunc, id uuid.UUID, complete jobs.Complete) error {
		if first {
			first = false
			close(started)
			<-goOn
		}
		return merge(in, id, complete)
	}
	c := b.start(t)
	id, job := b.enqueue(t, c, b.tenant)
	receive(t, started)

	ctx := context.Background()
	server, err := pgx.Connect(ctx, testenv.Setting(t, "WHARF_TEST_DATABASE_URL"))
	require.NoError(t, err)
	defer func() { require.NoError(t, server.Close(ctx)) }()
	allow := func(yes string) {
		_, err := server.Exec(ctx, `ALTER DATABASE `+b.db.Name+` ALLOW_CONNECTIONS `+yes)
		require.NoError(t, err)
	}
	allow("false")
	defer allow("true")
	_, err = server.Exec(ctx, `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1`, b.db.Name)
	require.NoError(t, err)
	close(goOn)
	require.Eventually(t, func() bool { return c.Ready() != nil }, soon, tick, "a worker without a lease says so")
	allow("true")
	j := b.await(t, c, id, job, "completed", "completed")
	require.NoError(t, c.Ready())
	require.GreaterOrEqual(t, j.Attempt, 2)
	require.Equal(t, int64(1), b.row(t, id).Created)
}

func TestRowsThatOutlastTheirJobAreEnded(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	c := b.client(t)
	gone, goneJob := b.enqueue(t, c, b.tenant)
	b.exec(t, `DELETE FROM river.river_job WHERE id = $1`, goneJob)
	b.exec(t, `UPDATE wharf.imports SET created_at = now() - interval '1 hour'`)
	want := map[uuid.UUID]importRow{gone: {Status: "failed", Error: "its job is gone; try it again"}}
	for state, row := range map[string]importRow{
		"discarded": {Status: "failed", Error: "internal error; its cause is noted under job "},
		"cancelled": {Status: "cancelled", Error: "cancelled"},
		"completed": {Status: "failed", Error: "ended without a result"},
	} {
		id, job := b.enqueue(t, c, b.tenant)
		b.exec(t, `UPDATE river.river_job SET state = $2::river.river_job_state, finalized_at = now() WHERE id = $1`, job, state)
		want[id] = row
	}
	b.start(t)
	for id, row := range want {
		require.EventuallyWithT(t, func(t *assertT) { require.Equal(t, row.Status, b.row(t, id).Status) }, soon, tick)
		require.Contains(t, b.row(t, id).Error, row.Error)
	}
}

func TestOldWorkersAreForgotten(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.exec(t, `INSERT INTO wharf.workers (id, host, pid, heartbeat_at) VALUES ('old', 'h', 1, now() - interval '2 hours')`)
	b.start(t)
	require.Eventually(t, func() bool { return b.count(t, `SELECT count(*) FROM wharf.workers`) == 1 }, soon, 10*time.Millisecond)
}
