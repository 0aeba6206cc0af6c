package restorer

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"wharf/internal/dump"
)

// Webhooks tells the webhooks of restores, in the transaction of what they are told. tx carries the tenant.
type Webhooks interface {
	// CheckURL gives a fault that says why nothing will be sent there, nil if it will.
	CheckURL(url string) error
	// Send has a job deliver an event.
	Send(ctx context.Context, tx pgx.Tx, e Event) error
	// Secret makes the restore's signing secret, to be shown this once.
	Secret(ctx context.Context, tx pgx.Tx, tenant, restore uuid.UUID) (string, error)
	// Drop forgets the secret.
	Drop(ctx context.Context, tx pgx.Tx, tenant, restore uuid.UUID) error
}

// Event is one message to a restore's webhook.
type Event struct {
	Tenant  uuid.UUID
	Restore uuid.UUID
	URL     string
	Name    string // "restore.started", "restore.completed", "restore.failed"
	Payload []byte
}

// message is what a webhook is told.
type message struct {
	Event     string       `json:"event"`
	RestoreID uuid.UUID    `json:"restore_id"`
	ExportID  *uuid.UUID   `json:"export_id"`
	Timestamp time.Time    `json:"timestamp"`
	Status    string       `json:"status"`
	DryRun    bool         `json:"dry_run"`
	NumRows   int64        `json:"num_rows"`
	Report    *dump.Report `json:"report,omitempty"`
	Error     *string      `json:"error"`
}

// toldWarnings is how many warnings of a report a message carries, which holds a mebibyte at most. The API shows them all.
const toldWarnings = 20

// tell sends news of the restore, if there is a webhook that wants them.
func (s *Service) tell(ctx context.Context, tx pgx.Tx, r row, event string) error {
	if r.WebhookURL == nil {
		return nil
	}
	v, err := r.view()
	if err != nil {
		return err
	}
	if v.Report != nil && len(v.Report.Warnings) > toldWarnings {
		v.Report.Warnings = append(v.Report.Warnings[:toldWarnings], fmt.Sprintf("and %d more warnings", len(v.Report.Warnings)-toldWarnings))
	}
	payload, err := json.Marshal(message{
		// The clock, not when the transaction began: a receiver tells by it which message is newer.
		Event: event, RestoreID: r.ID, ExportID: r.ExportID, Timestamp: r.Now.UTC(), Status: r.Status, DryRun: r.DryRun,
		NumRows: r.NumRows, Report: v.Report, Error: r.Error,
	})
	if err != nil {
		return fmt.Errorf("restorer: encode event: %w", err)
	}
	err = s.cfg.Webhooks.Send(ctx, tx, Event{Tenant: r.TenantID, Restore: r.ID, URL: *r.WebhookURL, Name: event, Payload: payload})
	if err != nil {
		return fmt.Errorf("restorer: tell webhook: %w", err)
	}
	return nil
}
