package jobs

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"wharf/internal/pg"
)

// A job is inserted as pending, which River never touches, and becomes available when its tenant has room in its queue:
// at most TenantConcurrency of a tenant's jobs are available or running. Promotion takes the tenant's oldest and puts it
// at the end of the available ones of all tenants, so that these take turns. A run that is tried again waits as pending
// too: River's own retryable state would come back without asking for room. Whoever frees a running job makes it
// available directly, as it kept its room.

// promotionLock serialises promotions of one tenant and queue, until the transaction ends: the count that follows sees
// what others have committed.
const promotionLock = `SELECT pg_advisory_xact_lock(hashtextextended('wharf.promote:' || $1 || ':' || $2, 0))`

// promoteWaiting: a new job is due at once, whatever its scheduled_at, which River takes from the clock of the process
// that enqueues.
const promoteWaiting = `
WITH room AS (
	SELECT greatest($3::int - count(*), 0) AS n FROM river.river_job
	WHERE queue = $1 AND args ->> 'tenant_id' = $2 AND state IN ('available', 'running')
), next AS (
	SELECT id FROM river.river_job
	WHERE queue = $1 AND args ->> 'tenant_id' = $2 AND state = 'pending' AND (attempt = 0 OR scheduled_at <= now())
	ORDER BY priority, scheduled_at, id
	LIMIT (SELECT n FROM room)
	FOR UPDATE SKIP LOCKED
), moved AS (
	UPDATE river.river_job j SET state = 'available', scheduled_at = clock_timestamp()
	FROM next WHERE j.id = next.id RETURNING j.id
)
SELECT pg_notify('river.river_insert', json_build_object('queue', $1::text)::text) FROM moved LIMIT 1`

func queuePromotion(b *pgx.Batch, queue string, tenant uuid.UUID, atOnce int) {
	b.Queue(promotionLock, queue, tenant.String())
	b.Queue(promoteWaiting, queue, tenant.String(), atOnce)
}

// promoteIn makes the tenant's next jobs available inside tx, which must be READ COMMITTED.
func (c *Client) promoteIn(ctx context.Context, tx pgx.Tx, queue string, tenant uuid.UUID) error {
	var b pgx.Batch
	queuePromotion(&b, queue, tenant, c.cfg.TenantConcurrency)
	if err := tx.SendBatch(ctx, &b).Close(); err != nil {
		return fmt.Errorf("jobs: promote in queue %s: %w", queue, err)
	}
	return nil
}

type batcher interface {
	SendBatch(ctx context.Context, b *pgx.Batch) pgx.BatchResults
}

// promote is promoteIn in a transaction of its own: one round trip, since a batch is one transaction.
func (c *Client) promote(ctx context.Context, db batcher, queue string, tenant uuid.UUID) error {
	if tenant == uuid.Nil {
		return nil
	}
	var b pgx.Batch
	b.Queue(boundWaits)
	queuePromotion(&b, queue, tenant, c.cfg.TenantConcurrency)
	if err := db.SendBatch(ctx, &b).Close(); err != nil {
		return pg.Translate(fmt.Errorf("jobs: promote in queue %s: %w", queue, err))
	}
	return nil
}

// waitingWithRoom names the tenants and queues that have a due job waiting and room for it. It steps from tenant to
// tenant through the index, so that its cost is that of the tenants, not of the jobs.
const waitingWithRoom = `
WITH RECURSIVE waiting AS (
	(SELECT queue, args ->> 'tenant_id' AS tenant FROM river.river_job
	 WHERE state = 'pending' AND args ->> 'tenant_id' IS NOT NULL ORDER BY queue, args ->> 'tenant_id' LIMIT 1)
	UNION ALL
	SELECT n.queue, n.tenant FROM waiting w, LATERAL (
		SELECT j.queue, j.args ->> 'tenant_id' AS tenant FROM river.river_job j
		WHERE j.state = 'pending' AND (j.queue, j.args ->> 'tenant_id') > (w.queue, w.tenant)
		ORDER BY j.queue, j.args ->> 'tenant_id' LIMIT 1) n
)
SELECT w.queue, w.tenant FROM waiting w
WHERE EXISTS (SELECT FROM river.river_job j
              WHERE j.queue = w.queue AND j.args ->> 'tenant_id' = w.tenant AND j.state = 'pending'
                AND (j.attempt = 0 OR j.scheduled_at <= now()))
  AND (SELECT count(*) FROM river.river_job j
       WHERE j.queue = w.queue AND j.args ->> 'tenant_id' = w.tenant AND j.state IN ('available', 'running')) < $1`

type tenantQueue struct {
	Queue  string
	Tenant string
}

// promoteAll promotes wherever there is room: for retries that have come due, and for what a worker that died between
// its job's end and the promotion left behind.
func (c *Client) promoteAll(ctx context.Context, db *pgxpool.Pool) error {
	rows, err := db.Query(ctx, waitingWithRoom, c.cfg.TenantConcurrency)
	if err != nil {
		return pg.Translate(fmt.Errorf("jobs: find waiting jobs: %w", err))
	}
	waiting, err := pgx.CollectRows(rows, pgx.RowToStructByName[tenantQueue])
	if err != nil {
		return pg.Translate(fmt.Errorf("jobs: find waiting jobs: %w", err))
	}
	for _, w := range waiting {
		tenant, err := uuid.Parse(w.Tenant)
		if err != nil {
			return fmt.Errorf("jobs: a waiting job's tenant %q: %w", w.Tenant, err)
		}
		if err := c.promote(ctx, db, w.Queue, tenant); err != nil {
			return err
		}
	}
	return nil
}
