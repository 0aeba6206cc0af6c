package tabular

import (
	"bytes"
	"encoding/binary"
	"math/bits"
	"unicode/utf16"
	"unicode/utf8"
)

// JSONState is how a JSON value came out.
type JSONState uint8

// How a JSON value comes out.
const (
	JSONWhole JSONState = iota
	JSONTorn            // the text ends before it does
	JSONBad             // it is not JSON (RFC 8259)
	JSONDeep            // it is nested deeper than asked for
)

// jsonDepth is how deep values may be nested.
const jsonDepth = 500

// JSONSpace gives the first place at or behind i that is not white space.
func JSONSpace(b []byte, i int) int {
	for i < len(b) && (b[i] == ' ' || b[i] == '\n' || b[i] == '\t' || b[i] == '\r') {
		i++
	}
	return i
}

// JSONValue gives the end of the value that begins at i and holds no more than depth others one in another. The text need not
// be UTF-8: nothing but its structure is looked at. It makes no allocation.
func JSONValue(b []byte, i, depth int) (int, JSONState) {
	if i >= len(b) {
		return i, JSONTorn
	}
	switch c := b[i]; {
	case c == '"':
		end, _, state := JSONString(b, i)
		return end, state
	case c == '{':
		if depth == 0 {
			return i, JSONDeep
		}
		return jsonObject(b, i, depth, nil)
	case c == '[':
		if depth == 0 {
			return i, JSONDeep
		}
		return jsonArray(b, i, depth, nil)
	case c == '-' || (c >= '0' && c <= '9'):
		return jsonNumber(b, i)
	case c == 't':
		return jsonWord(b, i, "true")
	case c == 'f':
		return jsonWord(b, i, "false")
	case c == 'n':
		return jsonWord(b, i, "null")
	}
	return i, JSONBad
}

func jsonWord(b []byte, i int, word string) (int, JSONState) {
	rest := b[i:min(len(b), i+len(word))]
	switch {
	case string(rest) == word:
		return i + len(word), JSONWhole
	case bytes.HasPrefix([]byte(word), rest):
		return i, JSONTorn
	}
	return i, JSONBad
}

// JSONString gives the end of the string whose quote is at i, behind its other quote, and whether it is free of escapes.
func JSONString(b []byte, i int) (end int, plain bool, state JSONState) {
	plain = true
	for i = jsonOrdinary(b, i+1); i < len(b); i = jsonOrdinary(b, i) {
		switch b[i] {
		case '"':
			return i + 1, plain, JSONWhole
		case '\\':
			plain = false
			n, state := jsonEscape(b, i)
			if state != JSONWhole {
				return i, false, state
			}
			i += n
		default:
			return i, false, JSONBad // a control character
		}
	}
	return i, false, JSONTorn
}

// jsonOrdinary gives the first quote, backslash or control character at or behind i. It looks at eight bytes at a time;
// of the high bits set in m only the lowest is to be trusted, which is all that is asked of it.
func jsonOrdinary(b []byte, i int) int {
	const quotes, backslashes, blanks = lowBits * '"', lowBits * '\\', lowBits * ' '
	for ; i+8 <= len(b); i += 8 {
		x := binary.LittleEndian.Uint64(b[i:])
		q, s := x^quotes, x^backslashes
		m := ((q - lowBits) &^ q) | ((s - lowBits) &^ s) | ((x - blanks) &^ x)
		if m &= highBits; m != 0 {
			return i + bits.TrailingZeros64(m)>>3
		}
	}
	for i < len(b) && b[i] != '"' && b[i] != '\\' && b[i] >= ' ' {
		i++
	}
	return i
}

// jsonEscape gives the length of the escape whose backslash is at i.
func jsonEscape(b []byte, i int) (int, JSONState) {
	if i+1 >= len(b) {
		return 0, JSONTorn
	}
	switch b[i+1] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return 2, JSONWhole
	case 'u':
		for k := i + 2; k < i+6; k++ {
			if k >= len(b) {
				return 0, JSONTorn
			}
			if hexDigit(b[k]) < 0 {
				return 0, JSONBad
			}
		}
		return 6, JSONWhole
	}
	return 0, JSONBad
}

func hexDigit(c byte) rune {
	switch {
	case c >= '0' && c <= '9':
		return rune(c - '0')
	case c >= 'a' && c <= 'f':
		return rune(c-'a') + 10
	case c >= 'A' && c <= 'F':
		return rune(c-'A') + 10
	}
	return -1
}

// jsonNumber gives the end of the number at i. A number at the end of b counts as torn: digits may follow.
func jsonNumber(b []byte, i int) (int, JSONState) {
	if b[i] == '-' {
		i++
	}
	if i < len(b) && b[i] == '0' {
		i++
	} else if end := digitsEnd(b, i); end == i && end < len(b) {
		return i, JSONBad
	} else {
		i = end
	}
	if i < len(b) && b[i] == '.' {
		end := digitsEnd(b, i+1)
		if end == i+1 && end < len(b) {
			return i, JSONBad
		}
		i = end
	}
	if i < len(b) && (b[i] == 'e' || b[i] == 'E') {
		i++
		if i < len(b) && (b[i] == '+' || b[i] == '-') {
			i++
		}
		end := digitsEnd(b, i)
		if end == i && end < len(b) {
			return i, JSONBad
		}
		i = end
	}
	if i >= len(b) {
		return i, JSONTorn
	}
	return i, JSONWhole
}

func digitsEnd(b []byte, i int) int {
	for i < len(b) && b[i] >= '0' && b[i] <= '9' {
		i++
	}
	return i
}

// jsonObject gives the end of the object at i. It calls pair, if there is one, with each key, as it stands between its
// quotes, and the place of its value; plain keys have no escapes.
func jsonObject(b []byte, i, depth int, pair func(key []byte, plain bool, value, end int)) (int, JSONState) {
	if i = JSONSpace(b, i+1); i < len(b) && b[i] == '}' {
		return i + 1, JSONWhole
	}
	for {
		if i >= len(b) {
			return i, JSONTorn
		}
		if b[i] != '"' {
			return i, JSONBad
		}
		end, plain, state := JSONString(b, i)
		if state != JSONWhole {
			return end, state
		}
		key := b[i+1 : end-1]
		if i = JSONSpace(b, end); i >= len(b) {
			return i, JSONTorn
		}
		if b[i] != ':' {
			return i, JSONBad
		}
		value := JSONSpace(b, i+1)
		if end, state = JSONValue(b, value, depth-1); state != JSONWhole {
			return end, state
		}
		if pair != nil {
			pair(key, plain, value, end)
		}
		i = JSONSpace(b, end)
		switch {
		case i >= len(b):
			return i, JSONTorn
		case b[i] == '}':
			return i + 1, JSONWhole
		case b[i] != ',':
			return i, JSONBad
		}
		i = JSONSpace(b, i+1)
	}
}

// jsonArray gives the end of the array at i. It calls item, if there is one, with the place of each value.
func jsonArray(b []byte, i, depth int, item func(value, end int)) (int, JSONState) {
	if i = JSONSpace(b, i+1); i < len(b) && b[i] == ']' {
		return i + 1, JSONWhole
	}
	for {
		end, state := JSONValue(b, i, depth-1)
		if state != JSONWhole {
			return end, state
		}
		if item != nil {
			item(i, end)
		}
		i = JSONSpace(b, end)
		switch {
		case i >= len(b):
			return i, JSONTorn
		case b[i] == ']':
			return i + 1, JSONWhole
		case b[i] != ',':
			return i, JSONBad
		}
		i = JSONSpace(b, i+1)
	}
}

// JSONUnescape appends to dst what s, the inside of a valid string, stands for. sound is false if half a surrogate pair
// had to become U+FFFD.
func JSONUnescape(dst, s []byte) (out []byte, sound bool) {
	sound = true
	for {
		k := bytes.IndexByte(s, '\\')
		if k < 0 {
			return append(dst, s...), sound
		}
		dst = append(dst, s[:k]...)
		s = s[k:]
		if s[1] != 'u' {
			dst = append(dst, jsonShort(s[1]))
			s = s[2:]
			continue
		}
		r := jsonUnit(s)
		s = s[6:]
		if utf16.IsSurrogate(r) {
			pair := utf16.DecodeRune(r, jsonUnit(s))
			if pair == utf8.RuneError {
				sound = false
			} else {
				s = s[6:]
			}
			r = pair
		}
		dst = utf8.AppendRune(dst, r)
	}
}

// jsonShort gives the character of a two-character escape.
func jsonShort(c byte) byte {
	switch c {
	case 'b':
		return '\b'
	case 'f':
		return '\f'
	case 'n':
		return '\n'
	case 'r':
		return '\r'
	case 't':
		return '\t'
	}
	return c
}

// jsonUnit gives the UTF-16 unit of an escape like \u00e9 at the beginning of s; 0 if there is none.
func jsonUnit(s []byte) rune {
	if len(s) < 6 || s[0] != '\\' || s[1] != 'u' {
		return 0
	}
	var r rune
	for _, c := range s[2:6] {
		r = r<<4 | hexDigit(c)
	}
	return r
}

// jsonCompact appends to dst the value v without white space between its parts.
func jsonCompact(dst, v []byte) []byte {
	quoted := false
	for i := 0; i < len(v); i++ {
		switch c := v[i]; {
		case quoted && c == '\\':
			dst = append(dst, c, v[i+1])
			i++
			continue
		case c == '"':
			quoted = !quoted
		case !quoted && (c == ' ' || c == '\n' || c == '\t' || c == '\r'):
			continue
		}
		dst = append(dst, v[i])
	}
	return dst
}
