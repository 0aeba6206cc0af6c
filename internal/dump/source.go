package dump

import (
	"context"
	"io"
)

// Source is what a restore reads: Document, Request or Bundle. It is read once.
type Source interface {
	// read gives all of it to the stager.
	read(ctx context.Context, to *stager) error
	// files gives the bytes of files that came with it; nil: none did.
	files() bundleFiles
}

// sourceKey is the cell of an @file column as the document has it.
type sourceKey string

// bundleFiles are the bytes of files in a bundle.
type bundleFiles interface {
	// open gives the bytes of a row's file, its checksum as the bundle says it, and its content type where the bundle knows
	// it. What cannot be read is the error of body's Read. The caller closes body. ok is false if the bundle has no such file.
	open(table string, row sourceKey) (body io.ReadCloser, sha256, contentType string, ok bool)
}
