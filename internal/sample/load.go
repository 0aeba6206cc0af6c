package sample

import (
	"context"
	"fmt"
	"io"

	"github.com/jackc/pgx/v5"
)

// chunk is how many bytes of rows are handed to the connection at a time.
const chunk = 256 << 10

const rowSecurityActive = `SELECT row_security_active($1::regclass)`

// load makes the rows of t and copies them in, by way of a temporary table if row security stands before t.
func load(ctx context.Context, tx pgx.Tx, g *generator, e entity, t table) (int64, error) {
	into, columns := "public."+t.name, t.allColumns()
	var walled bool
	if err := tx.QueryRow(ctx, rowSecurityActive, into).Scan(&walled); err != nil {
		return 0, fmt.Errorf("ask for row security: %w", err)
	}
	if !walled {
		return stream(ctx, tx, g, e, t, into, columns)
	}
	create := `CREATE TEMPORARY TABLE sample_rows ON COMMIT DROP AS SELECT ` + columns + ` FROM ` + into + ` WITH NO DATA`
	if _, err := tx.Exec(ctx, create); err != nil {
		return 0, fmt.Errorf("create the temporary table: %w", err)
	}
	n, err := stream(ctx, tx, g, e, t, "sample_rows", columns)
	if err != nil {
		return 0, err
	}
	move := `INSERT INTO ` + into + ` (` + columns + `) SELECT ` + columns + ` FROM sample_rows; DROP TABLE sample_rows`
	if _, err := tx.Exec(ctx, move); err != nil {
		return 0, fmt.Errorf("move the rows: %w", err)
	}
	return n, nil
}

// stream copies the rows of t as they are made; no more than a few chunks are ever in memory.
func stream(ctx context.Context, tx pgx.Tx, g *generator, e entity, t table, into, columns string) (int64, error) {
	reader, writer := io.Pipe()
	made := make(chan struct{})
	go func() {
		defer close(made)
		writer.CloseWithError(produce(writer, g, e, t))
	}()
	tag, err := tx.Conn().PgConn().CopyFrom(ctx, reader, `COPY `+into+` (`+columns+`) FROM STDIN`)
	_ = reader.CloseWithError(context.Canceled) // stops a producer that nobody listens to any more; it cannot fail
	<-made
	if err != nil {
		return 0, fmt.Errorf("copy: %w", err)
	}
	return tag.RowsAffected(), nil
}

// produce writes the rows of t to w.
func produce(w io.Writer, g *generator, e entity, t table) error {
	buf := make([]byte, 0, chunk+chunk/8)
	line := &row{}
	for i := range g.counts[e] {
		t.write(g, line, e, i)
		if g.err != nil {
			return g.err
		}
		if buf = append(buf, line.buf...); len(buf) >= chunk {
			if _, err := w.Write(buf); err != nil {
				return fmt.Errorf("hand over rows: %w", err)
			}
			buf = buf[:0]
		}
	}
	if _, err := w.Write(buf); err != nil {
		return fmt.Errorf("hand over rows: %w", err)
	}
	return nil
}
