package exporter

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

const (
	selectSchedules = `SELECT s.id, s.tenant_id, s.cron, s.time_zone, s.request, s.enabled, s.destination_id, d.config,
d.credentials IS NOT NULL AS has_credentials, s.webhook_url, s.next_run_at, s.last_run_at, s.last_outcome, s.last_error,
s.last_export_id, s.created_by, s.created_at, s.updated_at, now() AS now
FROM wharf.export_schedules s LEFT JOIN wharf.export_destinations d ON d.id = s.destination_id AND d.tenant_id = s.tenant_id
WHERE s.tenant_id = $1`

	selectSchedule = selectSchedules + ` AND s.id = $2`

	lockSchedule = selectSchedule + ` FOR UPDATE OF s`

	// Whoever has the lock runs it.
	lockDueSchedule = selectSchedule + ` AND s.enabled AND s.next_run_at <= now() FOR UPDATE OF s SKIP LOCKED`

	listSchedules = selectSchedules + ` AND ($2::uuid IS NULL OR s.id < $2) ORDER BY s.id DESC LIMIT $3`

	dueSchedules = `SELECT tenant_id, id FROM wharf.due_export_schedules($1)`

	// The lock keeps two at once from being counted as one.
	countSchedules = `SELECT count(*) FROM wharf.export_schedules WHERE tenant_id = $1`

	lockTenantSchedules = `SELECT pg_advisory_xact_lock(hashtextextended('wharf.export_schedules ' || $1::text, 0))`

	insertSchedule = `INSERT INTO wharf.export_schedules (id, tenant_id, cron, time_zone, request, enabled, destination_id, webhook_url,
next_run_at, created_by) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`

	updateSchedule = `UPDATE wharf.export_schedules SET cron = $3, time_zone = $4, request = $5, enabled = $6, destination_id = $7,
webhook_url = $8, next_run_at = $9, updated_at = now() WHERE tenant_id = $1 AND id = $2`

	noteTurn = `UPDATE wharf.export_schedules SET last_run_at = now(), last_outcome = $3, last_error = nullif($4, ''),
last_export_id = coalesce($5, last_export_id), next_run_at = $6 WHERE tenant_id = $1 AND id = $2`

	deleteSchedule = `DELETE FROM wharf.export_schedules WHERE tenant_id = $1 AND id = $2`

	forgetCredentials = `UPDATE wharf.export_destinations SET credentials = NULL WHERE tenant_id = $1 AND schedule_id = $2`

	setExportSchedule = `UPDATE wharf.exports SET schedule_id = $3, destination_id = $4 WHERE tenant_id = $1 AND id = $2`

	exportRuns = `SELECT EXISTS (SELECT FROM wharf.exports WHERE tenant_id = $1 AND id = $2 AND status IN ('pending', 'processing'))`
)

func readSchedules(ctx context.Context, tx pgx.Tx, sql string, args ...any) ([]scheduleRow, error) {
	rows, err := tx.Query(ctx, sql, args...)
	if err != nil {
		return nil, fmt.Errorf("exporter: read schedules: %w", err)
	}
	found, err := pgx.CollectRows(rows, pgx.RowToStructByName[scheduleRow])
	if err != nil {
		return nil, fmt.Errorf("exporter: read schedules: %w", err)
	}
	return found, nil
}

func readSchedule(ctx context.Context, tx pgx.Tx, sql string, args ...any) (scheduleRow, error) {
	found, err := readSchedules(ctx, tx, sql, args...)
	if err != nil {
		return scheduleRow{}, err
	}
	if len(found) == 0 {
		return scheduleRow{}, ErrScheduleNotFound
	}
	return found[0], nil
}

type scheduleID struct{ TenantID, ID uuid.UUID }

// due gives the schedules of every tenant whose time has come, the longest waiting first.
func (s *Service) due(ctx context.Context) ([]scheduleID, error) {
	rows, err := s.cfg.Pool.Query(ctx, dueSchedules, dueBatch)
	if err != nil {
		return nil, fmt.Errorf("exporter: find due schedules: %w", err)
	}
	found, err := pgx.CollectRows(rows, pgx.RowToStructByName[scheduleID])
	if err != nil {
		return nil, fmt.Errorf("exporter: find due schedules: %w", err)
	}
	return found, nil
}
