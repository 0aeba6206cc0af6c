package importer

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// Importers.

type importerRow struct {
	ID          uuid.UUID
	Key         uuid.UUID
	Name        string
	Description string
	Definition  json.RawMessage
	CreatedAt   time.Time
	UpdatedAt   time.Time
}

func (r importerRow) importer() (Importer, error) {
	i := Importer{ID: r.ID, Key: r.Key, Name: r.Name, Description: r.Description, CreatedAt: r.CreatedAt, UpdatedAt: r.UpdatedAt}
	if err := json.Unmarshal(r.Definition, &i.Definition); err != nil {
		return Importer{}, fmt.Errorf("importer: definition of %s: %w", r.ID, err)
	}
	return i, nil
}

const (
	importerColumns = `id, key, name, description, definition, created_at, updated_at`

	selectImporters = `SELECT ` + importerColumns + ` FROM wharf.importers
WHERE tenant_id = $1 AND ($2::uuid IS NULL OR id = $2) AND ($3::uuid IS NULL OR key = $3)
AND ($6::uuid IS NULL OR id = $6)
ORDER BY id OFFSET $4 LIMIT $5`

	insertImporter = `INSERT INTO wharf.importers (id, tenant_id, key, name, description, definition)
VALUES ($1, $2, $3, $4, $5, $6) RETURNING ` + importerColumns

	updateImporter = `UPDATE wharf.importers SET name = $3, description = $4, definition = $5, updated_at = now()
WHERE tenant_id = $1 AND id = $2 RETURNING ` + importerColumns

	deleteImporter = `DELETE FROM wharf.importers WHERE tenant_id = $1 AND id = $2`
)

type importerFilter struct {
	tenant      uuid.UUID
	id, key     *uuid.UUID
	only        *uuid.UUID // the importer that the caller is bound to
	skip, limit int
}

func findImporters(ctx context.Context, tx pgx.Tx, f importerFilter) ([]Importer, error) {
	rows, err := tx.Query(ctx, selectImporters, f.tenant, f.id, f.key, f.skip, f.limit, f.only)
	if err != nil {
		return nil, fmt.Errorf("importer: find importers: %w", err)
	}
	return collectImporters(rows)
}

func collectImporters(rows pgx.Rows) ([]Importer, error) {
	found, err := pgx.CollectRows(rows, pgx.RowToStructByName[importerRow])
	if err != nil {
		return nil, fmt.Errorf("importer: read importers: %w", err)
	}
	out := make([]Importer, 0, len(found))
	for _, r := range found {
		i, err := r.importer()
		if err != nil {
			return nil, err
		}
		out = append(out, i)
	}
	return out, nil
}

func findImporter(ctx context.Context, tx pgx.Tx, f importerFilter) (Importer, error) {
	f.limit = 1
	return one(findImporters(ctx, tx, f))
}

func one(found []Importer, err error) (Importer, error) {
	if err != nil {
		return Importer{}, err
	}
	if len(found) == 0 {
		return Importer{}, ErrImporterNotFound
	}
	return found[0], nil
}

// writeImporter inserts or updates, as sql says, and gives the row as it is then.
func writeImporter(ctx context.Context, tx pgx.Tx, sql string, args ...any) (Importer, error) {
	rows, err := tx.Query(ctx, sql, args...)
	if err != nil {
		return Importer{}, fmt.Errorf("importer: write importer: %w", err)
	}
	return one(collectImporters(rows))
}

// Imports.

const (
	importColumns = `id, tenant_id, importer_id, definition, mapping, mapped, mode, read_options, status, error, file_name,
file_key, file_bytes, file_sha256, file_info, phase, bytes_read, rows_read, num_rows, num_errors, num_created, num_updated,
num_unchanged, num_skipped, errors, result_key, errors_key, staging_table, staged_rows, requested_by, job_id, created_at,
started_at, completed_at, now() AS now`

	insertImport = `INSERT INTO wharf.imports (id, tenant_id, importer_id, definition, mapping, mode, read_options,
file_name, file_key, file_bytes, file_sha256, requested_by)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) RETURNING ` + importColumns

	setImportJob = `UPDATE wharf.imports SET job_id = $3 WHERE tenant_id = $1 AND id = $2`

	selectImport = `SELECT ` + importColumns + ` FROM wharf.imports WHERE tenant_id = $1 AND id = $2`

	// A caller that is bound to an importer sees what it began itself.
	ownImport = selectImport + ` AND ($3::uuid IS NULL OR (importer_id = $3 AND requested_by = $4))`

	lockImport = selectImport + ` FOR UPDATE`

	listImports = `SELECT ` + importColumns + ` FROM wharf.imports
WHERE tenant_id = $1 AND ($2 = '' OR status = $2) AND ($3::uuid IS NULL OR importer_id = $3) AND ($4::uuid IS NULL OR id < $4)
AND ($6::uuid IS NULL OR (importer_id = $6 AND requested_by = $7))
ORDER BY id DESC LIMIT $5`

	beginImport = `UPDATE wharf.imports SET status = 'processing', phase = 'reading', error = NULL,
started_at = now(), completed_at = NULL, bytes_read = 0, rows_read = 0, num_rows = 0, num_errors = 0, num_created = 0,
num_updated = 0, num_unchanged = 0, num_skipped = 0, errors = '[]'
WHERE tenant_id = $1 AND id = $2 AND status IN ('pending', 'processing') RETURNING ` + importColumns

	progressImport = `UPDATE wharf.imports SET phase = $3, rows_read = $4, bytes_read = $5
WHERE tenant_id = $1 AND id = $2 AND status = 'processing'`

	foundImport = `UPDATE wharf.imports SET file_info = $3, mapped = $4 WHERE tenant_id = $1 AND id = $2 AND status = 'processing'`

	stagedImport = `UPDATE wharf.imports SET staging_table = $3, staged_rows = $4, rows_read = $4, bytes_read = file_bytes,
phase = 'merging', file_info = $5
WHERE tenant_id = $1 AND id = $2 AND status = 'processing'`

	// The clock, not now(): that is when the transaction began, before the merge.
	finishImport = `UPDATE wharf.imports SET status = $3, error = $4, num_rows = $5, num_errors = $6, num_created = $7,
num_updated = $8, num_unchanged = $9, num_skipped = $10, errors = $11, result_key = $12, phase = '', staging_table = NULL,
completed_at = clock_timestamp()
WHERE tenant_id = $1 AND id = $2`

	endImport = `UPDATE wharf.imports SET status = $3, error = $4, phase = '', staging_table = NULL, completed_at = now()
WHERE tenant_id = $1 AND id = $2 AND status IN ('pending', 'processing', 'review')`

	reopenImport = `UPDATE wharf.imports SET status = 'pending', error = NULL, phase = '', job_id = $3, started_at = NULL,
completed_at = NULL, errors = '[]' WHERE tenant_id = $1 AND id = $2 AND status IN ('failed', 'cancelled')`
)

// readImport runs one of the statements that give a whole import.
func readImport(ctx context.Context, tx pgx.Tx, sql string, args ...any) (row, error) {
	rows, err := tx.Query(ctx, sql, args...)
	if err != nil {
		return row{}, fmt.Errorf("importer: read import: %w", err)
	}
	r, err := pgx.CollectExactlyOneRow(rows, pgx.RowToStructByName[row])
	if errors.Is(err, pgx.ErrNoRows) {
		return row{}, ErrImportNotFound
	}
	if err != nil {
		return row{}, fmt.Errorf("importer: read import: %w", err)
	}
	return r, nil
}

func exec(ctx context.Context, tx pgx.Tx, what, sql string, args ...any) (int64, error) {
	tag, err := tx.Exec(ctx, sql, args...)
	if err != nil {
		return 0, fmt.Errorf("importer: %s: %w", what, err)
	}
	return tag.RowsAffected(), nil
}
