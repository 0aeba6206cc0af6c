package dump

import (
	"bufio"
	"bytes"
	"context"
	"io"

	"github.com/klauspost/compress/gzip"

	"wharf/internal/fault"
)

// Document gives a dump that is one JSON document, plain or compressed by gzip. It does not close r.
func Document(r io.Reader, limits Limits) Source { return newJSON(r, limits) }

// jsonSource is a document that stands by itself.
type jsonSource struct {
	r      io.Reader
	limits Limits
	budget *budget
}

func newJSON(r io.Reader, limits Limits) *jsonSource {
	return &jsonSource{r: &met{r: r}, limits: limits, budget: &budget{most: limits.Bytes}}
}

func (d *jsonSource) files() bundleFiles { return nil }

func (d *jsonSource) read(ctx context.Context, to *stager) error {
	return d.value(ctx, to, to.document)
}

// value has body read the one value that there is.
func (d *jsonSource) value(ctx context.Context, to *stager, body func() error) error {
	plain, err := unpacked(bufio.NewReaderSize(d.r, packedBytes))
	if err != nil {
		return err
	}
	to.readFrom(newScanner(&bounded{ctx: ctx, r: plain, budget: d.budget}, d.limits, to.where))
	more, err := to.scan.more()
	switch {
	case err != nil:
		return err
	case !more:
		return fault.New(fault.Invalid, "the document is empty")
	}
	if err := body(); err != nil {
		return err
	}
	return to.scan.finish()
}

// packedBytes is how much of a stored file is read at a time.
const packedBytes = 256 << 10

// unpacked takes off the compression, and refuses what is no JSON by its first bytes.
func unpacked(r *bufio.Reader) (io.Reader, error) {
	head, err := sniff(r)
	if err != nil || !bytes.HasPrefix(head, gzipMagic) {
		return r, err
	}
	inner, err := gzip.NewReader(r)
	if err != nil {
		return nil, damaged("gzip file", err)
	}
	plain := bufio.NewReaderSize(&mended{inner, "gzip file"}, packedBytes)
	if head, err = sniff(plain); err == nil && bytes.HasPrefix(head, gzipMagic) {
		err = fault.New(fault.UnsupportedMedia, "the document is compressed twice: take off one gzip")
	}
	return plain, err
}

var gzipMagic = []byte{0x1f, 0x8b}

// sniff gives the first bytes, passes a byte order mark, and refuses what it knows to be something else.
func sniff(r *bufio.Reader) ([]byte, error) {
	head, err := r.Peek(64)
	if err != nil && err != io.EOF { //nolint:errorlint // bare it is the end
		return nil, err //nolint:wrapcheck // met's
	}
	for _, k := range otherKinds {
		if bytes.HasPrefix(head, []byte(k.magic)) {
			return nil, fault.New(fault.UnsupportedMedia, k.message)
		}
	}
	if mark := []byte("\xef\xbb\xbf"); bytes.HasPrefix(head, mark) {
		_, err := r.Discard(len(mark))
		return head[len(mark):], err //nolint:wrapcheck // they are there
	}
	return head, nil
}

// otherKinds are what people take for a document, and what they can do about it.
var otherKinds = []struct{ magic, message string }{
	{"PK\x03\x04", "this is a zip, and not a JSON document: restore it as a bundle"},
	{"PK\x05\x06", "this is a zip, and not a JSON document: restore it as a bundle"},
	{"age-encryption.org/", "the document is encrypted: decrypt it (age -d) and restore what comes out of it"},
	{"-----BEGIN AGE ENCRYPTED FILE", "the document is encrypted: decrypt it (age -d) and restore what comes out of it"},
	{"\xff\xfe", "the document is in UTF-16: JSON is UTF-8"},
	{"\xfe\xff", "the document is in UTF-16: JSON is UTF-8"},
}
