package sample

import (
	"encoding/hex"
	"strconv"
	"time"

	"github.com/google/uuid"
)

// row is one line in COPY's text format: cells between tabs, \N for null.
//
// Zero values of ids and times are nulls; an empty string is a null only for opt.
type row struct {
	buf   []byte
	cells int
}

func (w *row) reset() { w.buf, w.cells = w.buf[:0], 0 }

func (w *row) end() { w.buf = append(w.buf, '\n') }

func (w *row) cell() {
	if w.cells > 0 {
		w.buf = append(w.buf, '\t')
	}
	w.cells++
}

func (w *row) null() {
	w.cell()
	w.buf = append(w.buf, '\\', 'N')
}

func (w *row) text(s string) {
	w.cell()
	for i := range len(s) {
		switch c := s[i]; c {
		case '\\':
			w.buf = append(w.buf, '\\', '\\')
		case '\n':
			w.buf = append(w.buf, '\\', 'n')
		case '\r':
			w.buf = append(w.buf, '\\', 'r')
		case '\t':
			w.buf = append(w.buf, '\\', 't')
		default:
			w.buf = append(w.buf, c)
		}
	}
}

func (w *row) opt(s string) {
	if s == "" {
		w.null()
		return
	}
	w.text(s)
}

func (w *row) int(n int) {
	w.cell()
	w.buf = strconv.AppendInt(w.buf, int64(n), 10)
}

// dec writes units × 10^-scale.
func (w *row) dec(units int64, scale int) {
	w.cell()
	w.buf = appendDecimal(w.buf, units, scale)
}

func (w *row) bool(b bool) {
	w.cell()
	if b {
		w.buf = append(w.buf, 't')
	} else {
		w.buf = append(w.buf, 'f')
	}
}

func (w *row) uuid(id uuid.UUID) {
	if id == uuid.Nil {
		w.null()
		return
	}
	w.cell()
	n := len(w.buf)
	w.buf = append(w.buf, make([]byte, 36)...)
	dst := w.buf[n:]
	hex.Encode(dst, id[:4])
	dst[8] = '-'
	hex.Encode(dst[9:], id[4:6])
	dst[13] = '-'
	hex.Encode(dst[14:], id[6:8])
	dst[18] = '-'
	hex.Encode(dst[19:], id[8:10])
	dst[23] = '-'
	hex.Encode(dst[24:], id[10:])
}

func (w *row) date(t time.Time) {
	if t.IsZero() {
		w.null()
		return
	}
	w.cell()
	w.buf = t.AppendFormat(w.buf, time.DateOnly)
}

func (w *row) time(t time.Time) {
	if t.IsZero() {
		w.null()
		return
	}
	w.cell()
	w.buf = t.AppendFormat(w.buf, "2006-01-02 15:04:05.999999Z07:00")
}

// list writes an array of text. No items give an empty array.
func (w *row) list(items ...string) {
	lit := []byte{'{'}
	for i, s := range items {
		if i > 0 {
			lit = append(lit, ',')
		}
		lit = append(lit, '"')
		for j := range len(s) {
			if s[j] == '"' || s[j] == '\\' {
				lit = append(lit, '\\')
			}
			lit = append(lit, s[j])
		}
		lit = append(lit, '"')
	}
	w.text(string(append(lit, '}')))
}

// bytes writes a bytea; nil is a null.
func (w *row) bytes(b []byte) {
	if b == nil {
		w.null()
		return
	}
	w.cell()
	w.buf = append(w.buf, `\\x`...)
	w.buf = hex.AppendEncode(w.buf, b)
}

func appendDecimal(dst []byte, units int64, scale int) []byte {
	if units < 0 {
		dst = append(dst, '-')
		units = -units
	}
	digits := strconv.FormatInt(units, 10)
	for len(digits) <= scale {
		digits = "0" + digits
	}
	dst = append(dst, digits[:len(digits)-scale]...)
	if scale > 0 {
		dst = append(dst, '.')
		dst = append(dst, digits[len(digits)-scale:]...)
	}
	return dst
}

// quoteJSON gives s as a JSON string.
func quoteJSON(s string) string {
	dst := []byte{'"'}
	for i := range len(s) {
		switch c := s[i]; {
		case c == '"' || c == '\\':
			dst = append(dst, '\\', c)
		case c < 0x20:
			dst = append(dst, `\u00`...)
			dst = append(dst, "0123456789abcdef"[c>>4], "0123456789abcdef"[c&15])
		default:
			dst = append(dst, c)
		}
	}
	return string(append(dst, '"'))
}
