package tabular

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"

	"github.com/klauspost/compress/flate"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zip"

	"wharf/internal/fault"
)

const (
	// headBytes is how much of a file is looked at to tell what it is.
	headBytes = 64 << 10
	// directoryBytes bounds what is read of a zip's list of files, and with it the memory that the list takes.
	directoryBytes = 4 << 20
)

var (
	errEmptyFile         = fault.New(fault.Invalid, "the file is empty")
	errDirectoryTooLarge = overLimit("zip directory bytes", directoryBytes, "the zip lists too many files")
	errZipEncrypted      = fault.New(fault.UnsupportedMedia, "the zip file is protected by a password: upload it without")
)

// content is a file as it is after decompression: a stream of bytes, within the limits.
type content struct {
	stored      *stored
	r           io.Reader // from the first byte on
	head        []byte    // the first headBytes
	kind        kind
	compression string // "", "gzip", "zip"
	start       int64  // where the compressed bytes begin in the stored file
	closer      io.Closer
}

// unwrap opens src, takes off one layer of compression and looks at what is inside.
func unwrap(ctx context.Context, src Source, limits Limits) (*content, error) {
	if src.Size() == 0 {
		return nil, errEmptyFile
	}
	c := &content{stored: newStored(ctx, src)}
	err := c.open(limits)
	if err != nil {
		_ = c.close() // the first error is the one that counts
		return nil, err
	}
	return c, nil
}

func (c *content) open(limits Limits) error {
	if err := c.peek(c.stored); err != nil {
		return err
	}
	var inner io.Reader
	var err error
	switch c.kind {
	case kindGzip:
		inner, err = gzip.NewReader(buffered(c.r))
	case kindZip:
		inner, err = c.openZip()
	default:
		c.r = &limited{r: c.r, stored: c.stored, limits: limits}
		return nil
	}
	if err != nil {
		return c.blame(err)
	}
	if inner == nil {
		return nil // a document that is a zip
	}
	c.compression = string(c.kind)
	if err := c.peek(&limited{r: inner, stored: c.stored, start: c.start, limits: limits, packed: string(c.kind)}); err != nil {
		return err
	}
	if c.kind == kindGzip || c.kind == kindZip {
		c.kind = kindPacked
	}
	return nil
}

// peek reads the first bytes of r, tells their kind, and puts them back.
func (c *content) peek(r io.Reader) error {
	head := make([]byte, headBytes)
	n, err := io.ReadFull(r, head)
	switch err { // bare, they are io.ReadFull's own; wrapped, the source's
	case nil:
	case io.EOF:
		return errEmptyFile
	case io.ErrUnexpectedEOF:
		r = bytes.NewReader(nil) // head holds all of it
	default:
		return err //nolint:wrapcheck // errors of stored and limited are ours
	}
	c.head, c.kind = head[:n], kindOf(head[:n])
	c.r = io.MultiReader(bytes.NewReader(c.head), r)
	return nil
}

// openZip gives the one file inside of the zip; or nil, and the kind of document that the zip is.
func (c *content) openZip() (io.Reader, error) {
	c.stored.budget = directoryBytes
	z, err := zip.NewReader(c.stored, c.stored.src.Size())
	c.stored.budget = -1
	if err != nil {
		return nil, err //nolint:wrapcheck // blame translates it
	}
	z.RegisterDecompressor(zip.Deflate, func(r io.Reader) io.ReadCloser { return flate.NewReader(buffered(r)) })
	var names []string
	var files []*zip.File
	for _, f := range z.File {
		names = append(names, f.Name)
		if !incidental(f.Name) {
			files = append(files, f)
		}
	}
	if k := kindOfZip(names); k != kindZip {
		c.kind = k
		return nil, nil
	}
	if len(files) != 1 {
		return nil, fault.Newf(fault.Invalid, "the zip holds %s: it must hold one", counted(len(files), "file"))
	}
	if files[0].Flags&1 != 0 {
		return nil, errZipEncrypted
	}
	r, err := files[0].Open()
	if err != nil {
		return nil, err //nolint:wrapcheck // blame translates it
	}
	c.closer = r
	if c.start, err = files[0].DataOffset(); err != nil {
		return nil, err //nolint:wrapcheck // blame translates it
	}
	return r, nil
}

// incidental tells the entries that archivers add by themselves.
func incidental(name string) bool {
	base := path.Base(name)
	return strings.HasSuffix(name, "/") || strings.HasPrefix(name, "__MACOSX/") ||
		base == ".DS_Store" || base == "Thumbs.db" || base == "desktop.ini"
}

// blame says whose fault an error of opening is: the source's, or the file's.
func (c *content) blame(err error) error {
	switch {
	case c.stored.err != nil:
		return c.stored.err
	case fault.CodeOf(err) != fault.Internal:
		return err
	case errors.Is(err, zip.ErrAlgorithm):
		return refuse(kindPacked)
	}
	return damaged(string(c.kind), err)
}

// damaged is the error of an archive that cannot be read to its end.
func damaged(archive string, cause error) *fault.Error {
	return fault.Wrap(cause, fault.Invalid, "the "+archive+" file is damaged: make it again, or upload the file itself")
}

func (c *content) close() error {
	if c.closer != nil {
		closer := c.closer
		c.closer = nil
		if err := closer.Close(); err != nil && !errors.Is(err, zip.ErrChecksum) {
			_ = c.stored.close() // the first error is the one that counts
			return fmt.Errorf("tabular: close the zip entry: %w", err)
		}
	}
	return c.stored.close()
}

// limited counts decompressed bytes against the limits and says of a damaged archive that it is one.
type limited struct {
	r      io.Reader
	stored *stored
	start  int64 // where its compressed bytes begin in the stored file
	limits Limits
	packed string // what it comes out of: "gzip", "zip", or nothing
	n      int64
}

func (l *limited) Read(p []byte) (int, error) {
	n, err := l.r.Read(p)
	l.n += int64(n)
	switch {
	case l.n > l.limits.DecompressedBytes:
		return 0, overLimit("decompressed bytes", l.limits.DecompressedBytes, "the file holds too much data")
	case l.packed != "" && l.n > ratioGrace && l.n/max(l.stored.pos-l.start, 1) >= l.limits.Ratio:
		return 0, overLimit("ratio", l.limits.Ratio, "the file expands to too many times its compressed size")
	case err == nil || err == io.EOF:
		return n, err //nolint:wrapcheck // io.EOF has to stay what it is
	case l.stored.err != nil:
		return n, l.stored.err
	}
	return n, damaged(l.packed, err)
}
