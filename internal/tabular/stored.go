package tabular

import (
	"bufio"
	"context"
	"fmt"
	"io"
)

// skipBytes is how far ahead it is cheaper to read on than to open the file anew.
const skipBytes = 64 << 10

// stored reads a Source in order, or at any offset by opening it anew. It knows how far it has come, stops when its
// context ends, and remembers an error of the source, so that one can tell it from a fault of the file.
type stored struct {
	ctx  context.Context //nolint:containedctx // Reader.Next has no context of its own: Open's holds until Close
	src  Source
	body io.ReadCloser
	pos  int64 // offset of the next byte of body
	err  error
	// budget is how many bytes ReadAt may still give; below zero: any number.
	budget int64
}

func newStored(ctx context.Context, src Source) *stored {
	return &stored{ctx: ctx, src: src, budget: -1}
}

// Read reads on. A body that ends before the Source's size is an error: half a file must not pass for a whole one.
func (s *stored) Read(p []byte) (int, error) {
	if err := s.seek(s.pos); err != nil {
		return 0, err
	}
	if err := s.alive(); err != nil {
		return 0, err
	}
	n, err := s.body.Read(p)
	s.pos += int64(n)
	switch {
	case err == io.EOF && s.pos >= s.src.Size():
		return n, io.EOF
	case err == io.EOF:
		return n, s.failed(io.ErrUnexpectedEOF)
	case err != nil:
		return n, s.failed(err)
	}
	return n, nil
}

// ReadAt reads len(p) bytes at off; what follows on the last read costs no new opening.
func (s *stored) ReadAt(p []byte, off int64) (int, error) {
	if s.budget >= 0 {
		if s.budget -= int64(len(p)); s.budget < 0 {
			return 0, errDirectoryTooLarge
		}
	}
	if off < 0 || off >= s.src.Size() { // a damaged zip may point anywhere
		return 0, io.EOF
	}
	if err := s.seek(off); err != nil {
		return 0, err
	}
	n, err := io.ReadFull(s, p)
	if err == io.ErrUnexpectedEOF && s.err == nil {
		err = io.EOF
	}
	return n, err
}

// seek makes off the next byte to be read.
func (s *stored) seek(off int64) error {
	if s.err != nil {
		return s.err
	}
	if s.body != nil && off > s.pos && off-s.pos <= skipBytes {
		n, err := io.CopyN(io.Discard, s.body, off-s.pos)
		s.pos += n
		if err != nil {
			return s.failed(err)
		}
	}
	if s.body != nil && off == s.pos {
		return nil
	}
	_ = s.close() // its bytes are not wanted any more
	body, err := s.src.Open(s.ctx, off)
	if err != nil {
		return s.failed(err)
	}
	s.body, s.pos = body, off
	return nil
}

// alive gives the error of a context that has ended, and remembers it.
func (s *stored) alive() error {
	if err := s.ended(); err != nil {
		s.err = err
		return err
	}
	return nil
}

// ended is alive without the memory: another goroutine may be reading.
func (s *stored) ended() error {
	if err := s.ctx.Err(); err != nil {
		return storedError(err)
	}
	return nil
}

func (s *stored) failed(err error) error {
	s.err = storedError(err)
	return s.err
}

func storedError(err error) error { return fmt.Errorf("tabular: read the stored file: %w", err) }

func (s *stored) close() error {
	if s.body == nil {
		return nil
	}
	body := s.body
	s.body = nil
	if err := body.Close(); err != nil {
		return fmt.Errorf("tabular: close the stored file: %w", err)
	}
	return nil
}

// buffered gives r room to be read byte by byte.
func buffered(r io.Reader) *bufio.Reader { return bufio.NewReaderSize(r, 64<<10) }
