package tabular

import "bytes"

// setPair puts the value of a key into its column.
func (r *jsonReader) setPair(key []byte, plain bool, value, end int) {
	col := r.guess
	if !plain || col >= len(r.keys) || r.keys[col] != string(key) {
		var ok bool
		if plain {
			col, ok = r.columns[string(key)]
		} else {
			col, ok = r.columns[r.key(key, plain)]
		}
		if !ok {
			r.unknown = append(r.unknown, r.key(key, plain))
			return
		}
	}
	r.guess = col + 1
	if r.cells[col] != nil {
		r.flaw(col, "duplicate", "has the same key twice", r.window.buf[value:end])
		return
	}
	r.set(col, value, end)
}

// setItem puts the next value of an array into the next column.
func (r *jsonReader) setItem(value, end int) {
	if r.guess >= len(r.cells) {
		if v := string(r.window.buf[value:end]); v != "null" && v != `""` {
			r.unknown = append(r.unknown, v)
		}
		return
	}
	r.set(r.guess, value, end)
	r.guess++
}

// set puts a value into a column: strings without their quotes, numbers as they are spelled, null as an empty cell,
// objects and arrays as compact JSON.
func (r *jsonReader) set(col, value, end int) {
	v := r.window.buf[value:end]
	if len(v) > r.opts.Limits.CellBytes && r.failed == nil {
		r.failed = r.cellTooLarge(r.number(), col, "")
		return
	}
	text, kind, sound := r.plain(v)
	if !sound {
		r.flaw(col, "encoding", "has half of a surrogate pair, which is no character", text)
	}
	if kind == Text && bytes.IndexByte(text, 0) >= 0 {
		text = bytes.ReplaceAll(text, []byte{0}, replacement)
		r.flaw(col, "nul", "has a NUL character, which text cannot hold", text)
	}
	r.cells[col], r.kinds[col] = text, kind
}

// plain gives a value as the text of a cell, never nil, and its kind; sound as in JSONUnescape.
func (r *jsonReader) plain(v []byte) (text []byte, kind Kind, sound bool) {
	from := len(r.scratch)
	switch v[0] {
	case '"':
		v = v[1 : len(v)-1 : len(v)-1]
		if bytes.IndexByte(v, '\\') < 0 {
			return v, Text, true
		}
		r.scratch, sound = JSONUnescape(r.scratch, v)
	case '{', '[':
		r.scratch, sound = jsonCompact(r.scratch, v), true
	case 't', 'f':
		return v[:len(v):len(v)], Boolean, true
	case 'n':
		return v[:0:0], Text, true
	default:
		return v[:len(v):len(v)], Number, true
	}
	return r.scratch[from:len(r.scratch):len(r.scratch)], Text, sound
}
