package exporter

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"wharf/internal/catalog"
	"wharf/internal/fault"
)

// Scopes of an export.
const (
	ScopeFull    = "full"    // every table
	ScopeTables  = "tables"  // some
	ScopeSubject = "subject" // one record and all that belongs to it
)

// Formats of an export.
const (
	FormatJSON  = "json"
	FormatDump  = "dump"
	FormatJSONL = "jsonl"
	FormatCSV   = "csv"
	FormatXLSX  = "xlsx"
)

// Words in Request.Include. The others are groups of optional tables.
const (
	IncludeFiles    = "files"    // the bytes of files
	IncludeTimeline = "timeline" // a group that may always be asked for, whether the product has it or not
)

// Request is what an export is asked for. Tables go by their names in the catalog.
type Request struct {
	Scope          string      `json:"scope,omitempty"`           // "": full
	Tables         []string    `json:"tables,omitempty"`          // of scope tables
	Exclude        []string    `json:"exclude,omitempty"`         // left out of scope full
	Subject        *Subject    `json:"subject,omitempty"`         // of scope subject
	Format         string      `json:"format,omitempty"`          // "": json
	Include        []string    `json:"include,omitempty"`         // groups of @optional tables, which a dump leaves out otherwise, and IncludeFiles
	Encrypt        *Encryption `json:"encrypt,omitempty"`         // nil: the object is stored as it is
	EscapeFormulas bool        `json:"escape_formulas,omitempty"` // of csv and xlsx: an apostrophe before texts that look like formulas
	Since          *time.Time  `json:"since,omitempty"`           // only rows whose updated_at is not before
}

// Subject is the record that an export of scope subject is about.
type Subject struct {
	Table string `json:"table"`
	ID    string `json:"id"` // the primary key's value; those of a composite key joined by commas
}

// Encryption says for whom the object is encrypted.
type Encryption struct {
	Recipients []string `json:"recipients,omitempty"`
	Passphrase string   `json:"passphrase,omitempty"`
}

func (r Request) withDefaults() Request {
	if r.Scope == "" {
		r.Scope = ScopeFull
	}
	if r.Format == "" {
		r.Format = FormatJSON
	}
	return r
}

// hiddenPassphrase stands where a passphrase was; it is too short to be one.
const hiddenPassphrase = "[hidden]"

// byPassphrase reports whether a passphrase encrypts the object.
func (r Request) byPassphrase() bool { return r.Encrypt != nil && r.Encrypt.Passphrase != "" }

// public gives the request without secrets: as it is stored, audited and shown.
func (r Request) public() Request {
	if r.byPassphrase() {
		r.Encrypt = &Encryption{Recipients: r.Encrypt.Recipients, Passphrase: hiddenPassphrase}
	}
	return r
}

// objectKind is how an export's object is called and served.
type objectKind struct{ extension, contentType string }

func (r Request) object() objectKind {
	kind := objectKind{".json", "application/json"}
	switch {
	case r.bundled():
		kind = objectKind{".zip", "application/zip"}
	case r.Format == FormatXLSX:
		kind = objectKind{".xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"}
	}
	if r.Encrypt != nil {
		kind = objectKind{kind.extension + encryptedExt, encryptedType}
	}
	return kind
}

// bundled reports whether the object is a zip with a manifest.
func (r Request) bundled() bool { return r.Format == FormatJSONL || r.Format == FormatCSV }

// mistakes collects what is wrong with a request, by field.
type mistakes []fault.Field

func (m *mistakes) add(field, format string, args ...any) {
	*m = append(*m, fault.Field{Field: field, Message: fmt.Sprintf(format, args...)})
}

func (m mistakes) err() error {
	if len(m) == 0 {
		return nil
	}
	return fault.New(fault.Invalid, "the export cannot be made as it is asked for").WithFields(m...)
}

// check finds what is wrong with the request, given the catalog. The defaults are filled in. An export whose columns are
// encrypted is a matter of the plan.
func (r Request) check(snap *catalog.Snapshot) error {
	var m mistakes
	r.checkScope(&m)
	r.checkFormat(&m)
	known := func(field string, names []string) {
		for i, name := range names {
			at := field + "[" + strconv.Itoa(i) + "]"
			if _, ok := snap.Table(name); !ok {
				m.add(at, "there is no table %q", name)
			} else if slices.Contains(names[:i], name) {
				m.add(at, "%q stands twice", name)
			}
		}
	}
	known("tables", r.Tables)
	known("exclude", r.Exclude)
	if r.Scope == ScopeFull && len(m) == 0 && len(r.Exclude) > 0 && !slices.ContainsFunc(snap.Tables, r.wants) {
		m.add("exclude", "leaves no table")
	}
	r.checkDumped(&m, snap)
	r.checkInclude(&m, snap)
	if r.Encrypt != nil {
		m = append(m, checkEncryption(r.Encrypt.Recipients, r.Encrypt.Passphrase)...)
	}
	return m.err()
}

func (r Request) checkScope(m *mistakes) {
	if !slices.Contains([]string{ScopeFull, ScopeTables, ScopeSubject}, r.Scope) {
		m.add("scope", "must be one of full, tables, subject")
		return
	}
	switch {
	case r.Scope == ScopeTables && len(r.Tables) == 0:
		m.add("tables", "is required for scope tables")
	case r.Scope != ScopeTables && len(r.Tables) > 0:
		m.add("tables", "goes with scope tables")
	}
	switch {
	case r.Scope == ScopeSubject && r.Subject == nil:
		m.add("subject", "is required for scope subject")
	case r.Scope != ScopeSubject && r.Subject != nil:
		m.add("subject", "goes with scope subject")
	}
	if r.Scope != ScopeFull && len(r.Exclude) > 0 {
		m.add("exclude", "goes with scope full")
	}
	if r.Scope == ScopeSubject && r.Since != nil {
		m.add("since", "does not go with scope subject: all that belongs to the record is exported")
	}
}

func (r Request) checkFormat(m *mistakes) {
	switch r.Format {
	case FormatJSON, FormatDump, FormatJSONL, FormatCSV, FormatXLSX:
	default:
		m.add("format", "must be one of json, dump, jsonl, csv, xlsx")
	}
	if r.EscapeFormulas && r.Format != FormatCSV && r.Format != FormatXLSX {
		m.add("escape_formulas", "goes with the formats csv and xlsx")
	}
}

// checkDumped refuses tables that were named for a dump and are in none.
func (r Request) checkDumped(m *mistakes, snap *catalog.Snapshot) {
	if r.Format != FormatDump || r.Scope != ScopeTables {
		return
	}
	for i, name := range r.Tables {
		if t, ok := snap.Table(name); ok && operational(t) {
			m.add("tables["+strconv.Itoa(i)+"]", "%q is operational: it belongs to this installation, and is in no dump", name)
		}
	}
}

func (r Request) checkInclude(m *mistakes, snap *catalog.Snapshot) {
	groups := []string{IncludeFiles, IncludeTimeline}
	for _, t := range snap.Tables {
		if t.Optional != "" && !slices.Contains(groups, t.Optional) {
			groups = append(groups, t.Optional)
		}
	}
	for i, word := range r.Include {
		at := "include[" + strconv.Itoa(i) + "]"
		switch {
		case !slices.Contains(groups, word):
			m.add(at, "must be one of %s", strings.Join(groups, ", "))
		case word == IncludeFiles && !r.bundled():
			m.add(at, "files go with the formats jsonl and csv")
		}
	}
}
