package dump

import (
	"bytes"
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// chunk is a part of a staging table.
type chunk struct {
	create string // makes the table; "": it is there
	into   string // its name, quoted
	data   []byte // a stream of tuples, as COPY takes it
}

// sender puts chunks into staging tables in a goroutine, which alone uses the connection until close.
type sender struct {
	put    func(ctx context.Context, c chunk) error
	chunks chan chunk
	spare  chan []byte   // buffers of chunks that were sent
	failed chan struct{} // closed when err is set
	err    error
	done   chan struct{}
}

// newSender begins to call put; close ends it.
func newSender(ctx context.Context, put func(ctx context.Context, c chunk) error) *sender {
	s := &sender{put: put, chunks: make(chan chunk), spare: make(chan []byte, 4), failed: make(chan struct{}), done: make(chan struct{})}
	go s.run(ctx)
	return s
}

func (s *sender) run(ctx context.Context) {
	defer close(s.done)
	for c := range s.chunks {
		if s.err = s.put(ctx, c); s.err != nil {
			close(s.failed)
			return
		}
		select {
		case s.spare <- c.data:
		default:
		}
	}
}

// into gives what puts chunks into the tables of a transaction.
func into(tx pgx.Tx) func(ctx context.Context, c chunk) error {
	return func(ctx context.Context, c chunk) error {
		if c.create != "" {
			if _, err := tx.Exec(ctx, c.create); err != nil {
				return fmt.Errorf("dump: create staging: %w", err)
			}
		}
		// Rows of a table that this transaction made are born frozen, which spares their first reader the look at who wrote them.
		if _, err := tx.Conn().PgConn().CopyFrom(ctx, bytes.NewReader(c.data), `COPY `+c.into+` FROM STDIN (FORMAT binary, FREEZE)`); err != nil {
			return fmt.Errorf("dump: copy into staging: %w", err)
		}
		return nil
	}
}

// chunk hands c over, when the one before has been sent. The error is the goroutine's.
func (s *sender) chunk(c chunk) error {
	select {
	case s.chunks <- c:
		return nil
	case <-s.failed:
		return s.err
	}
}

// firstBytes is the room that the first chunks begin with: most tables are small.
const firstBytes = 8 << 10

// buffer gives room for the next chunk.
func (s *sender) buffer() []byte {
	select {
	case b := <-s.spare:
		if cap(b) <= 4*copyBytes { // one that held a large row is let go
			return b[:0]
		}
	default:
	}
	return make([]byte, 0, firstBytes)
}

// close waits until all was sent, and gives the error if not.
func (s *sender) close() error {
	close(s.chunks)
	<-s.done
	return s.err
}
