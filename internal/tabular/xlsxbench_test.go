package tabular

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/xuri/excelize/v2"
)

// benchBook stores the rows of benchFile in a workbook: numbers as numbers, texts inline or shared.
func benchBook(tb testing.TB, shared bool) []byte {
	tb.Helper()
	r := rand.New(rand.NewPCG(1, 2))
	var b, texts strings.Builder
	index := map[string]int{}
	put := func(col, row int, text string) {
		ref := columnLetter(col) + strconv.Itoa(row)
		if _, err := strconv.ParseFloat(text, 64); err == nil {
			fmt.Fprintf(&b, `<c r="%s"><v>%s</v></c>`, ref, text)
			return
		}
		if !shared {
			fmt.Fprintf(&b, `<c r="%s" t="inlineStr"><is><t>%s</t></is></c>`, ref, text)
			return
		}
		i, ok := index[text]
		if !ok {
			i = len(index)
			index[text] = i
			texts.WriteString(`<si><t>` + text + `</t></si>`)
		}
		fmt.Fprintf(&b, `<c r="%s" t="s"><v>%d</v></c>`, ref, i)
	}
	names := []string{"id", "name", "email", "phone", "born", "amount", "active", "stage", "street", "note"}
	for i := range benchRows + 1 {
		fmt.Fprintf(&b, `<row r="%d" spans="1:10">`, i+1)
		row := names
		if i > 0 {
			row = benchRow(r, i-1)
		}
		for col, text := range row {
			put(col, i+1, text)
		}
		b.WriteString(`</row>`)
	}
	return within(tb, b.String(), texts.String())
}

func benchmarkXLSX(b *testing.B, data []byte) {
	b.Helper()
	b.Run("wharf", func(b *testing.B) {
		b.ReportAllocs()
		var batch Batch
		for b.Loop() {
			require.Equal(b, benchRows, drain(b, data, &batch))
		}
	})
	b.Run("excelize", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			require.Equal(b, benchRows+1, drainExcelize(b, data))
		}
	})
}

// BenchmarkXLSXInline reads a workbook of inline strings by this package's reader and by excelize, raw values.
func BenchmarkXLSXInline(b *testing.B) { benchmarkXLSX(b, benchBook(b, false)) }

// BenchmarkXLSXShared does the same with shared strings, most of them different.
func BenchmarkXLSXShared(b *testing.B) { benchmarkXLSX(b, benchBook(b, true)) }

func drainExcelize(tb testing.TB, data []byte) int {
	tb.Helper()
	f, err := excelize.OpenReader(bytes.NewReader(data), excelize.Options{RawCellValue: true})
	require.NoError(tb, err)
	rows, err := f.Rows("Sheet1")
	require.NoError(tb, err)
	n := 0
	for rows.Next() {
		_, err := rows.Columns()
		require.NoError(tb, err)
		n++
	}
	require.NoError(tb, rows.Error())
	require.NoError(tb, rows.Close())
	require.NoError(tb, f.Close())
	return n
}
