package importer

import (
	"encoding/json"
	"time"

	"github.com/google/uuid"

	"wharf/internal/rowprogram"
	"wharf/internal/tabular"
)

// Statuses of an import.
const (
	Pending    = "pending"
	Processing = "processing"
	Review     = "review"
	Completed  = "completed"
	Failed     = "failed"
	Cancelled  = "cancelled"
)

// Final reports whether no run will change the status.
func Final(status string) bool { return status == Completed || status == Failed || status == Cancelled }

// Import is one file going through an importer or straight into a table.
type Import struct {
	ID              uuid.UUID          `json:"id"`
	ImporterID      *uuid.UUID         `json:"importer_id"`
	Status          string             `json:"status"`
	NumRows         int64              `json:"num_rows"`
	NumErrors       int64              `json:"num_errors"`
	Errors          []RowError         `json:"errors"`
	NumCreated      int64              `json:"num_created"`
	NumUpdated      int64              `json:"num_updated"`
	NumUnchanged    int64              `json:"num_unchanged"`
	NumSkipped      int64              `json:"num_skipped"`
	RevertedAt      *time.Time         `json:"reverted_at"`
	RevertibleUntil *time.Time         `json:"revertible_until"`
	File            File               `json:"file"`
	Mapping         map[string]*string `json:"mapping"` // header → field; nil: not taken
	Progress        Progress           `json:"progress"`
	Error           *string            `json:"error"`
	Links           map[string]string  `json:"links"`
	CreatedAt       time.Time          `json:"created_at"`
	StartedAt       *time.Time         `json:"started_at"`
	CompletedAt     *time.Time         `json:"completed_at"`
}

// RowError is one failing rule of one cell, or of a row.
type RowError struct {
	Row     int64  `json:"row"` // as a person counts: the header is row 1
	Field   string `json:"field"`
	Message string `json:"message"`
	Value   string `json:"value"`
}

// File is the uploaded file and what was found out about it.
type File struct {
	Name   string `json:"name"`
	Bytes  int64  `json:"bytes"`
	SHA256 string `json:"sha256"`
	Found
}

// Found is what was found out about a file, and what was decided for columns that could be read in two ways.
type Found struct {
	tabular.Info
	Decisions []rowprogram.Decision `json:"decisions,omitempty"`
}

// Progress is how far a run has come.
type Progress struct {
	Phase         string  `json:"phase"` // "", "reading", "merging", "writing"
	Rows          int64   `json:"rows"`
	BytesRead     int64   `json:"bytes_read"`
	BytesTotal    int64   `json:"bytes_total"`
	Percent       float64 `json:"percent"`
	RowsPerSecond float64 `json:"rows_per_second"`
	ETASeconds    *int64  `json:"eta_seconds"`
}

// Accepted is the answer to an upload.
type Accepted struct {
	ID         uuid.UUID  `json:"id"`
	ImporterID *uuid.UUID `json:"importer_id"`
	Status     string     `json:"status"`
	CreatedAt  time.Time  `json:"created_at"`
}

// Phases of a run, with the share of the whole at which each begins, in percent: measured on a million rows into a
// table with two indexes, where reading takes a fifth of the time.
const (
	phaseReading = "reading"
	phaseMerging = "merging"
	phaseWriting = "writing"

	readingShare = 25.0
	mergingShare = 90.0
)

// row is an import as wharf.imports holds it.
type row struct {
	ID           uuid.UUID
	TenantID     uuid.UUID
	ImporterID   *uuid.UUID
	Definition   json.RawMessage
	Mapping      json.RawMessage
	Mapped       json.RawMessage
	Mode         string
	ReadOptions  json.RawMessage
	Status       string
	Error        *string
	FileName     string
	FileKey      string
	FileBytes    int64
	FileSHA256   string `db:"file_sha256"`
	FileInfo     json.RawMessage
	Phase        string
	BytesRead    int64
	RowsRead     int64
	NumRows      int64
	NumErrors    int64
	NumCreated   int64
	NumUpdated   int64
	NumUnchanged int64
	NumSkipped   int64
	Errors       json.RawMessage
	ResultKey    *string
	ErrorsKey    *string
	StagedRows   *int64
	StagingTable *string
	RequestedBy  string
	JobID        *int64
	CreatedAt    time.Time
	StartedAt    *time.Time
	CompletedAt  *time.Time
	Now          time.Time // of the database, for rates
}

// view gives the row as the API shows it.
func (r row) view() (Import, error) {
	i := Import{
		ID: r.ID, ImporterID: r.ImporterID, Status: r.Status, NumRows: r.NumRows, NumErrors: r.NumErrors,
		NumCreated: r.NumCreated, NumUpdated: r.NumUpdated, NumUnchanged: r.NumUnchanged, NumSkipped: r.NumSkipped,
		File:     File{Name: r.FileName, Bytes: r.FileBytes, SHA256: r.FileSHA256},
		Progress: r.progress(), Error: r.Error, Links: r.links(),
		CreatedAt: r.CreatedAt, StartedAt: r.StartedAt, CompletedAt: r.CompletedAt,
	}
	for _, part := range []struct {
		doc json.RawMessage
		dst any
	}{{r.Errors, &i.Errors}, {r.FileInfo, &i.File.Found}, {r.Mapped, &i.Mapping}} {
		if part.doc == nil {
			continue
		}
		if err := json.Unmarshal(part.doc, part.dst); err != nil {
			return Import{}, err //nolint:wrapcheck // our own document
		}
	}
	for header, field := range i.Mapping {
		if field != nil && *field == "" {
			i.Mapping[header] = nil
		}
	}
	return i, nil
}

func (r row) links() map[string]string {
	base := "/api/v1/imports/" + r.ID.String()
	links := map[string]string{"self": base}
	if r.ResultKey != nil {
		links["result"] = base + "/result"
	}
	return links
}

func (r row) progress() Progress {
	p := Progress{Phase: r.Phase, Rows: r.RowsRead, BytesRead: r.BytesRead, BytesTotal: r.FileBytes}
	switch {
	case Final(r.Status):
		p.Phase = ""
		if r.Status == Completed {
			p.Percent = 100
		}
	case r.Phase == phaseReading && r.FileBytes > 0:
		p.Percent = readingShare * float64(r.BytesRead) / float64(r.FileBytes)
	case r.Phase == phaseMerging:
		p.Percent = readingShare
	case r.Phase == phaseWriting:
		p.Percent = mergingShare
	}
	if r.StartedAt == nil {
		return p
	}
	end := r.Now
	if r.CompletedAt != nil {
		end = *r.CompletedAt
	}
	elapsed := end.Sub(*r.StartedAt).Seconds()
	if elapsed > 0 {
		p.RowsPerSecond = float64(r.RowsRead) / elapsed
	}
	if r.Status == Processing && p.Percent > 1 {
		eta := int64(elapsed * (100 - p.Percent) / p.Percent)
		p.ETASeconds = &eta
	}
	return p
}
