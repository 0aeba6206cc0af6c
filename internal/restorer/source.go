package restorer

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"sync/atomic"

	"wharf/internal/dump"
	"wharf/internal/fault"
	"wharf/internal/objectstore"
)

// What a zip begins with, and one that holds nothing.
var (
	zipMagic = []byte("PK\x03\x04")
	zipEmpty = []byte("PK\x05\x06")
)

// readBuffer is what is read of a document at a time, in bytes.
const readBuffer = 256 << 10

// errGone is what a restore whose object is not there any more fails with.
var errGone = fault.New(fault.Conflict, "the file is not there any more: send it again, or request a new export")

// open tells by its first bytes what the object is, and gives it as a source: a bundle by ranged reads, all else as a stream. read is
// told of the bytes that come. The caller closes the closer when it has done with the source.
func open(ctx context.Context, a Archive, limits dump.Limits, read *atomic.Int64) (dump.Source, io.Closer, error) {
	body, _, err := a.Store.Get(ctx, a.Key, 0, -1)
	if err != nil {
		return nil, nil, gone(err)
	}
	in := bufio.NewReaderSize(&counted{body, read}, readBuffer)
	head, err := in.Peek(len(zipMagic))
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, nil, errors.Join(fmt.Errorf("restorer: read file: %w", err), body.Close())
	}
	if !bytes.Equal(head, zipMagic) && !bytes.Equal(head, zipEmpty) {
		return dump.Document(in, limits), body, nil
	}
	if err := body.Close(); err != nil {
		return nil, nil, fmt.Errorf("restorer: read file: %w", err)
	}
	read.Store(0)
	src, err := dump.Bundle(newRemote(ctx, a, read), a.Bytes, limits) //nolint:contextcheck // the remote carries it
	return src, io.NopCloser(nil), err                                //nolint:wrapcheck // names the place
}

// gone says in words that there is no object.
func gone(err error) error {
	if errors.Is(err, objectstore.ErrNotFound) {
		return errGone
	}
	return fmt.Errorf("restorer: read file: %w", err)
}

// counted tells how much has come.
type counted struct {
	io.Reader
	n *atomic.Int64
}

// Read counts.
func (c *counted) Read(p []byte) (int, error) {
	n, err := c.Reader.Read(p)
	c.n.Add(int64(n))
	return n, err //nolint:wrapcheck // io.EOF must stay
}
