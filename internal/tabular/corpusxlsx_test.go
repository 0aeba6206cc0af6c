//go:build corpus

package tabular

import (
	"encoding/csv"
	"errors"
	"io"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"wharf/internal/fault"
)

// refusedBooks are the files that are no workbook one can read, and what is said of them.
var refusedBooks = map[string]struct {
	code fault.Code
	says string
}{
	"calamine__issue_594_dos.ods":  {fault.UnsupportedMedia, refusals[kindODF]},
	"poi__SampleSS.ods":            {fault.UnsupportedMedia, refusals[kindODF]},
	"poi__SampleSS.xls":            {fault.UnsupportedMedia, refusals[kindXLS]},
	"poi__Simple.xlsb":             {fault.UnsupportedMedia, refusals[kindXLSB]},
	"poi__protected_passtika.xlsx": {fault.UnsupportedMedia, refusals[kindEncrypted]},
	"poi__poc-xmlbomb.xlsx":        {fault.Invalid, "declares a document type or entities"},
	"poi__clusterfuzz-testcase-minimized-POIXSSFFuzzer-5937385319563264.xlsx": {fault.Invalid, "the workbook is damaged in"},
}

// sheetShape is how much a sheet holds.
type sheetShape struct{ rows, cols, cells int }

// shapePolicies are sheets of which this package has another idea than the manifest's reader.
var shapePolicies = map[string]struct {
	shape  sheetShape
	reason string
}{
	"sheetjs__LONumbers.xlsx/Sheet1":   {sheetShape{38, 10, 372}, "a negative number under a date format, of which programs show nothing, is a value"},
	"grist__strange_dates.xlsx/Sheet1": {sheetShape{2, 10, 20}, "so is the day zero"},
}

// chartSheets are sheets whose cells, in the manifest, are those a chart remembers.
var chartSheets = map[string]string{"calamine__any_sheets.xlsx": "Chart", "poi__chart_sheet.xlsx": "Chart1"}

// bookCells are single cells whose value is a choice, or a trap of other readers.
var bookCells = []struct {
	file, sheet string
	row         int64
	col         int
	want        string
	reason      string
}{
	{"calamine__any_sheets.xlsx", "", 2, 0, "3", "the first visible sheet with cells is read"},
	{"poi__TwoSheetsOneHidden.xlsx", "", 1, 0, "Sheet2A1", "a hidden first sheet is passed over"},
	{"calamine__date.xlsx", "", 3, 0, "255:10:10", "elapsed time is a duration, not a date"},
	{"calamine__date_1904.xlsx", "", 3, 0, "255:10:10", "nor does the date system change it"},
	{"calamine__date_1904.xlsx", "", 2, 0, "2021-01-02", "the 1904 system"},
	{"calamine__date_iso.xlsx", "", 2, 0, "2021-01-01T10:10:10", "a cell that is an ISO date"},
	{"calamine__date_iso.xlsx", "", 3, 0, "10:10:10", "a cell that is an ISO time"},
	{"calamine__empty_s_attribute.xlsx", "", 5, 1, "4", "an empty style is none"},
	{"calamine__errors.xlsx", "", 7, 0, "#N/A", "an error is kept, and marked"},
	{"calamine__has_x000D_.xlsx", "", 1, 0, "ABC DEF", "the line break of a header is a space"},
	{"calamine__merged_range.xlsx", "", 3, 0, "A3", "a merged cell has its value in its first cell alone"},
	{"grist__strange_dates.xlsx", "", 2, 6, "7/4/1776", "a text that no calendar of a workbook holds"},
	{"grist__strange_dates.xlsx", "", 2, 8, "0", "the day 0 January 1900 is no date"},
	{"grist__strange_dates.xlsx", "", 2, 9, "6281228502068", "nor is one beyond the year 9999"},
	{"grist__test_excel_types.xlsx", "", 2, 2, "12345678902345689", "text that looks like a number"},
	{"grist__test_excel_types.xlsx", "", 2, 3, "320150170634561830", "an integer keeps its digits, and gets no exponent"},
	{"sheetjs__xlsx-stream-d-date-cell.xlsx", "", 3, 3, "12345678900000000000000", "an exponent is spelled out"},
	{"sheetjs__xlsx-stream-d-date-cell.xlsx", "", 5, 1, "2014-02-14T08:27:48.765Z", "a zone stays"},
	{"poi__simple-monthly-budget.xlsx", "", 4, 7, "0.622933333333333", "a percentage is a number, of the 15 digits that Excel shows"},
	{"poi__SimpleStrict.xlsx", "Sheet Number 2", 4, 0, "1990-01-01", "a strict file's date"},
	{"poi__DateFormatTests.xlsx", "Tests", 2, 2, "1952-10-11T14:35:27", "the 1904 system, to the second"},
}

var shapeOf = regexp.MustCompile(`(?:sheets: |; )(.+?)( \((?:veryH|h)idden\))?: filled_rows=(\d+) max_col=(\d+) cells=(\d+)`)

func TestCorpusWorkbooks(t *testing.T) {
	t.Parallel()
	root := filepath.Join(os.Getenv("CORPUS"), "xlsx-real")
	manifest, err := os.ReadFile(filepath.Join(root, "MANIFEST.tsv"))
	require.NoError(t, err)
	listed := map[string]bool{"MANIFEST.tsv": true, "expected": true}
	for _, entry := range readAll(t, string(manifest), Options{}).rows {
		listed[entry[0]] = true
		name, says := entry[0], entry[4]
		if strings.HasPrefix(name, "expected/") {
			continue
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			data, err := os.ReadFile(filepath.Join(root, name))
			require.NoError(t, err)
			if no, ok := refusedBooks[name]; ok {
				_, err := failure(t, string(data), Options{})
				require.Equal(t, no.code, fault.CodeOf(err), err)
				require.Contains(t, err.Error(), no.says)
				return
			}
			shapes := shapeOf.FindAllStringSubmatch(says, -1)
			require.NotEmpty(t, shapes)
			for _, m := range shapes {
				if chartSheets[name] == m[1] {
					_, err := failure(t, string(data), Options{Sheet: m[1]})
					require.ErrorContains(t, err, "holds no cells")
					continue
				}
				requireShape(t, name, data, m)
			}
			_ = readAll(t, string(data), Options{})
		})
	}
	files, err := os.ReadDir(root)
	require.NoError(t, err)
	for _, f := range files {
		require.True(t, listed[f.Name()], "%s: a file that its manifest forgets", f.Name())
	}
}

func requireShape(t *testing.T, name string, data []byte, m []string) {
	t.Helper()
	number := func(s string) int {
		n, err := strconv.Atoi(s)
		require.NoError(t, err)
		return n
	}
	want := sheetShape{number(m[3]), number(m[4]), number(m[5])}
	got := sheetShape{}
	for _, row := range wholeSheet(t, data, m[1]) {
		filled := 0
		for col, cell := range row.cells {
			if cell != "" {
				filled++
				got.cols = max(got.cols, col+1)
			}
		}
		if filled > 0 {
			got.rows++
		}
		got.cells += filled
	}
	if p, ok := shapePolicies[name+"/"+m[1]]; ok {
		want = p.shape
	}
	require.Equal(t, want, got, m[1])
}

// numbered is a row of a sheet with its number.
type numbered struct {
	number int64
	cells  []string
	kinds  []Kind
}

// openBook gives the workbook, and the function that closes it.
func openBook(t *testing.T, data []byte) *workbook {
	t.Helper()
	limits := DefaultLimits()
	c, err := unwrap(t.Context(), memory{data: data}, limits)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, c.close()) })
	wb, err := readWorkbook(newParts(c, limits))
	require.NoError(t, err)
	return wb
}

// wholeSheet reads every row of a sheet, the header and what stands above it as well.
func wholeSheet(t *testing.T, data []byte, name string) []numbered {
	t.Helper()
	wb := openBook(t, data)
	chosen, _, err := wb.choose(name)
	require.NoError(t, err)
	c := wb.parts.content
	opts := Options{Limits: wb.parts.limits}
	r := &xlsxReader{textReader: textReader{content: c, opts: opts, info: Info{Sheet: chosen.name}}, book: wb}
	defer func() { require.NoError(t, r.Close()) }()
	err = r.begin(chosen, windowBytes)
	if fault.CodeOf(err) == fault.Invalid && strings.Contains(err.Error(), "has no cells") {
		return nil
	}
	require.NoError(t, err)
	var all []numbered
	row, kinds := make([][]byte, 1024), make([]Kind, 1024)
	for {
		rec, err := r.next(row, kinds)
		switch {
		case errors.Is(err, errTorn):
			require.NoError(t, r.refill())
			continue
		case errors.Is(err, io.EOF):
			return all
		}
		require.NoError(t, err)
		n := numbered{number: rec.number, kinds: append([]Kind(nil), kinds[:rec.extent]...)}
		for _, cell := range row[:rec.extent] {
			n.cells = append(n.cells, string(cell))
		}
		all = append(all, n)
	}
}

func TestCorpusWorkbookCells(t *testing.T) {
	t.Parallel()
	for _, c := range bookCells {
		data, err := os.ReadFile(filepath.Join(os.Getenv("CORPUS"), "xlsx-real", c.file))
		require.NoError(t, err)
		got := readAll(t, string(data), Options{Sheet: c.sheet})
		if c.row == int64(got.info.HeaderRow) {
			require.Equal(t, c.want, got.header[c.col], c.reason)
			continue
		}
		found := false
		for i, line := range got.lines {
			if line == c.row {
				found = true
				require.Equal(t, c.want, got.rows[i][c.col], "%s: %s", c.file, c.reason)
			}
		}
		require.True(t, found, c.file)
	}
}

// Excel itself saved some of these workbooks as CSV, as it shows them: the values are the same.
func TestCorpusWorkbooksAsExcelSavesThem(t *testing.T) {
	t.Parallel()
	root := filepath.Join(os.Getenv("CORPUS"), "xlsx-real")
	files, err := filepath.Glob(filepath.Join(root, "expected", "*.xlsx.*.csv"))
	require.NoError(t, err)
	require.GreaterOrEqual(t, len(files), 20)
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			t.Parallel()
			book, index, _ := strings.Cut(strings.TrimSuffix(filepath.Base(file), ".csv"), ".xlsx.")
			data, err := os.ReadFile(filepath.Join(root, book+".xlsx"))
			require.NoError(t, err)
			text, err := os.ReadFile(file)
			require.NoError(t, err)
			n, _ := strconv.Atoi(index) // "x": the first
			s := openBook(t, data).sheets[n]
			require.True(t, s.table)
			rows := wholeSheet(t, data, s.name)
			if index == "x" { // saved without the table's title in row 1
				rows = rows[1:]
				for i := range rows {
					rows[i].number--
				}
			}
			requireShown(t, string(text), rows)
		})
	}
}

func requireShown(t *testing.T, text string, got []numbered) {
	t.Helper()
	r := csv.NewReader(strings.NewReader(text))
	r.FieldsPerRecord = -1
	shown, err := r.ReadAll()
	require.NoError(t, err)
	compared := 0
	for _, row := range got {
		for col, cell := range row.cells {
			if cell == "" {
				continue
			}
			if row.number > int64(len(shown)) { // the manifest calls some of them short
				continue
			}
			line := shown[row.number-1]
			require.Less(t, col, len(line))
			if same(t, cell, row.kinds[col], line[col]) {
				compared++
			}
		}
	}
	filled := 0
	for _, line := range shown {
		for _, cell := range line {
			if cell != "" {
				filled++
			}
		}
	}
	require.GreaterOrEqual(t, compared, filled/2)
}

// same compares a value with what Excel shows of it; false: its format shows too little.
func same(t *testing.T, value string, kind Kind, shown string) bool {
	t.Helper()
	switch kind {
	case Boolean:
		require.True(t, strings.EqualFold(value, shown), "%s %s", value, shown)
	case Date:
		for _, layout := range []string{"1/2/06", "1/2/2006", "1/2", "02-01-06", "2-1-06", "2006-01-02"} {
			if day, err := time.Parse(layout, shown); err == nil {
				require.Equal(t, day.Format("01-02"), value[5:10])
				return true
			}
		}
		return false
	case Number:
		return sameNumber(t, value, strings.NewReplacer("$", "", ",", "", " ", "").Replace(shown))
	default:
		require.Equal(t, strings.ReplaceAll(shown, "\r\n", "\n"), value)
	}
	return true
}

// sameNumber compares a number with one that was rounded to the digits it shows.
func sameNumber(t *testing.T, value, shown string) bool {
	t.Helper()
	shown, percent := strings.CutSuffix(shown, "%")
	want, err := strconv.ParseFloat(shown, 64)
	if err != nil {
		return false
	}
	mantissa, exponent, _ := strings.Cut(shown, "E")
	_, fraction, _ := strings.Cut(mantissa, ".")
	e, _ := strconv.Atoi(exponent) // none is zero
	unit := math.Pow10(e - len(fraction))
	if percent {
		want, unit = want/100, unit/100
	}
	have, err := strconv.ParseFloat(value, 64)
	require.NoError(t, err)
	require.InDelta(t, want, have, 0.501*unit, "%s %s", value, shown)
	return true
}
