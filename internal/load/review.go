package load

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"wharf/internal/catalog"
	"wharf/internal/fault"
	"wharf/internal/tabular"
)

// Row is a staged row as a person reads and mends it.
type Row struct {
	Line   int64
	Cells  []string       // in the plan's order; "": blank. A cell that its type refused is what the file held
	Kinds  []tabular.Kind // what each cell is: see Replace
	Errors []RowError     // none: the row may be written
}

// RowStatus says which rows are asked for.
type RowStatus string

// Which rows are asked for.
const (
	AllRows     RowStatus = "all"
	ValidRows   RowStatus = "valid"
	InvalidRows RowStatus = "invalid"
)

func (s RowStatus) where() string {
	switch s {
	case ValidRows:
		return " AND errors IS NULL"
	case InvalidRows:
		return " AND errors IS NOT NULL"
	case AllRows:
	}
	return ""
}

// Keep makes staging survive a crash of the database, for rows that wait for a person: until then its rows are gone after
// one. It costs what writing them once more does.
func (p *Plan) Keep(ctx context.Context, tx pgx.Tx, name string) error {
	_, err := tx.Exec(ctx, `ALTER TABLE `+beside(name, "")+` SET LOGGED;
CREATE UNIQUE INDEX IF NOT EXISTS `+ident(name+"_l")+` ON `+beside(name, "")+` (line)`)
	if err != nil {
		return fmt.Errorf("load: keep staging: %w", err)
	}
	return nil
}

// Rows gives staged rows in their order, at most limit of those after a line. The cells of encrypted columns are opened; one
// that was refused is empty, since nothing was kept of it.
func (p *Plan) Rows(ctx context.Context, tx pgx.Tx, name string, status RowStatus, after int64, limit int) ([]Row, error) {
	cells := make([]string, 0, len(p.cols))
	for _, c := range p.cols[:len(p.spec.Columns)] {
		cells = append(cells, c.cell()+"::text")
	}
	sql := `SELECT line, errors, ARRAY[` + strings.Join(cells, ", ") + `]::text[] FROM ` + beside(name, "") + `
WHERE line > $1` + status.where() + ` ORDER BY line LIMIT $2`
	rows, err := tx.Query(ctx, sql, pgx.QueryExecModeDescribeExec, after, limit)
	if err != nil {
		return nil, fmt.Errorf("load: read rows: %w", err)
	}
	out, err := pgx.CollectRows(rows, p.scanRow)
	if err != nil {
		return nil, fmt.Errorf("load: read rows: %w", err)
	}
	return out, nil
}

func (p *Plan) scanRow(from pgx.CollectableRow) (Row, error) {
	var r Row
	var doc []byte
	var cells []*string
	if err := from.Scan(&r.Line, &doc, &cells); err != nil {
		return r, fmt.Errorf("scan: %w", err)
	}
	came, err := r.readErrors(doc)
	if err != nil {
		return r, err
	}
	for i := range cells {
		c := &p.cols[i]
		if cells[i] != nil && c.sealed {
			if *cells[i], err = p.open(c, *cells[i]); err != nil {
				return r, err
			}
		}
		if cells[i] != nil {
			r.Cells, r.Kinds = append(r.Cells, *cells[i]), append(r.Kinds, c.kind())
		} else {
			r.Cells, r.Kinds = append(r.Cells, came[c.Name]), append(r.Kinds, tabular.Text)
		}
	}
	return r, nil
}

// readErrors reads the row's errors, and gives what the file held where a cell was refused, by its field.
func (r *Row) readErrors(doc []byte) (came map[string]string, err error) {
	if doc == nil {
		return nil, nil
	}
	var all []struct {
		RowError
		Cell string `json:"cell"` // all of what Value is the beginning of
	}
	if err := json.Unmarshal(doc, &all); err != nil {
		return nil, fmt.Errorf("load: read errors: %w", err)
	}
	came = make(map[string]string, len(all))
	for _, e := range all {
		e.Row = r.Line
		r.Errors = append(r.Errors, e.RowError)
		if e.Cell == "" {
			e.Cell = e.Value
		}
		if came[e.Field] == "" {
			came[e.Field] = e.Cell
		}
	}
	return came, nil
}

// kind says what the column's cells are once they are staged.
func (c *column) kind() tabular.Kind {
	if c.target == nil || c.ref != nil {
		return tabular.Text
	}
	switch c.target.Kind {
	case catalog.KindInteger, catalog.KindNumeric, catalog.KindFloat:
		return tabular.Number
	case catalog.KindDate, catalog.KindTimestamp, catalog.KindTimestampTZ:
		return tabular.Date
	case catalog.KindBoolean:
		return tabular.Boolean
	default: // an encrypted column's too: its cells are the plain text
		return tabular.Text
	}
}

// Replace puts a mended row in the place of the staged one of that line: the only row of b, with the errors that the row
// program found in it now. NotFound if there is no such line. Whole-file rules are judged by Mark, or by the merge.
//
// The caller makes b from the row that Rows gave: its cells with those that were mended, and its Kinds, of which those of
// the mended cells are Text. A staged cell is canonical, a person's is not: without its kind, the number 1.234 would be
// read as a thousand where the file had decimal commas, and 04/03 of a date that was read already. A plan without a table
// knows no types: there the caller marks what its own fields are.
//
// The import's row is to be locked, so that no merge runs meanwhile.
func (p *Plan) Replace(ctx context.Context, tx pgx.Tx, name string, line int64, b *tabular.Batch) error {
	if b.Len() != 1 {
		return fmt.Errorf("load: replace: %d rows instead of one", b.Len())
	}
	id := "NULL::uuid"
	if p.mint != nil {
		id = "id"
	}
	var minted *uuid.UUID
	err := tx.QueryRow(ctx, `DELETE FROM `+beside(name, "")+` WHERE line = $1 RETURNING `+id, pgx.QueryExecModeExec, line).Scan(&minted)
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return fault.Newf(fault.NotFound, "there is no row %d", line)
	case err != nil:
		return fmt.Errorf("load: take out row: %w", err)
	}
	b.Lines[0] = line
	var tuple bytes.Buffer
	if err := newMender(p, &tuple, minted).mend(b); err != nil {
		return err
	}
	if _, err := tx.Conn().PgConn().CopyFrom(ctx, &tuple, `COPY `+beside(name, "")+` FROM STDIN (FORMAT binary)`); err != nil {
		return fmt.Errorf("load: put in row: %w", err)
	}
	return nil
}

// EachError calls fn with the errors of each row that has any, in row order, without holding the rows. fn's error ends it
// and is returned. What fn gets is valid until it returns, and it must not use tx.
func EachError(ctx context.Context, tx pgx.Tx, name string, fn func(line int64, found []RowError) error) error {
	rows, err := tx.Query(ctx, `SELECT line, errors FROM `+beside(name, "")+` WHERE errors <> '[]' ORDER BY line`, pgx.QueryExecModeDescribeExec)
	if err != nil {
		return fmt.Errorf("load: read errors: %w", err)
	}
	defer rows.Close()
	var found []RowError
	for rows.Next() {
		var line int64
		var doc []byte
		if err := rows.Scan(&line, &doc); err != nil {
			return fmt.Errorf("load: read errors: %w", err)
		}
		found = found[:0]
		if err := json.Unmarshal(doc, &found); err != nil {
			return fmt.Errorf("load: read errors: %w", err)
		}
		for i := range found {
			found[i].Row = line
		}
		if err := fn(line, found); err != nil {
			return err
		}
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("load: read errors: %w", err)
	}
	return nil
}

// forgetUniques takes back the errors of whole-file rules, so that they can be judged anew: a row that was mended since may
// have been the other one.
func (m *merge) forgetUniques(ctx context.Context) error {
	if len(m.plan.spec.Uniques) == 0 || m.total > 0 && m.good == m.total {
		return nil
	}
	n, err := m.exec(ctx, "forget repeated cells", `
UPDATE `+m.staging+` SET errors = nullif((
    SELECT coalesce(jsonb_agg(e ORDER BY n), '[]') FROM jsonb_array_elements(errors) WITH ORDINALITY x(e, n) WHERE e ->> 'rule' <> '`+uniqueRule+`'), '[]')
WHERE errors @> '[{"rule": "`+uniqueRule+`"}]'`)
	m.stale = m.stale || n > 0
	return err
}

// uniqueRule is the rule of errors that only the whole file shows; see markUniques.
const uniqueRule = "unique"
