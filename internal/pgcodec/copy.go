package pgcodec

import (
	"encoding/binary"
	"fmt"
	"io"
	"math"
)

// copySignature begins every binary COPY: eleven fixed bytes, no flags, no extension.
const copySignature = "PGCOPY\n\xff\r\n\x00\x00\x00\x00\x00\x00\x00\x00\x00"

// CopyWriter writes the stream that COPY … FROM STDIN (FORMAT binary) reads, tuple by tuple:
//
//	w.Begin(2); w.Int8(row); err := w.Text(f, cell); …; w.End()
//
// Close ends the stream. A tuple reaches the writer below only when it is complete. It is not safe for concurrent use.
type CopyWriter struct {
	out   io.Writer
	buf   []byte
	limit int // flush from this many bytes on
	tuple int // where the open tuple begins in buf
	err   error
}

// NewCopyWriter writes to out through buf, which is flushed when it is full; a tuple larger than buf makes it grow. Without
// out everything stays in memory until Take.
func NewCopyWriter(out io.Writer, buf []byte) *CopyWriter {
	buf = append(buf[:0], copySignature...)
	w := &CopyWriter{out: out, buf: buf, limit: cap(buf)}
	if out == nil {
		w.limit = math.MaxInt
	}
	return w
}

// Len is the count of bytes that have not been written below, those of the open tuple too.
func (w *CopyWriter) Len() int { return len(w.buf) }

// Take ends the stream, gives all of it that has not been written below, and begins another one in buf.
func (w *CopyWriter) Take(buf []byte) []byte {
	stream := binary.BigEndian.AppendUint16(w.buf, math.MaxUint16)
	w.buf = append(buf[:0], copySignature...)
	return stream
}

// Begin opens a tuple of the given count of fields; the caller adds as many, then calls End.
func (w *CopyWriter) Begin(fields int) {
	w.tuple = len(w.buf)
	w.buf = binary.BigEndian.AppendUint16(w.buf, uint16(fields))
}

// Null adds a NULL.
func (w *CopyWriter) Null() {
	w.buf = binary.BigEndian.AppendUint32(w.buf, math.MaxUint32)
}

// Text adds what f makes of text. If f refuses, its error comes back and nothing was added: add Null, or Discard.
func (w *CopyWriter) Text(f BinaryFunc, text []byte) error {
	start := len(w.buf)
	w.buf = append(w.buf, 0, 0, 0, 0)
	buf, err := f(w.buf, text)
	if err != nil {
		w.buf = buf[:start]
		return err
	}
	w.buf = buf
	binary.BigEndian.PutUint32(w.buf[start:], uint32(len(w.buf)-start-4))
	return nil
}

// Raw adds a value that is in its binary form.
func (w *CopyWriter) Raw(value []byte) {
	w.buf = binary.BigEndian.AppendUint32(w.buf, uint32(len(value)))
	w.buf = append(w.buf, value...)
}

// Int4 adds an integer.
func (w *CopyWriter) Int4(n int32) {
	w.buf = binary.BigEndian.AppendUint32(w.buf, 4)
	w.buf = binary.BigEndian.AppendUint32(w.buf, uint32(n))
}

// Int8 adds a bigint.
func (w *CopyWriter) Int8(n int64) {
	w.buf = binary.BigEndian.AppendUint32(w.buf, 8)
	w.buf = binary.BigEndian.AppendUint64(w.buf, uint64(n))
}

// Discard takes back the tuple that Begin opened.
func (w *CopyWriter) Discard() { w.buf = w.buf[:w.tuple] }

// End closes the tuple. The error is that of the writer below; it stays.
func (w *CopyWriter) End() error {
	if len(w.buf) < w.limit {
		return w.err
	}
	return w.flush()
}

// Close ends the stream; it does not close the writer below.
func (w *CopyWriter) Close() error {
	w.buf = binary.BigEndian.AppendUint16(w.buf, math.MaxUint16)
	return w.flush()
}

func (w *CopyWriter) flush() error {
	if w.err == nil {
		if _, err := w.out.Write(w.buf); err != nil {
			w.err = fmt.Errorf("pgcodec: write copy stream: %w", err)
		}
	}
	w.buf = w.buf[:0]
	return w.err
}
