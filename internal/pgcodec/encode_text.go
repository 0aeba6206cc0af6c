package pgcodec

import (
	"bytes"
	"net/netip"
	"unicode/utf8"
)

// encodeText gives the reader of text of at most limit characters; 0: any number.
func encodeText(limit int) BinaryFunc {
	tooLong := invalid("is longer than %d characters", limit)
	return func(dst, text []byte) ([]byte, error) {
		switch {
		case !utf8.Valid(text):
			return dst, errNotUTF8
		case bytes.IndexByte(text, 0) >= 0:
			return dst, errNUL
		case limit > 0 && len(text) > limit && utf8.RuneCount(text) > limit:
			return dst, tooLong
		}
		return append(dst, text...), nil
	}
}

// nibble gives the value of each hex digit, 255 for all other bytes.
var nibble = func() (values [256]byte) {
	for c := range values {
		values[c] = 255
	}
	for i := range byte(16) {
		values[hexDigits[i]] = i
		values["0123456789ABCDEF"[i]] = i
	}
	return values
}()

// encodeUUID reads hex digits with an optional hyphen behind each group of four, and optional braces around, as Postgres.
func encodeUUID(dst, text []byte) ([]byte, error) {
	if n := len(text); n >= 2 && text[0] == '{' && text[n-1] == '}' {
		text = text[1 : n-1]
	}
	start := len(dst)
	for i := 0; i < len(text); {
		n := len(dst) - start
		if text[i] == '-' && n%2 == 0 && n > 0 && n < 16 && text[i-1] != '-' {
			i++
			continue
		}
		if n == 16 || i+1 >= len(text) {
			return dst, errNotUUID
		}
		high, low := nibble[text[i]], nibble[text[i+1]]
		if high|low > 15 {
			return dst, errNotUUID
		}
		dst = append(dst, high<<4|low)
		i += 2
	}
	if len(dst)-start != 16 {
		return dst, errNotUUID
	}
	return dst, nil
}

func encodeBytea(dst, text []byte) ([]byte, error) {
	if len(text)%2 != 0 || !bytes.HasPrefix(text, []byte(`\x`)) {
		return dst, errNotBytea
	}
	for i := 2; i < len(text); i += 2 {
		high, low := nibble[text[i]], nibble[text[i+1]]
		if high|low > 15 {
			return dst, errNotBytea
		}
		dst = append(dst, high<<4|low)
	}
	return dst, nil
}

func encodeInet(dst, text []byte) ([]byte, error) {
	prefix, err := parsePrefix(text)
	if err != nil {
		return dst, errNotInet
	}
	return appendPrefix(dst, prefix, 0), nil
}

// encodeCIDR reads a network: no bit may be set behind its prefix.
func encodeCIDR(dst, text []byte) ([]byte, error) {
	prefix, err := parsePrefix(text)
	if err != nil || prefix != prefix.Masked() {
		return dst, errNotCIDR
	}
	return appendPrefix(dst, prefix, 1), nil
}

func parsePrefix(text []byte) (netip.Prefix, error) {
	if bytes.IndexByte(text, '/') >= 0 {
		return netip.ParsePrefix(string(text)) //nolint:wrapcheck // only its presence matters
	}
	address, err := netip.ParseAddr(string(text))
	if err != nil || address.Zone() != "" {
		return netip.Prefix{}, errNotInet
	}
	return netip.PrefixFrom(address, address.BitLen()), nil
}

func appendPrefix(dst []byte, prefix netip.Prefix, isCIDR byte) []byte {
	bits := byte(prefix.Bits())
	if prefix.Addr().Is4() {
		bytes := prefix.Addr().As4()
		return append(append(dst, familyIPv4, bits, isCIDR, 4), bytes[:]...)
	}
	bytes := prefix.Addr().As16()
	return append(append(dst, familyIPv6, bits, isCIDR, 16), bytes[:]...)
}
