package tabular

import (
	"archive/zip"
	"bytes"
	"fmt"
	"io"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/xuri/excelize/v2"
)

// book is a workbook made by hand, part by part, so that it may be wrong in any way.
type book struct {
	sheets []bookSheet
	shared string // the si elements; "": there is no such part
	styles string // inside of the styleSheet element
	props  string // attributes of workbookPr
	parts  map[string]string
	drop   []string // parts that are listed and left out
}

type bookSheet struct {
	name, state, rows string // rows: inside of the sheetData element
	kind              string // of the relationship; "": worksheet
	raw               string // the whole part, instead of rows
}

const (
	mainNS = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
	relNS  = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
	xmlTop = `<?xml version="1.0" encoding="UTF-8" standalone="yes"?>` + "\n"
)

// rows makes a workbook of one sheet.
func rows(xml string) book { return book{sheets: []bookSheet{{name: "Sheet1", rows: xml}}} }

// sheetOf is a whole worksheet part.
func sheetOf(rows string) string {
	return xmlTop + `<worksheet xmlns="` + mainNS + `"><dimension ref="A1"/><sheetData>` + rows +
		`</sheetData><pageMargins left="0.7"/></worksheet>`
}

func (b book) bytes() []byte {
	files := map[string]string{
		"[Content_Types].xml": xmlTop + `<Types/>`,
		"_rels/.rels":         xmlTop + `<Relationships><Relationship Id="r1" Type="` + relNS + `/officeDocument" Target="xl/workbook.xml"/></Relationships>`,
	}
	var sheets, rels strings.Builder
	for i, s := range b.sheets {
		n := strconv.Itoa(i + 1)
		if s.kind == "" {
			s.kind = "worksheet"
		}
		fmt.Fprintf(&sheets, `<sheet name=%q sheetId="%s" state="%s" r:id="rId%s"/>`, s.name, n, s.state, n)
		fmt.Fprintf(&rels, `<Relationship Id="rId%s" Type="%s/%s" Target="worksheets/sheet%s.xml"/>`, n, relNS, s.kind, n)
		if s.raw == "" {
			s.raw = sheetOf(s.rows)
		}
		files["xl/worksheets/sheet"+n+".xml"] = s.raw
	}
	if b.shared != "" {
		files["xl/sharedStrings.xml"] = xmlTop + `<sst xmlns="` + mainNS + `">` + b.shared + `</sst>`
		rels.WriteString(`<Relationship Id="s" Type="` + relNS + `/sharedStrings" Target="sharedStrings.xml"/>`)
	}
	if b.styles != "" {
		files["xl/styles.xml"] = xmlTop + `<styleSheet>` + b.styles + `</styleSheet>`
		rels.WriteString(`<Relationship Id="t" Type="` + relNS + `/styles" Target="/xl/styles.xml"/>`)
	}
	files["xl/workbook.xml"] = xmlTop + `<workbook xmlns="` + mainNS + `" xmlns:r="` + relNS + `"><workbookPr ` + b.props +
		`/><sheets>` + sheets.String() + `</sheets></workbook>`
	files["xl/_rels/workbook.xml.rels"] = xmlTop + `<Relationships>` + rels.String() + `</Relationships>`
	for name, text := range b.parts {
		files[name] = text
	}
	for _, name := range b.drop {
		delete(files, name)
	}
	var list []string
	for _, name := range []string{"[Content_Types].xml"} { // first, as programs have it
		if text, ok := files[name]; ok {
			list = append(list, name, text)
			delete(files, name)
		}
	}
	for name, text := range files {
		list = append(list, name, text)
	}
	return deflated(list...)
}

// deflated makes a zip of files: name, content, name, content …
func deflated(files ...string) []byte {
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for i := 0; i < len(files); i += 2 {
		f, _ := w.CreateHeader(&zip.FileHeader{Name: files[i], Method: zip.Deflate})
		_, _ = io.WriteString(f, files[i+1])
	}
	_ = w.Close()
	return b.Bytes()
}

var escapeXML = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;")

// inlineBook stores the people of the conformance suite as inline strings, sharedBook as shared ones.
func inlineBook(n int) []byte {
	var b strings.Builder
	b.WriteString(`<row r="1"><c r="A1" t="str"><v>id</v></c><c r="B1" t="str"><v>name</v></c><c r="C1" t="str"><v>note</v></c></row>`)
	for i := range n {
		id, name, note := person(i)
		fmt.Fprintf(&b, `<row r="%[1]d"><c r="A%[1]d"><v>%[2]s</v></c><c r="B%[1]d" t="inlineStr"><is><t>%[3]s</t></is></c>`, i+2, id, name)
		fmt.Fprintf(&b, `<c r="C%d" t="inlineStr"><is><t xml:space="preserve">%s</t></is></c></row>`, i+2, escapeXML.Replace(note))
	}
	return rows(b.String()).bytes()
}

func sharedBook(n int) []byte {
	var b, texts strings.Builder
	index := map[string]int{}
	cell := func(text string) string {
		i, ok := index[text]
		if !ok {
			i = len(index)
			index[text] = i
			texts.WriteString(`<si><t>` + escapeXML.Replace(text) + `</t></si>`)
		}
		return `<c t="s"><v>` + strconv.Itoa(i) + `</v></c>`
	}
	b.WriteString(`<row>` + cell("id") + cell("name") + cell("note") + `</row>`)
	for i := range n {
		id, name, note := person(i)
		b.WriteString(`<row><c><v>` + id + `</v></c>` + cell(name) + cell(note) + `</row>`)
	}
	w := rows(b.String())
	w.shared = texts.String()
	return w.bytes()
}

// excelized stores the rows of a sheet as excelize does.
func excelized(tb testing.TB, sheet [][]any) []byte {
	tb.Helper()
	f := excelize.NewFile()
	for i, row := range sheet {
		require.NoError(tb, f.SetSheetRow("Sheet1", "A"+strconv.Itoa(i+1), &row))
	}
	var b bytes.Buffer
	require.NoError(tb, f.Write(&b))
	require.NoError(tb, f.Close())
	return b.Bytes()
}

// within puts a sheet's rows and shared strings into a workbook of excelize's, which reads no other so surely.
func within(tb testing.TB, rows, shared string) []byte {
	tb.Helper()
	base := excelized(tb, [][]any{{"x"}})
	z, err := zip.NewReader(bytes.NewReader(base), int64(len(base)))
	require.NoError(tb, err)
	var files []string
	for _, f := range z.File {
		r, err := f.Open()
		require.NoError(tb, err)
		text, err := io.ReadAll(r)
		require.NoError(tb, err)
		files = append(files, f.Name, string(text))
		switch f.Name {
		case "xl/worksheets/sheet1.xml":
			files[len(files)-1] = sheetOf(rows)
		case "xl/sharedStrings.xml":
			files[len(files)-1] = xmlTop + `<sst xmlns="` + mainNS + `">` + shared + `</sst>`
		}
	}
	return deflated(files...)
}
