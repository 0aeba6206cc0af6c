//go:build interop

package exporter

import (
	"encoding/csv"
	"os"
	osexec "os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// asCSV has LibreOffice write every sheet of a workbook as a CSV file of its own, texts as they are shown.
func asCSV(t *testing.T, book []byte) map[string][][]string {
	t.Helper()
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "book.xlsx"), book, 0o600))
	// Comma, quote, UTF-8, from the first line, language of the formats, quote all texts, as shown, …, every sheet.
	said, err := osexec.Command("soffice", "-env:UserInstallation=file://"+filepath.Join(dir, "profile"), "--headless",
		"--convert-to", "csv:Text - txt - csv (StarCalc):44,34,76,1,,0,false,true,false,false,false,-1", "--outdir", dir, filepath.Join(dir, "book.xlsx")).CombinedOutput()
	require.NoError(t, err, string(said))
	files, err := filepath.Glob(filepath.Join(dir, "book-*.csv"))
	require.NoError(t, err)
	sheets := map[string][][]string{}
	for _, name := range files {
		text, err := os.ReadFile(name)
		require.NoError(t, err)
		rows, err := csv.NewReader(strings.NewReader(string(text))).ReadAll()
		require.NoError(t, err)
		sheet := strings.TrimSuffix(strings.TrimPrefix(filepath.Base(name), "book-"), ".csv")
		sheets[sheet] = rows
	}
	return sheets
}

// TestInteropLibreOfficeReadsAnExport: dates are dates, long numbers and digits with a leading zero keep every digit, sheets
// have names that are told apart, and a table of more rows than a sheet holds goes on in another.
func TestInteropLibreOfficeReadsAnExport(t *testing.T) {
	t.Parallel()
	h := emptyHouse(t, `
		CREATE TABLE cells (id int PRIMARY KEY, tenant_id uuid NOT NULL, zip text, small numeric, long numeric, big bigint, day date, at timestamptz, hour time, yes boolean, gone text);
		CREATE TABLE "A table whose name is longer than a sheet's" (id int PRIMARY KEY, tenant_id uuid NOT NULL);
		CREATE TABLE "a Table whose name is longer than a sheet's, too" (id int PRIMARY KEY, tenant_id uuid NOT NULL);
		CREATE TABLE many (n int PRIMARY KEY, tenant_id uuid NOT NULL DEFAULT '00000000-0000-0000-0000-000000000000')`)
	h.exec(t, `INSERT INTO cells VALUES (1, $1, '00420', 12.50, 12345678901234567890.5, 9007199254740993, '2024-02-29', '2024-02-29 13:45:10Z', '08:30', true, NULL)`, h.mine)
	h.exec(t, `INSERT INTO many SELECT n, $1 FROM generate_series(1, 1048580) n`, h.mine)
	data, r := h.write(t, Request{Format: FormatXLSX})
	require.EqualValues(t, 1048580, r.tables["many"])
	sheets := asCSV(t, data)
	require.Len(t, sheets, 5)
	require.Contains(t, sheets, "A table whose name is longer th")
	require.Contains(t, sheets, "a Table whose name is longe (2)")
	require.Equal(t, []string{"1", h.mine.String(), "00420", "12.5", "12345678901234567890.5", "9007199254740993", "2024-02-29", "2024-02-29 13:45:10", "TRUE", ""},
		slices.Delete(slices.Clone(sheets["cells"][1]), 8, 9))
	require.Regexp(t, "^0?8:30:00", sheets["cells"][1][8], "as the language has it")
	require.Len(t, sheets["many"], 1<<20, "a heading and as many rows as a sheet holds")
	require.Len(t, sheets["many (2)"], 1+1048580-(1<<20-1))
	seen := map[string]bool{}
	for _, row := range slices.Concat(sheets["many"][1:], sheets["many (2)"][1:]) {
		seen[row[0]] = true
	}
	require.Len(t, seen, 1048580)
}
