package load

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/jackc/pgx/v5"

	"wharf/internal/tabular"
)

// Staged is what staging holds after a file went in.
type Staged struct {
	Rows   int64
	Errors int64 // failing rules, of all cells
}

// copyBuffer is how much of the stream is encoded before it is handed to the connection, in bytes.
const copyBuffer = 256 << 10

var errStopped = errors.New("load: the connection stopped reading")

// Stage creates the staging table name and fills it by one COPY. next gives the batches, cells in the plan's order, until
// io.EOF; its other errors are returned as they are. A cell that the column's type refuses becomes an error of its row.
// conn is in no transaction: the rows are committed when Stage returns. After an error the table is the caller's to drop.
func (p *Plan) Stage(ctx context.Context, conn *pgx.Conn, name string, next func(*tabular.Batch) error) (Staged, error) {
	if _, err := conn.Exec(ctx, p.createStaging(name)); err != nil {
		return Staged{}, fmt.Errorf("load: create staging: %w", err)
	}
	// The pipe's two ends: rows are read, checked and encoded on one side while the connection sends on the other.
	r, w := io.Pipe()
	enc := newEncoder(p, w)
	ended := make(chan error, 1)
	go func() {
		err := enc.run(next)
		w.CloseWithError(err) // nil reads as io.EOF
		ended <- err
	}()
	_, err := conn.PgConn().CopyFrom(ctx, r, `COPY `+beside(name, "")+` FROM STDIN (FORMAT binary)`)
	r.CloseWithError(errStopped) // frees the encoder if the connection went first
	if sourceErr := <-ended; sourceErr != nil && !errors.Is(sourceErr, errStopped) {
		return Staged{}, sourceErr
	}
	if err != nil {
		if ctx.Err() != nil { // the connection may say no more than that it was closed
			return Staged{}, fmt.Errorf("load: copy into staging: %w: %w", ctx.Err(), err)
		}
		return Staged{}, fmt.Errorf("load: copy into staging: %w", err)
	}
	if _, err := conn.Exec(ctx, `ANALYZE `+beside(name, "")+` (`+strings.Join(p.analyzed(), ", ")+`)`); err != nil {
		return Staged{}, fmt.Errorf("load: analyze staging: %w", err)
	}
	return enc.staged, nil
}

// analyzed gives the columns whose statistics the merge's plans rest on: without any they would be nested loops, and those
// of the other cells cost time only.
func (p *Plan) analyzed() []string {
	cells := []string{"line"}
	for i := range p.cols {
		c := &p.cols[i]
		if p.inKey(c.Name) || c.ref != nil {
			cells = append(cells, c.cell())
		}
	}
	return cells
}
