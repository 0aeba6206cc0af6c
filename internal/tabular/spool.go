package tabular

import (
	"context"
	"fmt"
	"io"
	"os"

	"wharf/internal/fault"
)

// spoolBytes is the largest workbook that is taken out of a gzip or zip: it needs a place on disk.
const spoolBytes = 2 << 30

// tempFile is a file without a name: the system frees it when it is closed, or when the process dies.
func tempFile(dir string) (*os.File, error) {
	f, err := os.CreateTemp(dir, "wharf-*")
	if err != nil {
		return nil, fmt.Errorf("tabular: create a temporary file: %w", err)
	}
	if err := os.Remove(f.Name()); err != nil {
		_ = f.Close() // the first error is the one that counts
		return nil, fmt.Errorf("tabular: unlink a temporary file: %w", err)
	}
	return f, nil
}

// unpackDocument takes a document out of its gzip or zip, since its own zip has to be read at any offset.
func (c *content) unpackDocument() error {
	f, err := tempFile("")
	if err != nil {
		return err
	}
	c.file = f
	size, err := io.Copy(f, io.LimitReader(c.r, spoolBytes+1))
	switch {
	case err != nil && fault.CodeOf(err) == fault.Internal && c.stored.err == nil:
		return fmt.Errorf("tabular: write a temporary file: %w", err)
	case err != nil:
		return err //nolint:wrapcheck // errors of content are ours
	case size > spoolBytes:
		return overLimit("packed workbook bytes", spoolBytes, "the workbook is too large to be compressed once more: upload it as it is")
	}
	if err := c.closeEntry(); err != nil {
		return err
	}
	c.stored = newStored(c.stored.ctx, spooled{f, c.stored.src, size})
	c.r = c.stored
	if _, err := c.openZip(); err != nil {
		return c.blame(err)
	}
	if c.zip == nil {
		c.kind = kindPacked
	}
	return nil
}

// spooled is a Source on a temporary file.
type spooled struct {
	file *os.File
	of   Source
	size int64
}

func (s spooled) Name() string { return s.of.Name() }
func (s spooled) Size() int64  { return s.size }

func (s spooled) Open(_ context.Context, offset int64) (io.ReadCloser, error) {
	return io.NopCloser(io.NewSectionReader(s.file, offset, s.size-offset)), nil
}
