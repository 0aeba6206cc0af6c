package dump

import (
	"bufio"
	"errors"
	"io"
	"io/fs"
	"path"
	"strings"

	"github.com/klauspost/compress/flate"
	"github.com/klauspost/compress/zip"

	"wharf/internal/fault"
)

// directoryBytes bounds what is read of a zip's list of files, and with it the memory that the list takes.
const directoryBytes = 32 << 20

// archive is a zip that is read by ranges.
type archive struct {
	entries map[string]*entry
	names   []string // in the zip's order
}

// entry is a file of a zip.
type entry struct {
	*zip.File
	listed bool // the manifest knows it
}

// openArchive reads the list of files. A name that leads out of the zip, or that stands in it twice, is refused: nothing is
// unpacked by such names here, but who made them meant no good.
func openArchive(r io.ReaderAt, size int64) (*archive, error) {
	source := &ranges{r: r, budget: directoryBytes}
	z, err := zip.NewReader(source, size)
	if err != nil {
		return nil, zipDamaged(err)
	}
	source.budget = -1
	// Both read ahead: a range of a stored object costs a request.
	z.RegisterDecompressor(zip.Deflate, func(r io.Reader) io.ReadCloser {
		return flate.NewReader(bufio.NewReaderSize(r, packedBytes))
	})
	z.RegisterDecompressor(zip.Store, func(r io.Reader) io.ReadCloser {
		return io.NopCloser(bufio.NewReaderSize(r, packedBytes))
	})
	a := &archive{entries: map[string]*entry{}}
	for _, f := range z.File {
		if !fs.ValidPath(strings.TrimSuffix(f.Name, "/")) || strings.ContainsAny(f.Name, "\\\x00") {
			return nil, fault.Newf(fault.Invalid, "the zip holds a file whose name leads out of it: %q", clip([]byte(f.Name)))
		}
		if a.entries[f.Name] != nil {
			return nil, fault.Newf(fault.Invalid, "the zip holds %q twice", clip([]byte(f.Name)))
		}
		a.entries[f.Name] = &entry{File: f}
		a.names = append(a.names, f.Name)
	}
	return a, nil
}

// told gives the names of the files, those that archivers add by themselves left out, in the zip's order.
func (a *archive) told() []string {
	var names []string
	for _, name := range a.names {
		base := path.Base(name)
		if !strings.HasSuffix(name, "/") && !strings.HasPrefix(name, "__MACOSX/") && base != ".DS_Store" && base != "Thumbs.db" && base != "desktop.ini" {
			names = append(names, name)
		}
	}
	return names
}

// open gives the bytes of a file. The caller closes them.
func (e *entry) open() (io.ReadCloser, error) {
	if e.Flags&1 != 0 {
		return nil, fault.New(fault.UnsupportedMedia, "the zip is protected by a password: restore it without")
	}
	body, err := e.Open()
	if err != nil {
		return nil, zipDamaged(err)
	}
	return &entryBody{&mended{body, "zip"}, body}, nil
}

type entryBody struct {
	io.Reader
	io.Closer
}

func zipDamaged(err error) error {
	var f *fault.Error
	if errors.As(err, &f) {
		return f
	}
	return damaged("zip", err)
}

// ranges reads a stored file at any place, and keeps its errors apart from those of the zip in it.
type ranges struct {
	r      io.ReaderAt
	budget int64 // bytes that may still be read; below zero: any number
}

func (r *ranges) ReadAt(p []byte, at int64) (int, error) {
	if r.budget >= 0 {
		if r.budget -= int64(len(p)); r.budget < 0 {
			return 0, fault.Newf(fault.TooLarge, "the zip lists too many files (limit \"zip directory bytes\": %d)", directoryBytes)
		}
	}
	n, err := r.r.ReadAt(p, at)
	if err != nil && err != io.EOF { //nolint:errorlint // bare it is the end
		err = &storedError{err}
	}
	return n, err
}
