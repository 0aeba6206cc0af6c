package tabular

import (
	"context"
	"io"
)

// Source is a stored file that can be read from any offset, more than once.
type Source interface {
	// Name is the file's name as its user gave it; it may help to tell the format.
	Name() string
	// Size is the file's length in bytes.
	Size() int64
	// Open reads from offset to the end. The caller closes.
	Open(ctx context.Context, offset int64) (io.ReadCloser, error)
}

// Options are what a person may say about a file. Zero values mean: find out.
type Options struct {
	Encoding  string // an IANA name, e.g. "windows-1252"
	Delimiter string // one character
	HeaderRow int    // 1-based row of the header as a person counts
	Sheet     string // name or 1-based index
	BatchRows int    // rows a batch; 0: 1,000
	Limits    Limits
}

// Limits bound what a file may ask for. Zero means the default of DefaultLimits.
type Limits struct {
	DecompressedBytes int64 // bytes after decompression
	Ratio             int64 // decompressed : compressed
	Rows              int64
	Columns           int
	CellBytes         int
}

// DefaultLimits are those of a file nobody configured otherwise.
func DefaultLimits() Limits {
	return Limits{DecompressedBytes: 64 << 30, Ratio: 200, Rows: 100_000_000, Columns: 16_384, CellBytes: 1 << 20}
}

// Info is what was found out about a file. It goes into the import's status.
type Info struct {
	Format      string   `json:"format"`                // "csv", "tsv", "xlsx", "jsonl", "json"
	Compression string   `json:"compression,omitempty"` // "gzip", "zip"
	Encoding    string   `json:"encoding,omitempty"`    // IANA name
	Delimiter   string   `json:"delimiter,omitempty"`
	HeaderRow   int      `json:"header_row,omitempty"` // 1-based row that held the header
	Sheet       string   `json:"sheet,omitempty"`
	Warnings    []string `json:"warnings,omitempty"` // e.g. duplicate headers, told apart
}

// Reader gives the rows of one file. It is not safe for concurrent use.
type Reader interface {
	// Header gives the column names: trimmed, blank ones named by their letter, duplicates told apart by a suffix.
	Header() []string
	// Info tells what was found out about the file.
	Info() Info
	// Next fills b with the next rows, at most Options.BatchRows; b is valid until the following call.
	// It returns io.EOF, and no rows, at the end. An error that names a place in the file is a fault.Invalid or
	// fault.TooLarge; others come from the source.
	Next(b *Batch) error
	// BytesRead is how far into the stored file the reader has come; of a workbook, whose parts lie in any order, the share
	// of them that was read, as bytes of the file. It never goes back.
	BytesRead() int64
	// Close frees what Open took. It is safe to call twice.
	Close() error
}
