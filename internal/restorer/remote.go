package restorer

import (
	"context"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
)

// How much is asked for at a time, in bytes: the more, the longer reading goes straight on.
const (
	leastAhead = 64 << 10
	mostAhead  = 4 << 20
)

// remote is an object as an io.ReaderAt, by ranged reads. It holds mostAhead bytes at most.
type remote struct {
	ctx  context.Context //nolint:containedctx // io.ReaderAt has no other way
	a    Archive
	read *atomic.Int64 // is told of the bytes that come

	mu    sync.Mutex
	at    int64 // of buf in the object
	buf   []byte
	ahead int64
}

func newRemote(ctx context.Context, a Archive, read *atomic.Int64) *remote {
	return &remote{ctx: ctx, a: a, read: read, ahead: leastAhead}
}

// ReadAt reads len(p) bytes from off on.
func (r *remote) ReadAt(p []byte, off int64) (int, error) {
	if off < 0 {
		return 0, fmt.Errorf("restorer: read file at %d", off)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	n := 0
	for n < len(p) {
		at := off + int64(n)
		if at >= r.a.Bytes {
			return n, io.EOF
		}
		if at < r.at || at >= r.at+int64(len(r.buf)) {
			if err := r.fetch(at); err != nil {
				return n, err
			}
		}
		n += copy(p[n:], r.buf[at-r.at:])
	}
	return n, nil
}

// fetch fills the buffer from off on: with twice as much as before where it goes on from there, with little after a jump.
func (r *remote) fetch(off int64) error {
	if off == r.at+int64(len(r.buf)) && off > 0 {
		r.ahead = min(2*r.ahead, mostAhead)
	} else {
		r.ahead = leastAhead
	}
	length := min(r.ahead, r.a.Bytes-off)
	if int64(cap(r.buf)) < length {
		r.buf = make([]byte, length)
	}
	buf := r.buf[:length]
	r.buf, r.at = r.buf[:0], off
	body, _, err := r.a.Store.Get(r.ctx, r.a.Key, off, length)
	if err != nil {
		return gone(err)
	}
	defer func() { _ = body.Close() }() // read only
	if _, err := io.ReadFull(body, buf); err != nil {
		return fmt.Errorf("restorer: read file at %d: %w", off, err)
	}
	r.buf = buf
	r.read.Add(length)
	return nil
}
