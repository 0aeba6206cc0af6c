package tabular

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
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
	// wholeBytes is the largest zip that is held in memory: reading it once costs less than going to and fro in it.
	wholeBytes = 4 << 20
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
	zip         *zip.Reader // of a document that is a zip
	whole       bool        // the stored file is in memory
	size        int64       // of the stored file
	file        *os.File    // holds what was taken out of it, if stored reads that
	cancel      context.CancelFunc
}

// unwrap opens src, takes off one layer of compression and looks at what is inside.
func unwrap(ctx context.Context, src Source, limits Limits) (*content, error) {
	if src.Size() == 0 {
		return nil, errEmptyFile
	}
	ctx, cancel := context.WithCancel(ctx)
	c := &content{stored: newStored(ctx, src), size: src.Size(), cancel: cancel}
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
	if c.zip != nil {
		return nil // a document that is a zip
	}
	c.compression = string(c.kind)
	if err := c.peek(&limited{r: inner, stored: c.stored, start: c.start, limits: limits, packed: string(c.kind)}); err != nil {
		return err
	}
	switch {
	case c.kind == kindZip && beginsLikeOffice(c.head):
		return c.unpackDocument()
	case c.kind == kindGzip || c.kind == kindZip:
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

// openZip gives the one file inside of the zip; or sets c.zip, and the kind of document that the zip is.
func (c *content) openZip() (io.Reader, error) {
	z, err := c.directory()
	if err != nil {
		return nil, err
	}
	var names []string
	var files []*zip.File
	for _, f := range z.File {
		names = append(names, f.Name)
		if !incidental(f.Name) {
			files = append(files, f)
		}
	}
	if k := kindOfZip(names); k != kindZip {
		c.kind, c.zip = k, z
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
	if c.whole {
		c.start = 0
	}
	return r, nil
}

// directory reads the zip's list of files.
func (c *content) directory() (*zip.Reader, error) {
	size := c.stored.src.Size()
	var r io.ReaderAt = c.stored
	if size <= wholeBytes {
		data, err := io.ReadAll(c.r)
		if err != nil {
			return nil, err //nolint:wrapcheck // errors of stored are ours
		}
		r, c.whole = bytes.NewReader(data), true
	}
	c.stored.budget = directoryBytes
	z, err := zip.NewReader(r, size)
	c.stored.budget = -1
	if err != nil {
		return nil, err //nolint:wrapcheck // blame translates it
	}
	z.RegisterDecompressor(zip.Deflate, func(r io.Reader) io.ReadCloser { return flate.NewReader(buffered(r)) })
	return z, nil
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

// alive gives the error of a context that has ended.
func (c *content) alive() error { return c.stored.ended() }

func (c *content) close() error {
	c.cancel()
	err := c.closeEntry()
	if c.file != nil {
		_ = c.file.Close() // it has no name: nothing of it is left
	}
	return err
}

// closeEntry ends reading the stored file.
func (c *content) closeEntry() error {
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
	part   string // its name, if it is a part of a workbook
	before int64  // decompressed bytes of the parts before it
	n      int64
}

func (l *limited) Read(p []byte) (int, error) {
	n, err := l.r.Read(p)
	l.n += int64(n)
	switch {
	case l.before+l.n > l.limits.DecompressedBytes:
		return 0, overLimit("decompressed bytes", l.limits.DecompressedBytes, "the file holds too much data")
	case l.packed != "" && l.n > ratioGrace && l.n/max(l.stored.pos-l.start, 1) >= l.limits.Ratio:
		return 0, overLimit("ratio", l.limits.Ratio, "the file expands to too many times its compressed size")
	case err == nil || err == io.EOF:
		return n, err //nolint:wrapcheck // io.EOF has to stay what it is
	case l.stored.err != nil:
		return n, l.stored.err
	}
	if l.part != "" {
		return n, damagedPart(l.part, err)
	}
	return n, damaged(l.packed, err)
}
