package load

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// RowError is one error of a staged row.
type RowError struct {
	Row     int64
	Field   string
	Rule    string
	Message string
	Value   string
}

// Errors gives the errors of staged rows in row order, from rows after the given one, at most limit errors.
func Errors(ctx context.Context, tx pgx.Tx, name string, after int64, limit int) ([]RowError, error) {
	sql := `SELECT ` + rowColumn + `, e.value FROM (SELECT ` + rowColumn + `, ` + errorsColumn + ` FROM ` + staging(name, "") + `
WHERE ` + errorsColumn + ` <> '[]' AND ` + rowColumn + ` > $1 ORDER BY ` + rowColumn + ` LIMIT $2) s,
jsonb_array_elements(s.` + errorsColumn + `) WITH ORDINALITY e(value, n) ORDER BY ` + rowColumn + `, e.n LIMIT $2`
	rows, err := tx.Query(ctx, sql, after, limit)
	if err != nil {
		return nil, fmt.Errorf("load: read errors: %w", err)
	}
	out, err := pgx.CollectRows(rows, func(r pgx.CollectableRow) (RowError, error) {
		var e RowError
		var doc json.RawMessage
		if err := r.Scan(&e.Row, &doc); err != nil {
			return e, fmt.Errorf("load: read errors: %w", err)
		}
		row := e.Row
		err := json.Unmarshal(doc, &e)
		e.Row = row
		return e, err
	})
	if err != nil {
		return nil, fmt.Errorf("load: read errors: %w", err)
	}
	return out, nil
}

// Count gives how many rows staging holds: a crash of the database empties unlogged tables.
func Count(ctx context.Context, tx pgx.Tx, name string) (int64, error) {
	var n int64
	if err := tx.QueryRow(ctx, `SELECT count(*) FROM `+staging(name, "")).Scan(&n); err != nil {
		return 0, fmt.Errorf("load: count staging: %w", err)
	}
	return n, nil
}

// Select gives a statement that reads the staged rows in order: row number, errors (jsonb), then the cells as text.
func (p *Plan) Select(name string) string {
	sql := `SELECT ` + rowColumn + `, ` + errorsColumn
	for _, c := range p.cols {
		sql += `, ` + ident(c.Name) + `::text`
	}
	return sql + ` FROM ` + staging(name, "") + ` ORDER BY ` + rowColumn
}
