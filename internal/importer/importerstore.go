package importer

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

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
