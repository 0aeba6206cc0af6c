package rowprogram

import (
	"bytes"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxValue is how much of a cell an error shows, in characters.
const maxValue = 200

// isBlank reports whether r is white space. The byte-order mark and the zero-width space count: no one sees them.
func isBlank(r rune) bool {
	return r == ' ' || r != utf8.RuneError && (unicode.IsSpace(r) || r == '\ufeff' || r == '\u200b')
}

// trim gives cell without the white space around it, in the same memory.
func trim(cell []byte) []byte {
	for len(cell) > 0 && cell[len(cell)-1] == ' ' {
		cell = cell[:len(cell)-1]
	}
	for len(cell) > 0 && cell[0] == ' ' {
		cell = cell[1:]
	}
	if len(cell) == 0 || solid(cell[0]) && solid(cell[len(cell)-1]) {
		return cell
	}
	return bytes.TrimFunc(cell, isBlank)
}

// solid reports whether c is an ASCII character one can see.
func solid(c byte) bool { return c > ' ' && c < utf8.RuneSelf }

func isASCII(cell []byte) bool {
	for _, c := range cell {
		if c >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// excerpt is the cell as an error shows it: at most 200 characters, readable in JSON and by Postgres.
func excerpt(cell []byte) string {
	end, count := 0, 0
	for end < len(cell) && count < maxValue {
		_, size := utf8.DecodeRune(cell[end:])
		end += size
		count++
	}
	text := strings.ToValidUTF8(string(cell[:end]), "\ufffd")
	return strings.ReplaceAll(text, "\x00", "\ufffd")
}

// UniqueKey appends to dst the form in which the cells of a unique field are compared: trimmed, and of one case.
// An empty cell appends nothing, and is never a duplicate.
func UniqueKey(dst, cell []byte) []byte { return appendFold(dst, trim(cell)) }

// appendFold appends cell in one case: two texts that differ in case alone become the same bytes.
func appendFold(dst, cell []byte) []byte {
	for i := 0; i < len(cell); {
		if c := cell[i]; c < utf8.RuneSelf {
			if 'A' <= c && c <= 'Z' {
				c += 'a' - 'A'
			}
			dst = append(dst, c)
			i++
			continue
		}
		r, size := utf8.DecodeRune(cell[i:])
		if r == utf8.RuneError && size == 1 {
			dst = append(dst, cell[i])
		} else {
			dst = utf8.AppendRune(dst, foldRune(r))
		}
		i += size
	}
	return dst
}

// foldRune gives one rune for all that differ from r in case alone: 'k' for K and the Kelvin sign, 'σ' for Σ and ς.
func foldRune(r rune) rune {
	least := r
	for next := unicode.SimpleFold(r); next != r; next = unicode.SimpleFold(next) {
		least = min(least, next)
	}
	if 'A' <= least && least <= 'Z' {
		least += 'a' - 'A'
	}
	return least
}
