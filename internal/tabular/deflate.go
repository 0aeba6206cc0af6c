package tabular

import (
	"archive/zip"
	"bufio"
	"fmt"
	"io"

	"github.com/klauspost/compress/flate"
)

// deflateBytes is how much a Deflater gathers before its goroutine compresses it.
const deflateBytes = 128 << 10

// NewZip gives a zip writer to w that compresses fast rather than well, and the compressor that its entries share. Who gives
// up without closing the zip writer calls Wait: until then w may be written to.
func NewZip(w io.Writer) (*zip.Writer, *Deflater, error) {
	fast, err := flate.NewWriter(io.Discard, flate.BestSpeed)
	if err != nil {
		return nil, nil, fmt.Errorf("tabular: compressor: %w", err)
	}
	plain, err := flate.NewWriter(io.Discard, flate.NoCompression)
	if err != nil {
		return nil, nil, fmt.Errorf("tabular: compressor: %w", err)
	}
	d := &Deflater{fast: fast, plain: plain, done: make(chan error, 1)}
	z := zip.NewWriter(bufio.NewWriterSize(w, flushBytes)) // which a zip.Writer then takes for its own buffer
	z.RegisterCompressor(zip.Deflate, d.entry)
	return z, d, nil
}

// Deflater compresses what is written to it on a goroutine, one block at a time, while its caller makes the next block.
// The goroutine lives as long as its block.
type Deflater struct {
	// Plain makes the entries that begin from now on hold their bytes as they are, in deflate's frame: for what does not
	// compress. (Readers of streams cannot find the end of an entry that is not deflated and whose size stands behind it.)
	Plain bool

	fast, plain *flate.Writer
	out         *flate.Writer // one of the two
	next        []byte        // gathered
	block       []byte        // being compressed while busy
	done        chan error    // the outcome of the block
	busy        bool
	err         error
}

func (d *Deflater) entry(w io.Writer) (io.WriteCloser, error) {
	d.out = d.fast
	if d.Plain {
		d.out = d.plain
	}
	d.out.Reset(w)
	return d, nil
}

// Write gathers p. Where that makes a block, it waits for the block before; an error may therefore come late.
func (d *Deflater) Write(p []byte) (int, error) {
	if d.err != nil {
		return 0, d.err
	}
	d.next = append(d.next, p...)
	if len(d.next) >= deflateBytes {
		if err := d.begin(); err != nil {
			return 0, err
		}
	}
	return len(p), nil
}

// begin compresses what is gathered.
func (d *Deflater) begin() error {
	if err := d.Wait(); err != nil {
		return err
	}
	d.block, d.next = d.next, d.block[:0]
	d.busy = true
	go func() {
		_, err := d.out.Write(d.block)
		d.done <- err
	}()
	return nil
}

// Wait returns when nothing is being compressed, and with the first error there was.
func (d *Deflater) Wait() error {
	if d.busy {
		err := <-d.done
		d.busy = false
		if d.err == nil {
			d.err = err
		}
	}
	return d.err
}

// Close ends the entry.
func (d *Deflater) Close() error {
	if err := d.Wait(); err != nil {
		return err
	}
	_, err := d.out.Write(d.next)
	d.next = d.next[:0]
	if err == nil {
		err = d.out.Close()
	}
	d.err = err
	return err //nolint:wrapcheck // wrapped by who writes the zip
}
