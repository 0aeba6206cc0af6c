package exporter

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"wharf/internal/catalog"
	"wharf/internal/fault"
	"wharf/internal/objectstore"
)

const (
	maxFiles        = 100_000 // of one bundle: its directory is held in memory until the end, about 1 KB a file
	maxFileWarnings = 200
)

// fileColumn is an @file column of a planned table, and the columns beside it that tell about the object.
type fileColumn struct {
	planned
	key      *catalog.Column
	sha256   *catalog.Column // nil: the table has none
	fileName *catalog.Column // nil: the key's last part is the name
	id       *catalog.Column // nil: no key of one column
}

// fileColumnsOf gives the columns of a plan whose objects belong to the rows.
func fileColumnsOf(tables []planned) []fileColumn {
	var all []fileColumn
	for _, t := range tables {
		for _, c := range t.columns {
			if !c.Tags.File || c.Tags.Redact || c.Tags.Encrypted {
				continue
			}
			f := fileColumn{planned: t, key: c}
			f.sha256 = t.plainColumn("sha256")
			for _, name := range []string{"filename", "file_name", "original_filename", "original_name", "name"} {
				if f.fileName == nil {
					f.fileName = t.plainColumn(name)
				}
			}
			if key := t.Key(); len(key) == 1 {
				f.id = key[0]
			}
			all = append(all, f)
		}
	}
	return all
}

// plainColumn gives a column of text or bytes that everybody may read, or nil.
func (p *planned) plainColumn(name string) *catalog.Column {
	c, ok := p.Column(name)
	if !ok || c.Tags.Redact || c.Tags.Encrypted || (c.Kind != catalog.KindText && c.Kind != catalog.KindBytes) {
		return nil
	}
	return c
}

// fileRow is a row's word about its object.
type fileRow struct {
	Key, SHA256, FileName, ID string // "": not said
}

// sql gives the statement for the column's rows: one a key.
func (f fileColumn) sql() string {
	text := func(c *catalog.Column) string {
		switch {
		case c == nil:
			return "''"
		case c.Kind == catalog.KindBytes:
			return "coalesce(encode(x." + c.Ident() + ", 'hex'), '')"
		}
		return "coalesce(x." + c.Ident() + "::text, '')"
	}
	key := "x." + f.key.Ident() + "::text"
	return "SELECT DISTINCT ON (1) " + key + ", " + text(f.sha256) + ", " + text(f.fileName) + ", " + text(f.id) +
		" FROM " + f.Ident() + " x WHERE " + f.where + " AND " + key + " <> '' ORDER BY 1, 4"
}

// fileAdder puts the objects of rows into a bundle.
type fileAdder struct {
	objects  *objectstore.Store
	tenant   uuid.UUID
	bundle   *bundle
	seen     map[string]bool // keys
	added    []manifestFile
	warnings []string
	unsaid   int // warnings beyond maxFileWarnings
}

// addFiles puts the bytes of the tables' @file columns under files/ into the bundle, each object once, streamed.
//
// An object that is absent, that is not the tenant's, or whose bytes have another checksum than the row's sha256 says, is a
// warning. Only keys under the tenant's own prefix are ever asked for: a row can say what it likes. What comes back goes into
// the manifest. Errors: those of the store when it is away; TooLarge.
func addFiles(ctx context.Context, tx pgx.Tx, objects *objectstore.Store, tenant uuid.UUID, tables []planned, b *bundle) ([]manifestFile, []string, error) {
	a := &fileAdder{objects: objects, tenant: tenant, bundle: b, seen: map[string]bool{}}
	for _, f := range fileColumnsOf(tables) {
		if err := a.column(ctx, tx, f); err != nil {
			return nil, nil, fmt.Errorf("exporter: files of %s: %w", f.Name, err)
		}
	}
	if a.unsaid > 0 {
		a.warnings = append(a.warnings, fmt.Sprintf("files: %d more such warnings", a.unsaid))
	}
	return a.added, a.warnings, nil
}

// column adds the objects of one column. The rows wait in the connection while an object is copied.
func (a *fileAdder) column(ctx context.Context, tx pgx.Tx, f fileColumn) error {
	ctx, cancel := context.WithCancel(ctx)
	rows, err := tx.Query(ctx, f.sql(), append([]any{pgx.QueryExecModeDescribeExec}, f.args...)...)
	if err != nil {
		cancel()
		return readError(f.planned, err)
	}
	defer rows.Close()
	defer cancel() // before Close, which would read on to the last row
	for rows.Next() {
		row, err := pgx.RowToStructByPos[fileRow](rows)
		if err != nil {
			return readError(f.planned, err)
		}
		if a.seen[row.Key] {
			continue
		}
		a.seen[row.Key] = true
		if len(a.seen) > maxFiles {
			return fault.Newf(fault.TooLarge, "there are more than %d files: export some tables at a time, or leave the files out", maxFiles)
		}
		if err := a.object(ctx, f, row); err != nil {
			return err
		}
	}
	if err := rows.Err(); err != nil {
		return readError(f.planned, err)
	}
	return nil
}

// object adds one object.
func (a *fileAdder) object(ctx context.Context, f fileColumn, row fileRow) error {
	if !a.own(row.Key) {
		a.warn(f, row, "the key %q is not one of this tenant's objects", row.Key)
		return nil
	}
	body, _, err := a.objects.Get(ctx, row.Key, 0, -1)
	switch {
	case errors.Is(err, objectstore.ErrNotFound):
		a.warn(f, row, "the object %q is missing", row.Key)
		return nil
	case err != nil:
		return err //nolint:wrapcheck // names the key
	}
	defer body.Close()
	file, err := a.begin(row)
	if err != nil {
		return err
	}
	if _, err := io.Copy(file, body); err != nil {
		return err //nolint:wrapcheck // either side says which it is
	}
	a.bundle.endFile()
	a.added = append(a.added, manifestFile{File: file.Name, Key: row.Key})
	if want := strings.ToLower(strings.TrimSpace(row.SHA256)); want != "" && want != file.SHA256 {
		a.warn(f, row, "the object %q has the checksum %s, and not the %s of its row", row.Key, file.SHA256, want)
	}
	return nil
}

// own reports whether a key is the tenant's. One that some store might read as another's path is not.
func (a *fileAdder) own(key string) bool {
	return strings.HasPrefix(key, objectstore.TenantPrefix(a.tenant)) && path.Clean(key) == key && !strings.ContainsAny(key, "\\\x00")
}

// begin gives the object its place: files/<id of its row>/<name>.
func (a *fileAdder) begin(row fileRow) (*bundleFile, error) {
	rest := strings.TrimPrefix(row.Key, objectstore.TenantPrefix(a.tenant))
	folder, name := row.ID, row.FileName
	if folder == "" {
		folder = path.Dir(rest)
	}
	if name == "" {
		name = path.Base(rest)
	}
	to := "files/" + flat(folder) + "/" + flat(name)
	if compressed(name) {
		return a.bundle.stored(to)
	}
	return a.bundle.file(to)
}

// flat makes one part of a path of a text.
func flat(text string) string { return strings.ReplaceAll(text, "/", "_") }

// compressed reports names of files that deflating does not make smaller.
func compressed(name string) bool {
	return slices.Contains([]string{
		".jpg", ".jpeg", ".png", ".gif", ".webp", ".avif", ".heic", ".mp3", ".m4a", ".ogg", ".mp4", ".mov", ".webm", ".mkv", ".pdf",
		".zip", ".gz", ".bz2", ".xz", ".zst", ".7z", ".rar", ".docx", ".xlsx", ".pptx", ".odt", ".ods", ".epub", ".age", ".gpg",
	}, strings.ToLower(path.Ext(name)))
}

func (a *fileAdder) warn(f fileColumn, row fileRow, format string, args ...any) {
	if len(a.warnings) >= maxFileWarnings {
		a.unsaid++
		return
	}
	of := f.Name + "." + f.key.Name
	if row.ID != "" {
		of = f.Name + " " + row.ID + ", " + f.key.Name
	}
	a.warnings = append(a.warnings, of+": "+fmt.Sprintf(format, args...))
}
