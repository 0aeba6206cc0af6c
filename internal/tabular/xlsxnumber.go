package tabular

import "bytes"

const (
	// shownDigits is how many significant digits spreadsheet programs show; floatDigits how many they store of a number
	// that is not exactly a binary fraction: 1.1 is stored as 1.1000000000000001.
	shownDigits = 15
	floatDigits = 17
	// mostExponent bounds what an exponent may spell out.
	mostExponent = 400
)

// isPlainDecimal reports whether v is a number in plain spelling that needs no rounding.
func isPlainDecimal(v []byte) bool {
	if len(v) > 0 && v[0] == '-' {
		v = v[1:]
	}
	point := -1
	for i, c := range v {
		if c-'0' <= 9 {
			continue
		}
		if c != '.' || point >= 0 || i == 0 {
			return false
		}
		point = i
	}
	if point < 0 {
		return len(v) > 0
	}
	return point < len(v)-1 && len(v)-1 <= shownDigits
}

// appendDecimal appends the number v in plain spelling: without an exponent, and with the digits that a spreadsheet
// program shows where the stored ones are those of a binary fraction. It gives false for what is no number.
func appendDecimal(dst, v []byte) ([]byte, bool) {
	n, ok := readDecimal(v)
	if !ok {
		return dst, false
	}
	if !n.whole && len(n.digits) > shownDigits && len(n.digits) <= floatDigits {
		n.round()
	}
	return n.append(dst), true
}

// decimal is ±0.digits × 10^point; digits neither begin nor end with a zero.
type decimal struct {
	negative bool
	digits   []byte
	point    int
	whole    bool // spelled as an integer
}

func readDecimal(v []byte) (decimal, bool) {
	n := decimal{whole: true}
	i := 0
	if i < len(v) && (v[i] == '-' || v[i] == '+') {
		n.negative = v[i] == '-'
		i++
	}
	seen, fraction := 0, 0
	for ; i < len(v) && (v[i]-'0' <= 9 || (v[i] == '.' && n.whole)); i++ {
		if v[i] == '.' {
			n.whole = false
			continue
		}
		seen++
		if !n.whole {
			fraction++
		}
		n.digits = append(n.digits, v[i])
	}
	if seen == 0 {
		return n, false
	}
	exponent, ok := readExponent(v[i:])
	if !ok {
		return n, false
	}
	n.whole = n.whole && i == len(v)
	n.point = seen - fraction + exponent
	trimmed := bytes.TrimLeft(n.digits, "0")
	n.point -= len(n.digits) - len(trimmed)
	n.digits = bytes.TrimRight(trimmed, "0")
	if len(n.digits) == 0 {
		n = decimal{point: 1, whole: true}
	}
	return n, n.point <= mostExponent && n.point >= -mostExponent
}

// readExponent reads what stands behind the digits: nothing, or E+22.
func readExponent(v []byte) (int, bool) {
	if len(v) == 0 {
		return 0, true
	}
	if v[0]|0x20 != 'e' {
		return 0, false
	}
	v = v[1:]
	negative := false
	if len(v) > 0 && (v[0] == '-' || v[0] == '+') {
		negative = v[0] == '-'
		v = v[1:]
	}
	if len(v) == 0 || len(v) > 6 {
		return 0, false
	}
	e := 0
	for _, c := range v {
		if c-'0' > 9 {
			return 0, false
		}
		e = 10*e + int(c-'0')
	}
	if negative {
		e = -e
	}
	return e, true
}

// round keeps shownDigits digits.
func (n *decimal) round() {
	up := n.digits[shownDigits] >= '5'
	n.digits = n.digits[:shownDigits]
	for i := shownDigits - 1; up && i >= 0; i-- {
		if up = n.digits[i] == '9'; up {
			n.digits[i] = '0'
		} else {
			n.digits[i]++
		}
	}
	if up { // all were nines
		n.digits = append(n.digits[:0], '1')
		n.point++
	}
	n.digits = bytes.TrimRight(n.digits, "0")
}

func (n *decimal) append(dst []byte) []byte {
	if n.negative {
		dst = append(dst, '-')
	}
	if n.point <= 0 {
		dst = append(dst, '0')
	}
	for i := min(n.point, 0); i < max(n.point, len(n.digits)); i++ {
		if i == n.point || (i < 0 && i == min(n.point, 0)) {
			dst = append(dst, '.')
		}
		if i >= 0 && i < len(n.digits) {
			dst = append(dst, n.digits[i])
		} else {
			dst = append(dst, '0')
		}
	}
	return dst
}
