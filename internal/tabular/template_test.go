package tabular

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/xuri/excelize/v2"

	"wharf/internal/fault"
)

func contactTemplate() Template {
	var countries []string
	for i := range 300 {
		countries = append(countries, fmt.Sprintf("Country %d", i))
	}
	return Template{Name: "contacts", Columns: []TemplateColumn{
		{Header: "Email Address", Description: "Where we write to.", Example: "ada@acme.example", Required: true, MaxLength: 200},
		{Header: "Zip", Example: "00501"},
		{Header: "Stage", Example: "new", Options: []string{"new", "won", "lost"}},
		{Header: "Country", Example: "Country 7", Options: countries},
		{Header: "Mood", Example: "well, fine", Options: []string{"well, fine", "bad"}},
		{Header: "Age", Example: "36", Kind: Number, Whole: true, Min: "18", Max: "150"},
		{Header: "Score", Example: "-1.5", Kind: Number, Min: "-10.5"},
		{Header: "Price", Example: "1234567890123456.78", Kind: Number},
		{Header: "Born", Example: "1990-05-31", Kind: Date, Max: "2020-12-31"},
		{Header: "Seen", Example: "2024-02-29 13:45:00", Kind: Date, DateFormat: "DD.MM.YYYY HH:mm"},
		{Header: "VIP", Example: "true", Kind: Boolean, Required: true},
		{Header: "Note"},
	}}
}

func writtenTemplate(t *testing.T, format string, tpl Template) []byte {
	t.Helper()
	var b bytes.Buffer
	require.NoError(t, WriteTemplate(&b, format, tpl))
	return b.Bytes()
}

func TestACSVTemplateReadsBack(t *testing.T) {
	t.Parallel()
	tpl := contactTemplate()
	got := readAll(t, string(writtenTemplate(t, "csv", tpl)), Options{})
	require.Len(t, got.rows, 1)
	require.Empty(t, got.info.Warnings)
	for i, c := range tpl.Columns {
		require.Equal(t, c.Header, got.header[i])
		require.Equal(t, c.Example, got.rows[0][i])
	}
	require.Equal(t, "\ufeffa\n", string(writtenTemplate(t, "csv", Template{Columns: []TemplateColumn{{Header: "a"}}})))
}

func TestAnXLSXTemplateHoldsHeaderAndExample(t *testing.T) {
	t.Parallel()
	f := openedByExcelize(t, writtenTemplate(t, "xlsx", contactTemplate()))
	require.Equal(t, []string{"contacts", "Options"}, f.GetSheetList())
	visible, err := f.GetSheetVisible("Options")
	require.NoError(t, err)
	require.False(t, visible)
	rows, err := f.GetRows("contacts")
	require.NoError(t, err)
	require.Equal(t, [][]string{
		{"Email Address", "Zip", "Stage", "Country", "Mood", "Age", "Score", "Price", "Born", "Seen", "VIP", "Note"},
		{"ada@acme.example", "00501", "new", "Country 7", "well, fine", "36", "-1.5", "1234567890123456.78", "1990-05-31", "29.02.2024 13:45", "TRUE"},
	}, rows)
	for cell, want := range map[string]excelize.CellType{
		"B2": excelize.CellTypeSharedString, "F2": excelize.CellTypeUnset, "H2": excelize.CellTypeSharedString, "I2": excelize.CellTypeUnset, "K2": excelize.CellTypeBool,
	} {
		kind, err := f.GetCellType("contacts", cell)
		require.NoError(t, err)
		require.Equal(t, want, kind, cell)
	}
	panes, err := f.GetPanes("contacts")
	require.NoError(t, err)
	require.True(t, panes.Freeze)
}

func TestAnXLSXTemplateReadsBack(t *testing.T) {
	t.Parallel()
	tpl := contactTemplate()
	got := readAll(t, string(writtenTemplate(t, "xlsx", tpl)), Options{})
	require.Empty(t, got.errors)
	require.Equal(t, "contacts", got.info.Sheet)
	require.Len(t, got.rows, 1)
	for i, c := range tpl.Columns {
		require.Equal(t, c.Header, got.header[i])
		require.Equal(t, strings.Replace(c.Example, " 13:", "T13:", 1), got.rows[0][i])
		if kind := got.kinds[0][i]; kind != Text {
			require.Equal(t, c.Kind, kind)
		}
	}
	require.Equal(t, []Kind{Text, Text, Text, Text, Text, Number, Number, Text, Date, Date, Boolean, Text}, got.kinds[0])
}

func TestAnXLSXTemplateHasFormatsDownItsColumns(t *testing.T) {
	t.Parallel()
	f := openedByExcelize(t, writtenTemplate(t, "xlsx", contactTemplate()))
	for cell, want := range map[string]string{
		"A5000": "@", "B3": "@", "C9": "@", "F7": "0", "G3": "General", "I50000": `yyyy\-mm\-dd`, "J4": `dd\.mm\.yyyy\ hh\:mm`, "K3": "General",
	} {
		index, err := f.GetCellStyle("contacts", cell)
		require.NoError(t, err)
		style, err := f.GetStyle(index)
		require.NoError(t, err)
		require.NotNil(t, style.CustomNumFmt, cell)
		require.Equal(t, want, *style.CustomNumFmt, cell)
	}
	fills := map[string]string{}
	for _, cell := range []string{"A1", "B1", "K1"} {
		index, err := f.GetCellStyle("contacts", cell)
		require.NoError(t, err)
		style, err := f.GetStyle(index)
		require.NoError(t, err)
		require.True(t, style.Font.Bold)
		fills[cell] = style.Fill.Color[0]
	}
	require.Equal(t, map[string]string{"A1": requiredFill, "B1": optionalFill, "K1": requiredFill}, fills)
}

func TestAnXLSXTemplateChecksWhatIsFilledIn(t *testing.T) {
	t.Parallel()
	f := openedByExcelize(t, writtenTemplate(t, "xlsx", contactTemplate()))
	rules, err := f.GetDataValidations("contacts")
	require.NoError(t, err)
	got := map[string]string{}
	for _, r := range rules {
		got[r.Sqref] = strings.TrimSpace(fmt.Sprintf("%s %s %s %s %s", r.Type, r.Operator, r.Formula1, r.Formula2, *r.ErrorStyle))
		require.True(t, r.ShowErrorMessage)
		require.NotEmpty(t, *r.Error)
	}
	require.Equal(t, map[string]string{
		"A2:A100000": "textLength lessThanOrEqual 200  stop",
		"C2:C100000": `list  "new,won,lost"  stop`,
		"D2:D100000": "list  'Options'!$A$1:$A$300  stop",
		"E2:E100000": "list  'Options'!$B$1:$B$2  stop",
		"F2:F100000": "whole between 18 150 stop",
		"G2:G100000": "decimal greaterThanOrEqual -10.5  stop",
		"I2:I100000": "date lessThanOrEqual 44196  warning",
		"J2:J100000": "date greaterThanOrEqual 61  warning",
		"K2:K100000": `list  "TRUE,FALSE"  stop`,
	}, got)
	last, err := f.GetCellValue("Options", "A300")
	require.NoError(t, err)
	require.Equal(t, "Country 299", last)
}

func TestAnXLSXTemplateTellsItsRulesInNotes(t *testing.T) {
	t.Parallel()
	notes, err := openedByExcelize(t, writtenTemplate(t, "xlsx", contactTemplate())).GetComments("contacts")
	require.NoError(t, err)
	got := map[string]string{}
	for _, n := range notes {
		got[n.Cell] = n.Text
	}
	require.Len(t, got, 12)
	require.Equal(t, "Where we write to.\nRequired.\nAt most 200 characters.\nRow 2 is an example: replace it.", got["A1"])
	require.Equal(t, "May be left empty.\nOne of: new, won, lost.", got["C1"])
	require.Contains(t, got["D1"], "Country 19 … and 280 more, in the list of each cell.")
	require.Equal(t, "May be left empty.\nA whole number from 18 to 150.", got["F1"])
	require.Equal(t, "May be left empty.\nA number from -10.5 on.", got["G1"])
	require.Equal(t, "May be left empty.\nA date up to 2020-12-31, written as YYYY-MM-DD.", got["I1"])
	require.Equal(t, "Required.\nTRUE or FALSE.", got["K1"])
	require.Equal(t, "May be left empty.", got["L1"])
}

func TestATemplateThatCannotBeWrittenIsAnError(t *testing.T) {
	t.Parallel()
	require.Equal(t, fault.Invalid, fault.CodeOf(WriteTemplate(io.Discard, "json", Template{})))
	for _, format := range []string{"csv", "xlsx"} {
		require.ErrorIs(t, WriteTemplate(failingWriter{io.ErrShortWrite}, format, contactTemplate()), io.ErrShortWrite)
	}
	require.ErrorIs(t, WriteTemplate(io.Discard, "xlsx", Template{Columns: make([]TemplateColumn, sheetColumns+1)}), errManyColumns)
}

func TestATemplateTakesAnyOption(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		options []string
		inline  bool
	}{
		"words":             {[]string{"a", "b c"}, true},
		"markup":            {[]string{"<a>", "b & c"}, true},
		"a comma":           {[]string{"a, b"}, false},
		"quotes":            {[]string{`5"`}, false},
		"blanks around":     {[]string{" a"}, false},
		"an equals sign":    {[]string{"=A1", "b"}, false},
		"exactly 255 units": {[]string{strings.Repeat("é", 127), strings.Repeat("x", 127)}, true},
		"256 units":         {[]string{strings.Repeat("é", 127), strings.Repeat("x", 128)}, false},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, c.inline, listFits(c.options))
			f := openedByExcelize(t, writtenTemplate(t, "xlsx", Template{Name: "Options", Columns: []TemplateColumn{{Header: "a", Options: c.options}}}))
			rules, err := f.GetDataValidations("Options")
			require.NoError(t, err)
			require.Len(t, rules, 1)
			if c.inline {
				require.Equal(t, `"`+strings.Join(c.options, ",")+`"`, rules[0].Formula1)
				return
			}
			require.Equal(t, fmt.Sprintf("'Options (2)'!$A$1:$A$%d", len(c.options)), rules[0].Formula1)
			for i, o := range c.options {
				got, err := f.GetCellValue("Options (2)", fmt.Sprintf("A%d", i+1))
				require.NoError(t, err)
				require.Equal(t, o, got)
			}
		})
	}
}
