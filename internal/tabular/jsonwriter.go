package tabular

import (
	"fmt"
	"io"
	"unicode/utf8"
)

// jsonRows writes an object a row, a row a line; array: as the elements of one array.
type jsonRows struct {
	w      io.Writer
	array  bool
	keys   [][]byte // each with what comes before and behind it, as in `,"name":`
	buf    []byte
	rows   bool // there was one
	closed bool
	err    error
}

func (j *jsonRows) Header(names []string) error {
	for i, n := range names {
		key := []byte{'{'}
		if i > 0 {
			key[0] = ','
		}
		j.keys = append(j.keys, append(appendJSONString(key, []byte(n)), ':'))
	}
	if j.array {
		j.buf = append(j.buf, '[')
	}
	return j.err
}

func (j *jsonRows) Row(cells [][]byte, kinds []Kind) error {
	switch {
	case j.err != nil:
		return j.err
	case len(j.keys) == 0:
		j.err = errNoHeader
		return j.err
	case len(cells) > len(j.keys):
		j.err = errSurplusRow
		return j.err
	}
	if j.array && j.rows {
		j.buf = append(j.buf, ',')
	}
	if j.array {
		j.buf = append(j.buf, '\n')
	}
	j.rows = true
	for i, key := range j.keys {
		j.buf = append(j.buf, key...)
		switch {
		case i >= len(cells):
			j.buf = append(j.buf, "null"...)
		case kinds == nil:
			j.buf = appendJSONCell(j.buf, cells[i], Text)
		default:
			j.buf = appendJSONCell(j.buf, cells[i], kinds[i])
		}
	}
	j.buf = append(j.buf, '}')
	if !j.array {
		j.buf = append(j.buf, '\n')
	}
	if len(j.buf) >= flushBytes {
		j.flush()
	}
	return j.err
}

func (j *jsonRows) flush() {
	if j.err == nil && len(j.buf) > 0 {
		if _, err := j.w.Write(j.buf); err != nil {
			j.err = fmt.Errorf("tabular: write rows: %w", err)
		}
	}
	j.buf = j.buf[:0]
}

func (j *jsonRows) Close() error {
	if !j.closed && j.array {
		j.buf = append(j.buf, "\n]\n"...)
	}
	j.closed = true
	j.flush()
	return j.err
}

// appendJSONCell appends a cell as a literal if its kind has literals and it is one, else as a string; nil as null.
func appendJSONCell(dst, cell []byte, kind Kind) []byte {
	switch {
	case cell == nil || (len(cell) == 0 && kind != Text):
		return append(dst, "null"...)
	case kind == Number:
		if _, ok := scanNumber(cell); ok {
			return append(dst, cell...)
		}
	case kind == Boolean && (string(cell) == "true" || string(cell) == "false"):
		return append(dst, cell...)
	}
	return appendJSONString(dst, cell)
}

// appendJSONString appends text as a JSON string. Bytes that are no UTF-8 become U+FFFD.
func appendJSONString(dst, text []byte) []byte {
	const digits = "0123456789abcdef"
	dst = append(dst, '"')
	from := 0
	for i := 0; i < len(text); {
		c := text[i]
		if c >= utf8.RuneSelf {
			r, n := utf8.DecodeRune(text[i:])
			if i += n; r == utf8.RuneError && n == 1 {
				dst = append(append(dst, text[from:i-1]...), "\uFFFD"...)
				from = i
			}
			continue
		}
		i++
		if c >= ' ' && c != '"' && c != '\\' {
			continue
		}
		dst = append(dst, text[from:i-1]...)
		from = i
		switch c {
		case '"', '\\':
			dst = append(dst, '\\', c)
		case '\n':
			dst = append(dst, `\n`...)
		case '\r':
			dst = append(dst, `\r`...)
		case '\t':
			dst = append(dst, `\t`...)
		default:
			dst = append(dst, '\\', 'u', '0', '0', digits[c>>4], digits[c&15])
		}
	}
	return append(append(dst, text[from:]...), '"')
}
