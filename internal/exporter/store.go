package exporter

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
)

const (
	exportColumns = `id, tenant_id, request, status, error, object_key, file_name, bytes, sha256, phase, rows_done, rows_total,
num_rows, tables, warnings, requested_by, job_id, expires_at, created_at, started_at, completed_at,
schedule_id, destination_id, webhook_url, now() AS now`

	insertExport = `INSERT INTO wharf.exports (id, tenant_id, request, requested_by, webhook_url) VALUES ($1, $2, $3, $4, $5) RETURNING ` + exportColumns

	setExportJob = `UPDATE wharf.exports SET job_id = $3 WHERE tenant_id = $1 AND id = $2`

	selectExport = `SELECT ` + exportColumns + ` FROM wharf.exports WHERE tenant_id = $1 AND id = $2`

	lockExport = selectExport + ` FOR UPDATE`

	listExports = `SELECT ` + exportColumns + ` FROM wharf.exports
WHERE tenant_id = $1 AND $2 IN ('', CASE WHEN status = 'completed' AND expires_at <= now() THEN 'expired' ELSE status END) AND ($3::uuid IS NULL OR id < $3) ORDER BY id DESC LIMIT $4`

	beginExport = `UPDATE wharf.exports SET status = 'processing', phase = 'reading', error = NULL, started_at = now(),
completed_at = NULL, rows_done = 0, num_rows = 0, tables = '{}', warnings = '[]'
WHERE tenant_id = $1 AND id = $2 AND status IN ('pending', 'processing') RETURNING ` + exportColumns

	progressExport = `UPDATE wharf.exports SET rows_done = $3, rows_total = $4 WHERE tenant_id = $1 AND id = $2 AND status = 'processing'`

	finishExport = `UPDATE wharf.exports SET status = 'completed', phase = '', object_key = $3, file_name = $4, bytes = $5,
sha256 = $6, num_rows = $7, rows_done = $7, tables = $8, warnings = $9, completed_at = clock_timestamp(),
expires_at = CASE WHEN destination_id IS NULL THEN now() + make_interval(secs => $10) END -- what lies in a tenant's own bucket is the tenant's to keep
WHERE tenant_id = $1 AND id = $2`

	endExport = `UPDATE wharf.exports SET status = $3, error = $4, phase = '', completed_at = now()
WHERE tenant_id = $1 AND id = $2 AND status IN ('pending', 'processing')`

	reopenExport = `UPDATE wharf.exports SET status = 'pending', error = NULL, phase = '', job_id = $3, started_at = NULL,
completed_at = NULL WHERE tenant_id = $1 AND id = $2 AND status IN ('failed', 'cancelled')`

	expireExport = `UPDATE wharf.exports SET status = 'expired', expires_at = least(expires_at, now()), object_key = NULL
WHERE tenant_id = $1 AND id = $2 AND status = 'completed'`
)

// readExport runs one of the statements that give a whole export.
func readExport(ctx context.Context, tx pgx.Tx, sql string, args ...any) (row, error) {
	rows, err := tx.Query(ctx, sql, args...)
	if err != nil {
		return row{}, fmt.Errorf("exporter: read export: %w", err)
	}
	r, err := pgx.CollectExactlyOneRow(rows, pgx.RowToStructByName[row])
	if errors.Is(err, pgx.ErrNoRows) {
		return row{}, ErrNotFound
	}
	if err != nil {
		return row{}, fmt.Errorf("exporter: read export: %w", err)
	}
	r.lapse()
	return r, nil
}

func exec(ctx context.Context, tx pgx.Tx, what, sql string, args ...any) (int64, error) {
	tag, err := tx.Exec(ctx, sql, args...)
	if err != nil {
		return 0, fmt.Errorf("exporter: %s: %w", what, err)
	}
	return tag.RowsAffected(), nil
}
