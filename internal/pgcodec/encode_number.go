package pgcodec

import (
	"bytes"
	"encoding/binary"
	"math"
	"strconv"
)

func encodeBool(dst, text []byte) ([]byte, error) {
	var lower [5]byte
	if len(text) > len(lower) {
		return dst, errNotBool
	}
	for i, c := range text {
		if c >= 'A' && c <= 'Z' {
			c += 'a' - 'A'
		}
		lower[i] = c
	}
	switch string(lower[:len(text)]) {
	case "true", "t", "yes", "y", "on", "1":
		return append(dst, 1), nil
	case "false", "f", "no", "n", "off", "0":
		return append(dst, 0), nil
	}
	return dst, errNotBool
}

func encodeInt2(dst, text []byte) ([]byte, error) {
	n, err := parseWhole(text, math.MinInt16, math.MaxInt16, errSmallint)
	return binary.BigEndian.AppendUint16(dst, uint16(n)), err
}

func encodeInt4(dst, text []byte) ([]byte, error) {
	n, err := parseWhole(text, math.MinInt32, math.MaxInt32, errInteger)
	return binary.BigEndian.AppendUint32(dst, uint32(n)), err
}

func encodeInt8(dst, text []byte) ([]byte, error) {
	n, err := parseWhole(text, math.MinInt64, math.MaxInt64, errBigint)
	return binary.BigEndian.AppendUint64(dst, uint64(n)), err
}

func encodeOID(dst, text []byte) ([]byte, error) {
	n, err := parseInteger(text, 0, math.MaxUint32, errOID)
	return binary.BigEndian.AppendUint32(dst, uint32(n)), err
}

// parseWhole reads a whole number of [low, high] in any spelling of a decimal: 5, 5.0, 5e3. One outside is the error tooFar.
func parseWhole(text []byte, low, high int64, tooFar error) (int64, error) {
	n, err := parseInteger(text, low, high, tooFar)
	if err == nil || !bytes.ContainsAny(text, ".eE") {
		return n, err
	}
	d, ok := scanDecimal(text)
	switch {
	case !ok:
		return 0, errNotInteger
	case d.isZero():
		return 0, nil
	case d.point > integerDigits:
		return 0, tooFar
	}
	var room [integerDigits]byte
	digits, whole := appendDigits(room[:0], d.mantissa, d.point)
	if !whole {
		return 0, errNotInteger
	}
	var value uint64
	for i := range d.point {
		value *= 10
		if i < len(digits) {
			value += uint64(digits[i])
		}
	}
	return signed(value, d.negative, low, high, tooFar)
}

// integerDigits is how many digits the numbers of 64 bits have at most.
const integerDigits = 19

// parseInteger reads a whole number of [low, high]; one outside is the error tooFar.
func parseInteger(text []byte, low, high int64, tooFar error) (int64, error) {
	negative := false
	if len(text) > 0 && (text[0] == '-' || text[0] == '+') {
		negative = text[0] == '-'
		text = text[1:]
	}
	if len(text) == 0 {
		return 0, errNotInteger
	}
	var n uint64
	const full = (math.MaxUint64 - 9) / 10
	overflow := false
	for _, c := range text {
		if c < '0' || c > '9' {
			return 0, errNotInteger
		}
		overflow = overflow || n > full
		n = n*10 + uint64(c-'0')
	}
	if overflow {
		return 0, tooFar
	}
	return signed(n, negative, low, high, tooFar)
}

func signed(n uint64, negative bool, low, high int64, tooFar error) (int64, error) {
	switch {
	case negative && n > uint64(-low), !negative && n > uint64(high): // -low is right for MinInt64 too: it wraps to 1<<63
		return 0, tooFar
	case negative:
		return -int64(n), nil
	}
	return int64(n), nil
}

func encodeFloat4(dst, text []byte) ([]byte, error) {
	f, err := parseFloat(text, 32, errReal)
	return binary.BigEndian.AppendUint32(dst, math.Float32bits(float32(f))), err
}

func encodeFloat8(dst, text []byte) ([]byte, error) {
	f, err := parseFloat(text, 64, errDouble)
	return binary.BigEndian.AppendUint64(dst, math.Float64bits(f)), err
}

func parseFloat(text []byte, size int, tooFar error) (float64, error) {
	if f, ok := parseSpecial(text); ok {
		return f, nil
	}
	d, ok := scanDecimal(text)
	if !ok {
		return 0, errNotNumber
	}
	f, err := strconv.ParseFloat(string(text), size) // its grammar holds all that scanDecimal accepts
	if err != nil || f == 0 && !d.isZero() {
		return 0, tooFar
	}
	return f, nil
}

// parseSpecial reads what is a number to Postgres but has no digits.
func parseSpecial(text []byte) (float64, bool) {
	switch {
	case bytes.EqualFold(text, []byte("NaN")):
		return math.NaN(), true
	case bytes.EqualFold(text, []byte("Infinity")), bytes.EqualFold(text, []byte("+Infinity")):
		return math.Inf(1), true
	case bytes.EqualFold(text, []byte("-Infinity")):
		return math.Inf(-1), true
	}
	return 0, false
}
