package tabular

import (
	"io"
	"math/rand/v2"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/xuri/excelize/v2"
)

// workbookRows are rows as exports have them: numbers, a date and a boolean among texts.
func workbookRows() (rows [][][]byte, kinds []Kind) {
	r := rand.New(rand.NewPCG(1, 2))
	rows = make([][][]byte, 1000)
	for i := range rows {
		for _, c := range benchRow(r, i) {
			rows[i] = append(rows[i], []byte(c))
		}
	}
	kinds = []Kind{Number, Text, Text, Text, Date, Number, Boolean, Text, Text, Text}
	return rows, kinds
}

var benchColumns = []string{"id", "name", "email", "phone", "born", "amount", "active", "stage", "street", "note"}

// BenchmarkXLSXWriter writes the same cells by this package and by excelize's stream writer.
func BenchmarkXLSXWriter(b *testing.B) {
	rows, kinds := workbookRows()
	b.Run("own", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			x := NewXLSXWriter(io.Discard)
			require.NoError(b, x.Sheet(XLSXSheet{Name: "rows", Columns: benchColumns}))
			for i := range benchRows {
				for c, cell := range rows[i%len(rows)] {
					switch kinds[c] {
					case Number:
						x.Number(cell)
					case Date:
						x.Date(cell)
					case Boolean:
						x.Bool(cell[0] == 't')
					default:
						x.Text(cell)
					}
				}
				if err := x.EndRow(); err != nil {
					b.Fatal(err)
				}
			}
			require.NoError(b, x.Close())
		}
	})
	b.Run("excelize", func(b *testing.B) {
		b.ReportAllocs()
		values := excelizeRows(rows, kinds)
		for b.Loop() {
			f := excelize.NewFile()
			w, err := f.NewStreamWriter("Sheet1")
			require.NoError(b, err)
			for i := range benchRows {
				cell, err := excelize.CoordinatesToCellName(1, i+1)
				require.NoError(b, err)
				require.NoError(b, w.SetRow(cell, values[i%len(values)]))
			}
			require.NoError(b, w.Flush())
			require.NoError(b, f.Write(io.Discard))
			require.NoError(b, f.Close())
		}
	})
}

// excelizeRows gives the values that excelize writes as the same cells.
func excelizeRows(rows [][][]byte, kinds []Kind) [][]any {
	values := make([][]any, len(rows))
	for i, row := range rows {
		for c, cell := range row {
			var serial [40]byte
			switch kinds[c] {
			case Number:
				f, _ := strconv.ParseFloat(string(cell), 64)
				values[i] = append(values[i], f)
			case Date:
				text, _, _ := appendSerial(serial[:0], cell)
				f, _ := strconv.ParseFloat(string(text), 64)
				values[i] = append(values[i], f)
			case Boolean:
				values[i] = append(values[i], cell[0] == 't')
			default:
				values[i] = append(values[i], string(cell))
			}
		}
	}
	return values
}
