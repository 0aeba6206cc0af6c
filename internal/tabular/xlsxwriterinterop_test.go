//go:build interop

package tabular

import (
	"encoding/xml"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// flatCell is a cell of a table that LibreOffice wrote as XML.
type flatCell struct {
	Type string   `xml:"value-type,attr"`
	Date string   `xml:"date-value,attr"`
	Time string   `xml:"time-value,attr"`
	Text []string `xml:"p"`
}

// tell gives a cell's type and value.
func (c flatCell) tell() string {
	return strings.TrimRight(c.Type+" "+c.Date+c.Time+strings.Join(c.Text, "\n"), " ")
}

// flatSheets reads what LibreOffice makes of a workbook: of each sheet its name, and what its cells tell.
func flatSheets(t *testing.T, data []byte) (names []string, sheets [][][]string) {
	t.Helper()
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "book.xlsx"), data, 0o600))
	cmd := exec.Command("soffice", "-env:UserInstallation=file://"+filepath.Join(dir, "profile"),
		"--headless", "--convert-to", "fods", "--outdir", dir, filepath.Join(dir, "book.xlsx"))
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, string(out))
	flat, err := os.ReadFile(filepath.Join(dir, "book.fods"))
	require.NoError(t, err, string(out))
	var doc struct {
		Tables []struct {
			Name string `xml:"name,attr"`
			Rows []struct {
				Cells []flatCell `xml:"table-cell"`
			} `xml:"table-row"`
		} `xml:"body>spreadsheet>table"`
	}
	require.NoError(t, xml.Unmarshal(flat, &doc))
	for _, table := range doc.Tables {
		names = append(names, table.Name)
		var rows [][]string
		for _, r := range table.Rows {
			var cells []string
			for _, c := range r.Cells {
				cells = append(cells, c.tell())
			}
			if len(cells) > 1 { // the last one stands for all the empty ones on the right
				rows = append(rows, cells[:len(cells)-1])
			}
		}
		sheets = append(sheets, rows)
	}
	return names, sheets
}

// TestInteropLibreOffice has another program read a workbook: dates are dates, and texts of digits are texts.
func TestInteropLibreOffice(t *testing.T) {
	t.Parallel()
	data := writtenWorkbook(t, func(x *XLSXWriter) {
		x.sheetMax = 3
		require.NoError(t, x.Sheet(XLSXSheet{Name: "it's <a> & b", Columns: []string{"text", "number", "moment"}}))
		for _, row := range [][]anyCell{
			{{Text, "00501"}, {Number, "12345678901234567890"}, {Date, "2024-02-29"}},
			{{Text, "=1+1"}, {Number, "-1234.50"}, {Date, "2024-02-29 08:00:00+00"}},
			{{Text, "2024-02-29"}, {Number, "123456789012345"}, {Date, "13:45:01"}},
			{{Text, " _x0041_ Zoë <&> 😀\nb "}, {Number, "1e5"}, {Date, "1899-12-31"}},
		} {
			for _, c := range row {
				x.kindCell([]byte(c.text), c.kind)
			}
			endRow(t, x)
		}
	})
	names, sheets := flatSheets(t, data)
	require.Equal(t, []string{"it's <a> & b", "it's <a> & b (2)"}, names)
	header := []string{"string text", "string number", "string moment"}
	require.Equal(t, [][][]string{
		{
			header,
			{"string 00501", "string 12345678901234567890", "date 2024-02-292024-02-29"},
			{"string =1+1", "float -1234.5", "date 2024-02-29T08:00:002024-02-29 08:00:00"},
		},
		{
			header,
			{"string 2024-02-29", "float 123456789012345", "time PT13H45M01S13:45:01"},
			{"string  _x0041_ Zoë <&> 😀\nb", "float 100000", "string 1899-12-31"},
		},
	}, sheets)
}

// TestInteropLibreOfficeReadsAllRows: without a dimension, with one, and across what is held back.
func TestInteropLibreOfficeReadsAllRows(t *testing.T) {
	t.Parallel()
	const rows = 20_000
	for _, told := range []int64{0, rows} {
		_, sheets := flatSheets(t, writtenWorkbook(t, func(x *XLSXWriter) {
			require.NoError(t, x.Sheet(XLSXSheet{Name: "s", Columns: []string{"a", "b"}, Rows: told}))
			for range rows {
				x.Text([]byte("some text to be read"))
				x.Number([]byte("5"))
				endRow(t, x)
			}
		}))
		n := 0
		for _, r := range sheets[0] {
			n += min(1, len(r))
		}
		require.Equal(t, rows+1, n)
	}
}

// TestInteropLibreOfficeOpensATemplate: the example's cells are of their types.
func TestInteropLibreOfficeOpensATemplate(t *testing.T) {
	t.Parallel()
	names, sheets := flatSheets(t, writtenTemplate(t, "xlsx", contactTemplate()))
	require.Equal(t, []string{"contacts", "Options"}, names)
	require.Equal(t, []string{
		"string ada@acme.example", "string 00501", "string new", "string Country 7", "string well, fine", "float 36", "float -1.5",
		"string 1234567890123456.78", "date 1990-05-311990-05-31", "date 2024-02-29T13:45:0029.02.2024 13:45", "float TRUE",
	}, sheets[0][1][:11])
	require.Len(t, sheets[1], 300)
}
