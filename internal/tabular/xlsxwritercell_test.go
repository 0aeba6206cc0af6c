package tabular

import (
	"math"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
	"github.com/xuri/excelize/v2"
	"pgregory.net/rapid"
)

// anyCell is what a caller asks to be written.
type anyCell struct {
	kind Kind
	text string
}

func drawCell(t *rapid.T) anyCell {
	pieces := []string{
		"a", "Zoë", "北", "😀", " ", "\n", "\r", "\r\n", "\t", "\x01", "\x1f", "\x0b", "\u0085", "\x7f", "\ufffe", "\uffff", "\ufeff", "\ufffd",
		"&", "<", ">", `"`, "'", "]]>", "&amp;", "_", "_x", "_x0041_", "_x005F_", "_xd83d_", "x0041_", "=1+1", "007", "1e5", "-", "@", "#N/A", "TRUE",
	}
	switch rapid.SampledFrom([]Kind{Text, Number, Date, Boolean}).Draw(t, "kind") {
	case Number:
		return anyCell{Number, drawNumber(t)}
	case Date:
		at := time.Unix(rapid.Int64Range(-3e9, 2.5e11).Draw(t, "seconds"), rapid.SampledFrom([]int64{0, 5e8, 123_456_000}).Draw(t, "ns")).UTC()
		layout := rapid.SampledFrom([]string{"2006-01-02", "2006-01-02 15:04:05.999999", "2006-01-02T15:04:05Z", "2006-01-02 15:04", "15:04:05.999", "15:04"})
		return anyCell{Date, at.Format(layout.Draw(t, "layout"))}
	case Boolean:
		return anyCell{Boolean, rapid.SampledFrom([]string{"true", "false"}).Draw(t, "boolean")}
	default:
		return anyCell{Text, strings.Join(rapid.SliceOfN(rapid.SampledFrom(pieces), 0, 8).Draw(t, "pieces"), "")}
	}
}

func drawNumber(t *rapid.T) string {
	digits := rapid.StringMatching(`-?(0|[1-9][0-9]{0,17})(\.[0-9]{1,17})?`)
	return digits.Draw(t, "digits") + rapid.SampledFrom([]string{"", "", "e5", "E-12", "e+300", "e-310", "e308"}).Draw(t, "power")
}

// Whatever is written, another program reads the same value of the same type, or the same text.
func TestCellsReadBackTheSame(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		rows := rapid.SliceOfN(rapid.SliceOfN(rapid.Custom(drawCell), 3, 3), 1, 8).Draw(t, "rows")
		data := writtenWorkbook(t, func(x *XLSXWriter) {
			require.NoError(t, x.Sheet(XLSXSheet{Name: "s", Columns: []string{"a", "b", "c"}}))
			for _, row := range rows {
				for _, c := range row {
					x.kindCell([]byte(c.text), c.kind)
				}
				endRow(t, x)
			}
		})
		f := openedByExcelize(t, data)
		for r, row := range rows {
			for c, cell := range row {
				name, err := excelize.CoordinatesToCellName(c+1, r+2)
				require.NoError(t, err)
				requireSameCell(t, f, name, cell)
			}
		}
	})
}

func requireSameCell(t *rapid.T, f *excelize.File, name string, want anyCell) {
	raw, err := f.GetCellValue("s", name, excelize.Options{RawCellValue: true})
	require.NoError(t, err)
	kind, err := f.GetCellType("s", name)
	require.NoError(t, err)
	if want.text == "" {
		require.Empty(t, raw)
		return
	}
	switch {
	case want.kind == Boolean:
		require.Equal(t, excelize.CellTypeBool, kind)
		require.Equal(t, map[string]string{"true": "1", "false": "0"}[want.text], raw)
	case want.kind == Number && kind == excelize.CellTypeUnset:
		require.Equal(t, want.text, raw)
		f, err := strconv.ParseFloat(raw, 64)
		require.NoError(t, err)
		if f != 0 { // fifteen digits give the same digits back
			require.Equal(t, normalNumber(want.text), normalNumber(strconv.FormatFloat(f, 'e', 14, 64)))
		}
	case want.kind == Date && kind == excelize.CellTypeUnset:
		requireSameMoment(t, f, name, raw, want.text)
	default:
		require.Equal(t, excelize.CellTypeInlineString, kind)
		require.Equal(t, strings.ToValidUTF8(want.text, "\uFFFD"), raw)
	}
}

// normalNumber gives a number's digits without zeros at either end, and its power of ten.
func normalNumber(text string) string {
	f, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return text
	}
	return strconv.FormatFloat(f+0, 'e', -1, 64) // −0 + 0 is 0: a spreadsheet's zero has no sign
}

func requireSameMoment(t *rapid.T, f *excelize.File, name, raw, want string) {
	serial, err := strconv.ParseFloat(raw, 64)
	require.NoError(t, err)
	day := 0.0
	clock := want
	if dated := strings.Contains(want, "-"); dated {
		at, err := time.Parse("2006-01-02", want[:10])
		require.NoError(t, err)
		day = float64(at.Unix()/86_400 + serialOf1970)
		clock = strings.TrimSuffix(strings.TrimLeft(want[10:], "T "), "Z")
	}
	if strings.Count(clock, ":") == 1 {
		clock += ":00"
	}
	if clock == "" {
		require.InDelta(t, day, serial, 0)
	} else {
		at, err := time.Parse("15:04:05.999999", clock)
		require.NoError(t, err)
		micros := at.Sub(at.Truncate(24 * time.Hour)).Microseconds()
		require.InDelta(t, float64(micros), (serial-day)*86_400e6, 1e-3+(math.Nextafter(serial, 1e9)-serial)*86_400e6, "within what a double tells apart")
	}
	shown, err := f.GetCellValue("s", name)
	require.NoError(t, err)
	if dated := strings.Contains(want, "-"); dated {
		require.Equal(t, want[:10], shown[:10])
	}
	if clock != "" && !strings.Contains(clock, ".") {
		require.Equal(t, clock, shown[len(shown)-len(clock):])
	}
}

func TestNumbersKeepEveryDigitOrAreText(t *testing.T) {
	t.Parallel()
	cases := map[string]struct{ number, text []string }{
		"digits":    {[]string{"0", "-0", "7", "-1.5", "123456789012345", "0.000123456789012345", "1.50", "123456.7890000000000", "100000000000000000000", "100.000"}, []string{"1234567890123456", "0.1234567890123456", "123456789.0123456"}},
		"exponents": {[]string{"1e5", "1E+20", "1.5e-7"}, []string{"1e", "1e+", "1e5x", "1e123456"}},
		"range":     {[]string{"1e307", "-9.9e307", "1e-307", "0e9999"}, []string{"1e308", "1e-308", "1e400", "0.01e-306"}},
		"spelling":  {nil, []string{"007", "00", "-01", "+5", ".5", "5.", "1,5", "1 000", "0x10", "NaN", "Infinity", "-", "--1", "1.2.3", "١"}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, s := range c.number {
				ok, _ := fitsNumber([]byte(s))
				require.True(t, ok, s)
			}
			for _, s := range c.text {
				ok, _ := fitsNumber([]byte(s))
				require.False(t, ok, s)
			}
		})
	}
	f := openedByExcelize(t, writtenWorkbook(t, func(x *XLSXWriter) {
		require.NoError(t, x.Sheet(XLSXSheet{Columns: []string{"a", "b", "c"}}))
		x.Number([]byte("123456789012"))
		x.Number([]byte("12345678901234567890"))
		x.Number(nil)
		endRow(t, x)
	}))
	rows, err := f.GetRows("Sheet")
	require.NoError(t, err)
	require.Equal(t, []string{"123456789012", "12345678901234567890"}, rows[1])
}

func TestDatesAreDatesWhereExcelHasThem(t *testing.T) {
	t.Parallel()
	cases := map[string]struct{ serial, style string }{
		"1900-03-01":                 {"61", styleDate},
		"1970-01-01":                 {"25569", styleDate},
		"2024-02-29":                 {"45351", styleDate},
		"9999-12-31":                 {"2958465", styleDate},
		"2024-02-29 00:00:00":        {"45351", styleMoment},
		"2024-02-29T12:00":           {"45351.5", styleMoment},
		"2024-02-29 08:00:00+00":     {"45351.333333333333333", styleMoment},
		"2024-02-29T06:00:00Z":       {"45351.25", styleMoment},
		"2024-02-29 06:00:00.25":     {"45351.250002893518519", styleMomentF},
		"2024-02-29 23:59:59.999999": {"45351.999999999988426", styleMomentF},
		"00:00":                      {"0", styleClock},
		"18:00:00":                   {"0.75", styleClock},
		"00:00:00.000001":            {"0.000000000011574", styleClockF},
		"23:59:59.999":               {"0.999999988425926", styleClockF},
	}
	for iso, want := range cases {
		serial, style, ok := appendSerial(nil, []byte(iso))
		require.True(t, ok, iso)
		require.Equal(t, want.serial, string(serial), iso)
		require.Equal(t, want.style, style, iso)
	}
	for _, iso := range []string{
		"", "infinity", "-infinity", "1900-02-28", "0001-01-01", "2024-02-30", "2023-02-29", "1900-02-29", "2024-13-01", "2024-00-10", "2024-01-00",
		"10000-01-01", "0044-03-15 BC", "2024-02-29 08:00:00+02", "2024-02-29 08:00:00 BC", "2024-02-29 24:00:00", "2024-02-29 08", "2024-02-29x",
		"24:00", "8:15", "08:60", "08:15:60", "08:15:00+00", "08:15:00.", "08:15:00.1234567", "23:59:59.9995", "08:15:", "2024-02-29 ", "20240229", "2024-W09-4", "P1D",
	} {
		_, _, ok := appendSerial(nil, []byte(iso))
		require.False(t, ok, iso)
	}
}

// Days are counted as the standard library counts them.
func TestEveryDayHasItsSerial(t *testing.T) {
	t.Parallel()
	day := time.Date(1900, 3, 1, 0, 0, 0, 0, time.UTC)
	for serial := firstSerial; day.Year() < 10_000; serial++ {
		got, ok, _ := scanDay([]byte(day.Format("2006-01-02")))
		if !ok || got != serial {
			require.Equal(t, serial, got, day)
		}
		day = day.AddDate(0, 0, 1)
	}
}

func TestWhiteSpaceAroundATextIsKept(t *testing.T) {
	t.Parallel()
	data := writtenWorkbook(t, func(x *XLSXWriter) {
		require.NoError(t, x.Sheet(XLSXSheet{Columns: []string{"a", "b", "c"}}))
		x.Text([]byte(" a"))
		x.Text([]byte("b\n"))
		x.Text([]byte("c d"))
		endRow(t, x)
	})
	xml := writtenPart(t, data, "xl/worksheets/sheet1.xml")
	require.Contains(t, xml, `<t xml:space="preserve"> a</t>`)
	require.Contains(t, xml, "<t xml:space=\"preserve\">b\n</t>")
	require.Contains(t, xml, `<t>c d</t>`)
}

func TestErrorsAreErrorsOnlyWhereExcelKnowsThem(t *testing.T) {
	t.Parallel()
	data := writtenWorkbook(t, func(x *XLSXWriter) {
		require.NoError(t, x.Sheet(XLSXSheet{Columns: []string{"a", "b"}}))
		x.Failed([]byte("#DIV/0!"))
		x.Failed([]byte("#OOPS!"))
		endRow(t, x)
	})
	xml := writtenPart(t, data, "xl/worksheets/sheet1.xml")
	require.Contains(t, xml, `<c r="A2" t="e"><v>#DIV/0!</v></c>`)
	require.Contains(t, xml, `<c r="B2" t="inlineStr"><is><t>#OOPS!</t></is></c>`)
}

func TestTextsThatLookLikeOthersGetTheFormatOfText(t *testing.T) {
	t.Parallel()
	data := writtenWorkbook(t, func(x *XLSXWriter) {
		require.NoError(t, x.Sheet(XLSXSheet{Columns: []string{"a", "b", "c", "d"}}))
		x.Text([]byte("00123"))
		x.Text([]byte("=1+1"))
		x.Text([]byte("word"))
		x.Text([]byte(strings.Repeat("1", mostTyped+1)))
		endRow(t, x)
	})
	xml := writtenPart(t, data, "xl/worksheets/sheet1.xml")
	require.Contains(t, xml, `<c r="A2" s="2" t="inlineStr"><is><t>00123<`)
	require.Contains(t, xml, `<c r="B2" s="2" t="inlineStr"><is><t>=1+1<`)
	require.Contains(t, xml, `<c r="C2" t="inlineStr"><is><t>word<`)
	require.Contains(t, xml, `<c r="D2" t="inlineStr">`)
}

func TestFormulasAreEscapedOnRequest(t *testing.T) {
	t.Parallel()
	rows := func(escape bool) [][]string {
		f := openedByExcelize(t, writtenWorkbook(t, func(x *XLSXWriter) {
			x.EscapeFormulas = escape
			require.NoError(t, x.Sheet(XLSXSheet{Columns: []string{"=a", "b", "c", "d"}}))
			x.Text([]byte("=1+1"))
			x.Text([]byte("\t@"))
			x.Number([]byte("-5"))
			x.Text([]byte("a=b"))
			endRow(t, x)
		}))
		rows, err := f.GetRows("Sheet")
		require.NoError(t, err)
		return rows
	}
	require.Equal(t, [][]string{{"=a", "b", "c", "d"}, {"=1+1", "\t@", "-5", "a=b"}}, rows(false))
	require.Equal(t, [][]string{{"'=a", "b", "c", "d"}, {"'=1+1", "'\t@", "-5", "a=b"}}, rows(true))
	for text, want := range map[string]bool{"": false, "+": true, "-": true, "@x": true, "\r": true, "\x00": true, " =": false, "1-": false} {
		require.Equal(t, want, StartsFormula([]byte(text)), "%q", text)
	}
}

func TestTextIsEscapedAsExcelDoesIt(t *testing.T) {
	t.Parallel()
	cases := map[string]string{
		"a&b<c>d":          "a&amp;b&lt;c&gt;d",
		"\x00\x1f":         "_x0000__x001F_",
		"a\r\nb\tc":        "a_x000D_\nb\tc",
		"snake_case_":      "snake_case_",
		"_x0041_x0042_":    "_x005F_x0041_x005F_x0042_",
		"_x00g1_ _x041_ _": "_x00g1_ _x041_ _",
		"\ufffe\uffff":     "_xFFFE__xFFFF_",
		"ｗide\ufeff":       "ｗide\ufeff",
		"bad\xff\xef":      "bad\uFFFD",
	}
	for text, want := range cases {
		require.Equal(t, want, string(appendXString(nil, []byte(text))), "%q", text)
	}
}

func TestUnitsAreThoseOfUTF16(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.String().Draw(t, "text")
		room := rapid.IntRange(0, 10).Draw(t, "room")
		n, fits := units([]byte(text), room)
		want, bytes := 0, 0
		for i, r := range text {
			if want += utf16.RuneLen(r); want <= room {
				bytes = i + utf8.RuneLen(r)
			}
		}
		require.Equal(t, want, n)
		require.Equal(t, bytes, fits)
	})
}
