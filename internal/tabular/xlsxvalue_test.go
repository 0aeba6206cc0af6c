package tabular

import (
	"bytes"
	"math"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
	"github.com/xuri/excelize/v2"
	"pgregory.net/rapid"
)

func TestFormatsOfDatesAreKnownByTheirTokens(t *testing.T) {
	t.Parallel()
	for code, want := range map[string]formatClass{
		"General": formatNumber, "0.00": formatNumber, "#,##0.00 €": formatNumber, "0.00E+00": formatNumber, "0%": formatNumber,
		`"day" 0`: formatNumber, `0 "d/m/y"`: formatNumber, `0\d`: formatNumber, "[Red]0;[Blue]-0": formatNumber, "@": formatNumber,
		`_-* #,##0.00\ "kr."_-;\-* #,##0.00`: formatNumber, `[$EUR] #,##0`: formatNumber, "# ?/?": formatNumber, "": formatNumber,
		`[>=100][Magenta]0;[Yellow]0.0`: formatNumber, "_d0": formatNumber, "*y0": formatNumber, `0;yyyy`: formatNumber, `"open`: formatNumber,
		"yyyy-mm-dd": formatDate, "d/m/yy": formatDate, "mmm": formatDate, "m": formatDate, "[$-409]d-mmm-yy;@": formatDate,
		"[$-F800]dddd, mmmm dd, yyyy": formatDate, `yyyy"年"m"月"d"日"`: formatDate, "ge.m.d": formatDate, "DD.MM.YYYY": formatDate,
		`mm" s"/yy`: formatDate, "bbbb": formatDate, "d": formatDate, `"at "d`: formatDate, "mmmmm": formatDate,
		"h:mm": formatTime, "hh:mm:ss": formatTime, "mm:ss.0": formatTime, "mmss.0": formatTime, "h:mm AM/PM": formatTime, "h A/P": formatTime,
		`h"時"mm"分"`: formatTime, "[$-409]h:mm:ss AM/PM;@": formatTime, "s": formatTime,
		"m/d/yy h:mm": formatDateTime, `yyyy\-mm\-dd\ hh:mm:ss`: formatDateTime, "h:mm d": formatDateTime, "dd/mm hh": formatDateTime, "m h": formatDateTime,
		"[h]:mm:ss": formatElapsed, "[mm]:ss": formatElapsed, "[ss].00": formatElapsed, "[HH]:MM": formatElapsed, "d [h]": formatElapsed,
		"00000": formatPadded, "00": formatPadded, "000-00-0000": formatNumber, "0": formatNumber,
	} {
		require.Equal(t, want, formatOf(code).class, code)
	}
	require.EqualValues(t, 5, formatOf("00000;@").width)
	for id, want := range map[int]formatClass{
		0: formatNumber, 1: formatNumber, 13: formatNumber, 14: formatDate, 17: formatDate, 18: formatTime, 21: formatTime, 22: formatDateTime,
		23: formatNumber, 27: formatDate, 32: formatTime, 36: formatDate, 37: formatNumber, 45: formatTime, 46: formatElapsed, 47: formatTime,
		48: formatNumber, 49: formatNumber, 50: formatDate, 58: formatDate, 59: formatNumber,
	} {
		require.Equal(t, want, builtInFormat(id).class, id)
	}
}

// Every day from 1900 to 9999 is the one that excelize and the calendar know.
func TestEveryDayOfTheCalendar(t *testing.T) {
	t.Parallel()
	require.Equal(t, "1900-01-01", string(appendDay(nil, 1)))
	require.Equal(t, "1900-02-28", string(appendDay(nil, 59)))
	require.Equal(t, "1900-02-29", string(appendDay(nil, 60)))
	day := time.Date(1900, 3, 1, 0, 0, 0, 0, time.UTC)
	var buf []byte
	for n := 61; n <= lastDay; n++ {
		buf = appendDay(buf[:0], n)
		if want := day.AppendFormat(nil, time.DateOnly); !bytes.Equal(want, buf) {
			require.Equal(t, string(want), string(buf), n)
		}
		day = day.AddDate(0, 0, 1)
	}
	require.Equal(t, "9999-12-31", string(buf))
}

func TestTimesOfDayAreRightToTheMillisecond(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		day := rapid.IntRange(61, lastDay).Draw(t, "day")
		millis := rapid.IntRange(0, dayMillis-1).Draw(t, "millis")
		v := strconv.AppendFloat(nil, float64(day)+float64(millis)/dayMillis, 'g', -1, 64)
		got, kind, ok := appendDate(nil, v, formatDateTime, false)
		want := time.Date(1899, 12, 30, 0, 0, 0, millis*1e6, time.UTC).AddDate(0, 0, day).Format("2006-01-02T15:04:05.999")
		require.True(t, ok)
		require.Equal(t, Date, kind)
		require.Equal(t, want, string(got))
		back, err := excelize.ExcelDateToTime(float64(day), false)
		require.NoError(t, err)
		require.Equal(t, want[:10], back.Format(time.DateOnly))
	})
}

func TestNumbersAreSpelledPlainly(t *testing.T) {
	t.Parallel()
	for v, want := range map[string]string{
		"0": "0", "-0": "-0", "007": "007", "12.50": "12.50", "-1.5": "-1.5", "123456789012345678901": "123456789012345678901",
		"1E3": "1000", "1e+3": "1000", "1.5E-3": "0.0015", "-2.50E1": "-25", "1.23456789E+22": "12345678900000000000000", "0E5": "0", "+5": "5",
		".5": "0.5", "5.": "5", "0.30000000000000004": "0.3", "1.1000000000000001": "1.1", "2.9999999999999996": "3",
		"99.999999999999986": "100", "0.99999999999999989": "1", "1234567890.1234567": "1234567890.12346", "1.7976931348623157E+308": "179769313486232" + strings.Repeat("0", 294),
		"4.9406564584124654E-324": "0." + strings.Repeat("0", 323) + "494065645841247", "0.12345678901234567890": "0.1234567890123456789", "9.9999999999999999E-5": "0.0001",
		"12345678901234567.25": "12345678901234567.25",
	} {
		got := []byte(v)
		if !isPlainDecimal(got) {
			var ok bool
			got, ok = appendDecimal(nil, got)
			require.True(t, ok, v)
		}
		require.Equal(t, want, string(got), v)
	}
	for _, v := range []string{"", "-", ".", "1,5", "1.2.3", "1E", "1E+", "1e5x", "NaN", "INF", "0x1", "1E999999", "1E9999999", "--1", "1-"} {
		require.False(t, isPlainDecimal([]byte(v)), v)
		_, ok := appendDecimal(nil, []byte(v))
		require.False(t, ok, v)
	}
}

// What a spreadsheet program stores of a number of at most 15 digits reads back as that number.
func TestStoredNumbersReadBack(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		f := rapid.Float64Range(-1e300, 1e300).Draw(t, "number")
		shown := strconv.FormatFloat(f, 'g', 15, 64)
		want, _ := strconv.ParseFloat(shown, 64)
		stored := strconv.FormatFloat(want, 'E', 16, 64)
		got, ok := appendDecimal(nil, []byte(stored))
		require.True(t, ok)
		require.NotContains(t, string(got), "E")
		back, err := strconv.ParseFloat(string(got), 64)
		require.NoError(t, err)
		if math.Abs(want) > 1e-300 { // below, floats have fewer digits
			require.Equal(t, want, back, "%s %s", stored, got) //nolint:testifylint // exactly
		}
	})
}

func TestTextOfXML(t *testing.T) {
	t.Parallel()
	for raw, want := range map[string]string{
		"plain": "plain", "a_b": "a_b", "&amp;&lt;&gt;&quot;&apos;": `&<>"'`, "&#65;&#x42;&#X43;": "ABC", "&#13;&#10;": "\r\n", "a\r\nb\rc": "a\nb\nc",
		"&nbsp; & &;": "&nbsp; & &;", "&#;&#x;&#xZ;": "&#;&#x;&#xZ;", "_x000D__x000A_": "\r\n", "_x005F_x000D_": "_x000D_", "_x00e9_": "é",
		"_x00E_": "_x00E_", "_xZZZZ_": "_xZZZZ_", "_x000d": "_x000d", "_xD83D__xDE00_": "😀", "__x0041_": "_A", "&#128512;": "😀", "&lol9;": "&lol9;",
	} {
		got, flaws := appendXMLText(nil, []byte(raw), true)
		require.Equal(t, want, string(got), raw)
		require.Zero(t, flaws, raw)
		if plainXML([]byte(raw)) {
			require.Equal(t, raw, want)
		}
	}
	for raw, flaw := range map[string]textFlaws{
		"_x0000_": hasNUL, "&#0;": hasNUL, "_xD83D_": hasNonChar, "_xDE00__xD83D_": hasNonChar, "&#xD800;": hasNonChar, "&#x110000;": hasNonChar, "&#4294967295;": hasNonChar,
	} {
		got, flaws := appendXMLText(nil, []byte(raw), true)
		require.Equal(t, flaw, flaws, raw)
		require.True(t, utf8.Valid(got))
		require.Contains(t, string(got), "\uFFFD")
	}
	got, _ := appendXMLText(nil, []byte("_x0041_"), false)
	require.Equal(t, "_x0041_", string(got))
}

func TestISODates(t *testing.T) {
	t.Parallel()
	for v, want := range map[string]string{
		"2024-02-28": "2024-02-28", " 2024-02-28 ": "2024-02-28", "2024-02-28T00:00:00": "2024-02-28", "2024-02-28T00:00:00.000Z": "2024-02-28",
		"2024-02-28T10:30": "2024-02-28T10:30", "2024-02-28T10:30:00.000": "2024-02-28T10:30:00", "2024-02-28T10:30:00.250": "2024-02-28T10:30:00.25",
		"2024-02-28T10:30:00Z": "2024-02-28T10:30:00Z", "2024-02-28T00:00:00+02:00": "2024-02-28T00:00:00+02:00", "10:30": "10:30", "T10:30:00": "10:30:00",
	} {
		got, ok := isoDate([]byte(v), formatDate)
		require.True(t, ok, v)
		require.Equal(t, want, string(got))
	}
	for _, v := range []string{"", "2024", "28.2.2024", "2024-02-28 10:30", "2024-02-28T", "2024-02-28Tx", "10", "10:3", "10:30:00<"} {
		_, ok := isoDate([]byte(v), formatDate)
		require.False(t, ok, v)
	}
	got, _ := isoDate([]byte("2024-02-28T00:00:00"), formatDateTime)
	require.Equal(t, "2024-02-28T00:00:00", string(got))
}
