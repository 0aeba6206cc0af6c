package exporter

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"wharf/internal/catalog"
)

// moment is when and of whom the snapshot is.
type moment struct {
	at         time.Time
	workspace  json.RawMessage // the tenant's row
	slug, name string
}

// The table of the tenants is in no catalog, so its secrets are found here: columns tagged as such.
const tenantColumns = `SELECT a.attname::text, coalesce(col_description(a.attrelid, a.attnum) ~ '(^|\n)[ \t]*@redact[ \t\r]*(\n|$)', false)
FROM pg_catalog.pg_attribute a WHERE a.attrelid = $1::text::regclass AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum`

const tenantFacts = `SELECT now(), coalesce((SELECT row_to_json(x)::text FROM (SELECT %s FROM %s t WHERE t.id = $1) x), '{}'),
coalesce((SELECT t.slug::text FROM %[2]s t WHERE t.id = $1), 'workspace'),
coalesce((SELECT t.name::text FROM %[2]s t WHERE t.id = $1), '')`

func (s *Service) momentOf(ctx context.Context, tx pgx.Tx, tenant uuid.UUID) (m moment, err error) {
	table := pgx.Identifier(strings.SplitN(s.cfg.TenantTable, ".", 2)).Sanitize()
	columns, err := publicColumns(ctx, tx, table)
	if err != nil {
		return m, fmt.Errorf("exporter: read columns of %s: %w", table, err)
	}
	var row string
	err = tx.QueryRow(ctx, fmt.Sprintf(tenantFacts, columns, table), tenant).Scan(&m.at, &row, &m.slug, &m.name)
	if err != nil {
		return m, fmt.Errorf("exporter: read tenant: %w", err)
	}
	m.workspace = json.RawMessage(row)
	return m, nil
}

// publicColumns gives what may be told of a row t of the tenants' table, as SQL.
func publicColumns(ctx context.Context, tx pgx.Tx, table string) (string, error) {
	rows, err := tx.Query(ctx, tenantColumns, table)
	if err != nil {
		return "", err //nolint:wrapcheck // by the caller, as below
	}
	found, err := pgx.CollectRows(rows, pgx.RowToStructByPos[struct {
		Name   string
		Secret bool
	}])
	exprs := make([]string, 0, len(found))
	for _, c := range found {
		name := pgx.Identifier{c.Name}.Sanitize()
		expr := "t." + name
		if c.Secret {
			expr = "CASE WHEN " + expr + " IS NOT NULL THEN '" + catalog.Redacted + "' END AS " + name
		}
		exprs = append(exprs, expr)
	}
	return strings.Join(exprs, ", "), err //nolint:wrapcheck
}
