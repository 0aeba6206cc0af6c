package pgcodec

import (
	"encoding/binary"
)

// The address families of inet and cidr on the wire.
const (
	familyIPv4 = 2
	familyIPv6 = 3
)

// appendInet prints an inet or a cidr: family, prefix length, whether it is a cidr, count of bytes, bytes.
// A cidr always has its prefix length, an inet only if it is not the whole address.
func appendInet(dst, raw []byte) ([]byte, error) {
	if len(raw) < 4 || len(raw) != 4+int(raw[3]) {
		return dst, ErrCorrupt
	}
	family, prefix, isCIDR, address := raw[0], int(raw[1]), raw[2] != 0, raw[4:]
	switch {
	case family == familyIPv4 && len(address) == 4:
		dst = appendIPv4(dst, address)
	case family == familyIPv6 && len(address) == 16:
		dst = appendIPv6(dst, address)
	default:
		return dst, ErrCorrupt
	}
	if prefix > 8*len(address) {
		return dst, ErrCorrupt
	}
	if isCIDR || prefix != 8*len(address) {
		dst = appendUint(append(dst, '/'), uint64(prefix))
	}
	return dst, nil
}

func appendIPv4(dst, address []byte) []byte {
	for i, c := range address {
		if i > 0 {
			dst = append(dst, '.')
		}
		dst = appendUint(dst, uint64(c))
	}
	return dst
}

// appendIPv6 shortens the first of the longest runs of zeros to ::, and prints an embedded IPv4 address with dots,
// both the mapped kind (::ffff:a.b.c.d) and the compatible one (::a.b.c.d).
func appendIPv6(dst, address []byte) []byte {
	from, to := longestZeros(address)
	embedded := from == 0 && (to == 6 || to == 5 && binary.BigEndian.Uint16(address[10:]) == 0xffff)
	for i := 0; i < 8; {
		if i == from {
			dst = append(dst, ':', ':')
			i = to
			continue
		}
		if i > 0 && i != to {
			dst = append(dst, ':')
		}
		if embedded && i == 6 {
			return appendIPv4(dst, address[12:])
		}
		dst = appendHexWord(dst, binary.BigEndian.Uint16(address[2*i:]))
		i++
	}
	return dst
}

// longestZeros finds the first of the longest runs of at least two zero words; -1, -1: there is none.
func longestZeros(address []byte) (from, to int) {
	from, to = -1, -1
	for i := 0; i < 8; i++ {
		start := i
		for i < 8 && address[2*i] == 0 && address[2*i+1] == 0 {
			i++
		}
		if n := i - start; n >= 2 && n > to-from {
			from, to = start, i
		}
	}
	return from, to
}

func appendHexWord(dst []byte, w uint16) []byte {
	started := false
	for shift := 12; shift >= 0; shift -= 4 {
		d := w >> shift & 15
		if started = started || d != 0 || shift == 0; started {
			dst = append(dst, hexDigits[d])
		}
	}
	return dst
}

// appendMacaddr prints the six or eight bytes of a macaddr or a macaddr8.
func appendMacaddr(dst, raw []byte) ([]byte, error) {
	if len(raw) != 6 && len(raw) != 8 {
		return dst, ErrCorrupt
	}
	for i, c := range raw {
		if i > 0 {
			dst = append(dst, ':')
		}
		dst = append(dst, hexDigits[c>>4], hexDigits[c&15])
	}
	return dst, nil
}
