package pgcodec

import (
	"encoding/binary"
	"math"
	"slices"
	"strings"
)

// The limits of a numeric without precision.
const (
	maxNumericScale  = 0x3FFF
	maxNumericWhole  = (math.MaxInt16 + 1) * 4 // digits before the point
	maxNumericPowers = math.MaxInt32 / 2       // of an exponent that Postgres reads
)

// decimal is the text of a decimal number taken apart without a copy. Its value is 0.D × 10^point, where D are the
// digits of mantissa, which begins with the first that is not zero and may hold a point: skip it.
type decimal struct {
	negative bool
	mantissa []byte // empty: zero
	point    int
	scale    int // decimals as written, the exponent counted in; not negative
}

func (d *decimal) isZero() bool { return len(d.mantissa) == 0 }

// scanDecimal reads [+-]digits[.digits][e[+-]digits] with at least one digit before or behind the point.
func scanDecimal(text []byte) (d decimal, ok bool) {
	i := 0
	if i < len(text) && (text[i] == '-' || text[i] == '+') {
		d.negative = text[i] == '-'
		i++
	}
	start := i
	i = skipDigits(text, i)
	whole, decimals := i-start, 0
	if i < len(text) && text[i] == '.' {
		end := skipDigits(text, i+1)
		decimals = end - i - 1
		i = end
	}
	if whole+decimals == 0 {
		return d, false
	}
	d.mantissa, d.point = text[start:i], whole
	exponent, ok := scanExponent(text[i:])
	for len(d.mantissa) > 0 && (d.mantissa[0] == '0' || d.mantissa[0] == '.') {
		if d.mantissa[0] == '0' {
			d.point--
		}
		d.mantissa = d.mantissa[1:]
	}
	d.point += exponent
	d.scale = max(0, decimals-exponent)
	return d, ok
}

func skipDigits(text []byte, i int) int {
	for i < len(text) && text[i] >= '0' && text[i] <= '9' {
		i++
	}
	return i
}

// scanExponent reads e[+-]digits or nothing.
func scanExponent(text []byte) (exponent int, ok bool) {
	if len(text) == 0 {
		return 0, true
	}
	if text[0] != 'e' && text[0] != 'E' {
		return 0, false
	}
	n, err := parseInteger(text[1:], -maxNumericPowers, maxNumericPowers, errNumeric)
	return int(n), err == nil
}

// encodeNumeric gives the reader of numeric, or of numeric(precision,scale).
func encodeNumeric(precision, scale int) BinaryFunc {
	limits := numericLimits{tooFar: errNumeric}
	if precision > 0 {
		limits = numericLimits{
			whole: precision - scale, scale: scale, typed: true,
			tooFar: invalid("is out of range for numeric(%d,%d)", precision, scale), tooFine: tooFine(scale),
		}
	}
	return limits.encode
}

// tooFine says that a number has digits that so many decimals cannot keep.
func tooFine(scale int) error {
	switch {
	case scale < 0:
		return invalid("is not a multiple of 1%s", strings.Repeat("0", -scale))
	case scale == 0:
		return errNotInteger
	case scale == 1:
		return invalid("has more than 1 decimal place")
	}
	return invalid("has more than %d decimal places", scale)
}

// numericLimits are those of one column. typed: it has a precision; whole is then the count of digits before the point.
type numericLimits struct {
	whole, scale    int
	typed           bool
	tooFar, tooFine error
}

func (l numericLimits) encode(dst, text []byte) ([]byte, error) {
	if f, ok := parseSpecial(text); ok {
		return l.encodeSpecial(dst, f)
	}
	d, ok := scanDecimal(text)
	if !ok {
		return dst, errNotNumber
	}
	whole, scale, display := maxNumericWhole, d.scale, d.scale
	if l.typed {
		whole, scale, display = l.whole, l.scale, max(0, l.scale)
	}
	if d.scale > maxNumericScale || !d.isZero() && d.point > whole {
		return dst, l.tooFar
	}
	dst, ok = appendNumericBinary(dst, d, scale, display)
	if !ok {
		return dst, l.tooFine
	}
	return dst, nil
}

func (l numericLimits) encodeSpecial(dst []byte, f float64) ([]byte, error) {
	sign := uint64(numericNaN)
	switch {
	case math.IsInf(f, 0) && l.typed:
		return dst, l.tooFar
	case math.IsInf(f, 1):
		sign = numericPlusInf
	case math.IsInf(f, -1):
		sign = numericMinusInf
	}
	return binary.BigEndian.AppendUint64(dst, sign<<16), nil
}

// appendNumericBinary appends d in base 10,000, with display decimals to be shown. false: it has more than scale decimals.
//
// The digits are first laid out one a byte where the result will be, then packed in place.
func appendNumericBinary(dst []byte, d decimal, scale, display int) ([]byte, bool) {
	const spare = 3 // room ahead of the digits, for zeros that fill up the first group
	header := len(dst)
	dst = slices.Grow(dst, numericHeader+spare+len(d.mantissa)+3)
	dst = append(dst, make([]byte, numericHeader+spare)...)
	first := len(dst)
	dst, all := appendDigits(dst, d.mantissa, d.point+scale)
	if !all {
		return dst, false
	}
	for len(dst) > first && dst[len(dst)-1] == 0 {
		dst = dst[:len(dst)-1]
	}
	return packNumeric(dst, header, first, d, display), true
}

// appendDigits appends the values of the first n digits of a mantissa; all: those behind them are zeros.
func appendDigits(dst, mantissa []byte, n int) (_ []byte, all bool) {
	for _, c := range mantissa {
		switch {
		case c == '.':
		case n > 0:
			dst = append(dst, c-'0')
			n--
		case c != '0':
			return dst, false
		}
	}
	return dst, true
}

// packNumeric turns the digits dst[first:] into groups of four behind the header at dst[header:].
func packNumeric(dst []byte, header, first int, d decimal, display int) []byte {
	sign, weight, groups := numericPositive, 0, 0
	if len(dst) > first {
		if d.negative {
			sign = numericNegative
		}
		weight = floorDiv(d.point+3, 4) - 1
		first -= 4*(weight+1) - d.point // the spare bytes there are zero
		for (len(dst)-first)%4 != 0 {
			dst = append(dst, 0)
		}
		groups = (len(dst) - first) / 4
		out := dst[header+numericHeader:]
		for g, in := 0, dst[first:]; g < groups; g, in = g+1, in[4:] {
			n := uint16(in[0])*1000 + uint16(in[1])*100 + uint16(in[2])*10 + uint16(in[3])
			binary.BigEndian.PutUint16(out[2*g:], n)
		}
	}
	h := dst[header:]
	binary.BigEndian.PutUint16(h, uint16(groups))
	binary.BigEndian.PutUint16(h[2:], uint16(int16(weight)))
	binary.BigEndian.PutUint16(h[4:], uint16(sign))
	binary.BigEndian.PutUint16(h[6:], uint16(display))
	return dst[:header+numericHeader+2*groups]
}

func floorDiv(a, b int) int {
	q := a / b
	if a%b != 0 && a < 0 {
		q--
	}
	return q
}
