package tabular

import (
	"strconv"
	"strings"
)

// The parts of a workbook (ECMA-376 parts 1 and 2). The list of content types comes first, as programs that look at the
// beginning of a file expect; since nobody knows then how many sheets there will be, a part is a sheet unless it says
// otherwise.
const (
	xmlHead    = `<?xml version="1.0" encoding="UTF-8" standalone="yes"?>` + "\n"
	namespace  = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
	relations  = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
	packageNS  = "http://schemas.openxmlformats.org/package/2006/"
	contentOf  = "application/vnd.openxmlformats-officedocument.spreadsheetml."
	relsHead   = xmlHead + `<Relationships xmlns="` + packageNS + `relationships">`
	mostWidth  = 60 // characters of a column
	leastWidth = 8

	contentTypesPart = xmlHead + `<Types xmlns="` + packageNS + `content-types">` +
		`<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>` +
		`<Default Extension="xml" ContentType="` + contentOf + `worksheet+xml"/>` +
		`<Override PartName="/xl/workbook.xml" ContentType="` + contentOf + `sheet.main+xml"/>` +
		`<Override PartName="/xl/styles.xml" ContentType="` + contentOf + `styles+xml"/></Types>`

	rootRelsPart = relsHead + `<Relationship Id="rId1" Type="` + relations + `/officeDocument" Target="xl/workbook.xml"/></Relationships>`

	// stylesPart holds, as cellXfs, the styles of xlsxwritercell.go in their order.
	stylesPart = xmlHead + `<styleSheet xmlns="` + namespace + `"><numFmts count="5">` +
		`<numFmt numFmtId="164" formatCode="yyyy\-mm\-dd"/>` +
		`<numFmt numFmtId="165" formatCode="yyyy\-mm\-dd\ hh:mm:ss"/>` +
		`<numFmt numFmtId="166" formatCode="yyyy\-mm\-dd\ hh:mm:ss.000"/>` +
		`<numFmt numFmtId="167" formatCode="hh:mm:ss"/>` +
		`<numFmt numFmtId="168" formatCode="hh:mm:ss.000"/></numFmts>` +
		`<fonts count="2"><font><sz val="11"/><name val="Calibri"/><family val="2"/></font>` +
		`<font><b/><sz val="11"/><name val="Calibri"/><family val="2"/></font></fonts>` +
		`<fills count="2"><fill><patternFill patternType="none"/></fill><fill><patternFill patternType="gray125"/></fill></fills>` +
		`<borders count="1"><border><left/><right/><top/><bottom/><diagonal/></border></borders>` +
		`<cellStyleXfs count="1"><xf numFmtId="0" fontId="0" fillId="0" borderId="0"/></cellStyleXfs>` +
		`<cellXfs count="9"><xf numFmtId="0" fontId="0" fillId="0" borderId="0" xfId="0"/>` +
		`<xf numFmtId="49" fontId="1" fillId="0" borderId="0" xfId="0" applyNumberFormat="1" applyFont="1"/>` +
		xfFormat + `"49"` + xfRest + xfFormat + `"1"` + xfRest + xfFormat + `"164"` + xfRest + xfFormat + `"165"` + xfRest +
		xfFormat + `"166"` + xfRest + xfFormat + `"167"` + xfRest + xfFormat + `"168"` + xfRest +
		`</cellXfs><cellStyles count="1"><cellStyle name="Normal" xfId="0" builtinId="0"/></cellStyles></styleSheet>`
	xfFormat = `<xf numFmtId=`
	xfRest   = ` fontId="0" fillId="0" borderId="0" xfId="0" applyNumberFormat="1"/>`
)

// head writes the beginning of a sheet. rows is the number of its last row; 0: nobody knows, and the dimension, which
// may be left out but must not be wrong, is.
func (x *XLSXWriter) head(rows int) {
	x.headed = true
	b := append(make([]byte, 0, 1<<10), xmlHead+`<worksheet xmlns="`+namespace+`">`...)
	if rows > 0 {
		b = append(b, `<dimension ref="`+area(max(1, len(x.refs)), rows)+`"/>`...)
	}
	b = append(b, `<sheetViews><sheetView workbookViewId="0"`...)
	if len(x.sheets) == 1 {
		b = append(b, ` tabSelected="1"`...)
	}
	b = append(b, `><pane ySplit="1" topLeftCell="A2" activePane="bottomLeft" state="frozen"/></sheetView></sheetViews>`...)
	for i, width := range x.widths {
		if i == 0 {
			b = append(b, `<cols>`...)
		}
		n := strconv.Itoa(i + 1)
		width = min(max(width+2, leastWidth), mostWidth)
		b = append(b, `<col min="`+n+`" max="`+n+`" width="`+strconv.Itoa(width)+`" customWidth="1"/>`...)
	}
	if len(x.widths) > 0 {
		b = append(b, `</cols>`...)
	}
	x.write(append(b, `<sheetData>`...))
}

// area names the cells of the first cols columns and rows rows.
func area(cols, rows int) string { return "A1:" + columnLetter(cols-1) + strconv.Itoa(rows) }

// workbookPart lists the sheets, and the area that each one's filter is for.
func workbookPart(sheets []writtenSheet) string {
	b := append([]byte(nil), xmlHead+`<workbook xmlns="`+namespace+`" xmlns:r="`+relations+`"><sheets>`...)
	names := ""
	for i, s := range sheets {
		n := strconv.Itoa(i + 1)
		name := strings.ReplaceAll(string(appendXString(nil, []byte(s.name))), `"`, "&quot;")
		b = append(b, `<sheet name="`+name+`" sheetId="`+n+`" r:id="rId`+n+`"/>`...)
		if s.area != "" {
			name := appendXString(nil, []byte("'"+strings.ReplaceAll(s.name, "'", "''")+"'!"+s.area))
			names += `<definedName name="_xlnm._FilterDatabase" localSheetId="` + strconv.Itoa(i) + `" hidden="1">` +
				string(name) + `</definedName>`
		}
	}
	b = append(b, `</sheets>`...)
	if names != "" {
		b = append(b, `<definedNames>`+names+`</definedNames>`...)
	}
	return string(append(b, `</workbook>`...))
}

func workbookRelsPart(sheets int) string {
	b := []byte(relsHead)
	for i := 1; i <= sheets; i++ {
		n := strconv.Itoa(i)
		b = append(b, `<Relationship Id="rId`+n+`" Type="`+relations+`/worksheet" Target="worksheets/sheet`+n+`.xml"/>`...)
	}
	return string(append(b, `<Relationship Id="styles" Type="`+relations+`/styles" Target="styles.xml"/></Relationships>`...))
}
