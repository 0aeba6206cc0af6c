package jobs

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/rivertype"

	"wharf/internal/pg"
)

// Handlers gives the service of each kind. A kind without one is not worked.
type Handlers map[string]Service

// Client enqueues jobs, answers the operators and, if made by New, works jobs between Start and Stop.
type Client struct {
	cfg      Config
	pool     *pgxpool.Pool
	river    *river.Client[pgx.Tx]
	services Handlers
	queues   queueCache

	lease    *lease // nil: this client works no jobs
	periodic map[string]func(ctx context.Context) error
	active   activeRuns
	stopping atomic.Bool
}

// New returns a client that can work jobs. The pool's role is the service's; beside what the jobs themselves use, River
// needs about four connections of it. Two more, for the lease, come from a pool of the client's own, so that busy jobs
// cannot make a worker look dead. Stop closes that pool.
func New(ctx context.Context, pool *pgxpool.Pool, cfg Config, handlers Handlers) (*Client, error) {
	c, err := newClient(pool, cfg, handlers)
	if err != nil {
		return nil, err
	}
	if c.lease, err = newLease(ctx, pool); err != nil {
		return nil, err
	}
	rc := c.riverConfig()
	rc.ID = c.lease.id
	rc.Workers = c.workers()
	rc.Queues = map[string]river.QueueConfig{}
	for kind, q := range c.cfg.Queues {
		if kind == KindMaintenance || c.services[kind] != nil {
			rc.Queues[kind] = river.QueueConfig{MaxWorkers: q.Workers}
		}
	}
	if c.river, err = river.NewClient(riverpgxv5.New(pool), rc); err != nil {
		return nil, fmt.Errorf("jobs: river: %w", err)
	}
	return c, nil
}

// NewInsertOnly returns a client that enqueues and answers operators but works no jobs and never leads: for api. The
// handlers' Run is not called.
func NewInsertOnly(pool *pgxpool.Pool, cfg Config, handlers Handlers) (*Client, error) {
	c, err := newClient(pool, cfg, handlers)
	if err != nil {
		return nil, err
	}
	if c.river, err = river.NewClient(riverpgxv5.New(pool), c.riverConfig()); err != nil {
		return nil, fmt.Errorf("jobs: river: %w", err)
	}
	return c, nil
}

func newClient(pool *pgxpool.Pool, cfg Config, handlers Handlers) (*Client, error) {
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	cfg = cfg.withDefaults()
	if err := cfg.validate(); err != nil { // a given lease may not go with the default heartbeat
		return nil, err
	}
	return &Client{cfg: cfg, pool: pool, services: handlers, periodic: map[string]func(context.Context) error{}}, nil
}

func (c *Client) riverConfig() *river.Config {
	return &river.Config{
		Schema:                      pg.RiverSchema,
		Logger:                      slog.New(warnings{c.cfg.Log.Handler()}),
		Middleware:                  []rivertype.Middleware{&tracing{tracer: c.cfg.Tracer.Tracer("wharf/internal/jobs")}},
		FetchCooldown:               c.cfg.FetchCooldown,
		PollOnly:                    c.cfg.PollOnly,
		SoftStopTimeout:             c.cfg.SoftStop,
		RescueStuckJobsAfter:        c.cfg.rescueAfter(),
		RetryPolicy:                 retryPolicy{c.cfg},
		CompletedJobRetentionPeriod: c.cfg.KeepCompleted,
		CancelledJobRetentionPeriod: c.cfg.KeepCancelled,
		DiscardedJobRetentionPeriod: c.cfg.KeepDiscarded,
		ReindexerIndexNames:         []string{}, // the service's role does not own them
	}
}

// workers registers every kind, with a service or without: a leader discards stuck jobs of kinds it does not know.
func (c *Client) workers() *river.Workers {
	w := river.NewWorkers()
	river.AddWorker(w, &worker[importArgs]{client: c, kind: KindImport})
	river.AddWorker(w, &worker[exportArgs]{client: c, kind: KindExport})
	river.AddWorker(w, &worker[restoreArgs]{client: c, kind: KindRestore})
	river.AddWorker(w, &worker[webhookArgs]{client: c, kind: KindWebhook})
	river.AddWorker(w, &maintenanceWorker{client: c})
	return w
}

// retryPolicy answers when River itself tries a job again: after a rescue, or when it could not call the worker.
type retryPolicy struct{ cfg Config }

func (p retryPolicy) NextRetry(job *rivertype.JobRow) time.Time {
	return p.cfg.Now().Add(p.cfg.Queues[job.Kind].backoff(max(job.Attempt, 1), 0))
}

// warnings keeps River's routine out of the log.
type warnings struct{ slog.Handler }

func (h warnings) Enabled(ctx context.Context, l slog.Level) bool {
	return l >= slog.LevelWarn && h.Handler.Enabled(ctx, l)
}

// Enqueue adds a job of the kind for the row named by tenant and id, and gives its number. It becomes available when tx
// commits, or when its tenant has room. tx must be READ COMMITTED, with the service's role in charge.
func (c *Client) Enqueue(ctx context.Context, tx pgx.Tx, kind string, tenant, id uuid.UUID) (int64, error) {
	job, err := c.insert(ctx, tx, kind, target{Tenant: tenant, ID: id}, nil)
	if err != nil {
		return 0, err
	}
	if err := c.promoteIn(ctx, tx, kind, tenant); err != nil {
		return 0, pg.Translate(err)
	}
	return job, nil
}

// insert adds a job that waits for its promotion. metadata is JSON, or nil.
func (c *Client) insert(ctx context.Context, tx pgx.Tx, kind string, t target, metadata []byte) (int64, error) {
	args, ok := argsOf(kind, t)
	if !ok || t.Tenant == uuid.Nil || t.ID == uuid.Nil {
		return 0, fmt.Errorf("jobs: no job of kind %q for tenant %s, id %s", kind, t.Tenant, t.ID)
	}
	res, err := c.river.InsertTx(ctx, tx, args, &river.InsertOpts{
		Queue: kind, Pending: true, MaxAttempts: c.cfg.Queues[kind].MaxAttempts, Metadata: metadata,
	})
	if err != nil {
		return 0, pg.Translate(fmt.Errorf("jobs: enqueue %s %s: %w", kind, t.ID, err))
	}
	return res.Job.ID, nil
}

// Start takes the lease and begins to work. ctx bounds the start alone; the work ends by Stop.
func (c *Client) Start(ctx context.Context) error {
	if c.lease == nil {
		return errors.New("jobs: this client was made to enqueue, not to work")
	}
	if err := c.beat(ctx); err != nil {
		return err
	}
	if err := c.river.Start(context.WithoutCancel(ctx)); err != nil {
		return pg.Translate(errors.Join(fmt.Errorf("jobs: start river: %w", err), c.lease.release(ctx)))
	}
	c.lease.start(context.WithoutCancel(ctx), c)
	return nil
}

// Stop fetches no more jobs, lets the running ones end, and ends their contexts after Config.SoftStop; what was
// interrupted goes back to available and its attempt does not count. If ctx ends first, what still runs is left to the
// sweeper of another worker.
func (c *Client) Stop(ctx context.Context) error {
	if c.lease == nil {
		return nil
	}
	c.stopping.Store(true)
	err := c.river.Stop(ctx)
	c.lease.stop()
	if err != nil {
		c.lease.pool.Close()
		return fmt.Errorf("jobs: stop: %w", err)
	}
	err = c.lease.release(ctx)
	c.lease.pool.Close()
	return err
}
