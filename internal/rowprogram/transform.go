package rowprogram

import (
	"bytes"
	"slices"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/cases"
	"golang.org/x/text/language"
	"golang.org/x/text/transform"
)

// casing maps whole texts to one case, as Unicode has it for no language in particular (ß becomes SS).
type casing struct{ upper, lower transform.Transformer }

func newCasing() *casing {
	return &casing{upper: cases.Upper(language.Und), lower: cases.Lower(language.Und)}
}

func trimOp(_ *work, cell []byte) []byte { return trim(cell) }

func upperOp(w *work, cell []byte) []byte {
	if !isASCII(cell) {
		return w.recase(w.casing.upper, cell)
	}
	return w.mapASCII(cell, 'a', 'z')
}

func lowerOp(w *work, cell []byte) []byte {
	if !isASCII(cell) {
		return w.recase(w.casing.lower, cell)
	}
	return w.mapASCII(cell, 'A', 'Z')
}

// mapASCII changes the case of the letters between first and last.
func (w *work) mapASCII(cell []byte, first, last byte) []byte {
	for i, c := range cell {
		if first <= c && c <= last {
			start := len(w.arena)
			w.arena = append(w.arena, cell...)
			for j := start + i; j < len(w.arena); j++ {
				if c := w.arena[j]; first <= c && c <= last {
					w.arena[j] = c ^ 0x20
				}
			}
			return w.since(start, cell)
		}
	}
	return cell
}

// recase leaves bytes that are no UTF-8 for the check to find.
func (w *work) recase(caser transform.Transformer, cell []byte) []byte {
	if !utf8.Valid(cell) {
		return cell
	}
	start := len(w.arena)
	w.arena = slices.Grow(w.arena, 3*len(cell)+utf8.UTFMax) // the most that Unicode's special casing needs
	caser.Reset()
	n, _, err := caser.Transform(w.arena[start:cap(w.arena)], cell, true)
	if err != nil {
		return cell
	}
	w.arena = w.arena[:start+n]
	return w.since(start, cell)
}

// capitalizeOp makes the first letter of each word a capital and the others small. Apostrophes, digits and combining marks
// belong to a word; anything else ends it.
func capitalizeOp(w *work, cell []byte) []byte {
	start := len(w.arena)
	inside := false
	for i := 0; i < len(cell); {
		r, size := utf8.DecodeRune(cell[i:])
		switch {
		case r == utf8.RuneError && size == 1:
			w.arena = append(w.arena, cell[i])
			i++
			continue
		case inside:
			w.arena = utf8.AppendRune(w.arena, unicode.ToLower(r))
		default:
			w.arena = utf8.AppendRune(w.arena, unicode.ToTitle(r))
		}
		inside = unicode.IsLetter(r) || unicode.IsDigit(r) || unicode.IsMark(r) || inside && (r == '\'' || r == '’')
		i += size
	}
	return w.since(start, cell)
}

// removeSpecialOp keeps letters (with their marks) and digits of any script, and white space.
func removeSpecialOp(w *work, cell []byte) []byte {
	start := len(w.arena)
	for i := 0; i < len(cell); {
		r, size := utf8.DecodeRune(cell[i:])
		invalid := r == utf8.RuneError && size == 1 // left for the check to find
		if invalid || unicode.IsLetter(r) || unicode.IsMark(r) || unicode.IsDigit(r) || unicode.IsSpace(r) {
			w.arena = append(w.arena, cell[i:i+size]...)
		}
		i += size
	}
	return w.since(start, cell)
}

func normalizePhoneOp(w *work, cell []byte) []byte {
	start := len(w.arena)
	arena, ok := w.phones.normalize(w.arena, trim(cell))
	if !ok {
		return cell
	}
	w.arena = arena
	return w.since(start, cell)
}

func defaultOp(value []byte) func(*work, []byte) []byte {
	return func(_ *work, cell []byte) []byte {
		if len(trim(cell)) == 0 {
			return value
		}
		return cell
	}
}

// maxCell bounds what a replacement may make of a cell, in bytes.
const maxCell = 1 << 20

func replaceOp(find, with []byte) func(*work, []byte) []byte {
	return func(w *work, cell []byte) []byte {
		count := bytes.Count(cell, find)
		if count == 0 {
			return cell
		}
		if len(cell)+count*(len(with)-len(find)) > maxCell {
			return w.tooLong(cell)
		}
		start := len(w.arena)
		for rest := cell; ; {
			i := bytes.Index(rest, find)
			if i < 0 {
				w.arena = append(w.arena, rest...)
				return w.since(start, cell)
			}
			w.arena = append(append(w.arena, rest[:i]...), with...)
			rest = rest[i+len(find):]
		}
	}
}

func (w *work) tooLong(cell []byte) []byte {
	w.fail("replace", w.field.label+" becomes longer than a cell may be (1 MiB)")
	return cell
}
