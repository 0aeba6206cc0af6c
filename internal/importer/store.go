package importer

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
)

const (
	importColumns = `id, tenant_id, importer_id, definition, mapping, mapped, header, mode, read_options, status, error, file_name,
file_key, file_bytes, file_sha256, file_info, file_deleted_at, duplicate_of, num_rows, num_errors, num_created, num_updated,
num_unchanged, num_skipped, errors, result_key, errors_key, staging_table, staged_rows, confirmed_at, revertible_until,
reverted_at, revert_status, revert, requested_by, job_id, created_at, started_at, completed_at, clock_timestamp() AS now,
(SELECT to_jsonb(p) FROM wharf.import_progress p WHERE p.import_id = imports.id AND p.tenant_id = imports.tenant_id) AS position`

	insertImport = `INSERT INTO wharf.imports (id, tenant_id, importer_id, definition, mapping, mode, read_options,
file_name, file_key, file_bytes, file_sha256, requested_by)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) RETURNING ` + importColumns

	// The file's hash, and the last import of the same file through the same importer or into the same table.
	hashedImport = `UPDATE wharf.imports i SET file_sha256 = $3, duplicate_of = (
    SELECT d.id FROM wharf.imports d
    WHERE d.tenant_id = $1 AND d.file_sha256 = $3 AND d.id < i.id AND d.mode <> 'dry_run' AND d.reverted_at IS NULL
      AND d.status NOT IN ('failed', 'cancelled') AND d.importer_id IS NOT DISTINCT FROM i.importer_id
      AND (i.importer_id IS NOT NULL OR d.definition #>> '{destination,table}' = i.definition #>> '{destination,table}')
    ORDER BY d.id DESC LIMIT 1)
WHERE tenant_id = $1 AND id = $2 RETURNING duplicate_of`

	setImportJob = `UPDATE wharf.imports SET job_id = $3 WHERE tenant_id = $1 AND id = $2`

	selectImport = `SELECT ` + importColumns + ` FROM wharf.imports WHERE tenant_id = $1 AND id = $2`

	// A caller that is bound to an importer sees what it began itself.
	ownImport = selectImport + ` AND ($3::uuid IS NULL OR (importer_id = $3 AND requested_by = $4))`

	lockOwnImport = ownImport + ` FOR UPDATE`

	lockImport = selectImport + ` FOR UPDATE`

	listImports = `SELECT ` + importColumns + ` FROM wharf.imports
WHERE tenant_id = $1 AND ($2 = '' OR status = $2) AND ($3::uuid IS NULL OR importer_id = $3) AND ($4::uuid IS NULL OR id < $4)
AND ($6::uuid IS NULL OR (importer_id = $6 AND requested_by = $7))
ORDER BY id DESC LIMIT $5`

	// A reviewed import goes on from what was staged; any other begins anew.
	beginImport = `UPDATE wharf.imports SET status = 'processing', error = NULL, started_at = now(),
completed_at = NULL, num_created = 0, num_updated = 0, num_unchanged = 0, num_skipped = 0,
num_rows = CASE WHEN confirmed_at IS NULL THEN 0 ELSE num_rows END,
num_errors = CASE WHEN confirmed_at IS NULL THEN 0 ELSE num_errors END,
errors = CASE WHEN confirmed_at IS NULL THEN '[]' ELSE errors END,
staging_table = CASE WHEN confirmed_at IS NULL THEN NULL ELSE staging_table END
WHERE tenant_id = $1 AND id = $2 AND status IN ('pending', 'processing') RETURNING ` + importColumns

	noteProgress = `INSERT INTO wharf.import_progress (import_id, tenant_id, phase, rows_read, bytes_read, step, steps)
VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (import_id) DO UPDATE
SET phase = excluded.phase, rows_read = excluded.rows_read, bytes_read = excluded.bytes_read, step = excluded.step, steps = excluded.steps`

	forgetProgress = `DELETE FROM wharf.import_progress WHERE import_id = $1`

	foundImport = `UPDATE wharf.imports SET file_info = $3, mapped = $4, header = $5
WHERE tenant_id = $1 AND id = $2 AND status = 'processing'`

	stagedImport = `UPDATE wharf.imports SET staging_table = $3, staged_rows = $4, file_info = $5
WHERE tenant_id = $1 AND id = $2 AND status = 'processing'`

	// The clock, not now(): that is when the transaction began, before the merge.
	finishImport = `UPDATE wharf.imports SET status = $3, error = $4, num_rows = $5, num_errors = $6, num_created = $7,
num_updated = $8, num_unchanged = $9, num_skipped = $10, errors = $11, result_key = $12, errors_key = $13, staging_table = NULL,
completed_at = clock_timestamp(),
revertible_until = CASE WHEN $14 > 0 THEN clock_timestamp() + make_interval(secs => $14) END
WHERE tenant_id = $1 AND id = $2`

	// What a reviewed import staged is kept: it holds what people mended.
	endImport = `UPDATE wharf.imports SET status = $3, error = $4, completed_at = now(),
staging_table = CASE WHEN confirmed_at IS NULL THEN NULL ELSE staging_table END
WHERE tenant_id = $1 AND id = $2 AND status IN ('pending', 'processing', 'review') RETURNING ` + importColumns

	reopenImport = `UPDATE wharf.imports SET status = 'pending', error = NULL, job_id = $3, started_at = NULL, completed_at = NULL,
num_errors = CASE WHEN confirmed_at IS NULL THEN 0 ELSE num_errors END
WHERE tenant_id = $1 AND id = $2 AND status IN ('failed', 'cancelled')`

	// Review.

	enterReview = `UPDATE wharf.imports SET status = 'review', num_rows = $3, num_errors = $4, errors = $5,
completed_at = NULL WHERE tenant_id = $1 AND id = $2`

	noteReview = `UPDATE wharf.imports SET num_rows = $3, num_errors = $4, errors = $5 WHERE tenant_id = $1 AND id = $2 AND status = 'review'`

	confirmImport = `UPDATE wharf.imports SET status = 'pending', confirmed_at = now(), job_id = $3
WHERE tenant_id = $1 AND id = $2 AND status = 'review' RETURNING ` + importColumns

	// Revert.

	askRevert = `UPDATE wharf.imports SET revert_status = 'pending', revert = NULL, job_id = $3
WHERE tenant_id = $1 AND id = $2 RETURNING ` + importColumns

	beginRevert = `UPDATE wharf.imports SET revert_status = 'processing' WHERE tenant_id = $1 AND id = $2 RETURNING ` + importColumns

	endRevert = `UPDATE wharf.imports SET revert_status = $3, revert = $4,
reverted_at = CASE WHEN $3 = 'completed' THEN clock_timestamp() END WHERE tenant_id = $1 AND id = $2`

	// A job that could not undo: the import stays as it is.
	failRevert = `UPDATE wharf.imports SET revert_status = 'failed', revert = $3
WHERE tenant_id = $1 AND id = $2 AND revert_status IN ('pending', 'processing')`

	// What could be undone is not kept longer than that.
	reopenRevert = `UPDATE wharf.imports SET revert_status = 'pending', revert = NULL, job_id = $3
WHERE tenant_id = $1 AND id = $2 AND status = 'completed' AND revert_status = 'failed' AND reverted_at IS NULL
AND revertible_until > now()`
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
