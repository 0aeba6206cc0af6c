package tabular

import (
	"bytes"
	"io"
	"unicode/utf8"
)

const (
	// windowBytes is how much text is in memory at a time; the first of it is the head that dialect and header are
	// found in.
	windowBytes = 1 << 20
	// windowSlack is room behind the text, so that eight bytes can be loaded at its last one.
	windowSlack = 8
)

// window is the part of a text that is in memory. Unread is buf[pos:end]; a reader moves pos, and calls more when what is
// there does not hold a whole record. Nothing before pos is kept by more.
type window struct {
	src  io.Reader
	buf  []byte // room for text, and windowSlack behind it
	pos  int
	end  int
	eof  bool // nothing comes behind end
	most int  // the most text it may hold
	err  error
	// decoded reports whether src comes out of a decoder, which puts U+FFFD where it found nothing that makes sense.
	decoded func() bool
	valid   int // buf[:valid] was looked at for what text must not hold …
	dirty   int // … and found to hold it before this offset, if at all
}

// replacement is U+FFFD, which stands for what is no character.
var replacement = []byte("\uFFFD")

func newWindow(t *text, size, most int) *window {
	return &window{src: t, decoded: t.decoded, buf: make([]byte, size+windowSlack), most: max(most, size)}
}

// more reads on, after the unread text; a full window grows. It gives false when it may grow no further or src is at its
// end, and the error of src.
func (w *window) more() (bool, error) {
	if w.err != nil {
		return false, w.err
	}
	if w.eof {
		return false, nil
	}
	w.shift()
	size := len(w.buf) - windowSlack
	if w.end == size {
		if size >= w.most {
			return false, nil
		}
		grown := make([]byte, min(2*size, w.most)+windowSlack)
		copy(grown, w.buf[:w.end])
		w.buf = grown
		size = len(grown) - windowSlack
	}
	n, err := io.ReadFull(w.src, w.buf[w.end:size])
	w.end += n
	switch err { // bare, they are io.ReadFull's own; wrapped, the source's
	case nil:
	case io.EOF, io.ErrUnexpectedEOF:
		w.eof = true
	default:
		w.err = err
		return false, err //nolint:wrapcheck // errors of text are ours
	}
	w.inspect()
	return n > 0 || w.eof, nil
}

// shift moves the unread text to the front.
func (w *window) shift() {
	if w.pos == 0 {
		return
	}
	copy(w.buf, w.buf[w.pos:w.end])
	w.end -= w.pos
	w.valid = max(w.valid-w.pos, 0)
	w.dirty = max(w.dirty-w.pos, 0)
	w.pos = 0
}

// inspect looks once at every byte for NUL and for what is not UTF-8, so that clean text, which is the rule, costs its
// cells no look.
func (w *window) inspect() {
	fresh := w.buf[w.valid:w.end]
	whole := len(fresh)
	if !w.eof { // a character cut by the end is looked at again with its rest
		whole = cutRune(fresh)
	}
	fresh = fresh[:whole]
	if bytes.IndexByte(fresh, 0) >= 0 || !utf8.Valid(fresh) || (w.decoded() && bytes.Contains(fresh, replacement)) {
		w.dirty = w.valid + whole
	}
	w.valid += whole
}

// cutRune is the length of b without the beginning of a character at its end.
func cutRune(b []byte) int {
	for i := len(b) - 1; i >= 0 && i >= len(b)-utf8.UTFMax; i-- {
		if utf8.RuneStart(b[i]) {
			if !utf8.FullRune(b[i:]) {
				return i
			}
			break
		}
	}
	return len(b)
}
