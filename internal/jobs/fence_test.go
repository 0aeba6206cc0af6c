package jobs_test

import (
	"context"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"wharf/internal/fault"
	"wharf/internal/jobs"
)

// zombie starts a worker that looks dead to others soon: it renews its lease once an hour. It works one job at a time.
func (b *bench) zombie(t *testing.T, service *imports) *jobs.Client {
	t.Helper()
	cfg := b.cfg
	cfg.Heartbeat, cfg.Lease = time.Hour, 2*time.Hour
	q := cfg.Queues[jobs.KindImport]
	q.Workers = 1
	cfg.Queues = map[string]jobs.Queue{jobs.KindImport: q}
	c, err := jobs.New(context.Background(), b.pool, cfg, jobs.Handlers{jobs.KindImport: service})
	require.NoError(t, err)
	require.NoError(t, c.Start(context.Background()))
	return c
}

func TestRunTakenForDeadCannotEndItsSuccessors(t *testing.T) {
	t.Parallel()
	ends := map[string]func(in txFunc, id uuid.UUID, complete jobs.Complete) error{
		"by completing": merge,
		"by a bad file": func(txFunc, uuid.UUID, jobs.Complete) error { return fault.New(fault.Invalid, "bad") },
		"by an error":   func(txFunc, uuid.UUID, jobs.Complete) error { return errOdd },
		"by returning":  func(txFunc, uuid.UUID, jobs.Complete) error { return nil },
		"by a panic":    func(txFunc, uuid.UUID, jobs.Complete) error { panic("late") },
	}
	for name, end := range ends {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			deadStarted, deadGoOn := make(chan struct{}), make(chan struct{})
			deadEnd := make(chan error, 1)
			dead := b.zombie(t, &imports{pool: b.pool, work: func(_ context.Context, in txFunc, id uuid.UUID, complete jobs.Complete) error {
				close(deadStarted)
				<-deadGoOn
				defer close(deadEnd)
				err := end(in, id, complete)
				deadEnd <- err
				return err
			}})
			id, job := b.enqueue(t, dead, b.tenant)
			receive(t, deadStarted)

			started, goOn := make(chan struct{}), make(chan struct{})
			b.service.work = func(_ context.Context, in txFunc, id uuid.UUID, complete jobs.Complete) error {
				close(started)
				<-goOn
				return merge(in, id, complete)
			}
			c := b.start(t)
			receive(t, started)
			before := b.job(t, c, job)
			require.Equal(t, 2, before.Attempt)

			close(deadGoOn)
			err := receive(t, deadEnd)
			if name == "by completing" {
				require.ErrorIs(t, err, jobs.ErrLost)
			}
			require.NoError(t, dead.Stop(context.Background()), "which waits for all that it had to write")
			require.Equal(t, before, b.job(t, c, job), "the second run's job is untouched")
			require.Equal(t, importRow{Status: "processing"}, b.row(t, id))

			close(goOn)
			j := b.await(t, c, id, job, "completed", "completed")
			require.Equal(t, int64(1), b.row(t, id).Created, "the outcome is that of one run")
			require.Len(t, j.Errors, 1)
			require.Contains(t, j.Errors[0].Error, "stopped responding")
		})
	}
}

func TestErrorTextIsFitForTheDatabase(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.service.work = func(context.Context, txFunc, uuid.UUID, jobs.Complete) error {
		return fault.New(fault.Invalid, "NUL \x00 and \xff in the file")
	}
	c := b.start(t)
	id, job := b.enqueue(t, c, b.tenant)
	require.Eventually(t, func() bool { return b.job(t, c, job).State == "cancelled" }, soon, tick)
	require.Equal(t, "failed", b.row(t, id).Status)
	require.Equal(t, "NUL  and � in the file", b.row(t, id).Error)
}
