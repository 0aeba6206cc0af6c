package dump

import (
	"bytes"
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// chunk is a part of a staging table: the statement that makes the table, if there is none yet, and a stream of tuples.
type chunk struct {
	create string
	into   string
	data   []byte // nil: none
}

// sender puts chunks into staging tables in a goroutine, which alone uses the connection until close.
type sender struct {
	tx     pgx.Tx
	chunks chan chunk
	spare  chan []byte   // buffers of chunks that were sent
	failed chan struct{} // closed when err is set
	err    error
	done   chan struct{}
}

// newSender begins; close ends it.
func newSender(ctx context.Context, tx pgx.Tx) *sender {
	s := &sender{tx: tx, chunks: make(chan chunk), spare: make(chan []byte, 4), failed: make(chan struct{}), done: make(chan struct{})}
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

func (s *sender) put(ctx context.Context, c chunk) error {
	if c.create != "" {
		if _, err := s.tx.Exec(ctx, c.create); err != nil {
			return fmt.Errorf("dump: create staging: %w", err)
		}
	}
	if c.data == nil {
		return nil
	}
	// Rows of a table that this transaction made are born frozen, which spares their first reader the look at who wrote them.
	if _, err := s.tx.Conn().PgConn().CopyFrom(ctx, bytes.NewReader(c.data), `COPY `+c.into+` FROM STDIN (FORMAT binary, FREEZE)`); err != nil {
		return fmt.Errorf("dump: copy into staging: %w", err)
	}
	return nil
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

// buffer gives room for the next chunk.
func (s *sender) buffer() []byte {
	select {
	case b := <-s.spare:
		if cap(b) >= copyBytes && cap(b) <= 4*copyBytes {
			return b[:0]
		}
	default:
	}
	return make([]byte, 0, copyBytes+copyBytes/4)
}

// close waits until all was sent, and gives the error if not.
func (s *sender) close() error {
	close(s.chunks)
	<-s.done
	return s.err
}
