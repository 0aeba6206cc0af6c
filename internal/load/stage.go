package load

import (
	"bytes"
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
// conn is in no transaction: the table is committed with its rows when Stage returns. After an error there is none, unless
// the connection broke while it was committed.
func (p *Plan) Stage(ctx context.Context, conn *pgx.Conn, name string, next func(*tabular.Batch) error) (Staged, error) {
	// The pipe's two ends: rows are read, checked and encoded on one side while the connection sends on the other.
	r, w := io.Pipe()
	enc := newEncoder(p, w)
	ended := make(chan error, 1)
	go func() {
		err := enc.run(next)
		w.CloseWithError(err) // nil reads as io.EOF
		ended <- err
	}()
	err := p.fill(ctx, conn, name, r)
	r.CloseWithError(errStopped) // frees the encoder if the connection went first
	if sourceErr := <-ended; sourceErr != nil && !errors.Is(sourceErr, errStopped) {
		return Staged{}, sourceErr
	}
	switch {
	case err == nil:
		return enc.staged, nil
	case ctx.Err() != nil: // the connection may say no more than that it was closed
		return Staged{}, fmt.Errorf("load: stage: %w: %w", ctx.Err(), err)
	}
	return Staged{}, fmt.Errorf("load: stage: %w", err)
}

// fill creates the table and copies the tuples into it, in one transaction: so rows are born frozen, which spares their
// first reader the look at who wrote them, and a file costs one commit. What fits into one buffer is copied into a logged
// table: that is a few kilobytes of log instead of a flush to disk for each of an unlogged table's files.
func (p *Plan) fill(ctx context.Context, conn *pgx.Conn, name string, tuples io.Reader) error {
	head := make([]byte, copyBuffer)
	n, err := io.ReadFull(tuples, head)
	few := errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
	if err != nil && !few {
		return err //nolint:wrapcheck // the encoder's own
	}
	tx, err := conn.Begin(ctx)
	if err != nil {
		return err //nolint:wrapcheck // named by Stage
	}
	err = p.fillIn(ctx, tx, name, few, io.MultiReader(bytes.NewReader(head[:n]), tuples))
	if err != nil {
		return errors.Join(err, tx.Rollback(ctx))
	}
	return tx.Commit(ctx) //nolint:wrapcheck // named by Stage
}

func (p *Plan) fillIn(ctx context.Context, tx pgx.Tx, name string, few bool, tuples io.Reader) error {
	// Who merges counts what is staged: a commit that a crash takes back is no loss.
	if _, err := tx.Exec(ctx, `SET LOCAL synchronous_commit = off; `+p.createStaging(name, few)); err != nil {
		return fmt.Errorf("create the table: %w", err)
	}
	if _, err := tx.Conn().PgConn().CopyFrom(ctx, tuples, `COPY `+beside(name, "")+` FROM STDIN (FORMAT binary, FREEZE)`); err != nil {
		return fmt.Errorf("copy: %w", err)
	}
	if _, err := tx.Exec(ctx, `ANALYZE `+beside(name, "")+` (`+strings.Join(p.analyzed(), ", ")+`)`); err != nil {
		return fmt.Errorf("analyze: %w", err)
	}
	return nil
}

// analyzed gives the columns whose statistics the merge's plans rest on: without any they would be nested loops, and those
// of the other cells cost time only.
func (p *Plan) analyzed() []string {
	cells := []string{"line", "errors"}
	for i := range p.cols {
		c := &p.cols[i]
		if p.inKey(c.Name) || c.ref != nil {
			cells = append(cells, c.cell())
		}
	}
	return cells
}
