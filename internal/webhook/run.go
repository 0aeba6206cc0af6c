package webhook

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"wharf/internal/fault"
)

// attempt is what one try needs to know.
type attempt struct {
	OwnerKind string
	OwnerID   uuid.UUID
	Event     string
	URL       string
	Payload   string
	Attempts  int // this one included
	secrets   []string
}

const beginAttempt = `UPDATE wharf.deliveries SET attempts = attempts + 1, last_attempt_at = now(), next_attempt_at = NULL
WHERE tenant_id = $1 AND id = $2 AND state = 'pending'
RETURNING owner_kind, owner_id, event, url, payload::text AS payload, attempts`

// Run makes one attempt at a delivery. Nothing is left to do if it has ended; complete is called then too. It returns an
// Unavailable that says when to try again, and one of the final codes where trying again would not help.
func (s *Service) Run(ctx context.Context, tenant, id uuid.UUID, complete func(context.Context, pgx.Tx) error) error {
	var a attempt
	ended := false
	err := s.inTenant(ctx, tenant, func(ctx context.Context, tx pgx.Tx) (err error) {
		if a, err = one[attempt](ctx, tx, ErrNotFound, beginAttempt, tenant, id); err == nil {
			a.secrets, err = s.secrets(ctx, tx, tenant, Owner{a.OwnerKind, a.OwnerID})
			return err
		}
		if !errors.Is(err, ErrNotFound) {
			return err
		}
		if _, err := one[deliveryRow](ctx, tx, ErrNotFound, selectDelivery, tenant, id); err != nil {
			return err
		}
		ended = true
		return complete(ctx, tx)
	})
	if err != nil || ended {
		return err
	}
	return s.record(ctx, tenant, id, a, s.post(ctx, id, a), complete)
}

const (
	recordDelivered = `UPDATE wharf.deliveries SET state = 'delivered', last_status = $3, last_error = NULL, response_excerpt = $4,
delivered_at = clock_timestamp() WHERE tenant_id = $1 AND id = $2 AND state = 'pending'`

	recordFailure = `UPDATE wharf.deliveries SET last_status = $3, last_error = $4, response_excerpt = $5,
next_attempt_at = clock_timestamp() + make_interval(secs => $6) WHERE tenant_id = $1 AND id = $2 AND state = 'pending'`
)

// record writes what came of the attempt; a success together with the job's end. If ctx has ended nothing is written: that
// the attempt broke off says nothing about the receiver.
func (s *Service) record(ctx context.Context, tenant, id uuid.UUID, a attempt, got answer, complete func(context.Context, pgx.Tx) error) error {
	failure := got.err
	if failure != nil && failure.Code == fault.Unavailable {
		failure.RetryAfter = max(s.wait(a.Attempts), got.retryAfter)
	}
	err := s.inTenant(ctx, tenant, func(ctx context.Context, tx pgx.Tx) error {
		if failure != nil {
			_, err := tx.Exec(ctx, recordFailure, tenant, id, got.status, failure.Message, got.excerpt, failure.RetryAfter.Seconds())
			return err //nolint:wrapcheck // below
		}
		if _, err := tx.Exec(ctx, recordDelivered, tenant, id, got.status, got.excerpt); err != nil {
			return err //nolint:wrapcheck // below
		}
		return complete(ctx, tx)
	})
	if err != nil {
		return fmt.Errorf("webhook: record attempt: %w", err)
	}
	if failure != nil {
		return failure
	}
	return nil
}

// wait gives the pause after the given attempt (1 is the first), spread by up to a tenth so that what failed together
// does not come back together.
func (s *Service) wait(attempt int) time.Duration {
	d := s.cfg.Waits[min(attempt, len(s.cfg.Waits))-1]
	return d + time.Duration(rand.Float64()*float64(d)/10) //nolint:gosec // no secret
}

const (
	endDelivery = `UPDATE wharf.deliveries SET state = $3, last_error = $4, next_attempt_at = NULL
WHERE tenant_id = $1 AND id = $2 AND state = 'pending'`

	reopenDelivery = `UPDATE wharf.deliveries SET state = 'pending', job_id = $3, attempts = 0, last_status = NULL,
last_error = NULL, response_excerpt = NULL, last_attempt_at = NULL, next_attempt_at = NULL, delivered_at = NULL
WHERE tenant_id = $1 AND id = $2 AND state <> 'pending'`
)

// End writes a final state, unless the delivery has one.
func (s *Service) End(ctx context.Context, tx pgx.Tx, tenant, id uuid.UUID, status, reason string) error {
	if _, err := tx.Exec(ctx, endDelivery, tenant, id, status, reason); err != nil {
		return fmt.Errorf("webhook: end delivery: %w", err)
	}
	return nil
}

// Reopen sets a failed or cancelled delivery back to pending, to be made by the job.
func (s *Service) Reopen(ctx context.Context, tx pgx.Tx, tenant, id uuid.UUID, job int64) error {
	tag, err := tx.Exec(ctx, reopenDelivery+` AND state <> 'delivered'`, tenant, id, job)
	if err != nil {
		return fmt.Errorf("webhook: reopen delivery: %w", err)
	}
	if tag.RowsAffected() == 0 {
		return fault.New(fault.Conflict, "only a failed or cancelled delivery can be retried")
	}
	return nil
}
