package webhook

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"wharf/internal/fault"
	"wharf/internal/tenancy"
)

// States of a delivery.
const (
	Pending   = "pending"
	Delivered = "delivered"
	Failed    = "failed"
	Cancelled = "cancelled"
)

// MaxPayload is how many bytes a payload may have.
const MaxPayload = 1 << 20

// News is what a receiver is to be told. Payload is JSON, at most MaxPayload bytes, and is sent as it is.
type News struct {
	Tenant  uuid.UUID
	Owner   Owner
	Event   string // "import.completed"
	URL     string
	Payload json.RawMessage
}

// Delivery is an entry of the log.
type Delivery struct {
	ID              uuid.UUID       `json:"id"` // the webhook-id
	Event           string          `json:"event"`
	Owner           Owner           `json:"owner"`
	URL             string          `json:"url"` // without a password
	State           string          `json:"state"`
	Attempts        int             `json:"attempts"` // since it was last asked for
	LastStatus      *int            `json:"last_status"`
	LastError       *string         `json:"last_error"`
	ResponseExcerpt *string         `json:"response_excerpt"`
	CreatedAt       time.Time       `json:"created_at"`
	LastAttemptAt   *time.Time      `json:"last_attempt_at"`
	NextAttemptAt   *time.Time      `json:"next_attempt_at"` // null also while an attempt runs
	DeliveredAt     *time.Time      `json:"delivered_at"`
	Payload         json.RawMessage `json:"payload,omitempty"` // in Show alone
}

const insertDelivery = `INSERT INTO wharf.deliveries (id, tenant_id, owner_kind, owner_id, event, url, payload, job_id)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`

// Enqueue writes a delivery and its job; both happen if tx commits. tx carries the tenant, with the service's role in
// charge. An owner without a secret gets one, which only Rotate can then show. A URL that is not allowed fails the
// delivery, not the caller. TooLarge for a payload over MaxPayload.
func (s *Service) Enqueue(ctx context.Context, tx pgx.Tx, n News) error {
	if len(n.Payload) > MaxPayload {
		return fault.Newf(fault.TooLarge, "a webhook carries at most %d bytes", MaxPayload)
	}
	if !json.Valid(n.Payload) {
		return fmt.Errorf("webhook: the payload of %s is no JSON", n.Event)
	}
	if _, err := s.Secret(ctx, tx, n.Tenant, n.Owner); err != nil {
		return err
	}
	id := uuid.Must(uuid.NewV7())
	job, err := s.cfg.Queue.Enqueue(ctx, tx, Kind, n.Tenant, id)
	if err != nil {
		return fmt.Errorf("webhook: enqueue: %w", err)
	}
	_, err = tx.Exec(ctx, insertDelivery, id, n.Tenant, n.Owner.Kind, n.Owner.ID, n.Event, n.URL, string(n.Payload), job)
	if err != nil {
		return fmt.Errorf("webhook: write delivery: %w", err)
	}
	return nil
}

const deliveryColumns = `id, event, owner_kind, owner_id, url, state, attempts, last_status, last_error, response_excerpt,
created_at, last_attempt_at, next_attempt_at, delivered_at`

type deliveryRow struct {
	ID              uuid.UUID
	Event           string
	OwnerKind       string
	OwnerID         uuid.UUID
	URL             string
	State           string
	Attempts        int
	LastStatus      *int
	LastError       *string
	ResponseExcerpt *string
	CreatedAt       time.Time
	LastAttemptAt   *time.Time
	NextAttemptAt   *time.Time
	DeliveredAt     *time.Time
	Payload         *string
}

func (r deliveryRow) view() Delivery {
	d := Delivery{
		ID: r.ID, Event: r.Event, Owner: Owner{Kind: r.OwnerKind, ID: r.OwnerID}, URL: redact(r.URL), State: r.State,
		Attempts: r.Attempts, LastStatus: r.LastStatus, LastError: r.LastError, ResponseExcerpt: r.ResponseExcerpt,
		CreatedAt: r.CreatedAt, LastAttemptAt: r.LastAttemptAt, NextAttemptAt: r.NextAttemptAt, DeliveredAt: r.DeliveredAt,
	}
	if r.Payload != nil {
		d.Payload = json.RawMessage(*r.Payload)
	}
	return d
}

// redact hides the password of a URL.
func redact(raw string) string {
	u, err := url.Parse(raw)
	if err != nil {
		return ""
	}
	return u.Redacted()
}

// Filter narrows a listing. Zero values mean any.
type Filter struct {
	Owner *Owner
	Event string
	State string
	After *uuid.UUID // keyset: the last delivery of the page before
	Limit int        // required
}

const listDeliveries = `SELECT ` + deliveryColumns + `, NULL AS payload FROM wharf.deliveries
WHERE tenant_id = $1 AND ($2 = '' OR (owner_kind = $2 AND owner_id = $3)) AND ($4 = '' OR event = $4) AND ($5 = '' OR state = $5)
AND ($6::uuid IS NULL OR id < $6) ORDER BY id DESC LIMIT $7`

// List gives deliveries without their payloads, newest first.
func (s *Service) List(ctx context.Context, p tenancy.Principal, f Filter) ([]Delivery, error) {
	var owner Owner
	if f.Owner != nil {
		owner = *f.Owner
	}
	var found []deliveryRow
	err := tenancy.Tx(ctx, s.cfg.DB, p, func(ctx context.Context, tx pgx.Tx) error {
		rows, err := tx.Query(ctx, listDeliveries, p.Tenant, owner.Kind, owner.ID, f.Event, f.State, f.After, f.Limit)
		if err != nil {
			return fmt.Errorf("webhook: list: %w", err)
		}
		found, err = pgx.CollectRows(rows, pgx.RowToStructByName[deliveryRow])
		if err != nil {
			return fmt.Errorf("webhook: list: %w", err)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	out := make([]Delivery, 0, len(found))
	for _, r := range found {
		out = append(out, r.view())
	}
	return out, nil
}

const selectDelivery = `SELECT ` + deliveryColumns + `, payload::text AS payload FROM wharf.deliveries WHERE tenant_id = $1 AND id = $2`

// Show gives a delivery with its payload; ErrNotFound if the tenant has none of that id.
func (s *Service) Show(ctx context.Context, p tenancy.Principal, id uuid.UUID) (Delivery, error) {
	var r deliveryRow
	err := tenancy.Tx(ctx, s.cfg.DB, p, func(ctx context.Context, tx pgx.Tx) (err error) {
		r, err = one[deliveryRow](ctx, tx, ErrNotFound, selectDelivery, p.Tenant, id)
		return err
	})
	if err != nil {
		return Delivery{}, err
	}
	return r.view(), nil
}

// Redeliver sends a delivery that has ended once more, by a new job with as many attempts as a new delivery has. The
// receiver sees the same webhook-id. Conflict if it has not ended.
func (s *Service) Redeliver(ctx context.Context, p tenancy.Principal, id uuid.UUID) (Delivery, error) {
	var r deliveryRow
	err := tenancy.Tx(ctx, s.cfg.DB, p, func(ctx context.Context, tx pgx.Tx) error {
		var err error
		if r, err = one[deliveryRow](ctx, tx, ErrNotFound, selectDelivery+` FOR UPDATE`, p.Tenant, id); err != nil {
			return err
		}
		if r.State == Pending {
			return fault.New(fault.Conflict, "the delivery is on its way")
		}
		job, err := s.cfg.Queue.Enqueue(ctx, tx, Kind, p.Tenant, id)
		if err != nil {
			return fmt.Errorf("webhook: enqueue: %w", err)
		}
		r, err = one[deliveryRow](ctx, tx, ErrNotFound, reopenDelivery+` RETURNING `+deliveryColumns+`, NULL AS payload`, p.Tenant, id, job)
		return err
	})
	if err != nil {
		return Delivery{}, err
	}
	return r.view(), nil
}
