package tabular

import (
	"archive/zip"
	"bufio"
	"fmt"
	"io"

	"github.com/klauspost/compress/flate"
)

// newZip gives a zip writer to w that compresses fast rather than well, and the compressor that its entries share.
func newZip(w io.Writer) (*zip.Writer, *deflater, error) {
	level, err := flate.NewWriter(io.Discard, flate.BestSpeed)
	if err != nil {
		return nil, nil, fmt.Errorf("tabular: compressor: %w", err)
	}
	d := &deflater{out: level, done: make(chan error, 1)}
	z := zip.NewWriter(bufio.NewWriterSize(w, flushBytes)) // which a zip.Writer then takes for its own buffer
	z.RegisterCompressor(zip.Deflate, func(out io.Writer) (io.WriteCloser, error) {
		d.out.Reset(out)
		return d, nil
	})
	return z, d, nil
}

// deflater compresses what is written to it on a goroutine, one block at a time, while its caller makes the next block.
// The goroutine lives as long as its block.
type deflater struct {
	out   *flate.Writer
	block []byte     // being compressed while busy
	done  chan error // the outcome of the block
	busy  bool
	err   error
}

// Write waits for the block before p. An error may therefore come one call late.
func (d *deflater) Write(p []byte) (int, error) {
	if err := d.wait(); err != nil {
		return 0, err
	}
	d.block = append(d.block[:0], p...)
	d.busy = true
	go func() {
		_, err := d.out.Write(d.block)
		d.done <- err
	}()
	return len(p), nil
}

func (d *deflater) wait() error {
	if d.busy {
		d.err, d.busy = <-d.done, false
	}
	return d.err
}

// Close ends the entry.
func (d *deflater) Close() error {
	if err := d.wait(); err != nil {
		return err
	}
	return d.out.Close() //nolint:wrapcheck // wrapped by who writes the workbook
}
