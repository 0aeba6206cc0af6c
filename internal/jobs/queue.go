package jobs

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"

	"wharf/internal/fault"
	"wharf/internal/pg"
)

// QueueState is one queue with the number of its jobs in each state that has any.
type QueueState struct {
	Name   string           `json:"name"`
	Paused bool             `json:"paused"`
	Counts map[string]int64 `json:"counts"`
}

// queueCache keeps the counts for a second, so that however many look, the database counts once.
type queueCache struct {
	mu    sync.Mutex
	known []QueueState
}

const queueKept = time.Second

// Queues gives every queue, in the order of Kinds. It may be a second old.
func (c *Client) Queues(ctx context.Context) ([]QueueState, error) {
	c.queues.mu.Lock()
	defer c.queues.mu.Unlock()
	if c.queues.known == nil {
		counted, err := c.countQueues(ctx)
		if err != nil {
			return nil, err
		}
		c.queues.known = counted
		time.AfterFunc(queueKept, c.queues.forget)
	}
	return c.queues.known, nil
}

func (q *queueCache) forget() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.known = nil
}

// countJobs is answered by one index alone; the retryable ones among the pending (see shownState) by another.
const countJobs = `
WITH later AS (
	SELECT queue, count(*) AS n FROM river.river_job
	WHERE state = 'pending' AND ` + triedLater + ` GROUP BY 1
)
SELECT queue, state::text AS state, count(*) AS n FROM river.river_job GROUP BY 1, 2
UNION ALL SELECT queue, 'retryable', n FROM later
UNION ALL SELECT queue, 'pending', -n FROM later`

const pausedQueues = `SELECT name FROM river.river_queue WHERE paused_at IS NOT NULL`

type queueCount struct {
	Queue, State string
	N            int64
}

func (c *Client) countQueues(ctx context.Context) ([]QueueState, error) {
	var b pgx.Batch
	b.Queue(countJobs)
	b.Queue(pausedQueues)
	results := c.pool.SendBatch(ctx, &b)
	defer func() { _ = results.Close() }() // what failed was returned by Query
	rows, err := results.Query()
	if err != nil {
		return nil, pg.Translate(fmt.Errorf("jobs: count: %w", err))
	}
	counts, err := pgx.CollectRows(rows, pgx.RowToStructByName[queueCount])
	if err != nil {
		return nil, pg.Translate(fmt.Errorf("jobs: count: %w", err))
	}
	if rows, err = results.Query(); err != nil {
		return nil, pg.Translate(fmt.Errorf("jobs: read paused queues: %w", err))
	}
	paused, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return nil, pg.Translate(fmt.Errorf("jobs: read paused queues: %w", err))
	}
	return queueStates(counts, paused), nil
}

func queueStates(counts []queueCount, paused []string) []QueueState {
	index := map[string]*QueueState{}
	out := make([]QueueState, len(Kinds()))
	for i, name := range Kinds() {
		out[i] = QueueState{Name: name, Counts: map[string]int64{}}
		index[name] = &out[i]
	}
	for _, n := range counts {
		if q := index[n.Queue]; q != nil {
			q.Counts[n.State] += n.N
		}
	}
	for _, name := range paused {
		if q := index[name]; q != nil {
			q.Paused = true
		}
	}
	return out
}

// a queue's row exists once a worker has worked it; pausing must not have to wait for that.
const ensureQueue = `
INSERT INTO river.river_queue (name, metadata, created_at, updated_at) VALUES ($1, '{}', now(), now()) ON CONFLICT (name) DO NOTHING`

// Pause keeps workers from fetching jobs of the queue; running ones go on. A queue there is not is NotFound.
func (c *Client) Pause(ctx context.Context, name string) error {
	return c.control(ctx, name, func(ctx context.Context, tx pgx.Tx) error {
		return c.river.QueuePauseTx(ctx, tx, name, nil)
	})
}

// Resume undoes Pause.
func (c *Client) Resume(ctx context.Context, name string) error {
	return c.control(ctx, name, func(ctx context.Context, tx pgx.Tx) error {
		return c.river.QueueResumeTx(ctx, tx, name, nil)
	})
}

func (c *Client) control(ctx context.Context, name string, fn func(ctx context.Context, tx pgx.Tx) error) error {
	if !isKind(name) {
		return fault.Newf(fault.NotFound, "there is no queue %q", name)
	}
	err := pg.Tx(ctx, c.pool, func(ctx context.Context, tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, ensureQueue, name); err != nil {
			return fmt.Errorf("jobs: queue %s: %w", name, err)
		}
		return fn(ctx, tx)
	})
	if err != nil {
		return fmt.Errorf("jobs: control queue %s: %w", name, err)
	}
	c.queues.forget()
	return nil
}
