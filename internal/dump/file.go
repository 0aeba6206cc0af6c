package dump

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"wharf/internal/catalog"
)

// shaColumn holds the checksum of a row's file.
const shaColumn = "sha256"

// fileOf gives the column that holds the key of the row's object, nil if the table has no files.
func (t *merging) fileOf() *catalog.Column {
	i := slices.IndexFunc(t.table.Columns, func(c *catalog.Column) bool { return c.Tags.File })
	if i < 0 {
		return nil
	}
	return t.table.Columns[i]
}

// fileKey gives the key of a created row's object: that of the bytes that came with the document, or else one that leads to
// no object. What the document says is never used.
func (t *merging) fileKey(c *catalog.Column) string {
	instead := ""
	if c.NotNull && c.Default == "" {
		instead = "'missing/' || gen_random_uuid()"
	}
	switch {
	case t.stored == "" || c != t.fileOf():
		return instead
	case instead == "":
		return "b.key"
	}
	return "coalesce(b.key, " + instead + ")"
}

// storeFiles stores the bytes of the files of rows that will be created. If the restore fails, nobody owns the objects, and
// the sweep of orphans removes them.
func (m *merge) storeFiles(ctx context.Context, t *merging) (err error) {
	c := t.fileOf()
	if c == nil {
		return nil
	}
	without := t.rows - t.counts.matched - t.counts.skipped
	if m.bytes != nil && m.spec.Files != nil && t.gives(c) {
		if t.stored, _, err = m.create(ctx, "prepare files", `SELECT NULL::bigint AS n, NULL::text AS key WHERE false`); err != nil {
			return err
		}
		stored, err := m.storeNew(ctx, t, c)
		if err != nil {
			return err
		}
		without -= stored
	}
	if without > 0 {
		m.warn.add(fmt.Sprintf("%s: %d rows came without the bytes of their files", t.table.Name, without))
	}
	return nil
}

const filePage = 100

// storeNew stores the files of rows to be created, page by page.
func (m *merge) storeNew(ctx context.Context, t *merging, c *catalog.Column) (stored int64, err error) {
	sha := "NULL::text"
	if column, ok := t.table.Column(shaColumn); ok {
		sha = t.cell(column) + "::text"
	}
	type file struct {
		N      int64
		Source string
		SHA    *string
	}
	for after := int64(0); ; {
		rows, err := m.tx.Query(ctx, fmt.Sprintf(`SELECT s.n, %s, %s FROM %s s WHERE s.n > %d AND %s IS NOT NULL%s ORDER BY s.n LIMIT %d`,
			t.cell(c), sha, t.name, after, t.cell(c), t.isNew()+t.kept(), filePage), pgx.QueryExecModeExec)
		if err != nil {
			return stored, fmt.Errorf("dump: list files: %w", err)
		}
		page, err := pgx.CollectRows(rows, pgx.RowToStructByPos[file])
		if err != nil || len(page) == 0 {
			return stored, err //nolint:wrapcheck // of the transaction
		}
		var keys []string
		for _, f := range page {
			after = f.N
			key, err := m.storeFile(ctx, t, f.N, sourceKey(f.Source), f.SHA)
			if err != nil {
				return stored, err
			}
			if key != "" {
				keys = append(keys, fmt.Sprintf("(%d, %s)", f.N, literal(key)))
			}
		}
		if len(keys) == 0 {
			continue
		}
		if _, err := m.exec(ctx, "note files", `INSERT INTO `+t.stored+` VALUES `+strings.Join(keys, ", ")); err != nil {
			return stored, err
		}
		stored += int64(len(keys))
	}
}

// storeFile stores one file, and makes sure that it is what the row and the bundle say; key is "" if its bytes did not come.
func (m *merge) storeFile(ctx context.Context, t *merging, n int64, source sourceKey, sha *string) (key string, err error) {
	body, said, kind, ok := m.bytes.open(t.table.Name, source)
	if !ok {
		return "", nil
	}
	defer func() { _ = body.Close() }() // read only
	key, sum, err := m.spec.Files.Put(ctx, kind, body)
	if err != nil {
		return "", err //nolint:wrapcheck // says what failed
	}
	for _, want := range []*string{sha, &said} {
		if want != nil && *want != "" && !strings.EqualFold(*want, sum) {
			return "", rowFault(t.table.Name, n, shaColumn, "is "+*want+", and the file in the bundle has "+sum)
		}
	}
	return key, nil
}
