package tabular

import (
	"bytes"
	"strings"
	"unicode/utf8"

	"github.com/wlynxg/chardet"
	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/htmlindex"
	"golang.org/x/text/encoding/ianaindex"
	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/encoding/unicode/utf32"

	"wharf/internal/fault"
)

const (
	utf8Name = "utf-8"
	// fallbackName is the encoding of eight-bit text that nothing better is known of: a superset of Latin-1.
	fallbackName = "windows-1252"
	// sureEnough is the least confidence at which a guess by letter frequency is taken over the fallback.
	sureEnough = 0.8
	// validEnough is the same where, besides, all bytes form characters of a multi-byte encoding.
	validEnough = 0.2
	// littleEvidence is how many bytes beyond ASCII say too little of an encoding of single bytes: a handful of them can be
	// letters of any script.
	littleEvidence = 8
	// guessBytes is how much text the guess by letter frequency looks at.
	guessBytes = 64 << 10
)

// charset is an encoding and how it became known.
type charset struct {
	name    string            // as the WHATWG calls it, lower case, e.g. "windows-1252"
	enc     encoding.Encoding // nil: UTF-8, which needs no decoding
	guessed bool              // nothing in the file says so for certain
}

// aliases are names that people and programs use, and no register knows.
var aliases = map[string]string{
	"utf-8-sig": utf8Name, "utf-8-bom": utf8Name, "ansi": fallbackName, "latin-1": fallbackName, "latin 1": fallbackName,
	"cp850": "ibm850", "cp437": "ibm437", "sjis": "shift_jis", "mac": "macintosh", "macroman": "macintosh",
}

// charsetNamed finds an encoding by the name that a person gave.
func charsetNamed(name string) (charset, error) {
	n := strings.ToLower(strings.TrimSpace(name))
	if a, ok := aliases[n]; ok {
		n = a
	}
	switch n {
	case "utf-32", "utf-32le":
		return charset{name: "utf-32le", enc: utf32.UTF32(utf32.LittleEndian, utf32.IgnoreBOM)}, nil
	case "utf-32be":
		return charset{name: n, enc: utf32.UTF32(utf32.BigEndian, utf32.IgnoreBOM)}, nil
	}
	enc, err := htmlindex.Get(n)
	if err == nil {
		known, err := htmlindex.Name(enc)
		switch {
		case known == utf8Name:
			return charset{name: utf8Name}, nil
		case err == nil && known != "replacement" && known != "x-user-defined":
			return charset{name: known, enc: enc}, nil
		}
	}
	enc, err = ianaindex.IANA.Encoding(n)
	if err != nil || enc == nil || enc == encoding.Replacement {
		return charset{}, fault.Newf(fault.Invalid,
			"encoding %q is not known: give an IANA name such as utf-8, windows-1252 or shift_jis", name)
	}
	return charset{name: n, enc: enc}, nil
}

// boms are the byte order marks; longer ones come first where one is the beginning of another.
var boms = []struct{ mark, name string }{
	{"\xef\xbb\xbf", utf8Name},
	{"\xff\xfe\x00\x00", "utf-32le"},
	{"\x00\x00\xfe\xff", "utf-32be"},
	{"\xff\xfe", "utf-16le"},
	{"\xfe\xff", "utf-16be"},
}

// bomOf gives the encoding that a byte order mark at the beginning of head names, and the mark's length.
func bomOf(head []byte) (name string, length int) {
	for _, b := range boms {
		if bytes.HasPrefix(head, []byte(b.mark)) {
			return b.name, len(b.mark)
		}
	}
	return "", 0
}

// firstCharset settles the encoding as far as the first bytes of a file tell: by what a person said, by a byte order
// mark, or by the zeros of UTF-16. Without any of them it gives false: the first byte beyond ASCII will tell.
// skip is the length of the byte order mark.
func firstCharset(head []byte, given string) (cs charset, skip int, known bool, err error) {
	mark, skip := bomOf(head)
	if given != "" {
		cs, err = charsetNamed(given)
		if err != nil {
			return charset{}, 0, false, err
		}
		if strings.EqualFold(strings.TrimSpace(given), "utf-16") {
			cs = utf16Charset(head, mark)
		}
		if mark != "" && mark != cs.name {
			return charset{}, 0, false, fault.Newf(fault.Invalid,
				"encoding %q was given, but the file begins with the mark of %s: leave the encoding out", given, mark)
		}
		return cs, skip, true, nil
	}
	if mark == "" {
		name, wide := wideCharset(head)
		if !wide {
			return charset{name: utf8Name}, 0, false, nil
		}
		mark = name
	}
	cs, err = charsetNamed(mark)
	return cs, skip, true, err
}

// utf16Charset settles the byte order of "utf-16": by the mark, by the zeros, else big endian as RFC 2781 has it.
func utf16Charset(head []byte, mark string) charset {
	name, wide := wideCharset(head)
	if mark == "utf-16le" || (mark == "" && wide && name == "utf-16le") {
		return charset{name: "utf-16le", enc: unicode.UTF16(unicode.LittleEndian, unicode.IgnoreBOM)}
	}
	return charset{name: "utf-16be", enc: unicode.UTF16(unicode.BigEndian, unicode.IgnoreBOM)}
}

// wideCharset finds UTF-16 that has no byte order mark: the zeros of its ASCII characters are all on one side.
func wideCharset(head []byte) (name string, wide bool) {
	var zeros [2]int
	for i, c := range head {
		if c == 0 {
			zeros[i&1]++
		}
	}
	high := 0 // on which side the high bytes are
	if zeros[1] > zeros[0] {
		high = 1
	}
	if zeros[high]*20 < len(head)/2 || zeros[high] < 4*zeros[1-high] || zeros[high] < 2 {
		return "", false
	}
	if !plausibleUTF16(head, high) {
		return "", false
	}
	return []string{"utf-16be", "utf-16le"}[high], true
}

// plausibleUTF16 reports whether head, read with its high bytes at the even (0) or odd (1) places, has line ends, no
// NUL, no control characters that texts do not use, and only whole surrogate pairs.
func plausibleUTF16(head []byte, high int) bool {
	var lines int
	var lead bool
	for i := 0; i+1 < len(head); i += 2 {
		u := uint16(head[i+high])<<8 | uint16(head[i+1-high])
		trail := u >= 0xdc00 && u < 0xe000
		if trail != lead {
			return false
		}
		lead = u >= 0xd800 && u < 0xdc00
		switch {
		case u == '\n' || u == '\r':
			lines++
		case u < 0x20 && u != '\t':
			return false
		}
	}
	return lines > 0 || len(head) < 256
}

// eightBitCharset finds the encoding of sample, which begins at a file's first byte beyond ASCII: UTF-8 if it is valid,
// or nearly, since what is not will be marked cell by cell; else what letter frequencies say, if there are enough letters
// and each byte is one; else the fallback.
// whole: sample reaches the end of the file.
func eightBitCharset(sample []byte, whole bool) charset {
	good, bad := utf8Score(sample, whole)
	if bad == 0 || good >= 16*bad {
		return charset{name: utf8Name}
	}
	lines := nonASCIILines(sample, guessBytes)
	fallback, err := charsetNamed(fallbackName)
	if err != nil {
		return charset{name: utf8Name} // never: the name is a constant
	}
	fallback.guessed = true
	r := chardet.Detect(lines)
	cs, err := charsetNamed(r.Encoding)
	if err != nil || cs.enc == nil || strings.HasPrefix(cs.name, "utf-") || !decodes(cs, lines) {
		return fallback
	}
	switch cs.name {
	case fallbackName, "windows-1254", "macintosh": // the detector's own last resorts
		return fallback
	case "shift_jis", "euc-jp", "euc-kr", "gbk", "gb18030", "big5", "iso-2022-jp":
		if r.Confidence < validEnough {
			return fallback
		}
	default:
		if r.Confidence < sureEnough || beyondASCII(lines) < littleEvidence {
			return fallback
		}
	}
	cs.guessed = r.Confidence < 0.9
	return cs
}

// utf8Score counts the multi-byte characters of b and the bytes that belong to none.
func utf8Score(b []byte, whole bool) (good, bad int) {
	for len(b) > 0 {
		if b[0] < utf8.RuneSelf {
			b = b[1:]
			continue
		}
		r, size := utf8.DecodeRune(b)
		switch {
		case r != utf8.RuneError || size > 1:
			good++
		case !whole && !utf8.FullRune(b):
			return good, bad // cut by the end of the sample
		default:
			bad++
		}
		b = b[size:]
	}
	return good, bad
}

// nonASCIILines gives the lines of b that hold bytes beyond ASCII, at most about limit bytes of them.
func nonASCIILines(b []byte, limit int) []byte {
	var out []byte
	for len(b) > 0 && len(out) < limit {
		line := b
		if i := bytes.IndexAny(b, "\r\n"); i >= 0 {
			line = b[:i+1]
		}
		b = b[len(line):]
		if asciiPrefix(line) < len(line) {
			out = append(out, line[:min(len(line), limit)]...)
		}
	}
	return out
}

// beyondASCII counts the bytes of b that are not ASCII.
func beyondASCII(b []byte) (n int) {
	for _, c := range b {
		if c >= utf8.RuneSelf {
			n++
		}
	}
	return n
}

// decodes reports whether all of b but its cut-off end are characters of cs.
func decodes(cs charset, b []byte) bool {
	out, err := cs.enc.NewDecoder().Bytes(b[:len(b):len(b)])
	if err != nil {
		return false
	}
	bad := bytes.Count(out, replacement)
	return bad == 0 || (bad == 1 && bytes.HasSuffix(bytes.TrimRight(out, "\r\n"), replacement))
}
