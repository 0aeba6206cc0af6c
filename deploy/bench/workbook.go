package main

import (
	"archive/zip"
	"bufio"
	"bytes"
	"context"
	"encoding/csv"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"time"

	"github.com/xuri/excelize/v2"

	"wharf/deploy/client"
)

const (
	sheetRows     = 1_048_575 // what a sheet holds beside its header
	sharedStrings = 500_000   // at most so many different notes
)

// workbook measures the rows as a workbook, against the same rows as CSV, and reading it against excelize. Its notes are
// shared strings, as spreadsheet programs write all texts: half a million of them in a file of a million rows.
func (b *bench) workbook(ctx context.Context) error {
	rows := min(b.rows, sheetRows)
	plain, err := b.keep(fmt.Sprintf("shared-%d.csv", rows), func(w io.Writer) error { return writeShared(w, b.file, rows) })
	if err != nil {
		return err
	}
	book, err := b.keep(fmt.Sprintf("shared-%d.xlsx", rows), func(w io.Writer) error { return writeBook(w, plain) })
	if err != nil {
		return err
	}
	var besideCSV, besideExcelize sampled
	want := client.Status{NumCreated: int64(rows)}
	for range b.rounds {
		if err := b.empty(ctx); err != nil {
			return err
		}
		base, _, err := b.importFile(ctx, plain, want)
		if err != nil {
			return err
		}
		if err := b.empty(ctx); err != nil {
			return err
		}
		own, peak, err := b.importFile(ctx, book, want)
		if err != nil {
			return err
		}
		read, err := readByExcelize(book)
		if err != nil {
			return err
		}
		besideCSV.add(own, base, peak)
		besideExcelize.add(own, read, peak)
	}
	b.report("import, XLSX", "the same rows as CSV", rows, besideCSV)
	b.report("import, XLSX", "excelize, reading alone", rows, besideExcelize)
	return nil
}

// writeShared writes the first rows of a wide file, with notes that repeat.
func writeShared(w io.Writer, wide string, rows int) (err error) {
	f, err := os.Open(wide)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }() // read only
	in, out := csv.NewReader(f), csv.NewWriter(w)
	for n := range rows + 1 {
		record, err := in.Read()
		if err != nil {
			return err
		}
		if n > 0 {
			record[len(record)-1] = fmt.Sprintf("%s note no. %d, to be confirmed", record[len(record)-1][:20], n%sharedStrings)
		}
		if err := out.Write(record); err != nil {
			return err
		}
	}
	out.Flush()
	return out.Error()
}

// bookParts are the parts of the smallest workbook that every reader takes.
var bookParts = map[string]string{
	"[Content_Types].xml":        `<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"><Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/><Default Extension="xml" ContentType="application/xml"/><Override PartName="/xl/workbook.xml" ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"/><Override PartName="/xl/worksheets/sheet1.xml" ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.worksheet+xml"/><Override PartName="/xl/sharedStrings.xml" ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.sharedStrings+xml"/></Types>`,
	"_rels/.rels":                `<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="rId1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument" Target="xl/workbook.xml"/></Relationships>`,
	"xl/workbook.xml":            `<workbook xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main" xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships"><sheets><sheet name="Rows" sheetId="1" r:id="rId1"/></sheets></workbook>`,
	"xl/_rels/workbook.xml.rels": `<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="rId1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/worksheet" Target="worksheets/sheet1.xml"/><Relationship Id="rId2" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/sharedStrings" Target="sharedStrings.xml"/></Relationships>`,
}

const mainSpace = `xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"`

// writeBook turns a CSV into a workbook: numbers as numbers, the last column as shared strings, other texts inline.
func writeBook(w io.Writer, path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }() // read only
	z := zip.NewWriter(w)
	for name, text := range bookParts {
		part, err := z.Create(name)
		if err != nil {
			return err
		}
		if _, err := io.WriteString(part, xml.Header+text); err != nil {
			return err
		}
	}
	part, err := z.Create("xl/worksheets/sheet1.xml")
	if err != nil {
		return err
	}
	shared := &stringTable{at: map[string]int{}}
	if err := writeSheet(part, csv.NewReader(f), shared); err != nil {
		return err
	}
	if part, err = z.Create("xl/sharedStrings.xml"); err != nil {
		return err
	}
	return errors.Join(shared.write(part), z.Close())
}

func writeSheet(w io.Writer, in *csv.Reader, shared *stringTable) error {
	out := text{bufio.NewWriterSize(w, 1<<16)}
	out.put(`%s<worksheet %s><sheetData>`, xml.Header, mainSpace)
	in.ReuseRecord = true
	for n := 1; ; n++ {
		record, err := in.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		out.put(`<row r="%d">`, n)
		for i, cell := range record {
			at := string(rune('A'+i)) + strconv.Itoa(n)
			switch _, err := strconv.ParseFloat(cell, 64); {
			case err == nil:
				out.put(`<c r="%s"><v>%s</v></c>`, at, cell)
			case i == len(record)-1:
				out.put(`<c r="%s" t="s"><v>%d</v></c>`, at, shared.index(cell))
			default:
				out.put(`<c r="%s" t="inlineStr"><is><t>%s</t></is></c>`, at, escaped(cell))
			}
		}
		out.put(`</row>`)
	}
	out.put(`</sheetData></worksheet>`)
	return out.Flush()
}

// stringTable is a workbook's shared strings.
type stringTable struct {
	at  map[string]int
	all []string
}

func (t *stringTable) index(s string) int {
	if n, ok := t.at[s]; ok {
		return n
	}
	t.at[s] = len(t.all)
	t.all = append(t.all, s)
	return len(t.all) - 1
}

func (t *stringTable) write(w io.Writer) error {
	out := text{bufio.NewWriterSize(w, 1<<16)}
	out.put(`%s<sst %s uniqueCount="%d">`, xml.Header, mainSpace, len(t.all))
	for _, s := range t.all {
		out.put(`<si><t>%s</t></si>`, escaped(s))
	}
	out.put(`</sst>`)
	return out.Flush()
}

// text is a buffer that keeps its first error until it is flushed.
type text struct{ *bufio.Writer }

func (t text) put(format string, args ...any) { _, _ = fmt.Fprintf(t, format, args...) }

func escaped(s string) string {
	var b bytes.Buffer
	_ = xml.EscapeText(&b, []byte(s)) // a buffer takes all
	return b.String()
}

// readByExcelize gives how long excelize takes to read every cell as it is stored.
func readByExcelize(path string) (seconds float64, err error) {
	start := time.Now()
	f, err := excelize.OpenFile(path, excelize.Options{RawCellValue: true})
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	rows, err := f.Rows(f.GetSheetName(0))
	if err != nil {
		return 0, err
	}
	for rows.Next() {
		if _, err := rows.Columns(); err != nil {
			return 0, err
		}
	}
	return time.Since(start).Seconds(), errors.Join(rows.Error(), rows.Close())
}
