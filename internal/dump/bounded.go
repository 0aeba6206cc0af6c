package dump

import (
	"context"
	"errors"
	"fmt"
	"io"

	"wharf/internal/fault"
)

// budget counts unpacked bytes against Limits.Bytes.
type budget struct{ most, used int64 }

// bounded reads within a budget, until its context ends.
type bounded struct {
	ctx    context.Context //nolint:containedctx // that of the restore: io.Reader has none
	r      io.Reader
	budget *budget
}

func (b *bounded) Read(p []byte) (int, error) {
	if err := b.ctx.Err(); err != nil {
		return 0, fmt.Errorf("dump: read: %w", err)
	}
	n, err := b.r.Read(p)
	b.budget.used += int64(n)
	if b.budget.most > 0 && b.budget.used > b.budget.most {
		return 0, fault.Newf(fault.TooLarge, "the document holds more than %d bytes (limit \"bytes\")", b.budget.most)
	}
	return n, err //nolint:wrapcheck // wrapped below
}

// met reads a stored file, whose errors so can be told from those of what is in it.
type met struct{ r io.Reader }

func (m *met) Read(p []byte) (int, error) {
	n, err := m.r.Read(p)
	if err != nil && err != io.EOF { //nolint:errorlint // bare it is the end
		err = &storedError{err}
	}
	return n, err
}

// storedError is an error of the stored file, and not of what is in it.
type storedError struct{ cause error }

func (e *storedError) Error() string { return "dump: read the stored file: " + e.cause.Error() }
func (e *storedError) Unwrap() error { return e.cause }

// mended reads what comes out of a decompressor, and says of a damaged file that it is one.
type mended struct {
	r    io.Reader
	what string // that is compressed
}

func (m *mended) Read(p []byte) (int, error) {
	n, err := m.r.Read(p)
	if err != nil && err != io.EOF { //nolint:errorlint // bare it is the end
		err = damaged(m.what, err)
	}
	return n, err
}

// damaged says whose fault an error of decompressing is: the stored file's, or that of who made it.
func damaged(what string, err error) error {
	var stored *storedError
	if errors.As(err, &stored) {
		return stored
	}
	return fault.Wrap(err, fault.Invalid, "the "+what+" is damaged, or was cut short")
}
