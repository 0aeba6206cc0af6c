package pgcodec

import (
	"encoding/binary"
	"math"
	"math/bits"
	"strconv"
)

func appendFloat4(dst, raw []byte) ([]byte, error) {
	if len(raw) != 4 {
		return dst, ErrCorrupt
	}
	f := float64(math.Float32frombits(binary.BigEndian.Uint32(raw)))
	if math.Abs(f) == 0x1p-12 { // half-way between two decimals; Go takes the odd one, for this one number
		if f < 0 {
			dst = append(dst, '-')
		}
		return append(dst, "0.00024414062"...), nil
	}
	const smallest = float64(float32(1e-4))
	return appendFloat(dst, f, 32, smallest, 1e6), nil
}

func appendFloat8(dst, raw []byte) ([]byte, error) {
	if len(raw) != 8 {
		return dst, ErrCorrupt
	}
	f := math.Float64frombits(binary.BigEndian.Uint64(raw))
	return appendFloat(dst, f, 64, 1e-4, 1e15), nil
}

// appendFloat prints the shortest decimal that reads back as f: with an exponent outside [from, to).
func appendFloat(dst []byte, f float64, size int, from, to float64) []byte {
	abs := math.Abs(f)
	switch {
	case f != f:
		return append(dst, "NaN"...)
	case abs > math.MaxFloat64:
		if f < 0 {
			dst = append(dst, '-')
		}
		return append(dst, "Infinity"...)
	case abs == 0 || abs >= from && abs < to:
		return strconv.AppendFloat(dst, f, 'f', -1, size)
	}
	start := len(dst)
	dst = strconv.AppendFloat(dst, f, 'e', -1, size)
	if abs < to || !isTie(dst[start:], f, size) {
		return dst
	}
	return appendBetweenTies(dst[:start], f, size)
}

// appendBetweenTies prints f with as few digits as leave the text strictly nearer to f than to its neighbours.
//
// Postgres refuses a decimal half-way between two floats, which Go takes when it would be rounded to f:
// 1e23 is 9.999999999999999e+22 there (src/common/d2s.c, acceptBounds).
func appendBetweenTies(dst []byte, f float64, size int) []byte {
	start := len(dst)
	for digits := range 17 {
		dst = strconv.AppendFloat(dst[:start], f, 'e', digits, size)
		if isTie(dst[start:], f, size) {
			continue
		}
		if back, err := strconv.ParseFloat(string(dst[start:]), size); err == nil && back == f {
			return dst
		}
	}
	return dst
}

// isTie reports whether text, d.ddde+xx, lies exactly half-way between f and one of its neighbours.
//
// Below the first odd integer that f's type cannot hold a tie has more digits than the number itself and never is the
// shortest; above 2^130 or so it has too many factors of five for 17 digits.
func isTie(text []byte, f float64, size int) bool {
	digits, exponent := splitDecimal(text)
	if exponent < 0 || exponent > 27 {
		return false
	}
	five := uint64(1)
	for range exponent {
		five *= 5
	}
	hi, lo := bits.Mul64(digits, five) // text = hi:lo × 2^exponent
	twos := bits.TrailingZeros64(lo)
	if lo == 0 {
		twos = 64 + bits.TrailingZeros64(hi)
	}
	odd := lo>>twos | hi<<(64-twos)
	if twos >= 64 {
		odd = hi >> (twos - 64)
	}
	if twos < 64 && hi>>twos != 0 {
		return false
	}
	return isHalfway(odd, twos+exponent, f, size)
}

// isHalfway reports whether odd × 2^exp is the middle between f and the float above or below it.
func isHalfway(odd uint64, exp int, f float64, size int) bool {
	frac, e := math.Frexp(math.Abs(f))
	width := 53
	if size == 32 {
		width = 24
	}
	m := uint64(math.Ldexp(frac, width)) // |f| = m × 2^(e-width)
	e -= width
	if odd == 2*m+1 || odd == 2*m-1 {
		return exp == e-1
	}
	return m == 1<<(width-1) && odd == 4*m-1 && exp == e-2 // below a power of two floats are twice as dense
}

// splitDecimal reads d.ddde+xx as digits × 10^exponent, without trailing zeros among the digits.
func splitDecimal(text []byte) (digits uint64, exponent int) {
	i, point := 0, -1
	for ; i < len(text) && text[i] != 'e'; i++ {
		switch c := text[i]; {
		case c == '.':
			point = i
		case c != '-':
			digits = digits*10 + uint64(c-'0')
		}
	}
	fraction := 0
	if point >= 0 {
		fraction = i - point - 1
	}
	exponent, _ = strconv.Atoi(string(text[i+1:])) // strconv wrote it
	exponent -= fraction
	for digits != 0 && digits%10 == 0 {
		digits /= 10
		exponent++
	}
	return digits, exponent
}
