package load

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
)

// RowError is one error of a staged row.
type RowError struct {
	Row     int64  `json:"-"`     // as a person counts
	Field   string `json:"field"` // "": the row itself
	Rule    string `json:"rule"`  // what failed, in one word
	Message string `json:"message"`
	Value   string `json:"value"` // the cell, cut
}

// Errors gives the errors of staged rows in row order, those of one row as they were found; at most limit errors.
func Errors(ctx context.Context, tx pgx.Tx, name string, limit int) ([]RowError, error) {
	sql := `
SELECT s.line, e.value FROM (SELECT line, errors FROM ` + beside(name, "") + ` WHERE errors <> '[]' ORDER BY line LIMIT $1) s,
jsonb_array_elements(s.errors) WITH ORDINALITY e(value, n) ORDER BY s.line, e.n LIMIT $1`
	rows, err := tx.Query(ctx, sql, pgx.QueryExecModeDescribeExec, limit)
	if err != nil {
		return nil, fmt.Errorf("load: read errors: %w", err)
	}
	out, err := pgx.CollectRows(rows, func(r pgx.CollectableRow) (RowError, error) {
		var e RowError
		var doc []byte
		if err := r.Scan(&e.Row, &doc); err != nil {
			return e, fmt.Errorf("scan: %w", err)
		}
		return e, json.Unmarshal(doc, &e)
	})
	if err != nil {
		return nil, fmt.Errorf("load: read errors: %w", err)
	}
	return out, nil
}

// CountErrors gives how many staged rows cannot be written, and how many errors they have.
func CountErrors(ctx context.Context, tx pgx.Tx, name string) (rows, errors int64, err error) {
	sql := `SELECT count(*), coalesce(sum(jsonb_array_length(errors)), 0) FROM ` + beside(name, "") + ` WHERE errors IS NOT NULL`
	if err := tx.QueryRow(ctx, sql, pgx.QueryExecModeExec).Scan(&rows, &errors); err != nil {
		return 0, 0, fmt.Errorf("load: count errors: %w", err)
	}
	return rows, errors, nil
}

// rule is what a row of some relation must not be. Its parts but name and field are SQL over that relation.
type rule struct {
	name    string // in the error
	field   string // "": the row itself
	broken  string // a condition; NULL is not broken
	message string // a text
	value   string // a text, "" for none
}

// found gives the rule's error as SQL.
func (r rule) found() string {
	value := "''"
	if r.value != "" {
		value = fmt.Sprintf("coalesce(left((%s)::text, %d), '')", r.value, maxValue)
	}
	return fmt.Sprintf("jsonb_build_array(jsonb_build_object('field', %s::text, 'rule', %s::text, 'message', (%s)::text, 'value', %s))",
		literal(r.field), literal(r.name), r.message, value)
}

// judge adds to each row of a relation the errors of the rules that it breaks, in their order. from is the relation's FROM
// and WHERE, line its column that names the staged row. Files are mostly good, so it asks first whether a rule is broken
// at all: a pass that writes nothing.
func (m *merge) judge(ctx context.Context, from, line string, rules []rule) error {
	if len(rules) == 0 {
		return nil
	}
	names := make([]string, 0, len(rules))
	broken := make([]string, 0, len(rules))
	errs := make([]string, 0, len(rules))
	for _, r := range rules {
		names = append(names, r.name)
		broken = append(broken, "("+r.broken+")")
		errs = append(errs, "CASE WHEN "+r.broken+" THEN "+r.found()+" ELSE '[]' END")
	}
	what := "check " + strings.Join(names, ", ")
	var bad int64
	err := m.row(ctx, what, `SELECT count(*) FILTER (WHERE `+strings.Join(broken, " OR ")+`) `+from, &bad)
	if err != nil || bad == 0 {
		return err
	}
	m.stale = true
	_, err = m.exec(ctx, what, `
UPDATE `+m.staging+` u SET errors = coalesce(u.errors, '[]') || f.found
FROM (SELECT `+line+` AS line, `+strings.Join(errs, " || ")+` AS found `+from+`) f
WHERE f.line = u.line AND f.found <> '[]'`)
	return err
}

// literal gives text as an SQL literal.
func literal(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }
