package importer

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"wharf/internal/fault"
	"wharf/internal/tabular"
	"wharf/internal/tenancy"
)

// Webhooks tells the webhooks of importers, in the transaction of what they are told. tx carries the tenant.
type Webhooks interface {
	// CheckURL gives a fault that says why nothing will be sent there, nil if it will.
	CheckURL(url string) error
	// Send has a job deliver an event.
	Send(ctx context.Context, tx pgx.Tx, e Event) error
	// Secret makes the importer's signing secret, to be shown this once; "" if it has one.
	Secret(ctx context.Context, tx pgx.Tx, tenant, importer uuid.UUID) (string, error)
	// Rotate makes another.
	Rotate(ctx context.Context, tx pgx.Tx, tenant, importer uuid.UUID) (string, error)
	// Drop forgets the secret.
	Drop(ctx context.Context, tx pgx.Tx, tenant, importer uuid.UUID) error
}

// Event is one message to an importer's webhook.
type Event struct {
	Tenant   uuid.UUID
	Importer uuid.UUID
	URL      string
	Name     string // "import.started", "import.completed", "import.failed"
	Payload  []byte
}

// message is what a webhook is told.
type message struct {
	Event      string            `json:"event"`
	ImporterID uuid.UUID         `json:"importer_id"`
	ImportID   uuid.UUID         `json:"import_id"`
	Timestamp  time.Time         `json:"timestamp"`
	Status     string            `json:"status"`
	NumRows    *int64            `json:"num_rows,omitempty"`
	NumErrors  *int64            `json:"num_errors,omitempty"`
	NumCreated *int64            `json:"num_created,omitempty"`
	NumUpdated *int64            `json:"num_updated,omitempty"`
	Data       []json.RawMessage `json:"data,omitempty"`
	Error      string            `json:"error,omitempty"`
}

// webhookBytes bounds the rows in one message, which may hold a mebibyte in all.
const webhookBytes = 1<<20 - 8<<10

// listens reports whether the import's importer has a webhook that wants to know. A dry run is nobody's news.
func listens(r row, def Definition) bool {
	return (def.WebhookEnabled || def.Destination.Kind == ToWebhook) && def.WebhookURL != nil && r.ImporterID != nil && r.Mode != ModeDryRun
}

func (s *Service) send(ctx context.Context, tx pgx.Tx, r row, def Definition, m message) error {
	if !listens(r, def) {
		return nil
	}
	// The clock, not when the transaction began: a receiver tells by it which message is newer.
	if err := tx.QueryRow(ctx, `SELECT clock_timestamp()`).Scan(&m.Timestamp); err != nil {
		return fmt.Errorf("importer: read clock: %w", err)
	}
	m.ImporterID, m.ImportID, m.Timestamp = *r.ImporterID, r.ID, m.Timestamp.UTC()
	payload, err := json.Marshal(m)
	if err != nil {
		return fmt.Errorf("importer: encode event: %w", err)
	}
	err = s.cfg.Webhooks.Send(ctx, tx, Event{Tenant: r.TenantID, Importer: *r.ImporterID, URL: *def.WebhookURL, Name: m.Event, Payload: payload})
	if err != nil {
		return fmt.Errorf("importer: tell webhook: %w", err)
	}
	return nil
}

// tell sends what came of the import.
func (r *run) tell(ctx context.Context, tx pgx.Tx, out outcome, data []json.RawMessage) error {
	if out.status != Completed {
		return r.s.send(ctx, tx, r.row, r.def, message{Event: "import.failed", Status: out.status, Error: *out.err})
	}
	c := out.counts
	return r.s.send(ctx, tx, r.row, r.def, message{
		Event: "import.completed", Status: out.status,
		NumRows: &r.staged, NumErrors: &c.Errors, NumCreated: &c.Created, NumUpdated: &c.Updated, Data: data,
	})
}

// webhookData gives the rows that the completed event carries: the first of them, as many as the importer says, or all
// that fit.
func (r *run) webhookData(ctx context.Context, tx pgx.Tx) ([]json.RawMessage, error) {
	if !listens(r.row, r.def) || !r.def.IncludeDataInWebhook {
		return nil, nil
	}
	var rows []json.RawMessage
	size := 0
	err := r.eachPresent(ctx, tx, func(p presented) (bool, error) {
		if n := r.def.WebhookDataSampleSize; n != nil && len(rows) >= *n {
			return false, nil
		}
		if p.errors != nil && (r.def.FilterInvalid || r.plan.HasTable()) {
			return true, nil
		}
		doc := r.object(p)
		if size += len(doc); size > webhookBytes {
			return false, nil
		}
		rows = append(rows, doc)
		return true, nil
	})
	return rows, err
}

// object gives a row as a JSON object, without what is encrypted.
func (r *run) object(p presented) json.RawMessage {
	doc := []byte{'{'}
	for i, f := range r.shape.fields {
		if r.shape.sealed[f.Name] {
			continue
		}
		if len(doc) > 1 {
			doc = append(doc, ',')
		}
		doc = append(appendJSON(doc, f.Name), ':')
		cell := p.cells[i]
		switch {
		case len(cell) == 0:
			doc = append(doc, "null"...)
		case (p.kinds[i] == tabular.Number || p.kinds[i] == tabular.Boolean) && json.Valid(cell):
			doc = append(doc, cell...)
		default:
			doc = appendJSON(doc, string(cell))
		}
	}
	if len(p.errors) > 0 {
		doc = append(appendJSON(append(doc, ','), reportErrors), ':')
		doc = appendJSON(doc, string(messages(p.errors)))
	}
	return append(doc, '}')
}

// RotateWebhookSecret gives the importer's webhook a new signing secret, to be shown this once.
func (s *Service) RotateWebhookSecret(ctx context.Context, p tenancy.Principal, id uuid.UUID) (secret string, err error) {
	err = tenancy.Tx(ctx, s.cfg.DB, p, func(ctx context.Context, tx pgx.Tx) error {
		i, err := findImporter(ctx, tx, importerFilter{tenant: p.Tenant, id: &id})
		if err != nil {
			return err
		}
		if i.WebhookURL == nil {
			return fault.New(fault.Conflict, "the importer has no webhook: give it a webhook_url")
		}
		secret, err = s.cfg.Webhooks.Rotate(ctx, tx, p.Tenant, id)
		return err //nolint:wrapcheck // translated by tenancy.Tx
	})
	return secret, err
}
