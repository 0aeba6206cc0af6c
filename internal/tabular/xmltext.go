package tabular

import (
	"bytes"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// textFlaws say what a text held that no cell may hold; U+FFFD stands there instead.
type textFlaws uint8

const (
	hasNUL     textFlaws = 1 << iota // a NUL character
	hasNonChar                       // half of a surrogate pair, or a number that no character has
)

// plainXML reports whether raw is its own text: it holds no entity, no carriage return and no _x…_.
func plainXML(raw []byte) bool {
	for i, c := range raw {
		if notPlain[c] && (c != '_' || (i+1 < len(raw) && raw[i+1] == 'x')) {
			return false
		}
	}
	return true
}

var notPlain = [256]bool{'&': true, '\r': true, '_': true}

// appendXMLText appends the text that raw, which holds no tag, stands for: entities are taken off, a line end is \n, and
// with escapes _x000D_ is the character of that number (ECMA-376 part 1, ST_Xstring). What is no entity stays.
func appendXMLText(dst, raw []byte, escapes bool) ([]byte, textFlaws) {
	var flaws textFlaws
	for {
		i := bytes.IndexAny(raw, "&\r_")
		if i < 0 {
			return append(dst, raw...), flaws
		}
		dst = append(dst, raw[:i]...)
		raw = raw[i:]
		r, n := rune(-1), 0
		switch raw[0] {
		case '&':
			r, n = entity(raw)
		case '_':
			if escapes {
				r, n = escape(raw)
			}
		default:
			if r, n = '\n', 1; len(raw) > 1 && raw[1] == '\n' {
				n = 2
			}
		}
		if n == 0 {
			dst, raw = append(dst, raw[0]), raw[1:]
			continue
		}
		raw = raw[n:]
		switch {
		case r == 0:
			flaws |= hasNUL
			r = utf8.RuneError
		case !utf8.ValidRune(r):
			flaws |= hasNonChar
			r = utf8.RuneError
		}
		dst = utf8.AppendRune(dst, r)
	}
}

var entities = map[string]rune{"amp": '&', "lt": '<', "gt": '>', "quot": '"', "apos": '\''}

// entity reads &amp; &#38; &#x26;; a length of zero: it is none.
func entity(raw []byte) (rune, int) {
	const longest = 16
	end := bytes.IndexByte(raw[:min(len(raw), longest)], ';')
	if end < 2 {
		return 0, 0
	}
	name := raw[1:end]
	if name[0] != '#' {
		r, ok := entities[string(name)]
		if !ok {
			return 0, 0
		}
		return r, end + 1
	}
	base, digits := 10, name[1:]
	if len(digits) > 0 && (digits[0] == 'x' || digits[0] == 'X') {
		base, digits = 16, digits[1:]
	}
	n, err := strconv.ParseUint(string(digits), base, 32)
	if err != nil {
		return 0, 0
	}
	return rune(min(n, utf8.MaxRune+1)), end + 1 //nolint:gosec // it fits
}

const escapeLength = len("_x000D_")

// escape reads _x000D_, and two of them that are the halves of one character.
func escape(raw []byte) (rune, int) {
	r, ok := escapeUnit(raw)
	if !ok {
		return 0, 0
	}
	if utf16.IsSurrogate(r) {
		if low, ok := escapeUnit(raw[escapeLength:]); ok {
			if pair := utf16.DecodeRune(r, low); pair != utf8.RuneError {
				return pair, 2 * escapeLength
			}
		}
	}
	return r, escapeLength
}

func escapeUnit(raw []byte) (rune, bool) {
	if len(raw) < escapeLength || raw[0] != '_' || raw[1] != 'x' || raw[escapeLength-1] != '_' {
		return 0, false
	}
	n, err := strconv.ParseUint(string(raw[2:escapeLength-1]), 16, 16)
	return rune(n), err == nil //nolint:gosec // sixteen bits
}
