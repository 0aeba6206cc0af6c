package tabular

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/xuri/excelize/v2"
)

// What a template's workbook looks like.
const (
	templateRows = 100_000 // the last row that is checked
	optionalFill = "E7E6E6"
	requiredFill = "FFE699"
	exampleNote  = "\nRow 2 is an example: replace it."
)

// Excel's limits of a rule for cells, in UTF-16 units.
const (
	mostListUnits  = 255 // of the options in it, and of its message
	mostTitleUnits = 32
)

// templateBook is the workbook of a template being made. The first error stays in err.
type templateBook struct {
	*excelize.File
	sheet, lists string // lists: the hidden sheet of long drop-downs, "" until there is one
	names        sheetNames
	listCount    int
	formats      map[string]int // number format → style
	err          error
}

func (b *templateBook) keep(err error) {
	if b.err == nil {
		b.err = err
	}
}

// writeXLSXTemplate makes a workbook in memory, which is small, and writes it.
func writeXLSXTemplate(w io.Writer, t Template) error {
	if len(t.Columns) > sheetColumns {
		return errManyColumns
	}
	b := &templateBook{File: excelize.NewFile(), formats: map[string]int{}}
	b.fill(t)
	if b.err == nil {
		b.keep(b.Write(w))
	}
	b.keep(b.Close())
	if b.err != nil {
		return fmt.Errorf("tabular: write template: %w", b.err)
	}
	return nil
}

func (b *templateBook) fill(t Template) {
	b.sheet = b.names.free(t.Name)
	b.keep(b.SetSheetName(b.GetSheetName(0), b.sheet))
	optional, required := b.headerStyle(optionalFill), b.headerStyle(requiredFill)
	for i, c := range t.Columns {
		if c.Required {
			b.column(i, c, required)
		} else {
			b.column(i, c, optional)
		}
	}
	b.keep(b.SetPanes(b.sheet, &excelize.Panes{
		Freeze: true, YSplit: 1, TopLeftCell: "A2", ActivePane: "bottomLeft",
		Selection: []excelize.Selection{{SQRef: "A2", ActiveCell: "A2", Pane: "bottomLeft"}},
	}))
}

func (b *templateBook) headerStyle(fill string) int {
	style, err := b.NewStyle(&excelize.Style{
		Font: &excelize.Font{Bold: true}, NumFmt: 49,
		Fill: excelize.Fill{Type: "pattern", Pattern: 1, Color: []string{fill}},
	})
	b.keep(err)
	return style
}

// column writes column i: its format first, which the header's own then covers.
func (b *templateBook) column(i int, c TemplateColumn, header int) {
	letter := columnLetter(i)
	top := letter + "1"
	b.keep(b.SetColStyle(b.sheet, letter, b.format(c.format())))
	width := max(utf8.RuneCountInString(c.Header), utf8.RuneCountInString(c.Example), leastWidth) + 4
	b.keep(b.SetColWidth(b.sheet, letter, letter, float64(min(width, mostWidth))))
	b.keep(b.SetCellStr(b.sheet, top, c.Header))
	b.keep(b.SetCellStyle(b.sheet, top, top, header))
	note := c.rules()
	if i == 0 {
		note += exampleNote
	}
	lines := strings.Count(note, "\n") + utf8.RuneCountInString(note)/30 + 2
	b.keep(b.AddComment(b.sheet, excelize.Comment{Cell: top, Text: note, Width: 240, Height: uint(20 * lines)}))
	b.example(letter+"2", c)
	b.check(letter+"2:"+letter+strconv.Itoa(templateRows), c)
}

// format gives the style of a number format.
func (b *templateBook) format(code string) int {
	style, ok := b.formats[code]
	if !ok {
		var err error
		style, err = b.NewStyle(&excelize.Style{CustomNumFmt: &code})
		b.keep(err)
		b.formats[code] = style
	}
	return style
}

// example writes the example of c as what it is of.
func (b *templateBook) example(cell string, c TemplateColumn) {
	text := []byte(c.Example)
	fits, _ := fitsNumber(text)
	serial, _, dated := appendSerial(nil, text)
	switch {
	case c.Example == "":
	case c.Kind == Number && fits:
		b.keep(b.SetCellDefault(b.sheet, cell, c.Example))
	case c.Kind == Boolean && (c.Example == "true" || c.Example == "false"):
		b.keep(b.SetCellBool(b.sheet, cell, c.Example == "true"))
	case c.Kind == Date && dated:
		b.keep(b.SetCellDefault(b.sheet, cell, string(serial)))
	default:
		b.keep(b.SetCellStr(b.sheet, cell, c.Example))
	}
}

// check makes Excel look at what is filled in. It only asks back about dates: an import takes more spellings of them than
// Excel knows.
func (b *templateBook) check(cells string, c TemplateColumn) {
	v := excelize.NewDataValidation(true)
	v.Sqref = cells
	how := excelize.DataValidationErrorStyleStop
	switch {
	case len(c.Options) > 0:
		b.dropDown(v, c.Options)
	case c.Kind == Boolean:
		b.keep(v.SetDropList([]string{"TRUE", "FALSE"}))
	case c.Kind == Number:
		b.keep(c.checkNumber(v))
	case c.Kind == Date:
		how = excelize.DataValidationErrorStyleWarning
		b.keep(c.checkDate(v))
	case c.MaxLength > 0 && c.MaxLength < cellUnits:
		b.keep(setLimits(v, excelize.DataValidationTypeTextLength, "", strconv.Itoa(c.MaxLength)))
	}
	if v.Type == "" {
		return
	}
	v.SetError(how, cutUnits(c.Header, mostTitleUnits), cutUnits(c.shape(), mostListUnits))
	b.keep(b.AddDataValidation(b.sheet, v))
}

// dropDown puts the options into the rule where they fit, else into a column of the hidden sheet.
func (b *templateBook) dropDown(v *excelize.DataValidation, options []string) {
	if listFits(options) {
		b.keep(v.SetDropList(options))
		return
	}
	if b.lists == "" {
		b.lists = b.names.free("Options")
		_, err := b.NewSheet(b.lists)
		b.keep(err)
		b.keep(b.SetSheetVisible(b.lists, false))
	}
	letter := columnLetter(b.listCount)
	b.listCount++
	for i, o := range options {
		b.keep(b.SetCellStr(b.lists, letter+strconv.Itoa(i+1), o))
	}
	v.SetSqrefDropList("'" + b.lists + "'!$" + letter + "$1:$" + letter + "$" + strconv.Itoa(len(options)))
}

// listFits reports whether Excel takes the options as a list of words: few, without what parts them or is trimmed.
func listFits(options []string) bool {
	list := strings.Join(options, ",")
	for _, o := range options {
		if strings.ContainsAny(o, ",\"\n\r") || strings.TrimSpace(o) != o || o == "" {
			return false
		}
	}
	return len(utf16.Encode([]rune(list))) <= mostListUnits && !strings.HasPrefix(list, "=")
}

// format is the number format of c's cells. Texts have that of text, so that zeros in front survive.
func (c TemplateColumn) format() string {
	switch {
	case len(c.Options) > 0:
	case c.Kind == Number && c.Whole:
		return "0"
	case c.Kind == Number, c.Kind == Boolean:
		return "General"
	case c.Kind == Date:
		return excelDateFormat(c.dateFormat())
	}
	return "@"
}

// excelDateFormat spells a format of YYYY MM DD HH mm ss as Excel does; other characters stand for themselves.
func excelDateFormat(format string) string {
	var b strings.Builder
	for format != "" {
		token, known := "", false
		for _, token = range []string{"YYYY", "MM", "DD", "HH", "mm", "ss"} {
			if known = strings.HasPrefix(format, token); known {
				break
			}
		}
		if known {
			b.WriteString(strings.ToLower(token))
			format = format[len(token):]
			continue
		}
		r, n := utf8.DecodeRuneInString(format)
		b.WriteByte('\\')
		b.WriteRune(r)
		format = format[n:]
	}
	return b.String()
}

// checkNumber sets the rule for a number and its limits; none for a number without any.
func (c TemplateColumn) checkNumber(v *excelize.DataValidation) error {
	kind := excelize.DataValidationTypeDecimal
	if c.Whole {
		kind = excelize.DataValidationTypeWhole
	}
	limit := func(text string) string {
		if _, ok := scanNumber([]byte(text)); ok {
			return text
		}
		return ""
	}
	return setLimits(v, kind, limit(c.Min), limit(c.Max))
}

// checkDate sets the rule for a date; without limits it is any that Excel knows.
func (c TemplateColumn) checkDate(v *excelize.DataValidation) error {
	limit := func(iso string) string {
		serial, _, ok := appendSerial(nil, []byte(iso))
		if !ok {
			return ""
		}
		return string(serial)
	}
	least, most := limit(c.Min), limit(c.Max)
	if least == "" && most == "" {
		least = strconv.Itoa(firstSerial)
	}
	return setLimits(v, excelize.DataValidationTypeDate, least, most)
}

func setLimits(v *excelize.DataValidation, kind excelize.DataValidationType, least, most string) error {
	var err error
	switch {
	case least != "" && most != "":
		err = v.SetRange(least, most, kind, excelize.DataValidationOperatorBetween)
	case least != "":
		err = v.SetRange(least, "", kind, excelize.DataValidationOperatorGreaterThanOrEqual)
	case most != "":
		err = v.SetRange(most, "", kind, excelize.DataValidationOperatorLessThanOrEqual)
	}
	return err //nolint:wrapcheck // wrapped by writeXLSXTemplate
}
