package tabular

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"wharf/internal/fault"
)

// styles of the tests: 0 general, 1 date, 2 date and time, 3 time, 4 elapsed, 5 zip code, 6 percent, 7 own date.
const testStyles = `<numFmts><numFmt numFmtId="164" formatCode="00000"/>` +
	`<numFmt numFmtId="165" formatCode="[$-409]d\-mmm\-yyyy;@"/></numFmts>` +
	`<cellStyleXfs><xf numFmtId="14"/><xf numFmtId="14"/></cellStyleXfs>` +
	`<cellXfs><xf/><xf numFmtId="14"/><xf numFmtId="22"/><xf numFmtId="20"/><xf numFmtId="46"/><xf numFmtId="164"/>` +
	`<xf numFmtId="10"/><xf numFmtId="165"/></cellXfs>`

// sharedTests are the shared strings of the tests.
const sharedTests = `<si><t>shared</t></si>` +
	`<si><r><t>rich </t></r><r><rPr><b/></rPr><t xml:space="preserve"> text</t></r><rPh sb="0" eb="1"><t>hint</t></rPh><phoneticPr/></si>` +
	`<si/><si><t/></si><si><t>a &amp; b&#10;c</t></si><si><t>bad _xD800_ half</t></si>`

// oneCell reads a workbook whose second row holds one cell.
func oneCell(t *testing.T, cell, props string) (table, error) {
	t.Helper()
	b := rows(`<row r="1"><c r="A1" t="inlineStr"><is><t>name</t></is></c><c r="B1" t="str"><v>other</v></c></row>` +
		`<row r="2">` + cell + `<c r="B2"><v>7</v></c></row>`)
	b.shared, b.styles, b.props = sharedTests, testStyles, props
	return tryRead(t.Context(), memory{data: b.bytes()}, Options{})
}

func TestXLSXCells(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		cell, want string
		kind       Kind
	}{
		"a number":                         {`<c r="A2"><v>12.50</v></c>`, "12.50", Number},
		"a number of twelve digits":        {`<c r="A2"><v>1.23456789012E+11</v></c>`, "123456789012", Number},
		"a binary fraction":                {`<c r="A2"><v>1.1000000000000001</v></c>`, "1.1", Number},
		"a percentage":                     {`<c r="A2" s="6"><v>0.25</v></c>`, "0.25", Number},
		"text in a number cell":            {`<c r="A2"><v>n/a &amp; more</v></c>`, "n/a & more", Text},
		"a date":                           {`<c r="A2" s="1"><v>45350</v></c>`, "2024-02-28", Date},
		"a date of a format of its own":    {`<c r="A2" s="7"><v>45351</v></c>`, "2024-02-29", Date},
		"a date and a time":                {`<c r="A2" s="2"><v>45350.572916666664</v></c>`, "2024-02-28T13:45:00", Date},
		"a midnight":                       {`<c r="A2" s="2"><v>45350</v></c>`, "2024-02-28T00:00:00", Date},
		"a date that has a time":           {`<c r="A2" s="1"><v>45350.5</v></c>`, "2024-02-28T12:00:00", Date},
		"a time":                           {`<c r="A2" s="3"><v>0.75</v></c>`, "18:00:00", Date},
		"a duration":                       {`<c r="A2" s="4"><v>10.632060185185185</v></c>`, "255:10:10", Text},
		"an ISO date":                      {`<c r="A2" t="d" s="1"><v>2024-02-28T00:00:00</v></c>`, "2024-02-28", Date},
		"an ISO time":                      {`<c r="A2" t="d"><v>10:10:10.500</v></c>`, "10:10:10.5", Date},
		"what is no ISO date":              {`<c r="A2" t="d"><v>tomorrow</v></c>`, "tomorrow", Text},
		"a day before the calendar":        {`<c r="A2" s="1"><v>-5</v></c>`, "-5", Number},
		"day zero":                         {`<c r="A2" s="1"><v>0</v></c>`, "0", Number},
		"a day after the calendar":         {`<c r="A2" s="1"><v>6.281228502068E12</v></c>`, "6281228502068", Number},
		"a zip code":                       {`<c r="A2" s="5"><v>501</v></c>`, "00501", Text},
		"a style that is not there":        {`<c r="A2" s="99"><v>45350</v></c>`, "45350", Number},
		"an empty style":                   {`<c r="A2" s=""><v>45350</v></c>`, "45350", Number},
		"an inline text":                   {`<c r="A2" t="inlineStr"><is><t>007</t></is></c>`, "007", Text},
		"an inline text of two runs":       {`<c r="A2" t="inlineStr"><is><r><t>0</t></r><r><t xml:space="preserve"> 7</t></r></is></c>`, "0 7", Text},
		"an inline text in a plain value":  {`<c r="A2" t="inlineStr"><v>007</v></c>`, "007", Text},
		"a shared text":                    {`<c r="A2" t="s"><v>0</v></c>`, "shared", Text},
		"a shared text of two runs":        {`<c r="A2" t="s"><v>1</v></c>`, "rich  text", Text},
		"a shared text with entities":      {`<c r="A2" t="s"><v> 4 </v></c>`, "a & b\nc", Text},
		"an empty shared text":             {`<c r="A2" t="s"><v>2</v></c>`, "", Text},
		"another empty shared text":        {`<c r="A2" t="s"><v>3</v></c>`, "", Text},
		"no shared text":                   {`<c r="A2" t="s"><v></v></c>`, "", Text},
		"a formula's text":                 {`<c r="A2" t="str"><f>A1&amp;"&lt;"</f><v>a &lt; b_x000D_</v></c>`, "a < b\r", Text},
		"a formula's number":               {`<c r="A2"><f t="shared" si="0"/><v>3</v></c>`, "3", Number},
		"a formula's empty text":           {`<c r="A2" t="str"><f>""</f></c>`, "", Text},
		"true":                             {`<c r="A2" t="b"><v>1</v></c>`, "true", Boolean},
		"false":                            {`<c r="A2" t="b"><f>1=2</f><v>0</v></c>`, "false", Boolean},
		"a text in CDATA":                  {`<c r="A2" t="str"><v><![CDATA[<b>]]> &amp;</v></c>`, "<b> &", Text},
		"a value with attributes":          {`<c r="A2" t="str"><v xml:space="preserve"> x </v></c>`, " x ", Text},
		"single quotes, spaces, a comment": {`<c  t = 'str'  r='A2' ><!-- <v>1</v> --><v>x</v ></c >`, "x", Text},
		"an extension":                     {`<c r="A2"><v>1</v><extLst><ext><v>2</v></ext></extLst></c>`, "1", Number},
		"another prefix":                   {`<x:c r="A2"><x:v>1</x:v></x:c>`, "1", Number},
		"no cell":                          {`<c r="A2" s="1"/>`, "", Text},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := oneCell(t, c.cell, "")
			require.NoError(t, err)
			require.Equal(t, [][]string{{c.want, "7"}}, got.rows)
			require.Equal(t, [][]Kind{{c.kind, Number}}, got.kinds)
			require.Empty(t, got.errors)
		})
	}
}

func TestXLSXCellErrors(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		cell, want string
		err        CellError
	}{
		"a formula without its value": {
			`<c r="A2"><f>A1+1</f></c>`, "",
			CellError{Rule: "formula", Message: "holds a formula that was never calculated: open the workbook in a spreadsheet program and save it"},
		},
		"a shared text that is not there": {
			`<c r="A2" t="s"><v>6</v></c>`, "",
			CellError{Rule: "damaged", Message: "refers to a text that the workbook does not hold", Value: "6"},
		},
		"NUL": {
			`<c r="A2" t="str"><v>a_x0000_b</v></c>`, "a\uFFFDb",
			CellError{Rule: "nul", Message: "has a NUL character, which text cannot hold", Value: "a\uFFFDb"},
		},
		"half of a pair": {
			`<c r="A2" t="s"><v>5</v></c>`, "bad \uFFFD half",
			CellError{Rule: "encoding", Message: "has a character that is none, such as half of a surrogate pair", Value: "bad \uFFFD half"},
		},
		"wrong bytes": {
			"<c r=\"A2\" t=\"str\"><v>Zo\xeb</v></c>", "Zo\uFFFD",
			CellError{Rule: "encoding", Message: "has bytes that are not utf-8: save the file as UTF-8, or give its encoding", Value: "Zo\uFFFD"},
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := oneCell(t, c.cell, "")
			require.NoError(t, err)
			require.Equal(t, [][]string{{c.want, "7"}}, got.rows)
			require.Equal(t, Text, got.kinds[0][0])
			require.Equal(t, []CellError{c.err}, got.errors)
		})
	}
}

// The 1904 system counts from another day; its day zero is a date.
func TestXLSXDatesOf1904(t *testing.T) {
	t.Parallel()
	for cell, want := range map[string]string{
		`<c r="A2" s="1"><v>0</v></c>`:       "1904-01-01",
		`<c r="A2" s="1"><v>43888</v></c>`:   "2024-02-28",
		`<c r="A2" s="2"><v>1.25</v></c>`:    "1904-01-02T06:00:00",
		`<c r="A2" s="3"><v>0.25</v></c>`:    "06:00:00",
		`<c r="A2" s="4"><v>1.25</v></c>`:    "30:00:00",
		`<c r="A2" s="1"><v>-1</v></c>`:      "-1",
		`<c r="A2" s="1"><v>2957003</v></c>`: "9999-12-31",
		`<c r="A2" s="1"><v>2957004</v></c>`: "2957004",
	} {
		got, err := oneCell(t, cell, `date1904="true"`)
		require.NoError(t, err)
		require.Equal(t, want, got.rows[0][0], cell)
	}
}

// Rows and cells need not say where they are, nor be in order; a row's number is the one a person sees.
func TestXLSXRows(t *testing.T) {
	t.Parallel()
	const head = `<row r="1"><c r="A1" t="str"><v>a</v></c><c r="B1" t="str"><v>b</v></c><c r="C1" t="str"><v>c</v></c></row>`
	cases := map[string]struct {
		rows  string
		want  [][]string
		lines []int64
	}{
		"nothing says where it is": {`<row><c><v>1</v></c><c><v>2</v></c></row><row><c/><c/><c><v>3</v></c></row>`, [][]string{{"1", "2", ""}, {"", "", "3"}}, []int64{2, 3}},
		"only cells do":            {`<row><c r="B5"><v>2</v></c></row><row><c><v>1</v></c></row>`, [][]string{{"", "2", ""}, {"1", "", ""}}, []int64{5, 6}},
		"gaps":                     {`<row r="4"><c r="C4"><v>1</v></c></row><row r="1000000"><c r="A1000000"><v>2</v></c></row>`, [][]string{{"", "", "1"}, {"2", "", ""}}, []int64{4, 1000000}},
		"out of order":             {`<row r="9"><c r="A9"><v>9</v></c></row><row r="3"><c r="C3"><v>3</v></c><c r="A3"><v>1</v></c></row>`, [][]string{{"9", "", ""}, {"1", "", "3"}}, []int64{9, 3}},
		"blank rows":               {`<row r="2"/><row r="3"></row><row r="4"><c r="A4" s="1"/></row><row r="5"><c r="A5" t="str"><v></v></c></row><row r="6"><c r="A6"><v>1</v></c></row>`, [][]string{{"1", "", ""}}, []int64{6}},
		"none":                     {"", nil, nil},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := readAll(t, string(rows(head+c.rows).bytes()), Options{})
			require.Equal(t, c.want, got.rows)
			require.Equal(t, c.lines, got.lines)
			require.Empty(t, got.errors)
		})
	}
}

func TestXLSXRowsThatCannotBe(t *testing.T) {
	t.Parallel()
	const head = `<row r="1"><c r="A1" t="str"><v>a</v></c></row>`
	for name, c := range map[string]struct {
		rows, says string
		code       fault.Code
	}{
		"a number beyond all sheets": {`<row r="231999999999940"><c><v>1</v></c></row>`, "row numbered 231999999999940", fault.TooLarge},
		"a number beyond numbers":    {`<row r="99999999999999999999999"><c><v>1</v></c></row>`, `(limit "rows"`, fault.TooLarge},
		"the same number twice":      {`<row r="2"><c><v>1</v></c></row><row r="2"><c><v>1</v></c></row>`, "row 2 is there twice", fault.Invalid},
		"a row that is not closed":   {`<row r="2"><c><v>1</v></c>`, "cannot be read beyond row 1", fault.Invalid},
		"a cell that is not closed":  {`<row r="2"><c><v>1</v></row>`, "cannot be read beyond row 1", fault.Invalid},
		"a bare attribute":           {`<row r="2"><c r=A2><v>1</v></c></row>`, "cannot be read beyond row 1", fault.Invalid},
		"a document type":            {`<!DOCTYPE a [<!ENTITY b "c">]><row/>`, "declares a document type", fault.Invalid},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := failure(t, string(rows(head+c.rows).bytes()), Options{Limits: Limits{Rows: 2_000_000}})
			require.Equal(t, c.code, fault.CodeOf(err), err)
			require.Contains(t, err.Error(), c.says)
			require.Equal(t, []string{"a"}, got.header)
		})
	}
}

func TestXLSXHeader(t *testing.T) {
	t.Parallel()
	text := func(ref, v string) string { return `<c r="` + ref + `" t="str"><v>` + v + `</v></c>` }
	titled := text("A1", "Report") + `</row><row r="3">` + text("A3", "id") + text("B3", " name\n(full) ") + text("D3", "note") +
		`</row><row r="5"><c r="A5"><v>1</v></c>` + text("D5", "x") +
		`</row><row r="6"><c r="A6"><v>2</v></c>` + text("E6", "far") + `</row><row r="7">` + text("D7", "y") + `</row>`
	sheet := string(rows(`<row r="1">` + titled).bytes())

	got := readAll(t, sheet, Options{})
	require.Equal(t, []string{"id", "name (full)", "C", "note", "E"}, got.header)
	require.Equal(t, 3, got.info.HeaderRow)
	require.Equal(t, []int64{5, 6, 7}, got.lines)
	require.Contains(t, got.info.Warnings, "the header was found in row 3: the rows above it were left out")

	got = readAll(t, sheet, Options{HeaderRow: 5})
	require.Equal(t, []string{"1", "B", "C", "x", "E"}, got.header)
	require.Equal(t, []int64{6, 7}, got.lines)

	for row, says := range map[int]string{4: "row 4 cannot be the header: it is blank", 8: `row 8 cannot be the header: sheet "Sheet1" has 7 rows`} {
		_, err := failure(t, sheet, Options{HeaderRow: row})
		require.EqualError(t, err, says)
	}
	_, err := failure(t, string(rows(`<row r="5">`+text("A5", "a")+text("B5", "b")+text("C5", "c")+`</row><row r="2">`+text("A2", "x")+`</row>`).bytes()), Options{HeaderRow: 2})
	require.ErrorContains(t, err, "blank")
}

// Above a table far below the first megabyte there may be blank rows alone.
func TestXLSXTableBelowManyBlankRows(t *testing.T) {
	t.Parallel()
	blank := strings.Repeat(`<row><c s="1"/><c s="1"/></row>`, 100_000)
	got := readAll(t, string(rows(blank+`<row><c t="str"><v>a</v></c></row><row><c><v>1</v></c></row>`).bytes()), Options{Limits: Limits{Ratio: 100_000}})
	require.Equal(t, []string{"a"}, got.header)
	require.Equal(t, []int64{100_002}, got.lines)
}

// A value beyond the columns that the head shows makes its row wrong.
func TestXLSXValuesBesideTheTable(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	b.WriteString(`<row><c t="str"><v>a</v></c></row>`)
	for range headRecords {
		b.WriteString(`<row><c><v>1</v></c></row>`)
	}
	b.WriteString(`<row><c><v>1</v></c><c t="str"><v> </v></c></row><row><c><v>1</v></c><c/><c><v>3</v></c></row>`)
	got := readAll(t, string(rows(b.String()).bytes()), Options{})
	require.Equal(t, []CellError{{
		Row: headRecords + 1, Col: -1, Rule: "ragged", Message: "has a value in column C, but the table has 1 column", Value: "C: 3",
	}}, got.errors)
}

func TestXLSXOptionsThatFitNoWorkbook(t *testing.T) {
	t.Parallel()
	for _, opts := range []Options{{Encoding: "utf-8"}, {Delimiter: ";"}} {
		_, err := failure(t, string(inlineBook(1)), opts)
		require.Equal(t, fault.Invalid, fault.CodeOf(err))
		require.Contains(t, err.Error(), "a workbook has neither")
	}
}

// What surrounds the rows may have other names, prefixes, namespaces and encodings than Excel's.
func TestXLSXUnusualParts(t *testing.T) {
	t.Parallel()
	row := `<row><c t="s"><v>0</v></c></row><row><c><v>1</v></c></row>`
	moved := rows("")
	moved.drop = []string{"xl/workbook.xml", "xl/_rels/workbook.xml.rels", "xl/worksheets/sheet1.xml"}
	moved.parts = map[string]string{
		"_rels/.rels":   `<Relationships><Relationship Id="x" Type="http://purl.oclc.org/ooxml/officeDocument/relationships/officeDocument" Target="/Book/Main.xml"/></Relationships>`,
		"book/main.xml": `<x:workbook xmlns:x="http://purl.oclc.org/ooxml/spreadsheetml/main" xmlns:q="y"><x:sheets><x:sheet name="Fünf &amp; Sechs" sheetId="7" q:id="one"/></x:sheets></x:workbook>`,
		`book\_rels\main.xml.rels`: `<Relationships><Relationship Id="one" Type="http://purl.oclc.org/ooxml/officeDocument/relationships/worksheet" Target="..\data/./one.xml"/>` +
			`<Relationship Id="two" Type="http://purl.oclc.org/ooxml/officeDocument/relationships/sharedStrings" Target="/DATA/texts.xml"/></Relationships>`,
		"data/texts.xml": `<y:sst xmlns:y="z"><y:si><y:t>a</y:t></y:si></y:sst>`,
		"data/one.xml":   encoded(t, "utf-16le", "\ufeff"+strings.ReplaceAll(strings.ReplaceAll(sheetOf(row), "<", "<x:"), "<x:/", "</x:")),
	}
	moved.parts["data/one.xml"] = strings.Replace(moved.parts["data/one.xml"], encoded(t, "utf-16le", "<x:?xml"), encoded(t, "utf-16le", "<?xml"), 1)
	plain := rows(row)
	plain.shared = `<si><t>a</t></si>`
	latin := rows(row)
	latin.shared = `<si><t>a</t></si>`
	latin.parts = map[string]string{"xl/worksheets/sheet1.xml": "<?xml version='1.0' encoding='ISO-8859-1'?>" + strings.Replace(sheetOf(`<row><c t="str"><v>a</v></c></row><row><c t="str"><v>Zo`+"\xeb"+`</v></c></row>`), xmlTop, "", 1)}
	noRels := rows(row)
	noRels.shared, noRels.drop = `<si><t>a</t></si>`, []string{"_rels/.rels"}
	for name, c := range map[string]struct {
		book book
		want string
	}{"moved": {moved, "1"}, "plain": {plain, "1"}, "Latin-1": {latin, "Zoë"}, "no root relationships": {noRels, "1"}} {
		got := readAll(t, string(c.book.bytes()), Options{})
		require.Equal(t, []string{"a"}, got.header, name)
		require.Equal(t, [][]string{{c.want}}, got.rows, name)
	}
}

func TestXLSXErrorCellIsFailed(t *testing.T) {
	t.Parallel()
	got, err := oneCell(t, `<c r="A2" t="e"><f>1/0</f><v>#DIV/0!</v></c>`, "")
	require.NoError(t, err)
	require.Equal(t, "#DIV/0!", got.rows[0][0])
	require.Equal(t, Failed, got.kinds[0][0])
	require.Empty(t, got.errors, "whoever checks the cell says so")
}
