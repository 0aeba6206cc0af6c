package jobs_test

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"wharf/internal/jobs"
)

func TestFirstJobsAreAvailableAtCommit(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	c := b.client(t)
	for range 3 {
		b.enqueue(t, c, b.tenant)
	}
	b.enqueue(t, c, b.db.Tenant(t, "other"))
	require.Equal(t, 3, b.count(t, `SELECT count(*) FROM river.river_job WHERE state = 'available'`), "two of one tenant, one of the other")
}

// enqueueMany writes n imports with their jobs in one transaction.
func (b *bench) enqueueMany(t *testing.T, c *jobs.Client, n int) {
	t.Helper()
	err := inTenant(b.pool)(context.Background(), b.tenant, func(ctx context.Context, tx pgx.Tx) error {
		for range n {
			id := uuid.New()
			if _, err := tx.Exec(ctx, insertImport, id, b.tenant); err != nil {
				return err
			}
			job, err := c.Enqueue(ctx, tx, jobs.KindImport, b.tenant, id)
			if err != nil {
				return err
			}
			if _, err = tx.Exec(ctx, `UPDATE wharf.imports SET job_id = $2 WHERE id = $1`, id, job); err != nil {
				return err
			}
		}
		return nil
	})
	require.NoError(t, err)
}

const waitingOf = `SELECT count(*) FROM river.river_job WHERE state IN ('pending', 'available') AND args ->> 'tenant_id' = $1`

func TestThousandJobsOfOneTenantDoNotHoldBackAnothersFirst(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	q := b.cfg.Queues[jobs.KindImport]
	q.Workers = 1
	b.cfg.Queues[jobs.KindImport] = q
	c := b.client(t)
	b.enqueueMany(t, c, 1000)
	other := b.db.Tenant(t, "other")
	var waiting int
	seen := make(chan uuid.UUID, 1)
	b.service.work = func(ctx context.Context, in txFunc, id uuid.UUID, complete jobs.Complete) error {
		select {
		case want := <-seen:
			if want == id {
				if err := b.admin.QueryRow(ctx, waitingOf, b.tenant.String()).Scan(&waiting); err != nil {
					return err
				}
			} else {
				seen <- want
			}
		default:
		}
		return merge(in, id, complete)
	}
	id, job := b.enqueue(t, c, other)
	seen <- id
	b.start(t)
	b.await(t, c, id, job, "completed", "completed")
	require.Greater(t, waiting, 990)
}

func TestTenantRunsNoMoreJobsAtOnceThanItMay(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	var running atomic.Int32
	var mu sync.Mutex
	var most int32
	b.service.work = func(_ context.Context, in txFunc, id uuid.UUID, complete jobs.Complete) error {
		n := running.Add(1)
		defer running.Add(-1)
		mu.Lock()
		most = max(most, n)
		mu.Unlock()
		if n%2 == 0 { // a retry waits for its turn too
			return errOdd
		}
		return merge(in, id, complete)
	}
	q := b.cfg.Queues[jobs.KindImport]
	q.MaxAttempts = 100
	b.cfg.Queues[jobs.KindImport] = q
	first, second := b.start(t), b.start(t)
	var enqueuers sync.WaitGroup
	for i := range 6 {
		c := []*jobs.Client{first, second}[i%2]
		enqueuers.Go(func() {
			for range 5 {
				b.enqueue(t, c, b.tenant)
			}
		})
	}
	enqueuers.Wait()
	require.Eventually(t, func() bool {
		return b.count(t, `SELECT count(*) FROM wharf.imports WHERE status = 'completed'`) == 30
	}, soon, tick)
	mu.Lock()
	defer mu.Unlock()
	require.Equal(t, int32(2), most)
	require.Equal(t, 30, b.count(t, `SELECT count(*) FROM wharf.imports WHERE num_created = 1`))
}

func TestPromotionAtOnceKeepsToTheLimit(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.cfg.TenantConcurrency = 5
	c := b.client(t)
	var enqueuers sync.WaitGroup
	for range 8 {
		enqueuers.Go(func() {
			for range 5 {
				b.enqueue(t, c, b.tenant)
			}
		})
	}
	enqueuers.Wait()
	require.Equal(t, 5, b.count(t, `SELECT count(*) FROM river.river_job WHERE state = 'available'`))
	require.Equal(t, 35, b.count(t, `SELECT count(*) FROM river.river_job WHERE state = 'pending'`))
}

func TestSweeperPromotesWhatNobodyDid(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	c := b.client(t)
	ids := map[uuid.UUID]int64{}
	for i := range 3 { // several tenants and queues, all without a job in hand
		tenant := b.db.Tenant(t, []string{"a", "b", "c"}[i])
		id, job := b.enqueue(t, c, tenant)
		ids[id] = job
	}
	b.exec(t, `UPDATE river.river_job SET state = 'pending'`)
	b.exec(t, `UPDATE river.river_job SET scheduled_at = now() + interval '1 hour'`) // a clock that goes wrong elsewhere
	b.start(t)
	for id, job := range ids {
		b.await(t, c, id, job, "completed", "completed")
	}
}

func TestJobsFlowWithoutASweeper(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	started := make(chan struct{}, 100)
	b.service.work = func(_ context.Context, in txFunc, id uuid.UUID, complete jobs.Complete) error {
		started <- struct{}{}
		return merge(in, id, complete)
	}
	b.cfg.Heartbeat, b.cfg.Lease = time.Minute, time.Hour // no sweeper helps
	c := b.start(t)
	b.enqueueMany(t, c, 20)
	for range 20 {
		receive(t, started)
	}
	id, job := b.enqueue(t, c, b.tenant)
	b.await(t, c, id, job, "completed", "completed")
}
