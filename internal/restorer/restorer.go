// Package restorer merges dumps into tenants: restores, which are jobs over a stored file or a finished export, and documents
// that come with a request.
//
// A run opens the object, a JSON document as a stream, a bundle by ranged reads, and gives it to dump.Restore in one
// transaction of the tenant, which stages and merges it. The report, what the webhook is told and the job's end are written
// in that very transaction: all of it is there, or nothing. A dry run rolls it back and writes its report in another.
//
// Invariants: a killed run leaves no row, and running again begins anew from the stored file; objects that a run stored for
// rows which were not committed are known by their prefix (wharf.restores.loose) until they are gone; the attempt is in
// the audit log before anything is read, and what came of it is there with it.
//
// A restore that has ended well can be taken back for a while, by a job of its own: what it did, the note of that and the job's
// end commit together.
package restorer

import (
	"encoding/json"
	"time"

	"github.com/google/uuid"

	"wharf/internal/dump"
	"wharf/internal/fault"
	"wharf/internal/progress"
)

// ErrNotFound is the answer to an id that is not the tenant's.
var ErrNotFound = fault.New(fault.NotFound, "restore not found")

// Statuses of a restore.
const (
	Pending    = "pending"
	Processing = "processing"
	Completed  = "completed"
	Failed     = "failed"
	Cancelled  = "cancelled"
)

// Final reports whether no run will change the status.
func Final(status string) bool { return status != Pending && status != Processing }

// Restore is one document or bundle merged into the tenant.
type Restore struct {
	ID            uuid.UUID         `json:"id"`
	Status        string            `json:"status"`
	DryRun        bool              `json:"dry_run"`
	Verify        bool              `json:"verify"`
	ExportID      *uuid.UUID        `json:"export_id"` // whose object it is; nil: a file that was sent
	File          File              `json:"file"`
	NumRows       int64             `json:"num_rows"` // of the document, once it has ended well
	Report        *dump.Report      `json:"report"`   // nil until then
	Progress      Progress          `json:"progress"`
	Error         *string           `json:"error"`
	WebhookURL    *string           `json:"webhook_url"`
	WebhookSecret string            `json:"webhook_secret,omitempty"` // in the answer that made it
	RequestedBy   string            `json:"requested_by"`
	Links         map[string]string `json:"links"`
	CreatedAt     time.Time         `json:"created_at"`
	StartedAt     *time.Time        `json:"started_at"`
	CompletedAt   *time.Time        `json:"completed_at"`

	RevertibleUntil *time.Time `json:"revertible_until"` // nil: it wrote nothing, or that time has passed
	RevertedAt      *time.Time `json:"reverted_at"`
	Revert          *Reverting `json:"revert"` // nil: nobody asked for it
}

// File is what is read.
type File struct {
	Name   string `json:"name"`
	Bytes  int64  `json:"bytes"`
	SHA256 string `json:"sha256,omitempty"` // hex; "": not known
}

// Progress is how far a run has come.
type Progress struct {
	Phase         string  `json:"phase"` // "", "reading", "merging"
	Table         string  `json:"table"`
	Rows          int64   `json:"rows"`
	BytesRead     int64   `json:"bytes_read"`
	BytesTotal    int64   `json:"bytes_total"`
	Percent       float64 `json:"percent"`
	RowsPerSecond float64 `json:"rows_per_second"`
	ETASeconds    *int64  `json:"eta_seconds"`
}

// row is a restore as wharf.restores holds it.
type row struct {
	ID          uuid.UUID
	TenantID    uuid.UUID
	Status      string
	Error       *string
	DryRun      bool
	Verify      bool
	ExportID    *uuid.UUID
	FileName    string
	FileKey     *string
	FileBytes   int64
	FileSHA256  string `db:"file_sha256"`
	SweptAt     *time.Time
	Phase       string
	AtTable     string
	RowsDone    int64
	BytesRead   int64
	Step        int
	Steps       int
	NumRows     int64
	Report      json.RawMessage
	WebhookURL  *string
	RequestedBy string
	JobID       *int64
	CreatedAt   time.Time
	StartedAt   *time.Time
	CompletedAt *time.Time
	Now         time.Time // of the database, for rates

	Stored          *string // prefix of the files that its rows name
	RevertibleUntil *time.Time
	RevertedAt      *time.Time
	RevertedBy      *string
	RevertStatus    *string
	Revert          json.RawMessage
}

// view gives the row as the API shows it.
func (r row) view() (Restore, error) {
	v := Restore{
		ID: r.ID, Status: r.Status, DryRun: r.DryRun, Verify: r.Verify, ExportID: r.ExportID,
		File: File{Name: r.FileName, Bytes: r.FileBytes, SHA256: r.FileSHA256}, NumRows: r.NumRows, Progress: r.progress(),
		Error: r.Error, WebhookURL: r.WebhookURL, RequestedBy: r.RequestedBy, Links: r.links(),
		CreatedAt: r.CreatedAt, StartedAt: r.StartedAt, CompletedAt: r.CompletedAt, RevertibleUntil: r.RevertibleUntil, RevertedAt: r.RevertedAt,
	}
	if r.RevertStatus != nil {
		revert := newReverting()
		v.Revert = &revert
	}
	for _, part := range []struct {
		doc json.RawMessage
		dst any
	}{{r.Report, &v.Report}, {r.Revert, &v.Revert}} {
		if part.doc == nil {
			continue
		}
		if err := json.Unmarshal(part.doc, part.dst); err != nil {
			return Restore{}, err //nolint:wrapcheck // our own document
		}
	}
	if v.Revert != nil {
		v.Revert.Status = *r.RevertStatus
	}
	return v, nil
}

func (r row) links() map[string]string {
	base := "/api/v1/restores/" + r.ID.String()
	links := map[string]string{"self": base, "events": base + "/events"}
	if r.ExportID != nil {
		links["export"] = "/api/v1/exports/" + r.ExportID.String()
	}
	return links
}

// mergingShare is the percentage at which merging begins.
const mergingShare = 40.0

func (r row) progress() Progress {
	p := Progress{Phase: r.Phase, Table: r.AtTable, Rows: r.RowsDone, BytesRead: r.BytesRead, BytesTotal: r.FileBytes}
	switch {
	case r.Status == Completed:
		p.Rows, p.BytesRead, p.Percent = r.NumRows, r.FileBytes, 100
	case r.Phase == dump.Reading && r.FileBytes > 0:
		p.Percent = mergingShare * min(1, float64(r.BytesRead)/float64(r.FileBytes))
	case r.Phase == dump.Merging:
		p.Percent = mergingShare
		if r.Steps > 0 {
			p.Percent += (99 - mergingShare) * min(1, float64(r.Step)/float64(r.Steps))
		}
	}
	p.RowsPerSecond, p.ETASeconds = progress.Pace(p.Rows, p.Percent, r.Status == Processing, r.StartedAt, r.CompletedAt, r.Now)
	return p
}
