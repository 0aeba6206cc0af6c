package exporter

import (
	"cmp"
	"slices"
	"time"

	"github.com/google/uuid"
)

// manifestVersion is the version of the manifest's form.
const manifestVersion = 1

// manifest says what a bundle holds, so that whoever unpacks it can tell whether all of it is there. Sums and sizes are of
// the files as they unpack.
type manifest struct {
	SchemaVersion  int             `json:"schema_version"`
	WharfVersion   string          `json:"wharf_version"`
	ExportedAt     time.Time       `json:"exported_at"` // the moment as of which every row was read
	Tenant         manifestTenant  `json:"tenant"`
	Scope          string          `json:"scope"`
	Format         string          `json:"format"`
	Request        any             `json:"request"` // as it was asked, without secrets
	Tables         []manifestTable `json:"tables"`  // foreign-key order
	Files          []manifestFile  `json:"files"`   // everything else in the bundle
	Warnings       []string        `json:"warnings"`
	EscapeFormulas bool            `json:"escape_formulas"` // text that begins like a formula bears an apostrophe
	Encrypted      bool            `json:"encrypted"`
}

type manifestTenant struct {
	ID   uuid.UUID `json:"id"`
	Slug string    `json:"slug"`
	Name string    `json:"name"`
}

// manifestTable is a table of the bundle. The caller names table and file; the rest is filled in from what was written.
type manifestTable struct {
	Table    string `json:"table"`
	File     string `json:"file"`
	Rows     int64  `json:"rows"`
	Bytes    int64  `json:"bytes"`
	SHA256   string `json:"sha256"`
	Why      string `json:"why,omitempty"` // of scope subject: what ties its rows to the subject
	Narrowed bool   `json:"narrowed"`      // holds only the rows changed since the moment asked for
}

// manifestFile is a file of the bundle that is no table's.
type manifestFile struct {
	File   string `json:"file"`
	Bytes  int64  `json:"bytes"`
	SHA256 string `json:"sha256"`
	Key    string `json:"key,omitempty"` // of the object whose bytes it holds, as the rows name it
}

// fill sets what only the files know. A file without an entry gets one.
func (m *manifest) fill(files map[string]*bundleFile) {
	m.SchemaVersion = manifestVersion
	m.Tables, m.Files, m.Warnings = some(m.Tables), some(m.Files), some(m.Warnings)
	listed := map[string]bool{}
	for i := range m.Tables {
		t := &m.Tables[i]
		listed[t.File] = true
		if f, ok := files[t.File]; ok {
			t.Rows, t.Bytes, t.SHA256 = f.Rows, f.Bytes, f.SHA256
		}
	}
	for i := range m.Files {
		e := &m.Files[i]
		listed[e.File] = true
		if f, ok := files[e.File]; ok {
			e.Bytes, e.SHA256 = f.Bytes, f.SHA256
		}
	}
	for name, f := range files {
		if !listed[name] {
			m.Files = append(m.Files, manifestFile{File: name, Bytes: f.Bytes, SHA256: f.SHA256})
		}
	}
	slices.SortFunc(m.Files, func(a, z manifestFile) int { return cmp.Compare(a.File, z.File) })
}

// some gives a copy that is never null in JSON.
func some[T any](list []T) []T { return append([]T{}, list...) }
