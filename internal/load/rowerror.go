package load

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
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

// rule is what a row of some relation must not be. broken and message are SQL over that relation.
type rule struct {
	name    string // in the error
	field   string // whose cell is to blame, and shown; "": the row itself
	broken  string // a condition; NULL is not broken
	message string // a text
}

// manyZeros is from how many zeros on a whole number is shown with an exponent.
const manyZeros = 20

// shown gives what an error quotes of the staged row u: the field's cell. A number of many digits is one that was short in
// the file: 1e999.
func (m *merge) shown(field string) string {
	c := m.plan.find(field)
	if c == nil || c.secret() {
		return "''"
	}
	text := "u." + c.cell() + "::text"
	if c.staged == "numeric" || strings.HasPrefix(c.staged, "numeric(") {
		text = fmt.Sprintf(`CASE WHEN %[1]s ~ '^-?[1-9][0-9]*0{%[2]d,}$' THEN rtrim(%[1]s, '0') || 'e' || length(%[1]s) - length(rtrim(%[1]s, '0')) ELSE %[1]s END`, text, manyZeros)
	}
	return fmt.Sprintf("coalesce(CASE WHEN length(%[1]s) > %[2]d THEN left(%[1]s, %[2]d) || '…' ELSE %[1]s END, '')", text, maxValue)
}

// judge adds to each row of a relation the errors of the rules that it breaks, in their order. from is the relation's FROM
// and WHERE, line its column that names the staged row. Files are mostly good, so it asks first whether a rule is broken
// at all: a pass that writes nothing.
func (m *merge) judge(ctx context.Context, from, line string, rules []rule) error {
	if len(rules) == 0 {
		return nil
	}
	var names, broken, judged, found []string
	for n, r := range rules {
		names, broken = append(names, r.name), append(broken, "("+r.broken+")")
		judged = append(judged, fmt.Sprintf("CASE WHEN %s THEN coalesce((%s)::text, '') END AS m%d", r.broken, r.message, n))
		found = append(found, fmt.Sprintf("CASE WHEN f.m%d IS NULL THEN '[]' ELSE jsonb_build_array(jsonb_build_object('field', %s::text, 'rule', %s::text, 'message', f.m%[1]d, 'value', %[4]s)) END",
			n, literal(r.field), literal(r.name), m.shown(r.field)))
	}
	what := "check " + strings.Join(slices.Compact(names), ", ")
	var bad int64
	err := m.row(ctx, what, `SELECT count(*) FILTER (WHERE `+strings.Join(broken, " OR ")+`) `+from, &bad)
	if err != nil || bad == 0 {
		return err
	}
	m.stale = true
	_, err = m.exec(ctx, what, `
UPDATE `+m.staging+` u SET errors = coalesce(u.errors, '[]') || `+strings.Join(found, " || ")+`
FROM (SELECT * FROM (SELECT `+line+` AS line, (`+strings.Join(broken, " OR ")+`) AS broken, `+strings.Join(judged, ", ")+" "+from+`) j WHERE j.broken) f
WHERE f.line = u.line`)
	return err
}

// literal gives text as an SQL literal.
func literal(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }
