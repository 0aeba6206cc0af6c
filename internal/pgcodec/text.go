package pgcodec

import "encoding/binary"

const hexDigits = "0123456789abcdef"

func appendText(dst, raw []byte) ([]byte, error) { return append(dst, raw...), nil }

func appendTextJSON(dst, raw []byte) ([]byte, error) { return AppendJSONString(dst, raw), nil }

// AppendJSONString appends text as a JSON string with the escapes of Postgres: quote, backslash and control characters.
// All else, DEL, slashes and non-ASCII too, stays as it is.
func AppendJSONString(dst, text []byte) []byte {
	dst = append(dst, '"')
	from := 0
	for i, c := range text {
		if !jsonSpecial[c] {
			continue
		}
		dst = append(dst, text[from:i]...)
		dst = appendJSONEscape(dst, c)
		from = i + 1
	}
	dst = append(dst, text[from:]...)
	return append(dst, '"')
}

// jsonSpecial marks the bytes that JSON strings must not hold as they are.
var jsonSpecial = func() (special [256]bool) {
	for c := range byte(' ') {
		special[c] = true
	}
	special['"'], special['\\'] = true, true
	return special
}()

func appendJSONEscape(dst []byte, c byte) []byte {
	switch c {
	case '"', '\\':
		return append(dst, '\\', c)
	case '\b':
		return append(dst, `\b`...)
	case '\f':
		return append(dst, `\f`...)
	case '\n':
		return append(dst, `\n`...)
	case '\r':
		return append(dst, `\r`...)
	case '\t':
		return append(dst, `\t`...)
	}
	return append(dst, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
}

// appendQChar prints a "char": nothing for zero, and a byte that is no character of its own as \ooo, as Postgres does
// from version 16 on (earlier ones send the bare byte, which is not valid UTF-8).
func appendQChar(dst, raw []byte) ([]byte, error) {
	if len(raw) != 1 {
		return dst, ErrCorrupt
	}
	switch c := raw[0]; {
	case c == 0:
		return dst, nil
	case c >= 0x80:
		return append(dst, '\\', '0'+c>>6, '0'+c>>3&7, '0'+c&7), nil
	default:
		return append(dst, c), nil
	}
}

func appendQCharJSON(dst, raw []byte) ([]byte, error) {
	var buf [4]byte
	text, err := appendQChar(buf[:0], raw)
	if err != nil {
		return dst, err
	}
	return AppendJSONString(dst, text), nil
}

// appendJSONB prints a jsonb: a version byte and its text.
func appendJSONB(dst, raw []byte) ([]byte, error) {
	if len(raw) < 2 || raw[0] != jsonbVersion {
		return dst, ErrCorrupt
	}
	return append(dst, raw[1:]...), nil
}

const jsonbVersion = 1

func appendBytea(dst, raw []byte) ([]byte, error) {
	return appendHex(append(dst, `\x`...), raw), nil
}

func appendByteaJSON(dst, raw []byte) ([]byte, error) {
	dst = appendHex(append(dst, `"\\x`...), raw)
	return append(dst, '"'), nil
}

func appendHex(dst, raw []byte) []byte {
	for _, c := range raw {
		dst = append(dst, hexDigits[c>>4], hexDigits[c&15])
	}
	return dst
}

func appendUUID(dst, raw []byte) ([]byte, error) {
	if len(raw) != 16 {
		return dst, ErrCorrupt
	}
	var text [36]byte
	at := 0
	for i, c := range raw {
		if i == 4 || i == 6 || i == 8 || i == 10 {
			text[at] = '-'
			at++
		}
		text[at], text[at+1] = hexDigits[c>>4], hexDigits[c&15]
		at += 2
	}
	return append(dst, text[:]...), nil
}

// appendBits prints a bit string: its length in bits, then the bits, the last byte filled up with zeros.
func appendBits(dst, raw []byte) ([]byte, error) {
	if len(raw) < 4 {
		return dst, ErrCorrupt
	}
	n := int64(int32(binary.BigEndian.Uint32(raw)))
	raw = raw[4:]
	if n < 0 || int64(len(raw)) != (n+7)/8 {
		return dst, ErrCorrupt
	}
	for i := range n {
		dst = append(dst, '0'+raw[i/8]>>(7-i%8)&1)
	}
	return dst, nil
}
