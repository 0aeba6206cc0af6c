package restorer

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
)

const (
	restoreColumns = `id, tenant_id, status, error, dry_run, verify, export_id, file_name, file_key, file_bytes, file_sha256, swept_at,
phase, at_table, rows_done, bytes_read, step, steps, num_rows, report, webhook_url, requested_by, job_id, created_at, started_at,
completed_at, stored, revertible_until, reverted_at, reverted_by, revert_status, revert, clock_timestamp() AS now`

	insertRestore = `INSERT INTO wharf.restores (id, tenant_id, dry_run, verify, export_id, file_name, file_key, file_bytes, file_sha256,
webhook_url, requested_by) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) RETURNING ` + restoreColumns

	setRestoreJob = `UPDATE wharf.restores SET job_id = $3 WHERE tenant_id = $1 AND id = $2`

	selectRestore = `SELECT ` + restoreColumns + ` FROM wharf.restores WHERE tenant_id = $1 AND id = $2`

	lockRestore = selectRestore + ` FOR UPDATE`

	listRestores = `SELECT ` + restoreColumns + ` FROM wharf.restores
WHERE tenant_id = $1 AND ($2 = '' OR status = $2) AND ($3::uuid IS NULL OR id < $3) ORDER BY id DESC LIMIT $4`

	beginRestore = `UPDATE wharf.restores SET status = 'processing', phase = 'reading', error = NULL, report = NULL, started_at = now(),
completed_at = NULL, at_table = '', rows_done = 0, bytes_read = 0, step = 0, steps = 0, loose = array_append(loose, $3)
WHERE tenant_id = $1 AND id = $2 AND status IN ('pending', 'processing') RETURNING ` + restoreColumns

	noteProgress = `UPDATE wharf.restores SET phase = $3, at_table = $4, rows_done = $5, bytes_read = $6, step = $7, steps = $8
WHERE tenant_id = $1 AND id = $2 AND status = 'processing'`

	// The clock, not now(): that is when the transaction began, before the document was read.
	finishRestore = `UPDATE wharf.restores SET status = 'completed', phase = '', at_table = '', report = $3, num_rows = $4, rows_done = $4,
completed_at = clock_timestamp(), revertible_until = CASE WHEN $5 > 0 THEN clock_timestamp() + make_interval(secs => $5) END WHERE tenant_id = $1 AND id = $2`

	// What the run stored belongs to rows now. It does not if somebody has cleared up after this run.
	keepFiles = `UPDATE wharf.restores SET loose = array_remove(loose, $3), stored = $3 WHERE tenant_id = $1 AND id = $2 AND $3 = ANY (loose)`

	endRestore = `UPDATE wharf.restores SET status = $3, error = $4, phase = '', at_table = '', completed_at = now()
WHERE tenant_id = $1 AND id = $2 AND status IN ('pending', 'processing') RETURNING ` + restoreColumns

	// Revert.

	askRevert = `UPDATE wharf.restores SET revert_status = 'pending', revert = NULL, job_id = $3, reverted_by = $4
WHERE tenant_id = $1 AND id = $2 RETURNING ` + restoreColumns

	beginRevert = `UPDATE wharf.restores SET revert_status = 'processing' WHERE tenant_id = $1 AND id = $2 RETURNING ` + restoreColumns

	endRevert = `UPDATE wharf.restores SET revert_status = $3, revert = $4,
reverted_at = CASE WHEN $3 = 'completed' THEN clock_timestamp() END
WHERE tenant_id = $1 AND id = $2 AND revert_status IN ('pending', 'processing')`

	// What could be undone is not kept longer than that.
	reopenRevert = `UPDATE wharf.restores SET revert_status = 'pending', revert = NULL, job_id = $3
WHERE tenant_id = $1 AND id = $2 AND status = 'completed' AND revert_status = 'failed' AND reverted_at IS NULL
AND revertible_until > now()`

	// The files belong to no row any more.
	letGoFiles = `UPDATE wharf.restores SET loose = array_append(loose, stored), stored = NULL WHERE tenant_id = $1 AND id = $2 AND stored IS NOT NULL`

	reopenRestore = `UPDATE wharf.restores SET status = 'pending', error = NULL, phase = '', job_id = $3, started_at = NULL, completed_at = NULL
WHERE tenant_id = $1 AND id = $2`
)

// readRestore runs one of the statements that give a whole restore.
func readRestore(ctx context.Context, tx pgx.Tx, sql string, args ...any) (row, error) {
	rows, err := tx.Query(ctx, sql, args...)
	if err != nil {
		return row{}, fmt.Errorf("restorer: read restore: %w", err)
	}
	r, err := pgx.CollectExactlyOneRow(rows, pgx.RowToStructByName[row])
	if errors.Is(err, pgx.ErrNoRows) {
		return row{}, ErrNotFound
	}
	if err != nil {
		return row{}, fmt.Errorf("restorer: read restore: %w", err)
	}
	return r, nil
}

func exec(ctx context.Context, tx pgx.Tx, what, sql string, args ...any) (int64, error) {
	tag, err := tx.Exec(ctx, sql, args...)
	if err != nil {
		return 0, fmt.Errorf("restorer: %s: %w", what, err)
	}
	return tag.RowsAffected(), nil
}
