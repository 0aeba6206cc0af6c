package exporter

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// Hook is whose webhook it is: a schedule's, or that of one export.
type Hook struct{ Schedule, Export uuid.UUID }

// Webhooks tells the webhooks of schedules and exports, in the transaction of what they are told. tx carries the tenant.
type Webhooks interface {
	// CheckURL gives a fault that says why nothing will be sent there, nil if it will.
	CheckURL(url string) error
	// Send has a job deliver an event.
	Send(ctx context.Context, tx pgx.Tx, e Event) error
	// Secret makes the webhook's signing secret, to be shown this once; "" if it has one.
	Secret(ctx context.Context, tx pgx.Tx, tenant uuid.UUID, of Hook) (string, error)
	// Drop forgets the secret.
	Drop(ctx context.Context, tx pgx.Tx, tenant uuid.UUID, of Hook) error
}

// Event is one message to a webhook.
type Event struct {
	Tenant  uuid.UUID
	Of      Hook
	URL     string
	Name    string // "export.completed", "export.failed"
	Payload []byte
}

// message is what a webhook is told.
type message struct {
	Event      string     `json:"event"`
	ScheduleID *uuid.UUID `json:"schedule_id"`
	ExportID   uuid.UUID  `json:"export_id"`
	Timestamp  time.Time  `json:"timestamp"`
	Status     string     `json:"status"`
	NumRows    int64      `json:"num_rows"`
	Bytes      int64      `json:"bytes"`
	SHA256     *string    `json:"sha256" db:"sha256"`
	Error      *string    `json:"error"`
	URL        string     `json:"-"`
}

// of gives whose webhook is told.
func (m message) of() Hook {
	if m.ScheduleID != nil {
		return Hook{Schedule: *m.ScheduleID}
	}
	return Hook{Export: m.ExportID}
}

// An export has a schedule or a webhook of its own.
const selectMessage = `SELECT '' AS event, s.id AS schedule_id, e.id AS export_id, clock_timestamp() AS timestamp, e.status, e.num_rows,
e.bytes, e.sha256, e.error, coalesce(s.webhook_url, e.webhook_url) AS url
FROM wharf.exports e LEFT JOIN wharf.export_schedules s ON s.id = e.schedule_id AND s.tenant_id = e.tenant_id
WHERE e.tenant_id = $1 AND e.id = $2 AND coalesce(s.webhook_url, e.webhook_url) IS NOT NULL`

// tell sends what came of an export to its webhook or its schedule's, if there is one.
func (s *Service) tell(ctx context.Context, tx pgx.Tx, tenant, id uuid.UUID) error {
	rows, err := tx.Query(ctx, selectMessage, tenant, id)
	if err != nil {
		return fmt.Errorf("exporter: read event: %w", err)
	}
	m, err := pgx.CollectExactlyOneRow(rows, pgx.RowToStructByName[message])
	if errors.Is(err, pgx.ErrNoRows) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("exporter: read event: %w", err)
	}
	m.Event, m.Timestamp = "export.failed", m.Timestamp.UTC()
	if m.Status == Completed {
		m.Event = "export.completed"
	}
	payload, err := json.Marshal(m)
	if err != nil {
		return fmt.Errorf("exporter: encode event: %w", err)
	}
	err = s.cfg.Webhooks.Send(ctx, tx, Event{Tenant: tenant, Of: m.of(), URL: m.URL, Name: m.Event, Payload: payload})
	if err != nil {
		return fmt.Errorf("exporter: tell webhook: %w", err)
	}
	return nil
}
