package importer

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// upload is a row of wharf.uploads.
type upload struct {
	ID        uuid.UUID
	FileName  string
	ObjectKey string
	Bytes     int64
	SHA256    string `db:"sha256"`
	Stored    bool
	ImportID  *uuid.UUID
	RestoreID *uuid.UUID
	CreatedAt time.Time
	ExpiresAt time.Time
	Now       time.Time // of the database
}

const (
	uploadColumns = `id, file_name, object_key, bytes, sha256, stored, import_id, restore_id, created_at, expires_at, now() AS now`

	insertUpload = `INSERT INTO wharf.uploads (id, tenant_id, file_name, object_key, bytes, sha256, stored, importer_id, requested_by, expires_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, now() + $10::interval) RETURNING ` + uploadColumns

	// A caller that is bound to an importer sees what it brought itself.
	ownUpload = ` WHERE tenant_id = $1 AND id = $2 AND ($3::uuid IS NULL OR (importer_id = $3 AND requested_by = $4)) AND expires_at > now()`

	selectUpload = `SELECT ` + uploadColumns + ` FROM wharf.uploads` + ownUpload
	unusedUpload = ownUpload + ` AND import_id IS NULL AND restore_id IS NULL`

	claimUpload      = `UPDATE wharf.uploads SET import_id = $5` + unusedUpload
	claimForARestore = `UPDATE wharf.uploads SET restore_id = $5` + unusedUpload
	hideUpload       = `UPDATE wharf.uploads SET expires_at = now()` + unusedUpload
	dropUpload       = `DELETE FROM wharf.uploads` + unusedUpload

	uploadsToSweep = `SELECT tenant_id, id FROM wharf.uploads_to_sweep($1::interval, $2)`
	sweepUpload    = `DELETE FROM wharf.uploads WHERE tenant_id = $1 AND id = $2 RETURNING object_key, coalesce(import_id, restore_id)`
)

// readUpload runs one of the statements that give a whole upload.
func readUpload(ctx context.Context, tx pgx.Tx, sql string, args ...any) (upload, error) {
	rows, err := tx.Query(ctx, sql, args...)
	if err != nil {
		return upload{}, fmt.Errorf("importer: read upload: %w", err)
	}
	u, err := pgx.CollectExactlyOneRow(rows, pgx.RowToStructByName[upload])
	if errors.Is(err, pgx.ErrNoRows) {
		return upload{}, ErrUploadNotFound
	}
	if err != nil {
		return upload{}, fmt.Errorf("importer: read upload: %w", err)
	}
	return u, nil
}
