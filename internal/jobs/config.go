package jobs

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/noop"
)

// Config says how jobs are worked. Zero fields take the defaults named beside them; the required ones have none.
type Config struct {
	// InTenant runs fn in a transaction of the service's role that carries the tenant's setting. Required.
	InTenant func(ctx context.Context, tenant uuid.UUID, fn func(ctx context.Context, tx pgx.Tx) error) error
	Log      *slog.Logger         // required
	Now      func() time.Time     // the process's clock: for River's retries and to measure; leases go by the database's. Required
	Tracer   trace.TracerProvider // none

	Queues            map[string]Queue // by kind
	TenantConcurrency int              // jobs of one tenant and queue that are available or running, over all workers; 2
	FetchCooldown     time.Duration    // between two fetches of a queue; 10 ms
	PollOnly          bool             // no LISTEN: for a transaction-mode pooler; pickup then takes up to a second
	SoftStop          time.Duration    // running jobs get to end after Stop before their context ends; 20 s

	Heartbeat time.Duration // a worker renews its lease, and the sweeper looks; 5 s
	Lease     time.Duration // without a heartbeat for so long, a worker is dead; 20 s
	Grace     time.Duration // a status row may outlast its job before it is ended for it; 15 s

	KeepCompleted time.Duration // jobs are kept after their end; 24 h
	KeepCancelled time.Duration // 7 days
	KeepDiscarded time.Duration // 30 days
}

// Queue says how the jobs of one kind are worked.
type Queue struct {
	Workers     int           // jobs at once in this process
	Timeout     time.Duration // a run may take
	MaxAttempts int           // runs before a job counts as failed
	RetryBase   time.Duration // before the second attempt; doubles with each further one
	RetryCap    time.Duration // at most between two attempts
}

func defaultQueue(kind string) Queue {
	q := Queue{Workers: 4, Timeout: 6 * time.Hour, MaxAttempts: 5, RetryBase: 10 * time.Second, RetryCap: 5 * time.Minute}
	switch kind {
	case KindRestore:
		q.Workers = 2
	case KindWebhook: // a receiver may be away for most of a day
		q = Queue{Workers: 10, Timeout: time.Minute, MaxAttempts: 15, RetryBase: 5 * time.Second, RetryCap: 6 * time.Hour}
	case KindMaintenance: // the next period is the next attempt
		q = Queue{Workers: 1, Timeout: 15 * time.Minute, MaxAttempts: 1, RetryBase: time.Minute, RetryCap: time.Minute}
	}
	return q
}

func (c Config) withDefaults() Config {
	queues := make(map[string]Queue, len(Kinds()))
	for _, kind := range Kinds() {
		q, d := c.Queues[kind], defaultQueue(kind)
		setDefault(&q.Workers, d.Workers)
		setDefault(&q.Timeout, d.Timeout)
		setDefault(&q.MaxAttempts, d.MaxAttempts)
		setDefault(&q.RetryBase, d.RetryBase)
		setDefault(&q.RetryCap, d.RetryCap)
		queues[kind] = q
	}
	c.Queues = queues
	if c.Tracer == nil {
		c.Tracer = noop.NewTracerProvider()
	}
	setDefault(&c.TenantConcurrency, 2)
	setDefault(&c.FetchCooldown, 10*time.Millisecond)
	setDefault(&c.SoftStop, 20*time.Second)
	setDefault(&c.Heartbeat, 5*time.Second)
	setDefault(&c.Lease, 20*time.Second)
	setDefault(&c.Grace, 15*time.Second)
	setDefault(&c.KeepCompleted, 24*time.Hour)
	setDefault(&c.KeepCancelled, 7*24*time.Hour)
	setDefault(&c.KeepDiscarded, 30*24*time.Hour)
	return c
}

func setDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

func (c Config) validate() error {
	if c.InTenant == nil || c.Log == nil || c.Now == nil {
		return errors.New("jobs: Config needs InTenant, Log and Now")
	}
	for kind, q := range c.Queues {
		if !isKind(kind) {
			return fmt.Errorf("jobs: there is no queue %q", kind)
		}
		if q.Workers < 0 || q.Timeout < 0 || q.MaxAttempts < 0 || q.RetryBase < 0 || q.RetryCap < 0 {
			return fmt.Errorf("jobs: queue %s: a negative number makes no sense, and every job has a finite timeout", kind)
		}
	}
	if c.Heartbeat < 0 || (c.Lease > 0 && c.Lease < 2*c.Heartbeat) {
		return fmt.Errorf("jobs: a lease of %s must outlast two heartbeats of %s", c.Lease, c.Heartbeat)
	}
	return nil
}

// rescueAfter is when River takes a running job for stuck although its worker lives: after every timeout.
func (c Config) rescueAfter() time.Duration {
	longest := c.Lease
	for _, q := range c.Queues {
		longest = max(longest, q.Timeout)
	}
	return longest + 10*time.Minute
}
