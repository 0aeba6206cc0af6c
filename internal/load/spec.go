package load

import (
	"github.com/google/uuid"

	"wharf/internal/catalog"
	"wharf/internal/fieldcrypt"
	"wharf/internal/tenancy"
)

// Write says which rows may come of a merge.
type Write string

// The ways to write.
const (
	Upsert Write = "upsert" // update those that are there, create the rest
	Insert Write = "insert" // create only: a row that is there is an error
	Update Write = "update" // update only: a row that is not there is an error
)

// Spec says what is loaded into which table, and how rows meet those that are there.
type Spec struct {
	DB        *tenancy.DB // says how a merge's transaction carries its tenant; not needed without a table
	Tenant    uuid.UUID
	Table     *catalog.Table        // nil: the rows stay in staging, as text
	Columns   []Column              // one a cell of the staged batches
	Match     []string              // natural keys in the order they are tried, in @match syntax; nil: the table's own
	Write     Write                 // "": Upsert
	Clear     bool                  // a blank cell empties the column; otherwise it leaves it alone
	LastWins  bool                  // of rows with one key the last is written; otherwise later ones are errors
	Uniques   []Unique              // whole-file rules
	Crypt     *fieldcrypt.Ring      // seals encrypted columns; nil: none can be written
	Progress  func(step, steps int) // told when a step of a merge is done; the last is the longest; nil: nobody
	Undo      uuid.UUID             // what the merge does is kept under this id, so that Revert can take it back; zero: it is not
	WorkMemMB int                   // memory of one sort or hash in the merge, in MiB; 0: 128
}

// Column is one staged column.
type Column struct {
	Name  string // of the field, in errors; of the target column, if there is a table
	Label string // for people; "": the target column's
	Extra bool   // a jsonb that collects a file's other columns: cells are JSON objects, merged into what a row holds
}

// Unique marks rows whose cell was seen before in the file, trimmed and without regard to case.
type Unique struct {
	Column  int    // index into Spec.Columns
	Message string // what is wrong; the first row's number is added
}

const (
	defaultWorkMemMB = 128
	maxColumns       = 1500 // Postgres holds 1,600; staging has its own beside them
)
