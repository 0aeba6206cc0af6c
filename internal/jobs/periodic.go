package jobs

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/riverqueue/river"
	"github.com/riverqueue/river/rivertype"
)

// Periodic has fn run each interval, once over all workers: the leader enqueues it, a worker of the maintenance queue
// runs it. It runs soon after a leader is elected as well, so fn must be idempotent; while one run waits or works, no
// second is added. Call it before Start.
func (c *Client) Periodic(name string, interval time.Duration, fn func(ctx context.Context) error) error {
	if c.lease == nil || interval <= 0 {
		return errors.New("jobs: Periodic needs a client that works, and an interval")
	}
	if _, ok := c.periodic[name]; ok {
		return fmt.Errorf("jobs: there is a periodic job %s already", name)
	}
	opts := c.maintenanceOpts()
	_, err := c.river.PeriodicJobs().AddSafely(river.NewPeriodicJob(
		river.PeriodicInterval(interval),
		func() (river.JobArgs, *river.InsertOpts) { return maintenanceArgs{Name: name}, opts },
		&river.PeriodicJobOpts{ID: name, RunOnStart: true},
	))
	if err != nil {
		return fmt.Errorf("jobs: periodic job %s: %w", name, err)
	}
	c.periodic[name] = fn
	return nil
}

func (c *Client) maintenanceOpts() *river.InsertOpts {
	return &river.InsertOpts{
		Queue: KindMaintenance, MaxAttempts: c.cfg.Queues[KindMaintenance].MaxAttempts,
		UniqueOpts: river.UniqueOpts{ByArgs: true, ByState: []rivertype.JobState{
			rivertype.JobStateAvailable, rivertype.JobStatePending, rivertype.JobStateRetryable,
			rivertype.JobStateRunning, rivertype.JobStateScheduled,
		}},
	}
}

type maintenanceWorker struct {
	river.WorkerDefaults[maintenanceArgs]
	client *Client
}

func (w *maintenanceWorker) Timeout(*river.Job[maintenanceArgs]) time.Duration {
	return w.client.cfg.Queues[KindMaintenance].Timeout
}

func (w *maintenanceWorker) Work(ctx context.Context, job *river.Job[maintenanceArgs]) error {
	return w.client.work(ctx, w.client.runOf(job.JobRow, target{}), func(ctx context.Context, _ *activeRun) error {
		fn, ok := w.client.periodic[job.Args.Name]
		if !ok {
			return fmt.Errorf("jobs: no periodic job %q in this version", job.Args.Name)
		}
		return fn(ctx)
	})
}
