package rowprogram

import "bytes"

// fits reports whether Postgres can keep the number exactly.
func (n *numeral) fits() bool {
	whole := len(n.whole) + n.exponent
	if len(n.whole) == 0 {
		whole -= leadingZeros(n.fraction)
	}
	if n.isZero() {
		whole = 0
	}
	return whole <= maxWhole && len(n.fraction)-n.exponent <= maxFraction && n.exponent > -2*maxWhole
}

func (n *numeral) isZero() bool {
	return len(n.whole) == 0 && leadingZeros(n.fraction) == len(n.fraction)
}

// append writes the number in its canonical text: a minus if it is below zero, no leading zeros, each digit of the
// fraction, and an exponent only where writing it out would take more than a thousand digits.
func (n *numeral) append(dst []byte) []byte {
	if n.negative && !n.isZero() {
		dst = append(dst, '-')
	}
	point := len(n.whole) + n.exponent // where the point stands in the digits
	if n.exponent == 0 || point > maxWritten || len(n.fraction)-n.exponent > maxWritten {
		dst = appendPlain(dst, n.whole, n.fraction)
		if n.exponent != 0 {
			dst = append(dst, 'e')
			dst = appendInt(dst, n.exponent)
		}
		return dst
	}
	start := len(dst)
	dst = append(dst, n.whole...)
	dst = append(dst, n.fraction...)
	digits := dst[start:]
	if point <= 0 { // 0.00digits
		dst = append(dst, zeros[:2-point]...)
		copy(dst[start+2-point:], digits)
		copy(dst[start:], zeros[:2-point])
		dst[start+1] = '.'
		return dst
	}
	if point < len(digits) {
		dst = append(dst, 0)
		copy(dst[start+point+1:], dst[start+point:])
		dst[start+point] = '.'
	} else {
		dst = append(dst, zeros[:point-len(digits)]...)
	}
	return stripZeros(dst, start)
}

var zeros = bytes.Repeat([]byte{'0'}, maxWritten+2)

func appendPlain(dst, whole, fraction []byte) []byte {
	if len(whole) == 0 {
		dst = append(dst, '0')
	}
	dst = append(dst, whole...)
	if len(fraction) > 0 {
		dst = append(dst, '.')
		dst = append(dst, fraction...)
	}
	return dst
}

// stripZeros takes away the leading zeros of the number at dst[start:], all but the one before a point or the end.
func stripZeros(dst []byte, start int) []byte {
	n := leadingZeros(dst[start:])
	if start+n == len(dst) || dst[start+n] == '.' {
		n--
	}
	if n <= 0 {
		return dst
	}
	return append(dst[:start], dst[start+n:]...)
}

func leadingZeros(digits []byte) int {
	n := 0
	for n < len(digits) && digits[n] == '0' {
		n++
	}
	return n
}

func appendInt(dst []byte, n int) []byte {
	if n < 0 {
		dst, n = append(dst, '-'), -n
	}
	var digits [20]byte
	i := len(digits)
	for {
		i--
		digits[i] = byte('0' + n%10)
		if n /= 10; n == 0 {
			return append(dst, digits[i:]...)
		}
	}
}

// parseCanonical takes canonical text apart again, without allocating.
func parseCanonical(text []byte) numeral {
	var n numeral
	if len(text) > 0 && text[0] == '-' {
		n.negative, text = true, text[1:]
	}
	if e := bytes.IndexByte(text, 'e'); e >= 0 {
		n.exponent, _ = readExponent(text[e:])
		text = text[:e]
	}
	n.whole = text
	if point := bytes.IndexByte(text, '.'); point >= 0 {
		n.whole, n.fraction = text[:point], text[point+1:]
	}
	n.whole = n.whole[leadingZeros(n.whole):]
	return n
}

// compareNumbers orders two numbers by value: −1, 0 or 1.
func compareNumbers(a, b *numeral) int {
	aZero, bZero := a.isZero(), b.isZero()
	switch {
	case aZero && bZero:
		return 0
	case aZero:
		return sign(!b.negative) * -1
	case bZero:
		return sign(!a.negative)
	case a.negative != b.negative:
		return sign(!a.negative)
	}
	return compareMagnitudes(a, b) * sign(!a.negative)
}

func sign(positive bool) int {
	if positive {
		return 1
	}
	return -1
}

// compareMagnitudes orders two numbers other than zero by their distance from it.
func compareMagnitudes(a, b *numeral) int {
	ai, bi := a.firstDigit(), b.firstDigit()
	aTop, bTop := len(a.whole)+a.exponent-ai, len(b.whole)+b.exponent-bi
	if aTop != bTop {
		return sign(aTop > bTop)
	}
	for ; ai < a.count() || bi < b.count(); ai, bi = ai+1, bi+1 {
		if x, y := a.digit(ai), b.digit(bi); x != y {
			return sign(x > y)
		}
	}
	return 0
}

// firstDigit is the index of the first digit that is not zero, in whole and fraction together.
func (n *numeral) firstDigit() int {
	if zeros := leadingZeros(n.whole); zeros < len(n.whole) {
		return zeros
	}
	return len(n.whole) + leadingZeros(n.fraction)
}

func (n *numeral) count() int { return len(n.whole) + len(n.fraction) }

// digit gives the digit at i, and '0' past the end.
func (n *numeral) digit(i int) byte {
	switch {
	case i < len(n.whole):
		return n.whole[i]
	case i < n.count():
		return n.fraction[i-len(n.whole)]
	}
	return '0'
}
