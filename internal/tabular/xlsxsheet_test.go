package tabular

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"wharf/internal/fault"
)

const oneRow = `<row><c t="str"><v>a</v></c></row><row><c><v>1</v></c></row>`

// named makes the rows of a sheet whose header is name.
func headed(name string) string {
	return `<row><c t="str"><v>` + name + `</v></c></row><row><c><v>1</v></c></row>`
}

func manySheets() book {
	return book{sheets: []bookSheet{
		{name: "Secret", state: "hidden", rows: headed("secret")},
		{name: "Deep", state: "veryHidden", rows: headed("deep")},
		{name: "Chart", kind: "chartsheet", raw: "<chartsheet/>"},
		{name: "Ask", kind: "dialogsheet", raw: "<dialogsheet/>"},
		{name: "Blank", rows: `<row><c s="1"/></row>`},
		{name: "People", rows: headed("people")},
		{name: "2", rows: headed("two")},
		{name: "Notes & more", rows: headed("notes")},
		{name: "Leer", state: "hidden"},
	}}
}

func TestXLSXSheetIsTheFirstVisibleOneWithCells(t *testing.T) {
	t.Parallel()
	b := manySheets()
	b.sheets[7].name = "Notes &amp; more"
	got := readAll(t, string(b.bytes()), Options{})
	require.Equal(t, "People", got.info.Sheet)
	require.Equal(t, []string{"people"}, got.header)
	require.Equal(t, []string{
		`sheet "People" was read; give the sheet to import another one: "2", "Notes & more"`,
		`hidden sheets were left out: "Secret", "Deep"`,
	}, got.info.Warnings)
}

func TestXLSXSheetThatWasGiven(t *testing.T) {
	t.Parallel()
	b := manySheets()
	data := string(b.bytes())
	for given, header := range map[string]string{
		"People": "people", "pEOPLE ": "people", "6": "people", "2": "two", "Secret": "secret", "1": "secret", "Deep": "deep",
	} {
		got := readAll(t, data, Options{Sheet: given})
		require.Equal(t, []string{header}, got.header, given)
		require.Empty(t, got.info.Warnings)
	}
	for given, says := range map[string]string{
		"Folk": `the workbook has no sheet "Folk": its sheets are "Secret", "Deep", "Chart", "Ask", "Blank", "People", "2", "Notes & more", "Leer"`,
		"10":   `the workbook has no sheet "10"`,
		"0":    `the workbook has no sheet "0"`,
		"3":    `sheet "Chart" holds no cells`,
		"Ask":  `sheet "Ask" holds no cells`,
		"Leer": `the file is empty: sheet "Leer" has no cells`,
	} {
		_, err := failure(t, data, Options{Sheet: given})
		require.Equal(t, fault.Invalid, fault.CodeOf(err))
		require.Contains(t, err.Error(), says)
	}
}

func TestXLSXWithoutAVisibleTable(t *testing.T) {
	t.Parallel()
	chart := bookSheet{name: "Chart", kind: "chartsheet", raw: "<chartsheet/>"}
	for says, sheets := range map[string][]bookSheet{
		`but for hidden sheets: give the sheet to import one of "Secret"`: {{name: "Secret", state: "hidden", rows: oneRow}, {name: "Empty"}},
		"the file is empty":                            {chart},
		`the file is empty: sheet "Only" has no cells`: {{name: "Only", rows: `<row r="3"/>`}, chart},
		"the workbook has no sheets":                   nil,
	} {
		_, err := failure(t, string(book{sheets: sheets}.bytes()), Options{})
		require.Equal(t, fault.Invalid, fault.CodeOf(err))
		require.Contains(t, err.Error(), says)
	}
}

// A sheet that begins with very many empty cells counts as one with cells: looking for them has to end.
func TestXLSXPeeksAreBounded(t *testing.T) {
	t.Parallel()
	vast := strings.Repeat(`<row><c s="1"/><c s="1"/></row>`, peekBytes/30)
	b := book{sheets: []bookSheet{{name: "One", rows: oneRow}, {name: "Vast", rows: vast}}}
	got := readAll(t, string(b.bytes()), Options{Limits: Limits{Ratio: 1 << 20}})
	require.Equal(t, []string{`sheet "One" was read; give the sheet to import another one: "Vast"`}, got.info.Warnings)
}

func TestXLSXDamage(t *testing.T) {
	t.Parallel()
	with := func(change func(b *book)) []byte {
		b := book{sheets: []bookSheet{{name: "One", rows: oneRow}}, shared: "<si><t>x</t></si>", styles: "<cellXfs/>"}
		change(&b)
		return b.bytes()
	}
	part := func(name, text string) []byte {
		return with(func(b *book) { b.parts = map[string]string{name: text} })
	}
	const again = ": open it in a spreadsheet program and save it again as .xlsx or CSV"
	whole := with(func(*book) {})
	cases := map[string]struct {
		data []byte
		says string
		code fault.Code
	}{
		"no sheet":              {with(func(b *book) { b.drop = []string{"xl/worksheets/sheet1.xml"} }), `sheet "One" is listed, but not there` + again, fault.Invalid},
		"no workbook":           {with(func(b *book) { b.drop = []string{"xl/workbook.xml"} }), refusals[kindDocument], fault.UnsupportedMedia},
		"an empty workbook":     {part("xl/workbook.xml", ""), "damaged in xl/workbook.xml" + again, fault.Invalid},
		"another document":      {part("xl/workbook.xml", "<document/>"), refusals[kindDocument], fault.UnsupportedMedia},
		"a cut workbook":        {part("xl/workbook.xml", `<workbook><sheets><sheet name="a"`), "damaged in xl/workbook.xml" + again, fault.Invalid},
		"cut styles":            {part("xl/styles.xml", "<styleSheet><cellXfs>"), "damaged in xl/styles.xml" + again, fault.Invalid},
		"cut texts":             {part("xl/sharedStrings.xml", "<sst><si><t>a"), "damaged in xl/sharedStrings.xml" + again, fault.Invalid},
		"a cut sheet":           {part("xl/worksheets/sheet1.xml", sheetOf(oneRow)[:220]), `sheet "One" cannot be read beyond row 1` + again, fault.Invalid},
		"no rows' end":          {part("xl/worksheets/sheet1.xml", "<worksheet><sheetData>"+oneRow), `sheet "One" cannot be read beyond row 2` + again, fault.Invalid},
		"another part":          {part("xl/worksheets/sheet1.xml", "<html><body/></html>"), "damaged in xl/worksheets/sheet1.xml" + again, fault.Invalid},
		"no data":               {part("xl/worksheets/sheet1.xml", "<worksheet/>"), `the file is empty: sheet "One" has no cells`, fault.Invalid},
		"a document type":       {part("xl/worksheets/sheet1.xml", `<!DOCTYPE lolz [<!ENTITY lol "lol">]>`+sheetOf(oneRow)), "declares a document type or entities", fault.Invalid},
		"one in the texts":      {part("xl/sharedStrings.xml", `<!DOCTYPE sst><sst/>`), "declares a document type or entities", fault.Invalid},
		"half a zip":            {whole[:len(whole)/2], "the zip file is damaged", fault.Invalid},
		"a protected part":      {bytesSet(whole, "PK\x01\x02", 8, 1), "protected by a password", fault.UnsupportedMedia},
		"an unknown packing":    {bytesSet(whole, "PK\x01\x02", 10, 97), "compressed in a way that cannot be read", fault.UnsupportedMedia},
		"another checksum":      {bytesSet(whole, "PK\x01\x02", 16, 0xAA), "the workbook is damaged in", fault.Invalid},
		"a workbook in Excel 4": {with(func(b *book) { b.sheets[0].kind = "xlMacrosheet" }), "the file is empty", fault.Invalid},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := failure(t, string(c.data), Options{})
			require.Equal(t, c.code, fault.CodeOf(err), err)
			f, _ := fault.As(err)
			require.Contains(t, f.Message, c.says)
		})
	}
}

// bytesSet sets the byte at an offset behind each occurrence of mark.
func bytesSet(data []byte, mark string, offset int, to byte) []byte {
	text := string(data)
	for at := 0; ; {
		i := strings.Index(text[at:], mark)
		if i < 0 {
			return []byte(text)
		}
		at += i + offset
		text = text[:at] + string([]byte{to}) + text[at+1:]
	}
}
