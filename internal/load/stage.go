package load

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"wharf/internal/catalog"
	"wharf/internal/pgcodec"
	"wharf/internal/tabular"
)

// Staged is what staging holds after a file went in.
type Staged struct {
	Rows   int64
	Errors int64 // failing rules, of all cells
}

// copyBuffer is how much of the stream is encoded before it is handed to the connection, in bytes.
const copyBuffer = 256 << 10

// Stage creates the staging table name and fills it by one COPY. next gives the batches, cells in the plan's order, until
// io.EOF; its other errors are returned as they are. A cell that the column's type refuses becomes an error of its row.
// conn is in no transaction: the rows are committed when Stage returns.
func (p *Plan) Stage(ctx context.Context, conn *pgx.Conn, name string, next func(*tabular.Batch) error) (Staged, error) {
	if _, err := conn.Exec(ctx, p.createStaging(name)); err != nil {
		return Staged{}, fmt.Errorf("load: create staging: %w", err)
	}
	// The pipe's two ends: rows are read, checked and encoded on one side while the connection sends on the other.
	r, w := io.Pipe()
	enc := &encoder{plan: p, w: pgcodec.NewCopyWriter(w, make([]byte, 0, copyBuffer)), ids: newMinter()}
	ended := make(chan error, 1)
	go func() {
		err := enc.run(next)
		w.CloseWithError(err) // nil reads as io.EOF
		ended <- err
	}()
	_, err := conn.PgConn().CopyFrom(ctx, r, `COPY `+staging(name, "")+` FROM STDIN (FORMAT binary)`)
	r.CloseWithError(errStopped) // frees the encoder if the connection went first
	if sourceErr := <-ended; sourceErr != nil && !errors.Is(sourceErr, errStopped) {
		return Staged{}, sourceErr
	}
	if err != nil {
		return Staged{}, fmt.Errorf("load: copy into staging: %w", err)
	}
	// Without statistics the merge would be planned as nested loops.
	if _, err := conn.Exec(ctx, `ANALYZE `+staging(name, "")); err != nil {
		return Staged{}, fmt.Errorf("load: analyze staging: %w", err)
	}
	return enc.staged, nil
}

var errStopped = errors.New("load: the connection stopped reading")

func (p *Plan) createStaging(name string) string {
	defs := []string{rowColumn + " bigint NOT NULL", errorsColumn + " jsonb"}
	if p.mint {
		defs = append(defs, idColumn+" uuid NOT NULL")
	}
	for _, c := range p.cols {
		defs = append(defs, ident(c.Name)+" "+c.sqlType)
	}
	return `CREATE UNLOGGED TABLE ` + staging(name, "") + ` (` + strings.Join(defs, ", ") + `) WITH (autovacuum_enabled = false)`
}

const (
	dropTables = `SELECT format('DROP TABLE %I.%I', n.nspname, c.relname)
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = '` + StagingSchema + `' AND c.relkind = 'r' AND starts_with(c.relname, $1)
  AND c.relowner = (SELECT oid FROM pg_roles WHERE rolname = current_user)`
)

// Drop removes every staging table whose name begins with prefix.
func Drop(ctx context.Context, tx pgx.Tx, prefix string) error {
	rows, err := tx.Query(ctx, dropTables, prefix)
	if err != nil {
		return fmt.Errorf("load: list staging: %w", err)
	}
	drops, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return fmt.Errorf("load: list staging: %w", err)
	}
	for _, drop := range drops {
		if _, err := tx.Exec(ctx, drop); err != nil {
			return fmt.Errorf("load: drop staging: %w", err)
		}
	}
	return nil
}

// encoder turns batches into the tuples of a staging table.
type encoder struct {
	plan   *Plan
	w      *pgcodec.CopyWriter
	ids    minter
	batch  tabular.Batch
	faults []byte // errors of the current row, as JSON elements
	staged Staged
}

func (e *encoder) run(next func(*tabular.Batch) error) error {
	for {
		err := next(&e.batch)
		if errors.Is(err, io.EOF) {
			return e.w.Close()
		}
		if err != nil {
			return err
		}
		if err := e.encode(&e.batch); err != nil {
			return err
		}
	}
}

func (e *encoder) encode(b *tabular.Batch) error {
	found := rowErrors{all: b.Errors}
	for r := range b.Len() {
		bad := found.of(r)
		if err := e.row(b, r, bad); err != nil {
			return err
		}
	}
	return nil
}

// row writes one tuple: number, id, cells, errors. The errors come second in the table but are known last, so a row that
// turns out bad while it is encoded is written again with the cells that failed left empty.
func (e *encoder) row(b *tabular.Batch, r int, bad []tabular.CellError) error {
	e.faults = e.faults[:0]
	for _, f := range bad {
		e.fault(f)
	}
	again := e.tuple(b, r, bad, len(bad) == 0)
	if again {
		e.w.Discard()
		e.tuple(b, r, bad, false)
	}
	e.staged.Rows++
	return e.w.End()
}

// tuple encodes the row; it reports whether a cell failed although the row was taken for good.
func (e *encoder) tuple(b *tabular.Batch, r int, bad []tabular.CellError, good bool) (again bool) {
	p := e.plan
	n := 2 + len(p.cols)
	if p.mint {
		n++
	}
	cells := b.Row(r)
	if !good { // find every failing cell first, so that the errors are whole
		e.checkCells(cells, bad)
	}
	e.w.Begin(n)
	e.w.Int8(b.Lines[r])
	if good {
		e.w.Null()
	} else {
		e.w.Raw(append(append([]byte{1, '['}, bytes.TrimSuffix(e.faults, []byte{','})...), ']')) // jsonb, version 1
	}
	if p.mint {
		e.w.Raw(e.ids.mint(b.Lines[r]))
	}
	for i, cell := range cells {
		if len(cell) == 0 || (!good && p.table != nil && failed(bad, i)) { // without a table a wrong cell is shown as it is
			e.w.Null()
			continue
		}
		if err := e.w.Text(p.cols[i].codec, cell); err != nil {
			if good {
				return true
			}
			e.w.Null()
		}
	}
	return false
}

// checkCells notes the errors of cells that the row program let through and the column's type refuses.
func (e *encoder) checkCells(cells [][]byte, bad []tabular.CellError) {
	var scratch [64]byte
	for i, cell := range cells {
		if len(cell) == 0 || failed(bad, i) {
			continue
		}
		c := &e.plan.cols[i]
		if _, err := c.codec(scratch[:0], cell); err != nil {
			e.fault(tabular.CellError{Col: i, Rule: "type", Message: c.label() + " " + err.Error(), Value: clip(cell)})
		}
	}
}

func (c *column) label() string {
	if c.Label != "" {
		return c.Label
	}
	return c.Name
}

// fault adds one error to the current row's.
func (e *encoder) fault(f tabular.CellError) {
	field := ""
	if f.Col >= 0 {
		field = e.plan.cols[f.Col].Name
	}
	e.staged.Errors++
	for _, part := range [...]struct{ key, text string }{
		{`{"field":`, field}, {`,"rule":`, f.Rule}, {`,"message":`, f.Message}, {`,"value":`, f.Value},
	} {
		e.faults = append(e.faults, part.key...)
		e.faults = pgcodec.AppendJSONString(e.faults, []byte(storable(part.text)))
	}
	e.faults = append(e.faults, '}', ',')
}

// storable gives text that jsonb can hold.
func storable(s string) string {
	return strings.ReplaceAll(strings.ToValidUTF8(s, "�"), "\x00", "␀")
}

// clip cuts a value that an error quotes.
func clip(cell []byte) string {
	const limit = 200
	if len(cell) <= limit {
		return string(cell)
	}
	return strings.ToValidUTF8(string(cell[:limit]), "") + "…"
}

func failed(bad []tabular.CellError, col int) bool {
	for _, e := range bad {
		if e.Col == col {
			return true
		}
	}
	return false
}

// rowErrors hands out a batch's errors row by row. They come in row order from each stage, but not over stages.
type rowErrors struct {
	all    []tabular.CellError
	sorted bool
}

func (re *rowErrors) of(r int) []tabular.CellError {
	if len(re.all) == 0 {
		return nil
	}
	if !re.sorted {
		sortByRow(re.all)
		re.sorted = true
	}
	n := 0
	for n < len(re.all) && re.all[n].Row == r {
		n++
	}
	out := re.all[:n]
	re.all = re.all[n:]
	return out
}

// codecFor gives how the column's cells are encoded; typed is false if they are staged as text and cast by the merge.
func codecFor(c *catalog.Column) (codec pgcodec.BinaryFunc, typed bool) {
	t := pgcodec.Type{OID: c.BaseOID, MaxLength: c.MaxLength, Precision: c.Precision, Scale: c.Scale}
	if c.Kind == catalog.KindEnum {
		return labelCodec(c.Labels), true
	}
	codec, typed = pgcodec.Binary(t)
	if !typed {
		return textCodec, false
	}
	if c.Labels != nil {
		return listed(codec, c.Labels), true
	}
	return codec, true
}

//nolint:gochecknoglobals // stateless
var textCodec, _ = pgcodec.Binary(pgcodec.Type{OID: pgtype.TextOID})

// labelCodec accepts the labels of an enum, whose binary form is its text.
func labelCodec(labels []string) pgcodec.BinaryFunc { return listed(textCodec, labels) }

// listed accepts only what a CHECK (column IN (…)) or an enum lists.
func listed(codec pgcodec.BinaryFunc, labels []string) pgcodec.BinaryFunc {
	allowed := make(map[string]bool, len(labels))
	for _, l := range labels {
		allowed[l] = true
	}
	wrong := errors.New("must be one of " + strings.Join(labels, ", "))
	return func(dst, text []byte) ([]byte, error) {
		if !allowed[string(text)] {
			return dst, wrong
		}
		return codec(dst, text)
	}
}
