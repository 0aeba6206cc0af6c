package pgcodec

import "encoding/binary"

// The sign words of a numeric.
const (
	numericPositive = 0x0000
	numericNegative = 0x4000
	numericNaN      = 0xC000
	numericPlusInf  = 0xD000
	numericMinusInf = 0xF000
)

// numericHeader is the count of base-10,000 digits, the weight of the first, sign and scale: two bytes each.
const numericHeader = 8

// appendNumeric prints a numeric with as many decimals as its display scale says.
func appendNumeric(dst, raw []byte) ([]byte, error) {
	if len(raw) < numericHeader {
		return dst, ErrCorrupt
	}
	weight := int(int16(binary.BigEndian.Uint16(raw[2:])))
	scale := int(binary.BigEndian.Uint16(raw[6:]))
	digits := raw[numericHeader:]
	if len(digits) != 2*int(binary.BigEndian.Uint16(raw)) {
		return dst, ErrCorrupt
	}
	switch binary.BigEndian.Uint16(raw[4:]) {
	case numericPositive:
	case numericNegative:
		dst = append(dst, '-')
	case numericNaN:
		return append(dst, "NaN"...), nil
	case numericPlusInf:
		return append(dst, "Infinity"...), nil
	case numericMinusInf:
		return append(dst, "-Infinity"...), nil
	default:
		return dst, ErrCorrupt
	}
	if weight > 0 && baseDigit(digits, 0) == 0 { // never sent, and a number with leading zeros is none to JSON
		return dst, ErrCorrupt
	}
	for i := 0; i < len(digits); i += 2 {
		if binary.BigEndian.Uint16(digits[i:]) > 9999 {
			return dst, ErrCorrupt
		}
	}
	dst = appendWhole(dst, digits, weight)
	if scale > 0 {
		dst = appendDecimals(dst, digits, weight, scale)
	}
	return dst, nil
}

// appendWhole prints the digits before the point; digit i counts 10,000^(weight-i).
func appendWhole(dst, digits []byte, weight int) []byte {
	if weight < 0 {
		return append(dst, '0')
	}
	dst = appendUnpadded(dst, baseDigit(digits, 0))
	for i := 1; i <= weight; i++ {
		dst = appendPadded(dst, baseDigit(digits, i))
	}
	return dst
}

// appendDecimals prints the point and scale digits behind it.
func appendDecimals(dst, digits []byte, weight, scale int) []byte {
	dst = append(dst, '.')
	end := len(dst) + scale
	for i := weight + 1; len(dst) < end; i++ {
		dst = appendPadded(dst, baseDigit(digits, i))
	}
	return dst[:end]
}

func baseDigit(digits []byte, i int) uint16 {
	if i < 0 || 2*i >= len(digits) {
		return 0
	}
	return binary.BigEndian.Uint16(digits[2*i:])
}

// appendPadded prints a number below 10,000 with four digits.
func appendPadded(dst []byte, d uint16) []byte {
	return append(dst, byte('0'+d/1000), byte('0'+d/100%10), byte('0'+d/10%10), byte('0'+d%10))
}

// appendUnpadded prints a number below 10,000.
func appendUnpadded(dst []byte, d uint16) []byte {
	switch {
	case d < 10:
		return append(dst, byte('0'+d))
	case d < 100:
		return append(dst, byte('0'+d/10), byte('0'+d%10))
	case d < 1000:
		return append(dst, byte('0'+d/100), byte('0'+d/10%10), byte('0'+d%10))
	}
	return appendPadded(dst, d)
}
