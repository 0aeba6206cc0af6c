// Package exporter takes a tenant's rows out: exports, and the run from one snapshot of the database to one object.
//
// A run opens one REPEATABLE READ READ ONLY transaction, plans against the catalog as that sees it, and streams the tables
// in foreign-key order: readers that share the snapshot take rows by the binary protocol and encode them in Go; in the order
// of the plan they pass the format's writer and leave through a multipart upload. What is held in memory does not grow with
// the rows, and nothing is on disk. Counts, size, checksum and the job's end commit together when the object is whole.
//
// Invariants: every row of an export is of one moment; a table of the plan is in the export or the export fails; what is
// tagged @redact is not even read.
package exporter

import (
	"encoding/json"
	"time"

	"github.com/google/uuid"

	"wharf/internal/fault"
	"wharf/internal/progress"
)

// ErrNotFound is the answer to an id that is not the tenant's.
var ErrNotFound = fault.New(fault.NotFound, "export not found")

// Statuses of an export.
const (
	Pending    = "pending"
	Processing = "processing"
	Completed  = "completed"
	Failed     = "failed"
	Cancelled  = "cancelled"
	Expired    = "expired"
)

// Final reports whether no run will change the status.
func Final(status string) bool { return status != Pending && status != Processing }

// Export is one archive of a tenant's rows.
type Export struct {
	ID          uuid.UUID         `json:"id"`
	Status      string            `json:"status"`
	Scope       string            `json:"scope"`
	Format      string            `json:"format"`
	Tables      map[string]int64  `json:"tables"`
	NumRows     int64             `json:"num_rows"`
	Bytes       int64             `json:"bytes"`
	SHA256      *string           `json:"sha256"`
	Progress    Progress          `json:"progress"`
	Warnings    []string          `json:"warnings"`
	RequestedBy string            `json:"requested_by"`
	ScheduleID  *uuid.UUID        `json:"schedule_id"` // that started it, and that may be gone
	Error       *string           `json:"error"`
	ExpiresAt   *time.Time        `json:"expires_at"`
	CreatedAt   time.Time         `json:"created_at"`
	StartedAt   *time.Time        `json:"started_at"`
	CompletedAt *time.Time        `json:"completed_at"`
	Links       map[string]string `json:"links"`

	WebhookURL    *string `json:"webhook_url"`              // its own, not its schedule's
	WebhookSecret string  `json:"webhook_secret,omitempty"` // in the answer that made it, and never again
}

// Progress is how far a run has come. The total is the planner's estimate.
type Progress struct {
	Phase         string  `json:"phase"`
	Rows          int64   `json:"rows"`
	Percent       float64 `json:"percent"`
	RowsPerSecond float64 `json:"rows_per_second"`
	ETASeconds    *int64  `json:"eta_seconds"`
}

// row is an export as wharf.exports holds it.
type row struct {
	ID          uuid.UUID
	TenantID    uuid.UUID
	Request     json.RawMessage
	Status      string
	Error       *string
	ObjectKey   *string
	FileName    *string
	Bytes       int64
	SHA256      *string `db:"sha256"`
	Phase       string
	RowsDone    int64
	RowsTotal   int64
	NumRows     int64
	Tables      json.RawMessage
	Warnings    json.RawMessage
	RequestedBy string
	JobID       *int64
	ExpiresAt   *time.Time
	CreatedAt   time.Time
	StartedAt   *time.Time
	CompletedAt *time.Time
	ScheduleID  *uuid.UUID
	// DestinationID is the tenant's own bucket that the object is, or goes, in; nil: Wharf's.
	DestinationID *uuid.UUID
	WebhookURL    *string
	Now           time.Time // of the database, for rates
}

// lapse has an export whose time has passed look as it will when it was swept: nobody is given it in the meantime.
func (r *row) lapse() {
	if r.Status == Completed && r.ExpiresAt != nil && !r.ExpiresAt.After(r.Now) {
		r.Status = Expired
	}
}

// view gives the row as the API shows it.
func (r row) view() (Export, error) {
	e := Export{
		ID: r.ID, Status: r.Status, NumRows: r.NumRows, Bytes: r.Bytes, SHA256: r.SHA256, Progress: r.progress(),
		RequestedBy: r.RequestedBy, ScheduleID: r.ScheduleID, Error: r.Error, ExpiresAt: r.ExpiresAt, CreatedAt: r.CreatedAt,
		StartedAt: r.StartedAt, CompletedAt: r.CompletedAt, Links: r.links(), WebhookURL: r.WebhookURL,
	}
	var req Request
	for _, part := range []struct {
		doc json.RawMessage
		dst any
	}{{r.Request, &req}, {r.Tables, &e.Tables}, {r.Warnings, &e.Warnings}} {
		if err := json.Unmarshal(part.doc, part.dst); err != nil {
			return Export{}, err //nolint:wrapcheck // our own document
		}
	}
	e.Scope, e.Format, e.Warnings = req.Scope, req.Format, some(e.Warnings)
	return e, nil
}

func (r row) links() map[string]string {
	base := "/api/v1/exports/" + r.ID.String()
	links := map[string]string{"self": base}
	if r.Status == Completed {
		links["download"] = base + "/download"
	}
	return links
}

func (r row) progress() Progress {
	p := Progress{Phase: r.Phase, Rows: r.RowsDone}
	switch {
	case r.Status == Completed || r.Status == Expired:
		p.Percent = 100
	case r.Status == Processing && r.RowsTotal > 0:
		p.Percent = min(99, 100*float64(r.RowsDone)/float64(r.RowsTotal))
	}
	p.RowsPerSecond, p.ETASeconds = progress.Pace(p.Rows, p.Percent, r.Status == Processing, r.StartedAt, r.CompletedAt, r.Now)
	return p
}
