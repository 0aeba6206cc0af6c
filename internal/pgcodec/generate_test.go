package pgcodec

import (
	"encoding/hex"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"pgregory.net/rapid"
)

// Generators of values as text that Postgres reads, extremes included.

func integers(bits int) *rapid.Generator[string] {
	low, high := int64(math.MinInt64)>>(64-bits), int64(math.MaxInt64)>>(64-bits)
	numbers := rapid.OneOf(rapid.Int64Range(low, high), rapid.SampledFrom([]int64{low, high, 0, -1}))
	return rapid.Map(numbers, func(n int64) string { return strconv.FormatInt(n, 10) })
}

func floats(size int) *rapid.Generator[string] {
	return rapid.Custom(func(t *rapid.T) string {
		var f float64
		switch rapid.IntRange(0, 5).Draw(t, "kind of float") {
		case 0: // any bits
			if size == 32 {
				f = float64(math.Float32frombits(rapid.Uint32().Draw(t, "bits")))
			} else {
				f = math.Float64frombits(rapid.Uint64().Draw(t, "bits"))
			}
		case 1: // few digits
			digits := float64(rapid.IntRange(-99_999, 99_999).Draw(t, "digits"))
			f = digits * math.Pow10(rapid.IntRange(-40, 40).Draw(t, "exponent"))
		case 2: // powers of two and what is near them
			f = math.Ldexp(1, rapid.IntRange(-140, 127).Draw(t, "power"))
			f += f * float64(rapid.IntRange(-3, 3).Draw(t, "off")) / (1 << 52)
		case 3:
			f = float64(rapid.Int64().Draw(t, "whole"))
		case 4:
			f = rapid.Float64().Draw(t, "float")
		case 5:
			f = rapid.SampledFrom([]float64{
				0, math.Copysign(0, -1), math.NaN(), math.Inf(1), math.Inf(-1), 1e15, 1e6, 1e-4, 1e-5, 1e23, 9007199254740993,
				999999999999999.9, 0.0001, 0.00009999, 123456, 999999.9, math.MaxFloat32, math.SmallestNonzeroFloat32,
			}).Draw(t, "special")
		}
		if size == 32 {
			f = float64(float32(f))
		}
		switch {
		case math.IsInf(f, 1):
			return "Infinity"
		case math.IsInf(f, -1):
			return "-Infinity"
		}
		return strconv.FormatFloat(f, 'g', -1, size)
	})
}

func numerics() *rapid.Generator[string] {
	digits := func(t *rapid.T, label string) string {
		n := rapid.OneOf(rapid.IntRange(0, 12), rapid.IntRange(0, 60), rapid.SampledFrom([]int{3, 4, 5, 400})).Draw(t, label)
		return rapid.StringOfN(rapid.RuneFrom([]rune("0123456789900")), n, n, -1).Draw(t, label)
	}
	return rapid.Custom(func(t *rapid.T) string {
		if rapid.IntRange(0, 30).Draw(t, "special") == 0 {
			return rapid.SampledFrom([]string{
				"NaN", "Infinity", "-Infinity", "0", "0.000", "-0.0", "1e131071", "1e-16383", "9e-1000", "-1e5000",
			}).Draw(t, "special number")
		}
		s := rapid.SampledFrom([]string{"", "-"}).Draw(t, "sign") + "0" + digits(t, "whole")
		if rapid.Bool().Draw(t, "fraction") {
			s += "." + "0" + digits(t, "decimals")
		}
		if rapid.IntRange(0, 5).Draw(t, "with exponent") == 0 {
			s += "e" + strconv.Itoa(rapid.IntRange(-50, 50).Draw(t, "exponent"))
		}
		return s
	})
}

func texts() *rapid.Generator[string] {
	raw := rapid.OneOf(
		rapid.String(),
		rapid.StringOf(rapid.RuneFrom([]rune("\x01\x1f\b\f\n\r\t\v\"\\/,'{}() .ab\x7fé€😀\u2028NULnul"))),
		rapid.SampledFrom([]string{"", `\.`, "NULL", "null", " ", " a ", "=1+1", "\\", `"`, "\r", "\n"}),
	)
	return rapid.Map(raw, func(s string) string {
		return strings.ReplaceAll(strings.ToValidUTF8(s, ""), "\x00", "")
	})
}

func textsUpTo(n int) *rapid.Generator[string] {
	return texts().Filter(func(s string) bool { return utf8.RuneCountInString(s) <= n })
}

// days gives dates of the years from to to; before year 1 with the era.
func days(from, to int) *rapid.Generator[string] {
	return rapid.Custom(func(t *rapid.T) string {
		year := rapid.OneOf(rapid.IntRange(from, to), rapid.IntRange(1900, 2100), rapid.SampledFrom([]int{
			from, to, 0, 1, -1, 1999, 2000, 2001, 9999, 10000,
		})).Draw(t, "year")
		day := time.Date(year, time.January, rapid.IntRange(1, 365).Draw(t, "day"), 0, 0, 0, 0, time.UTC)
		return formatDay(day)
	})
}

func formatDay(day time.Time) string {
	year, era := day.Year(), ""
	if year <= 0 {
		year, era = 1-year, " BC"
	}
	return fmt.Sprintf("%04d-%02d-%02d%s", year, day.Month(), day.Day(), era)
}

func dates() *rapid.Generator[string] {
	return rapid.OneOf(days(-4712, 5874897), rapid.SampledFrom([]string{
		"infinity", "-infinity", "4714-11-24 BC", "5874897-12-31", "0001-01-01", "0001-12-31 BC", "0001-02-29 BC",
	}))
}

// clocks gives times of day with up to six decimals.
func clocks() *rapid.Generator[string] {
	return rapid.Custom(func(t *rapid.T) string {
		s := fmt.Sprintf("%02d:%02d:%02d", rapid.IntRange(0, 23).Draw(t, "hour"), rapid.IntRange(0, 59).Draw(t, "minute"),
			rapid.IntRange(0, 59).Draw(t, "second"))
		if n := rapid.IntRange(0, 6).Draw(t, "decimals"); n > 0 {
			s += "." + rapid.StringOfN(rapid.RuneFrom([]rune("0123456789")), n, n, -1).Draw(t, "fraction")
		}
		return s
	})
}

func offsets() *rapid.Generator[string] {
	return rapid.OneOf(rapid.SampledFrom([]string{"+00", "+02", "-05:30", "+15:59:59", "-15:59:59", "-00:00:01"}),
		rapid.Custom(func(t *rapid.T) string {
			return fmt.Sprintf("%s%02d:%02d", rapid.SampledFrom([]string{"+", "-"}).Draw(t, "side"),
				rapid.IntRange(0, 15).Draw(t, "hours"), rapid.IntRange(0, 59).Draw(t, "minutes"))
		}))
}

func timestamps() *rapid.Generator[string] {
	moments := rapid.Custom(func(t *rapid.T) string {
		day, era, _ := strings.Cut(days(-4712, 294276).Draw(t, "day"), " ")
		return strings.TrimSuffix(day+" "+clocks().Draw(t, "clock")+" "+era, " ")
	})
	return rapid.OneOf(moments, rapid.SampledFrom([]string{
		"infinity", "-infinity", "4714-11-24 00:00:00 BC", "294276-12-31 23:59:59.999999", "1999-12-31 23:59:59.999999",
	}))
}

func intervals() *rapid.Generator[string] {
	part := func(low, high int64) *rapid.Generator[int64] {
		return rapid.OneOf(rapid.SampledFrom([]int64{0, 0, 1, -1}), rapid.Int64Range(-40, 40), rapid.Int64Range(low, high))
	}
	return rapid.Custom(func(t *rapid.T) string {
		return fmt.Sprintf("%d months %d days %d microseconds", part(math.MinInt32, math.MaxInt32).Draw(t, "months"),
			part(math.MinInt32, math.MaxInt32).Draw(t, "days"), part(-1<<62, 1<<62).Draw(t, "micros"))
	})
}

func byteStrings(n int) *rapid.Generator[[]byte] {
	return rapid.SliceOfN(rapid.OneOf(rapid.Byte(), rapid.Just(byte(0))), n, n)
}

func uuids() *rapid.Generator[string] {
	return rapid.Map(byteStrings(16), hex.EncodeToString)
}

func byteas() *rapid.Generator[string] {
	return rapid.Map(rapid.SliceOf(rapid.Byte()), func(b []byte) string { return `\x` + hex.EncodeToString(b) })
}

func addresses() *rapid.Generator[string] {
	four := rapid.Map(byteStrings(4), func(b []byte) string { return fmt.Sprintf("%d.%d.%d.%d", b[0], b[1], b[2], b[3]) })
	six := rapid.Map(rapid.SliceOfN(rapid.SampledFrom([]uint16{0, 0, 0, 1, 0xffff, 0x12, 0xabc}), 8, 8), func(w []uint16) string {
		return fmt.Sprintf("%x:%x:%x:%x:%x:%x:%x:%x", w[0], w[1], w[2], w[3], w[4], w[5], w[6], w[7])
	})
	masked := rapid.Custom(func(t *rapid.T) string {
		return fmt.Sprintf("%s/%d", four.Draw(t, "address"), rapid.IntRange(0, 32).Draw(t, "prefix"))
	})
	masked6 := rapid.Custom(func(t *rapid.T) string {
		return fmt.Sprintf("%s/%d", six.Draw(t, "address"), rapid.IntRange(0, 128).Draw(t, "prefix"))
	})
	return rapid.OneOf(four, six, masked, masked6, rapid.SampledFrom([]string{"::ffff:1.2.3.4", "::1.2.3.4", "::", "::1"}))
}

func bitStrings(low, high int) *rapid.Generator[string] {
	return rapid.StringOfN(rapid.RuneFrom([]rune("01")), low, high, -1)
}

// documents gives JSON with white space of its own.
func documents() *rapid.Generator[string] {
	return rapid.Custom(func(t *rapid.T) string { return document(t, 3) })
}

func document(t *rapid.T, depth int) string {
	kinds := 5
	if depth > 0 {
		kinds = 7
	}
	space := rapid.SampledFrom([]string{"", "", " ", "\n\t"}).Draw(t, "space")
	switch rapid.IntRange(1, kinds).Draw(t, "kind of document") {
	case 1:
		return rapid.SampledFrom([]string{"null", "true", "false", `"\u00e9\ud83d\ude00\n\/"`, `""`}).Draw(t, "word") + space
	case 2, 3:
		return rapid.SampledFrom([]string{"-0", "0.10", "1E+5", "12e-3", "-1.5e300", "123456789012345678901234567890"}).Draw(t, "number")
	case 4, 5:
		return space + string(AppendJSONString(nil, []byte(texts().Draw(t, "string"))))
	}
	var parts []string
	object := rapid.Bool().Draw(t, "object")
	for range rapid.IntRange(0, 4).Draw(t, "members") {
		part := document(t, depth-1)
		if object {
			part = string(AppendJSONString(nil, []byte(texts().Draw(t, "key")))) + space + ":" + part
		}
		parts = append(parts, part)
	}
	if object {
		return "{" + space + strings.Join(parts, ","+space) + "}"
	}
	return "[" + strings.Join(parts, space+",") + space + "]" + space
}
