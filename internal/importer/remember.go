package importer

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"wharf/internal/mapping"
	"wharf/internal/rowprogram"
)

const (
	selectMapping = `SELECT mapping FROM wharf.mappings WHERE tenant_id = $1 AND target = $2 AND headers = $3`

	rememberMapping = `INSERT INTO wharf.mappings (tenant_id, target, headers, mapping) VALUES ($1, $2, $3, $4)
ON CONFLICT (tenant_id, target, headers) DO UPDATE SET mapping = excluded.mapping, updated_at = now()`
)

// mappingTarget names what a mapping is for.
func mappingTarget(importer *uuid.UUID, d Destination) string {
	if importer != nil {
		return "importer:" + importer.String()
	}
	return "table:" + d.Table
}

// headerSet names a set of headers, in whatever order they stand.
func headerSet(header []string) []byte {
	sorted := slices.Sorted(slices.Values(header))
	sum := sha256.Sum256([]byte(strings.Join(sorted, "\x00")))
	return sum[:]
}

// match finds the file's columns for the fields: as asked, else as a person confirmed for a file with these headers
// before, else by names and values.
func match(ctx context.Context, tx pgx.Tx, tenant uuid.UUID, target string, asked map[string]string, header []string, fields []rowprogram.Field,
	propose func() mapping.Columns,
) (mapping.Columns, error) {
	if asked != nil {
		columns, err := mapping.Apply(asked, header, fields)
		if err != nil {
			return nil, err //nolint:wrapcheck // names the headers
		}
		doc, err := json.Marshal(columns.Names(header, fields))
		if err != nil {
			return nil, fmt.Errorf("importer: encode mapping: %w", err)
		}
		_, err = exec(ctx, tx, "remember mapping", rememberMapping, tenant, target, headerSet(header), doc)
		return columns, err
	}
	known, err := recall(ctx, tx, tenant, target, header, fields)
	if err != nil {
		return nil, err
	}
	if known != nil {
		return known, nil
	}
	return propose(), nil
}

// recall gives the columns of a remembered mapping, nil if there is none that still fits.
func recall(ctx context.Context, tx pgx.Tx, tenant uuid.UUID, target string, header []string, fields []rowprogram.Field) (mapping.Columns, error) {
	var doc []byte
	err := tx.QueryRow(ctx, selectMapping, tenant, target, headerSet(header)).Scan(&doc)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("importer: recall mapping: %w", err)
	}
	var known map[string]string
	if err := json.Unmarshal(doc, &known); err != nil {
		return nil, fmt.Errorf("importer: recall mapping: %w", err)
	}
	for header, field := range known { // the importer may have changed since
		if field != "" && !slices.ContainsFunc(fields, func(f rowprogram.Field) bool { return f.Name == field }) {
			delete(known, header)
		}
	}
	columns, err := mapping.Apply(known, header, fields)
	if err != nil {
		return nil, nil //nolint:nilerr // it does not fit any more: the file is mapped anew
	}
	return columns, nil
}
