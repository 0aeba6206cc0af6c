package dump

import (
	"context"
	"io"

	"github.com/google/uuid"

	"wharf/internal/catalog"
	"wharf/internal/fieldcrypt"
	"wharf/internal/tenancy"
)

// SchemaVersion is the version of the dump document that is written; Supported are those that are read.
const SchemaVersion = 1

// Supported lists the versions that a document may have.
var Supported = []int{SchemaVersion}

// Spec says into which tenant a document is merged, and how.
type Spec struct {
	DB        *tenancy.DB // says how the transaction carries its tenant
	Tenant    uuid.UUID
	Catalog   *catalog.Snapshot
	Crypt     *fieldcrypt.Ring  // seals encrypted columns; nil: none can be written
	Prefix    string            // begins the names of the staging tables; no other run has it
	Verify    bool              // compare what stands in the tables afterwards with the document
	Undo      uuid.UUID         // what the restore does is kept under this id, so that Revert can take it back; zero: it is not
	WorkMemMB int               // memory of one sort or hash, in MiB; 0: 128
	Progress  func(at Progress) // told now and then; nil: nobody
	Files     Files             // nil: bytes of files are not taken in
}

// Limits bound what a document may ask of memory and disk.
type Limits struct {
	Row   int   // bytes of one row, nested rows left out; 0: 16 MiB
	Bytes int64 // of the document, or of a bundle's parts together, unpacked; 0: no limit
	Depth int   // of JSON; 0: 500
}

// Phases of a restore.
const (
	Reading = "reading" // the document goes into staging
	Merging = "merging"
)

// Progress says how far a restore has come.
type Progress struct {
	Phase string
	Table string
	Rows  int64 // of the document, read or written so far
	Bytes int64 // of the document, read so far
	Step  int   // of Steps, while merging
	Steps int
}

// Report is what became of a document, each count by table.
type Report struct {
	Created   map[string]int64    `json:"created"`
	Updated   map[string]int64    `json:"updated"`
	Unchanged map[string]int64    `json:"unchanged"`
	Skipped   map[string]int64    `json:"skipped"`
	Warnings  []string            `json:"warnings"`
	Verified  map[string]Verified `json:"verified,omitempty"`
}

// Verified compares a table's rows of the document, ids translated, with what stands in the table after the merge.
type Verified struct {
	Equal     int64 `json:"equal"`
	Missing   int64 `json:"missing"`
	Different int64 `json:"different"`
}

// Files takes the bytes of files that came with a document.
type Files interface {
	// Put stores body under a key of the tenant's that nobody can guess. The caller closes body.
	Put(ctx context.Context, contentType string, body io.Reader) (key, sha256 string, err error)
}
