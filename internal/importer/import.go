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

// Modes of an import.
const (
	ModeCommit = "commit"
	ModeDryRun = "dry_run" // everything, then taken back
	ModeReview = "review"  // waits for a person between staging and merge
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
	Mode            string             `json:"mode"`
	DuplicateOf     *uuid.UUID         `json:"duplicate_of"` // an earlier import of the same file to the same end
	RevertedAt      *time.Time         `json:"reverted_at"`
	RevertibleUntil *time.Time         `json:"revertible_until"`
	Revert          *Reverting         `json:"revert"` // nil: nobody asked for it
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

// Accepted is the answer to an upload.
type Accepted struct {
	ID          uuid.UUID  `json:"id"`
	ImporterID  *uuid.UUID `json:"importer_id"`
	Status      string     `json:"status"`
	DuplicateOf *uuid.UUID `json:"duplicate_of"`
	CreatedAt   time.Time  `json:"created_at"`
}

// row is an import as wharf.imports holds it.
type row struct {
	ID              uuid.UUID
	TenantID        uuid.UUID
	ImporterID      *uuid.UUID
	Definition      json.RawMessage
	Mapping         json.RawMessage
	Mapped          json.RawMessage
	Header          json.RawMessage
	Mode            string
	ReadOptions     json.RawMessage
	Status          string
	Error           *string
	FileName        string
	FileKey         string
	FileBytes       int64
	FileSHA256      string `db:"file_sha256"`
	FileInfo        json.RawMessage
	FileDeletedAt   *time.Time
	DuplicateOf     *uuid.UUID
	NumRows         int64
	NumErrors       int64
	NumCreated      int64
	NumUpdated      int64
	NumUnchanged    int64
	NumSkipped      int64
	Errors          json.RawMessage
	ResultKey       *string
	ErrorsKey       *string
	StagedRows      *int64
	StagingTable    *string
	ConfirmedAt     *time.Time
	RevertibleUntil *time.Time
	RevertedAt      *time.Time
	RevertStatus    *string
	Revert          json.RawMessage
	Position        json.RawMessage
	RequestedBy     string
	JobID           *int64
	CreatedAt       time.Time
	StartedAt       *time.Time
	CompletedAt     *time.Time
	Now             time.Time // of the database, for rates
}

// view gives the row as the API shows it.
func (r row) view() (Import, error) {
	i := Import{
		ID: r.ID, ImporterID: r.ImporterID, Status: r.Status, NumRows: r.NumRows, NumErrors: r.NumErrors,
		NumCreated: r.NumCreated, NumUpdated: r.NumUpdated, NumUnchanged: r.NumUnchanged, NumSkipped: r.NumSkipped,
		File: File{Name: r.FileName, Bytes: r.FileBytes, SHA256: r.FileSHA256},
		Mode: r.Mode, DuplicateOf: r.DuplicateOf, RevertedAt: r.RevertedAt, RevertibleUntil: r.RevertibleUntil,
		Error: r.Error, Links: r.links(),
		CreatedAt: r.CreatedAt, StartedAt: r.StartedAt, CompletedAt: r.CompletedAt,
	}
	var at position
	if r.RevertStatus != nil {
		i.Revert = &Reverting{Left: []Left{}, InTheWay: []Reference{}}
	}
	for _, part := range []struct {
		doc json.RawMessage
		dst any
	}{{r.Errors, &i.Errors}, {r.FileInfo, &i.File.Found}, {r.Mapped, &i.Mapping}, {r.Revert, &i.Revert}, {r.Position, &at}} {
		if part.doc == nil {
			continue
		}
		if err := json.Unmarshal(part.doc, part.dst); err != nil {
			return Import{}, err //nolint:wrapcheck // our own document
		}
	}
	if i.Revert != nil {
		i.Revert.Status = *r.RevertStatus
	}
	i.Progress = r.progress(at)
	for header, field := range i.Mapping {
		if field != nil && *field == "" {
			i.Mapping[header] = nil
		}
	}
	return i, nil
}

func (r row) links() map[string]string {
	base := "/api/v1/imports/" + r.ID.String()
	links := map[string]string{"self": base, "events": base + "/events"}
	if r.ResultKey != nil {
		links["result"] = base + "/result"
	}
	if r.ErrorsKey != nil {
		links["errors"] = base + "/errors"
	}
	if r.Status == Review {
		links["rows"] = base + "/rows"
	}
	return links
}
