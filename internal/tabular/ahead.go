package tabular

import (
	"context"
	"io"
	"sync"
)

const (
	// aheadBytes is the size of a piece that is read ahead, aheadPieces how many of them there are.
	aheadBytes  = 128 << 10
	aheadPieces = 8
)

// ahead reads a stream in a goroutine of its own, a bounded number of pieces in advance, so that fetching and inflating
// overlap with what is done to the bytes.
type ahead struct {
	ctx  context.Context //nolint:containedctx // that of Open: io.Reader has none
	full chan piece
	free chan []byte
	stop context.CancelFunc
	done sync.WaitGroup
	cur  piece
	rest []byte // of cur, unread
	err  error
	n    int64 // bytes given
}

type piece struct {
	buf []byte
	n   int
	err error
}

func readAhead(ctx context.Context, r io.Reader) *ahead {
	ctx, stop := context.WithCancel(ctx)
	a := &ahead{ctx: ctx, stop: stop, full: make(chan piece, aheadPieces), free: make(chan []byte, aheadPieces)}
	for range aheadPieces {
		a.free <- nil // made when first needed: a short part needs few
	}
	a.done.Go(func() { a.run(r) })
	return a
}

func (a *ahead) run(r io.Reader) {
	for {
		var p piece
		select {
		case p.buf = <-a.free:
		case <-a.ctx.Done():
			return
		}
		if p.buf == nil {
			p.buf = make([]byte, aheadBytes)
		}
		for p.n < len(p.buf) && p.err == nil {
			var n int
			n, p.err = r.Read(p.buf[p.n:])
			p.n += n
		}
		a.full <- p // there are no more pieces than it has room for
		if p.err != nil {
			return
		}
	}
}

func (a *ahead) Read(b []byte) (int, error) {
	for len(a.rest) == 0 {
		if a.err != nil {
			return 0, a.err
		}
		if a.cur.buf != nil {
			a.free <- a.cur.buf
			a.cur.buf = nil
		}
		select {
		case a.cur = <-a.full:
			a.rest, a.err = a.cur.buf[:a.cur.n], a.cur.err
		case <-a.ctx.Done():
			a.err = storedError(a.ctx.Err())
		}
	}
	n := copy(b, a.rest)
	a.rest = a.rest[n:]
	a.n += int64(n)
	return n, nil
}

// close ends the goroutine. The stream is not in use any more when it returns.
func (a *ahead) close() {
	a.stop()
	a.done.Wait()
}
