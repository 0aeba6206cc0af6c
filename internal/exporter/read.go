package exporter

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"golang.org/x/sync/errgroup"

	"wharf/internal/fault"
)

const (
	// flushAt is how much a reader encodes before it hands it on.
	flushAt = 128 << 10
	// chunksAhead is how many chunks of a reader may wait to be written.
	chunksAhead = 6
	// readerWait is how long a further reader waits for a connection: it is worth having, but the export goes on without.
	readerWait = time.Second
)

// chunk is encoded rows on their way from a reader to the writer, who gives the buffer back.
type chunk struct {
	bytes []byte
	rows  int64
	free  chan<- []byte
}

// reading is the tables of a plan being read, by several readers at a time.
//
// Readers take tables in the plan's order, and each has its own few buffers. All that a reader read before its table is
// written before it, so the reader of the table that is being written is never without a buffer that will come free: it
// moves, however far ahead the others are.
type reading struct {
	run    *run
	enc    encoder
	next   atomic.Int64       // table that no reader has taken
	tables []chan chunk       // of each table of the plan; closed behind its last row
	nested []map[string]int64 // of each table of the plan: rows of those that sit inside it; there when its channel is closed
}

// readAll writes every table of the plan to enc. tx is in the snapshot and reads as well.
func (r *run) readAll(ctx context.Context, tx pgx.Tx, enc encoder) error {
	rd := &reading{run: r, enc: enc, tables: make([]chan chunk, len(r.plan.tables)), nested: make([]map[string]int64, len(r.plan.tables))}
	for i := range rd.tables {
		rd.tables[i] = make(chan chunk, chunksAhead)
	}
	readers := min(max(1, r.s.cfg.Readers), len(rd.tables))
	var snapshot string
	if readers > 1 {
		if err := tx.QueryRow(ctx, `SELECT pg_export_snapshot()`).Scan(&snapshot); err != nil {
			return fmt.Errorf("exporter: export snapshot: %w", err)
		}
	}
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return rd.read(ctx, tx) })
	for range readers - 1 {
		group.Go(func() error { return r.s.joinSnapshot(ctx, r, snapshot, rd.read) })
	}
	group.Go(func() error { return rd.write(ctx) })
	return group.Wait() //nolint:wrapcheck // by those above
}

// joinSnapshot runs fn in a transaction of its own that sees what the exported snapshot sees, in the tenant's context. If no
// connection is free soon, fn is not run.
func (s *Service) joinSnapshot(ctx context.Context, r *run, snapshot string, fn func(ctx context.Context, tx pgx.Tx) error) error {
	soon, cancel := context.WithTimeout(ctx, readerWait)
	conn, err := s.cfg.Pool.Acquire(soon)
	cancel()
	if err != nil {
		return nil //nolint:nilerr // said above; a database that is away, the other readers meet too
	}
	defer conn.Release()
	tx, err := conn.BeginTx(ctx, snapshotMode)
	if err != nil {
		return fmt.Errorf("exporter: begin reader: %w", err)
	}
	defer func() { _ = tx.Rollback(context.WithoutCancel(ctx)) }() // read only: nothing to commit
	// It comes first: a transaction that has run a statement has a snapshot already. The name is a literal of Postgres's own.
	// It is gone if the transaction that exported it has failed, which says why by itself.
	var gone *pgconn.PgError
	if _, err := tx.Exec(ctx, "SET TRANSACTION SNAPSHOT '"+snapshot+"'"); errors.As(err, &gone) {
		return nil
	} else if err != nil {
		return fmt.Errorf("exporter: join snapshot: %w", err)
	}
	if err := s.cfg.DB.Enter(ctx, tx, r.p.Tenant); err != nil {
		return err //nolint:wrapcheck // a sentence of its own
	}
	return s.cfg.DB.AsProduct(ctx, tx, r.p, fn) //nolint:wrapcheck // names the table
}

// read reads tables until none is left.
func (rd *reading) read(ctx context.Context, tx pgx.Tx) error {
	free := make(chan []byte, chunksAhead)
	for range chunksAhead {
		free <- nil
	}
	for {
		i := int(rd.next.Add(1)) - 1
		if i >= len(rd.tables) {
			return nil
		}
		t := rd.run.plan.tables[i]
		enc := rd.enc.rows(t)
		if err := rd.table(ctx, tx, t, enc, free, rd.tables[i]); err != nil {
			return err
		}
		rd.nested[i] = enc.nested
		close(rd.tables[i])
	}
}

// table reads one table. The statement carries the tenant predicate beside row security.
func (rd *reading) table(ctx context.Context, tx pgx.Tx, t planned, enc rowEncoder, free chan []byte, out chan<- chunk) error {
	ctx, cancel := context.WithCancel(ctx)
	// Described anew each time: a statement kept from before may have other types.
	args := append([]any{pgx.QueryExecModeDescribeExec, pgx.QueryResultFormats{pgx.BinaryFormatCode}}, t.args...)
	rows, err := tx.Query(ctx, enc.sql, args...)
	if err != nil {
		cancel()
		return readError(t, err)
	}
	defer rows.Close()
	defer cancel() // before Close, which would read on to the last row
	c := chunk{free: free}
	for rows.Next() {
		if c.bytes == nil {
			if c.bytes, err = buffer(ctx, free); err != nil {
				return err
			}
		}
		if c.bytes, err = enc.add(c.bytes, rows.RawValues()); err != nil {
			return fmt.Errorf("exporter: encode %s: %w", t.Name, err)
		}
		if c.rows++; len(c.bytes) >= flushAt {
			if err := rd.send(ctx, out, &c); err != nil {
				return err
			}
		}
	}
	if err := rows.Err(); err != nil {
		return readError(t, err)
	}
	return rd.finish(ctx, enc, free, out, &c)
}

// finish sends what is left of a table.
func (rd *reading) finish(ctx context.Context, enc rowEncoder, free <-chan []byte, out chan<- chunk, c *chunk) (err error) {
	if enc.finish != nil {
		if c.bytes == nil {
			if c.bytes, err = buffer(ctx, free); err != nil {
				return err
			}
		}
		c.bytes = enc.finish(c.bytes)
	}
	if c.bytes == nil {
		return nil
	}
	return rd.send(ctx, out, c)
}

// buffer waits for an empty buffer.
func buffer(ctx context.Context, free <-chan []byte) ([]byte, error) {
	select {
	case b := <-free:
		if b == nil || cap(b) > 4*flushAt { // a long row's is not kept
			b = make([]byte, 0, flushAt+flushAt/4)
		}
		return b[:0], nil
	case <-ctx.Done():
		return nil, context.Cause(ctx) //nolint:wrapcheck // what ended the others
	}
}

func (rd *reading) send(ctx context.Context, out chan<- chunk, c *chunk) error {
	rd.run.rows.Add(c.rows)
	select {
	case out <- *c:
		c.bytes, c.rows = nil, 0
		return nil
	case <-ctx.Done():
		return context.Cause(ctx) //nolint:wrapcheck // what ended the others
	}
}

// write hands what the readers made to the encoder, table by table.
func (rd *reading) write(ctx context.Context) error {
	for i, t := range rd.run.plan.tables {
		if err := rd.enc.begin(t); err != nil {
			return fmt.Errorf("exporter: write %s: %w", t.Name, err)
		}
		rows, err := rd.writeRows(ctx, rd.tables[i])
		if err != nil {
			return fmt.Errorf("exporter: write %s: %w", t.Name, err)
		}
		for name, n := range rd.nested[i] {
			rd.run.tables[name] = n
			rows -= n
		}
		rd.enc.end(rows)
		rd.run.tables[t.Name] = rows
	}
	return nil
}

func (rd *reading) writeRows(ctx context.Context, chunks <-chan chunk) (rows int64, err error) {
	for {
		select {
		case c, more := <-chunks:
			if !more {
				return rows, nil
			}
			if err := rd.enc.write(c.bytes); err != nil {
				return rows, err
			}
			rows += c.rows
			c.free <- c.bytes // it has room for all of its reader's
		case <-ctx.Done():
			return rows, context.Cause(ctx) //nolint:wrapcheck // what ended the others
		}
	}
}

// readError names the table; to whoever asked for the export, if it is one that the role may not read.
func readError(t planned, err error) error {
	var pe *pgconn.PgError
	if errors.As(err, &pe) && pe.Code == "42501" { // insufficient_privilege
		return fault.Wrap(err, fault.Forbidden, fmt.Sprintf("the table %s cannot be read by the service's role: %s", t.Name, pe.Message))
	}
	return fmt.Errorf("exporter: read %s: %w", t.Name, err)
}
