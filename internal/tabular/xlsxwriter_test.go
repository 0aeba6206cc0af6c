package tabular

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/xuri/excelize/v2"
)

// writtenWorkbook gives what write writes.
func writtenWorkbook(tb require.TestingT, write func(x *XLSXWriter)) []byte {
	var b bytes.Buffer
	x := NewXLSXWriter(&b)
	write(x)
	require.NoError(tb, x.Close())
	require.NoError(tb, x.Close(), "a second time")
	return b.Bytes()
}

// openedByExcelize opens data by another program.
func openedByExcelize(tb require.TestingT, data []byte) *excelize.File {
	f, err := excelize.OpenReader(bytes.NewReader(data))
	require.NoError(tb, err)
	return f
}

// writtenPart gives a part of a workbook.
func writtenPart(tb testing.TB, data []byte, name string) string {
	tb.Helper()
	z, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	require.NoError(tb, err)
	f, err := z.Open(name)
	require.NoError(tb, err)
	content, err := io.ReadAll(f)
	require.NoError(tb, err)
	return string(content)
}

func endRow(tb require.TestingT, x *XLSXWriter) { require.NoError(tb, x.EndRow()) }

func TestAWorkbookIsReadByExcelize(t *testing.T) {
	t.Parallel()
	data := writtenWorkbook(t, func(x *XLSXWriter) {
		require.NoError(t, x.Sheet(XLSXSheet{Name: "people", Columns: []string{"id", "name", "born", "vip", "zip", "seen", "at"}}))
		x.Number([]byte("1"))
		x.Text([]byte("Zoë & <Co>"))
		x.Date([]byte("1990-05-31"))
		x.Bool(true)
		x.Text([]byte("00501"))
		x.Date([]byte("2024-02-29 13:45:30+00"))
		x.Date([]byte("08:15"))
		endRow(t, x)
		x.Empty()
		x.Text([]byte("Ada"))
		endRow(t, x)
		require.NoError(t, x.Sheet(XLSXSheet{Name: "none", Columns: []string{"a"}}))
	})
	f := openedByExcelize(t, data)
	require.Equal(t, []string{"people", "none"}, f.GetSheetList())
	rows, err := f.GetRows("people")
	require.NoError(t, err)
	require.Equal(t, [][]string{
		{"id", "name", "born", "vip", "zip", "seen", "at"},
		{"1", "Zoë & <Co>", "1990-05-31", "TRUE", "00501", "2024-02-29 13:45:30", "08:15:00"},
		{"", "Ada"},
	}, rows)
	rows, err = f.GetRows("none")
	require.NoError(t, err)
	require.Equal(t, [][]string{{"a"}}, rows)

	panes, err := f.GetPanes("people")
	require.NoError(t, err)
	require.True(t, panes.Freeze)
	require.Equal(t, 1, panes.YSplit)
	style, err := f.GetCellStyle("people", "A1")
	require.NoError(t, err)
	header, err := f.GetStyle(style)
	require.NoError(t, err)
	require.True(t, header.Font.Bold)
	width, err := f.GetColWidth("people", "F")
	require.NoError(t, err)
	require.InDelta(t, len("2024-02-29 13:45:30+00")+2, width, 0.1)
	require.Contains(t, writtenPart(t, data, "xl/worksheets/sheet1.xml"), `<autoFilter ref="A1:G3"/>`)
	require.Contains(t, writtenPart(t, data, "xl/workbook.xml"), `'people'!$A$1:$G$3</definedName>`)
}

func TestTheSameCellsMakeTheSameBytes(t *testing.T) {
	t.Parallel()
	write := func(x *XLSXWriter) {
		require.NoError(t, x.Sheet(XLSXSheet{Name: "s", Columns: []string{"a", "b"}}))
		for i := range 50_000 {
			x.Number(fmt.Append(nil, i))
			x.Text(fmt.Appendf(nil, "some text %d", i%7))
			endRow(t, x)
		}
	}
	require.Equal(t, writtenWorkbook(t, write), writtenWorkbook(t, write))
}

// A dimension is there and right, or is not there: some programs read no further than it says.
func TestTheDimensionIsRightOrLeftOut(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		rows, told int
		want       string
	}{
		"no rows":                     {0, 0, `<dimension ref="A1:B1"/>`},
		"few rows":                    {10, 0, `<dimension ref="A1:B11"/>`},
		"few rows, told":              {10, 10, `<dimension ref="A1:B11"/>`},
		"more than is held back":      {30_000, 0, ""},
		"more than is held back,told": {30_000, 30_000, `<dimension ref="A1:B30001"/>`},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			data := writtenWorkbook(t, func(x *XLSXWriter) {
				require.NoError(t, x.Sheet(XLSXSheet{Columns: []string{"a", "b"}, Rows: int64(c.told)}))
				for range c.rows {
					x.Text([]byte("some text"))
					endRow(t, x)
				}
			})
			xml := writtenPart(t, data, "xl/worksheets/sheet1.xml")
			require.Equal(t, c.want != "", strings.Contains(xml, "<dimension"))
			require.Contains(t, xml, c.want)
			rows, err := openedByExcelize(t, data).GetRows("Sheet")
			require.NoError(t, err)
			require.Len(t, rows, c.rows+1)
		})
	}
}

func TestAWrongNumberOfRowsIsAnError(t *testing.T) {
	t.Parallel()
	for _, told := range []int64{1, 3} {
		x := NewXLSXWriter(io.Discard)
		require.NoError(t, x.Sheet(XLSXSheet{Name: "s", Columns: []string{"a"}, Rows: told}))
		endRow(t, x)
		endRow(t, x)
		require.ErrorContains(t, x.Close(), fmt.Sprintf(`sheet "s" was to have %d rows, and got 2`, told))
	}
}

func TestAFullSheetGoesOnInAnother(t *testing.T) {
	t.Parallel()
	for _, told := range []int64{0, 9} {
		data := writtenWorkbook(t, func(x *XLSXWriter) {
			x.sheetMax = 5
			require.NoError(t, x.Sheet(XLSXSheet{Name: "deals", Columns: []string{"id"}, Rows: told}))
			for i := range 9 {
				x.Number(fmt.Append(nil, i))
				endRow(t, x)
			}
			require.NoError(t, x.Sheet(XLSXSheet{Name: "Deals (2)", Columns: []string{"id"}}))
		})
		f := openedByExcelize(t, data)
		require.Equal(t, []string{"deals", "deals (2)", "deals (3)", "Deals (2) (2)"}, f.GetSheetList())
		var all [][]string
		for i, rows := range []int{5, 5, 2, 1} {
			got, err := f.GetRows(f.GetSheetName(i))
			require.NoError(t, err)
			require.Len(t, got, rows)
			require.Equal(t, []string{"id"}, got[0])
			all = append(all, got[1:]...)
			require.Contains(t, writtenPart(t, data, fmt.Sprintf("xl/worksheets/sheet%d.xml", i+1)), fmt.Sprintf(`<dimension ref="A1:A%d"/>`, rows))
		}
		require.Equal(t, [][]string{{"0"}, {"1"}, {"2"}, {"3"}, {"4"}, {"5"}, {"6"}, {"7"}, {"8"}}, all)
	}
}

func TestAWorkbookWithoutSheetsOpens(t *testing.T) {
	t.Parallel()
	f := openedByExcelize(t, writtenWorkbook(t, func(*XLSXWriter) {}))
	require.Equal(t, []string{"Sheet"}, f.GetSheetList())
}

func TestATextTooLongIsCutAndTold(t *testing.T) {
	t.Parallel()
	fits := strings.Repeat("é", cellUnits)
	long := strings.Repeat("é", cellUnits-1) + "😀!"
	data := writtenWorkbook(t, func(x *XLSXWriter) {
		require.NoError(t, x.Sheet(XLSXSheet{Name: "notes", Columns: []string{"id", "note", "more"}}))
		x.Text([]byte("a"))
		x.Text([]byte(fits))
		endRow(t, x)
		x.Text([]byte("b"))
		x.Text([]byte(long))
		x.Text([]byte(long))
		var tooLong *CellTooLongError
		require.ErrorAs(t, x.EndRow(), &tooLong)
		require.Equal(t, CellTooLongError{Sheet: "notes", Row: 3, Column: "note", Units: cellUnits + 2}, *tooLong)
		x.Text([]byte("c"))
		endRow(t, x)
	})
	rows, err := openedByExcelize(t, data).GetRows("notes")
	require.NoError(t, err)
	cut := strings.Repeat("é", cellUnits-1)
	require.Equal(t, [][]string{{"id", "note", "more"}, {"a", fits}, {"b", cut, cut}, {"c"}}, rows)
}

func TestRowsThatDoNotFitTheirSheetAreErrors(t *testing.T) {
	t.Parallel()
	x := NewXLSXWriter(io.Discard)
	x.Text([]byte("a"))
	require.ErrorIs(t, x.EndRow(), errNoSheet)

	x = NewXLSXWriter(io.Discard)
	require.NoError(t, x.Sheet(XLSXSheet{Columns: []string{"a"}}))
	x.Empty()
	x.Bool(true)
	require.ErrorIs(t, x.EndRow(), errSurplusCell)
	require.ErrorIs(t, x.EndRow(), errSurplusCell)
	require.ErrorIs(t, x.Close(), errSurplusCell)

	x = NewXLSXWriter(io.Discard)
	require.ErrorIs(t, x.Sheet(XLSXSheet{Columns: make([]string, sheetColumns+1)}), errManyColumns)

	x = NewXLSXWriter(io.Discard)
	require.NoError(t, x.Close())
	require.ErrorIs(t, x.Sheet(XLSXSheet{}), errNoSheet)
}

// failsAfter is a writer that takes left bytes.
type failsAfter struct {
	left int
	err  error
}

func (f *failsAfter) Write(p []byte) (int, error) {
	if f.left -= len(p); f.left < 0 {
		return 0, f.err
	}
	return len(p), nil
}

func TestAnErrorBelowAWorkbookStays(t *testing.T) {
	t.Parallel()
	full := errors.New("disk full")
	for _, left := range []int{0, 100_000, 300_000} {
		x := NewXLSXWriter(&failsAfter{left, full})
		err := x.Sheet(XLSXSheet{Columns: []string{"a"}})
		for i := 0; i < 500_000 && err == nil; i++ {
			x.Number(fmt.Append(nil, i*i))
			err = x.EndRow()
		}
		require.ErrorIs(t, err, full)
		require.ErrorIs(t, x.EndRow(), full)
		require.ErrorIs(t, x.Sheet(XLSXSheet{}), full)
		require.ErrorIs(t, x.Close(), full)
	}
}

func TestAFailureAtTheEndOfAWorkbookIsTold(t *testing.T) {
	t.Parallel()
	full := errors.New("disk full")
	size := len(writtenWorkbook(t, func(*XLSXWriter) {}))
	for left := range size {
		require.ErrorIs(t, NewXLSXWriter(&failsAfter{left, full}).Close(), full, left)
	}
}

// gate is a writer that says when it is entered, and lets nothing pass until it is opened.
type gate struct {
	entered, open chan struct{}
	once          sync.Once
	inside        atomic.Int32
}

func (g *gate) Write(p []byte) (int, error) {
	g.inside.Add(1)
	defer g.inside.Add(-1)
	g.once.Do(func() { close(g.entered) })
	<-g.open
	return len(p), nil
}

func TestNothingIsWrittenBehindAClosedWorkbook(t *testing.T) {
	t.Parallel()
	g := &gate{entered: make(chan struct{}), open: make(chan struct{})}
	x := NewXLSXWriter(g)
	require.NoError(t, x.Sheet(XLSXSheet{Columns: []string{"a"}}))
	for i := 0; !x.headed; i++ { // until the first block is on its way
		x.Text(fmt.Appendf(nil, "%x", sha256.Sum256(fmt.Append(nil, i))))
		endRow(t, x)
	}
	<-g.entered
	x.Empty()
	x.Empty()
	require.ErrorIs(t, x.EndRow(), errSurplusCell)
	go close(g.open)
	require.ErrorIs(t, x.Close(), errSurplusCell)
	require.Zero(t, g.inside.Load())
}

// Any row is written in bounded memory, and so is any number of them.
func TestAWorkbookIsWrittenInBoundedMemory(t *testing.T) {
	t.Parallel()
	x := NewXLSXWriter(io.Discard)
	require.NoError(t, x.Sheet(XLSXSheet{Columns: make([]string, 1000)}))
	cell := bytes.Repeat([]byte("ü & "), 5000)
	for range 1000 {
		x.Text(cell)
		require.LessOrEqual(t, cap(x.buf), 4*firstBlock)
	}
	endRow(t, x)
	require.LessOrEqual(t, cap(x.deflate.block), 4*firstBlock)
	require.NoError(t, x.Close())
}

func TestSheetsGetNamesThatExcelTakes(t *testing.T) {
	t.Parallel()
	cases := []struct{ wanted, want string }{
		{"contacts", "contacts"},
		{"Contacts", "Contacts (2)"},
		{"CONTACTS (2)", "CONTACTS (2) (2)"},
		{"", "Sheet"},
		{"  ", "Sheet (2)"},
		{`a:b\c/d?e*f[g]h`, "a_b_c_d_e_f_g_h"},
		{"'quoted'", "_quoted_"},
		{"it's", "it's"},
		{"History", "History (2)"},
		{"a\x00b\nc", "a_b_c"},
		{"\xff", "\uFFFD"},
		{strings.Repeat("x", 31), strings.Repeat("x", 31)},
		{strings.Repeat("x", 40), strings.Repeat("x", 27) + " (2)"},
		{strings.Repeat("😀", 16), strings.Repeat("😀", 15)},
		{strings.Repeat("y", 30) + " z", strings.Repeat("y", 30)},
		{`<"&">`, `<"&">`},
	}
	var wanted []string
	data := writtenWorkbook(t, func(x *XLSXWriter) {
		for _, c := range cases {
			require.NoError(t, x.Sheet(XLSXSheet{Name: c.wanted, Columns: []string{"a"}}))
			wanted = append(wanted, c.want)
		}
	})
	require.Equal(t, wanted, openedByExcelize(t, data).GetSheetList())
}
