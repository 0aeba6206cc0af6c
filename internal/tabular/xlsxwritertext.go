package tabular

import (
	"bytes"
	"unicode/utf8"
)

// appendXString appends text as the content of a cell. Characters that XML cannot hold, and CR, which it would change,
// become _xHHHH_ (ECMA-376 part 1, 22.9.2.19, ST_Xstring); so does the underscore of text that looks like that. Bytes
// that are no UTF-8 become U+FFFD.
func appendXString(dst, text []byte) []byte {
	if !utf8.Valid(text) {
		text = bytes.ToValidUTF8(text, replacement)
	}
	from := 0
	for i, c := range text {
		if !xmlSpecial[c] {
			continue
		}
		escape, n := xmlEscape(text[i:])
		if n == 0 {
			continue
		}
		dst = append(append(dst, text[from:i]...), escape...)
		from = i + n
	}
	return append(dst, text[from:]...)
}

// xmlSpecial marks the bytes that xmlEscape may be for.
var xmlSpecial = func() (special [256]bool) {
	for c := range byte(' ') {
		special[c] = c != '\t' && c != '\n'
	}
	for _, c := range []byte("&<>_\xef") {
		special[c] = true
	}
	return special
}()

// xmlEscape gives what stands for the first character of text, and that character's length; 0: it can stay.
func xmlEscape(text []byte) (escape string, n int) {
	switch c := text[0]; c {
	case '&':
		return "&amp;", 1
	case '<':
		return "&lt;", 1
	case '>':
		return "&gt;", 1
	case '_':
		if looksEscaped(text) {
			return "_x005F_", 1
		}
		return "", 0
	case 0xef: // of U+FFFE and U+FFFF, which are no characters
		switch {
		case bytes.HasPrefix(text, []byte("\uFFFE")):
			return "_xFFFE_", 3
		case bytes.HasPrefix(text, []byte("\uFFFF")):
			return "_xFFFF_", 3
		}
		return "", 0
	default:
		return controlEscapes[c], 1
	}
}

// controlEscapes are _x0000_ to _x001F_.
var controlEscapes = func() (escapes [' ']string) {
	const digits = "0123456789ABCDEF"
	for c := range escapes {
		escapes[c] = "_x00" + digits[c>>4:c>>4+1] + digits[c&15:c&15+1] + "_"
	}
	return escapes
}()

// looksEscaped reports whether text begins like _x0041_.
func looksEscaped(text []byte) bool {
	if len(text) < 7 || text[1] != 'x' || text[6] != '_' {
		return false
	}
	for _, c := range text[2:6] {
		if (c < '0' || c > '9') && (c|0x20 < 'a' || c|0x20 > 'f') {
			return false
		}
	}
	return true
}

// units counts the UTF-16 units of text, and the bytes of it that fit into room units.
func units(text []byte, room int) (units, fits int) {
	for i := 0; i < len(text); {
		r, n := utf8.DecodeRune(text[i:])
		i += n
		if units++; r > 0xffff {
			units++
		}
		if units <= room {
			fits = i
		}
	}
	return units, fits
}

// StartsFormula reports whether a spreadsheet program may take text for a formula. That is for texts only: the number -5
// starts like one.
func StartsFormula(text []byte) bool {
	if len(text) == 0 {
		return false
	}
	switch text[0] {
	case '=', '+', '-', '@', '\t', '\r', 0:
		return true
	}
	return false
}
